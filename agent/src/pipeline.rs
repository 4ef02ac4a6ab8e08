//! Everything after the kernel: what it said goes in, and what is watched; spans come out.
//!
//! Pure: the only clock is what it is told. So what went into it live can be recorded, and goes the same way again
//! ([`recording`](crate::recording)).

use std::collections::{BTreeMap, VecDeque};

use crate::assemble::{Assembler, Span};
use crate::event::{Event, What};
use crate::order::{HELD_BACK, Ordered};
use crate::otlp::{Batch, Encoder};
use crate::trace::{Counts, LinkBy, LocalSpan, Service, Side, Tracer, Wish};
use crate::wire::Request;

/// How often spans are handed on, in nanoseconds.
const HAND_ON: u64 = 100_000_000;

/// Spans of one message: as many as OpenTelemetry's own exporters send at once, and far less than the 4 MiB that
/// receivers of gRPC take by default.
const MOST_OF_A_MESSAGE: usize = 512;

/// Bounds of [`Delays`], in nanoseconds.
pub const DELAYS: [u64; 7] =
    [100_000_000, 200_000_000, 500_000_000, 1_000_000_000, 2_000_000_000, 5_000_000_000, 10_000_000_000];

/// What the pipeline is told beside events. Times are `CLOCK_MONOTONIC`, in nanoseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A process is watched from now on. `reads_are_seen`: of it there come [`What::Stream`] events.
    Watch {
        /// When.
        at: u64,
        /// Which.
        service: Service,
        /// Whether its reads of streams are seen.
        reads_are_seen: bool,
    },
    /// A process is watched no more.
    Forget {
        /// When.
        at: u64,
        /// Which.
        pid: u32,
    },
    /// The wakes of a process's tasks are seen again from now on.
    WakesAreSeen {
        /// When.
        at: u64,
        /// Which.
        pid: u32,
    },
    /// Events were lost at some time between these.
    Lose {
        /// The earliest.
        from: u64,
        /// The latest.
        until: u64,
    },
    /// All events until `now` were told, but for those of calls that are not over.
    Turn {
        /// The time.
        now: u64,
        /// What has to be added to it for the time of day.
        epoch: u64,
    },
    /// Nothing more is to be waited for.
    Flush {
        /// What has to be added to times for the time of day.
        epoch: u64,
    },
}

/// How many spans left how long after they had ended: one more than there are [`DELAYS`].
pub type Delays = [u64; DELAYS.len() + 1];

/// What was done, and what was not.
#[derive(Clone, Debug, Default)]
pub struct Done {
    /// By the tracer.
    pub traced: Counts,
    /// Events that came after later ones had been traced.
    pub late: u64,
    /// Events that were traced before earlier ones could have come, because too many waited.
    pub early: u64,
    /// Spans by what they are of: `http.server`, `rpc.client`, `db.client`…
    pub spans: BTreeMap<&'static str, u64>,
    /// How long they took to leave.
    pub delays: Delays,
}

/// The pipeline. `next_id` makes the ids of spans; the same numbers give the same spans.
pub struct Pipeline<R> {
    ordered: Ordered,
    changes: VecDeque<(u64, Change)>,
    tracer: Tracer,
    /// Reused for each turn.
    over: Vec<LocalSpan>,
    assembler: Assembler<R>,
    encoder: Encoder,
    unwanted: Vec<u64>,
    handed_on: u64,
    messages: Vec<Batch>,
    spans: BTreeMap<&'static str, u64>,
    delays: Delays,
}

/// What takes effect in the order of the events' times.
enum Change {
    Watch(Service, bool),
    Forget(u32),
    WakesAreSeen(u32),
}

impl<R: FnMut() -> u64> Pipeline<R> {
    /// An empty one.
    pub fn new(link_by: LinkBy, next_id: R) -> Self {
        Self {
            ordered: Ordered::default(),
            changes: VecDeque::new(),
            tracer: Tracer::new(link_by),
            over: Vec::new(),
            assembler: Assembler::new(next_id),
            encoder: Encoder::default(),
            unwanted: Vec::new(),
            handed_on: 0,
            messages: Vec::new(),
            spans: BTreeMap::new(),
            delays: Delays::default(),
        }
    }

    /// Takes an event, in whatever order.
    pub fn event(&mut self, event: Event) {
        self.ordered.add(event);
        while let Some(event) = self.ordered.beyond() {
            self.trace(&event);
        }
    }

    /// Takes what else there is to be told.
    pub fn tell(&mut self, input: Input) {
        match input {
            Input::Watch { at, service, reads_are_seen } => {
                self.changes.push_back((at, Change::Watch(service, reads_are_seen)));
            }
            Input::Forget { at, pid } => self.changes.push_back((at, Change::Forget(pid))),
            Input::WakesAreSeen { at, pid } => self.changes.push_back((at, Change::WakesAreSeen(pid))),
            Input::Lose { from, until } => self.tracer.lose(from, until),
            Input::Turn { now, epoch } => {
                let until = now.saturating_sub(HELD_BACK);
                self.advance(until);
                self.tracer.tick(until);
                self.assemble();
                if now.saturating_sub(self.handed_on) >= HAND_ON {
                    self.handed_on = now;
                    let spans = self.assembler.take(until, false);
                    self.hand_on(&spans, Some(now), epoch);
                }
            }
            Input::Flush { epoch } => {
                self.advance(u64::MAX);
                self.tracer.tick(u64::MAX);
                self.assemble();
                let spans = self.assembler.take(u64::MAX, true);
                self.hand_on(&spans, None, epoch);
            }
        }
    }

    /// The spans that are finished, a message for some of them.
    pub fn take(&mut self) -> Vec<Batch> {
        std::mem::take(&mut self.messages)
    }

    /// The sockets of which nothing more need be heard.
    pub fn take_unwanted(&mut self) -> Vec<u64> {
        std::mem::take(&mut self.unwanted)
    }

    /// The processes of which something else is to be seen from now on.
    pub fn take_wishes(&mut self) -> Vec<Wish> {
        self.tracer.take_wishes()
    }

    /// What was done so far.
    pub fn done(&self) -> Done {
        Done {
            traced: self.tracer.counts().clone(),
            late: self.ordered.late(),
            early: self.ordered.early(),
            spans: self.spans.clone(),
            delays: self.delays,
        }
    }

    fn advance(&mut self, until: u64) {
        while let Some(event) = self.ordered.until(until) {
            self.trace(&event);
        }
        self.change(until);
    }

    fn trace(&mut self, event: &Event) {
        self.change(event.time);
        let wanted = self.tracer.event(event);
        if !wanted && let What::Read(data) | What::Write(data) = &event.what {
            self.unwanted.push(data.socket);
        }
    }

    /// Makes the changes until a time.
    fn change(&mut self, until: u64) {
        while let Some((at, change)) = self.changes.pop_front_if(|(at, _)| *at <= until) {
            match change {
                Change::Watch(service, reads_are_seen) => {
                    // The process may run another program than before.
                    self.tracer.forget(service.pid, at);
                    self.tracer.watch(service, reads_are_seen);
                }
                Change::Forget(pid) => self.tracer.forget(pid, at),
                Change::WakesAreSeen(pid) => self.tracer.wakes_are_seen(pid, at),
            }
        }
    }

    fn assemble(&mut self) {
        self.over.extend(self.tracer.take());
        // What ends in the same turn may come in any order, and ids are given in this one.
        self.over.sort_unstable_by_key(|span| span.id);
        self.over.drain(..).for_each(|span| self.assembler.add(span));
    }

    fn hand_on(&mut self, spans: &[Span], now: Option<u64>, epoch: u64) {
        for span in spans {
            *self.spans.entry(kind(&span.local)).or_default() += 1;
            // At the end nothing waits, so nothing is to be learnt.
            let Some(now) = now else { continue };
            let delay = now.saturating_sub(span.local.end);
            let place = DELAYS.iter().position(|most| delay <= *most).unwrap_or(DELAYS.len());
            self.delays[place] += 1;
        }
        let batches = spans.chunks(MOST_OF_A_MESSAGE).map(|spans| self.encoder.batch(spans, epoch));
        self.messages.extend(batches);
    }
}

/// What a span is of.
fn kind(span: &LocalSpan) -> &'static str {
    match (&span.request, span.side) {
        (Request::Http(request), Side::Server) if request.is_grpc() => "rpc.server",
        (Request::Http(request), Side::Client) if request.is_grpc() => "rpc.client",
        (Request::Http(_), Side::Server) => "http.server",
        (Request::Http(_), Side::Client) => "http.client",
        (Request::Sql(_), Side::Server) => "db.server",
        (Request::Sql(_), Side::Client) => "db.client",
    }
}

#[cfg(test)]
mod tests;
