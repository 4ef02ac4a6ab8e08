//! What this process asks others on a connection, and for whom.

use crate::wire::{End, Exchange, Response};
use foldhash::HashMap;

use super::process::Out;
use super::streams::Streams;
use super::tasks::TaskId;
use super::{LocalSpan, Reason, ServerId};

/// How long, in nanoseconds, the wake that follows an answer is waited for.
const WAIT: u64 = 100_000_000;

/// How long, in nanoseconds, whoever reads a stream's answer is waited for: which connection is read from may show only by
/// later reads.
const WAIT_FOR_READER: u64 = 300_000_000;

/// How long, in nanoseconds, a span that is over waits at most for what tells who asked, from its answer on.
pub const LONGEST_WAIT: u64 = if WAIT_FOR_READER > WAIT { WAIT_FOR_READER } else { WAIT };

/// Requests of one connection that are open at once.
const MOST_OPEN: usize = 4_096;

/// What is known of who asked, when a request is written.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Link {
    /// Who.
    Known(ServerId, Reason),
    /// That nobody can be told.
    None(Reason),
    /// The answer's wake will tell; if it does not, this is who.
    Wakes { otherwise: Option<(ServerId, Reason)> },
    /// Whoever reads the stream's answer.
    Stream,
}

/// The open requests of a connection.
#[derive(Debug, Default)]
pub(crate) struct Client {
    open: HashMap<Exchange, Open>,
    /// HTTP/2 only, where it is seen who reads.
    streams: Option<Streams>,
    /// The exchange whose answer was read last: the next wake by the task that read it is for it.
    answered: Option<Exchange>,
    last_end: u64,
    /// HTTP/1: for whom the last request was that was handed on.
    last_caller: Option<ServerId>,
    writers: Writers,
    /// When the last request was written, others were open.
    crowded: bool,
    /// It carries exports of telemetry.
    exports: bool,
}

/// Which tasks write to a connection: whoever opens it first, then perhaps one for all.
#[derive(Debug, Default)]
struct Writers {
    first: Option<TaskId>,
    second: Option<TaskId>,
    more: bool,
}

impl Writers {
    fn add(&mut self, task: TaskId) {
        let first = *self.first.get_or_insert(task);
        if task != first || self.second.is_some() {
            self.more |= *self.second.get_or_insert(task) != task;
        }
    }

    fn last(&self) -> Option<TaskId> {
        self.second.or(self.first).filter(|_| !self.more)
    }
}

#[derive(Debug)]
struct Open {
    span: LocalSpan,
    link: Link,
    /// When the head of its answer was read.
    answered: Option<u64>,
    ended: bool,
}

impl Client {
    /// Telemetry is exported here.
    pub(crate) fn exports(&mut self) {
        self.exports = true;
    }

    /// Whether a task may be reading a stream: its answer is there, or was a moment ago. `since`: when the request began
    /// that the task works for; an export that was sent before is nothing that it asked for.
    pub(crate) fn may_be_read(&self, stream: Exchange, since: Option<u64>) -> bool {
        let Some(past) = &self.streams else { return false };
        let open = self.open.get(&stream).filter(|open| open.answered.is_some()).map(|open| open.span.start);
        let Some(start) = open.or_else(|| past.start(stream)) else { return false };
        !self.exports || since.is_none_or(|since| since <= start)
    }

    /// A task that works for a request reads the body of a stream's answer.
    pub(crate) fn stream_is_read(&mut self, stream: Exchange, caller: ServerId, out: &mut Out<'_>) {
        if self.open.get(&stream).is_some_and(|open| matches!(open.link, Link::Stream)) {
            self.link(stream, Link::Known(caller, Reason::StreamRead), out);
        }
    }

    /// A task writes here, whatever it is.
    pub(crate) fn written_by(&mut self, task: TaskId) {
        self.writers.add(task);
    }

    /// Whether this task alone writes here, at least since it does.
    pub(crate) fn is_written_by(&self, task: TaskId) -> bool {
        self.writers.last() == Some(task)
    }

    /// The task that wrote first, where it is another than the one that has alone written since.
    pub(crate) fn opener(&self) -> Option<TaskId> {
        self.writers.second.and(self.writers.first)
    }

    /// Whether the next wake by whoever read the last answer tells for whom that was.
    pub(crate) fn waits_for_a_wake(&self) -> bool {
        self.answered.is_some()
    }

    /// For whom the last request was.
    pub(crate) fn last_caller(&self) -> Option<ServerId> {
        self.last_caller
    }

    /// HTTP/1: the next request is about to be written, so the wakes of the answer before are over.
    pub(crate) fn settle(&mut self, out: &mut Out<'_>) {
        self.give_up(out);
    }

    /// When the last answer was over.
    pub(crate) fn last_end(&self) -> u64 {
        self.last_end
    }

    /// A request was written.
    pub(crate) fn ask(&mut self, exchange: Exchange, span: LocalSpan, link: Link, out: &mut Out<'_>) {
        if self.open.len() >= MOST_OPEN {
            out.counts.evicted += 1;
            return;
        }
        self.crowded = !self.open.is_empty();
        if matches!(link, Link::Stream) {
            self.streams.get_or_insert_default();
        }
        self.open.insert(exchange, Open { span, link, answered: None, ended: false });
    }

    /// The head of an answer was read.
    pub(crate) fn answered(&mut self, exchange: Exchange, response: Response, at: u64, out: &mut Out<'_>) {
        let Some(open) = self.open.get_mut(&exchange) else { return };
        // A task that carries statements of several has several to wake.
        let is_alone = !self.crowded || response != Response::Sql;
        open.span.response = Some(response);
        open.answered = Some(at);
        match open.link {
            Link::Wakes { .. } => {
                let before = self.answered.take();
                if before.is_none() && is_alone {
                    self.answered = Some(exchange);
                    return;
                }
                // Several are on their way: whose the next wake is cannot be told.
                for exchange in before.into_iter().chain([exchange]) {
                    self.link_without_wake(exchange, out);
                }
            }
            Link::Known(..) | Link::None(_) | Link::Stream => {}
        }
    }

    /// The task that read the last answer woke one that works for a request, or for none that is known.
    pub(crate) fn woken(&mut self, caller: Option<ServerId>, out: &mut Out<'_>) {
        let Some(exchange) = self.answered.take() else { return };
        let link = caller.map_or(Link::None(Reason::NoRequest), |caller| Link::Known(caller, Reason::ResponseWake));
        self.link(exchange, link, out);
    }

    /// Of several answers: nothing is known but what was before any wake.
    fn link_without_wake(&mut self, exchange: Exchange, out: &mut Out<'_>) {
        let link = match self.open.get(&exchange).map(|open| open.link) {
            Some(Link::Wakes { otherwise: Some((server, Reason::SpawnedTask)) }) => {
                Link::Known(server, Reason::SpawnedTask)
            }
            Some(Link::Wakes { .. }) => Link::None(Reason::Ambiguous),
            _ => return,
        };
        self.link(exchange, link, out);
    }

    /// An answer is over.
    pub(crate) fn ended(&mut self, exchange: Exchange, end: End, at: u64, out: &mut Out<'_>) {
        self.last_end = self.last_end.max(at);
        let Some(open) = self.open.get_mut(&exchange) else { return };
        open.span.end = at.max(open.span.start);
        open.span.outcome = Some(end);
        open.ended = true;
        if open.answered.is_none() && matches!(open.link, Link::Stream) {
            // It was broken off: there is nothing to be read.
            open.link = Link::None(Reason::NoWake);
        }
        self.finish(exchange, out);
    }

    /// Time has passed.
    pub(crate) fn tick(&mut self, now: u64, out: &mut Out<'_>) {
        if self.streams.is_some() {
            let is_late = |open: &Open| {
                matches!(open.link, Link::Stream)
                    && open.answered.is_some_and(|at| now.saturating_sub(at) > WAIT_FOR_READER)
            };
            let late: Vec<Exchange> = self.open.iter().filter(|(_, open)| is_late(open)).map(|(it, _)| *it).collect();
            for stream in late {
                self.link(stream, Link::None(Reason::NoWake), out);
            }
        }
        let Some(exchange) = self.answered else { return };
        let waits = self.open.get(&exchange).and_then(|open| open.answered);
        if waits.is_none_or(|since| now.saturating_sub(since) > WAIT) {
            self.give_up(out);
        }
    }

    /// The wake of the last answer did not come: what was known before it holds.
    fn give_up(&mut self, out: &mut Out<'_>) {
        let Some(exchange) = self.answered.take() else { return };
        let Some(open) = self.open.get(&exchange) else { return };
        self.link(exchange, settled(open.link), out);
    }

    /// The connection is closed.
    pub(crate) fn close(&mut self, at: u64, out: &mut Out<'_>) {
        let exchanges: Vec<Exchange> = self.open.keys().copied().collect();
        for exchange in exchanges {
            let Some(open) = self.open.get_mut(&exchange) else { continue };
            open.link = settled(open.link);
            if !open.ended {
                open.span.end = at.max(open.span.start);
                open.ended = true;
            }
            self.finish(exchange, out);
        }
    }

    /// Events were lost: what is open stays without a link, if that was not known already.
    pub(crate) fn lose(&mut self, out: &mut Out<'_>) {
        self.answered = None;
        let exchanges: Vec<Exchange> = self.open.keys().copied().collect();
        for exchange in exchanges {
            let Some(open) = self.open.get(&exchange) else { continue };
            if matches!(open.link, Link::Wakes { .. } | Link::Stream) {
                self.link(exchange, Link::None(Reason::Lost), out);
            }
        }
    }

    fn link(&mut self, exchange: Exchange, link: Link, out: &mut Out<'_>) {
        if let Some(open) = self.open.get_mut(&exchange) {
            open.link = link;
            self.finish(exchange, out);
        }
    }

    /// Hands a span on, if it is over and its link is final.
    fn finish(&mut self, exchange: Exchange, out: &mut Out<'_>) {
        let Some(open) = self.open.get(&exchange) else { return };
        let (parent, reason) = match open.link {
            Link::Known(server, reason) => (Some(server), reason),
            Link::None(reason) => (None, reason),
            Link::Wakes { .. } | Link::Stream => return,
        };
        if !open.ended {
            return;
        }
        let Some(open) = self.open.remove(&exchange) else { return };
        if let Some(streams) = &mut self.streams {
            streams.ended(exchange, open.span.start);
        }
        self.last_caller = parent;
        out.counts.linked(reason);
        out.spans.push(LocalSpan { parent, reason: Some(reason), ..open.span });
    }
}

/// A link for which nothing more will be heard.
fn settled(link: Link) -> Link {
    match link {
        Link::Wakes { otherwise: Some((server, reason)) } => Link::Known(server, reason),
        Link::Wakes { otherwise: None } | Link::Stream => Link::None(Reason::NoWake),
        known => known,
    }
}
