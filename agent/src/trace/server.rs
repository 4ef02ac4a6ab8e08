//! What is open on a connection that somebody opened to this process.

use std::collections::VecDeque;

use foldhash::HashMap;

use crate::wire::{End, Exchange, Response};

use super::tasks::TaskId;
use super::{LocalSpan, ServerId};

/// Requests of one connection that are open at once; more than any server lets in.
const MOST_OPEN: usize = 4_096;

/// Requests that were broken off, and are remembered.
const MOST_BROKEN_OFF: usize = 256;

/// The open requests of a connection.
#[derive(Debug, Default)]
pub(crate) struct Server {
    open: HashMap<Exchange, Open>,
    /// HTTP/2: requests whose task was not spawned yet, in their order. hyper spawns one for each, in the same order.
    taskless: VecDeque<Exchange>,
    /// Events were lost, or several requests of HTTP/1 are open at once: which task is whose is not known until nothing is
    /// open.
    unsure: bool,
    /// Tasks were seen to serve others than those that they were spawned for by their order: it tells nothing.
    disordered: bool,
    /// Requests that were broken off last: their tasks may not know yet.
    broken_off: VecDeque<BrokenOff>,
}

#[derive(Debug)]
struct BrokenOff {
    exchange: Exchange,
    served: Served,
}

/// What a task serves, since when, and until when if that is over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Served {
    pub(crate) server: ServerId,
    pub(crate) start: u64,
    pub(crate) end: Option<u64>,
}

#[derive(Debug)]
struct Open {
    span: LocalSpan,
    task: Option<TaskId>,
}

impl Server {
    /// A request is about to be told of: whether its task can be known.
    pub(crate) fn is_sure(&mut self) -> bool {
        if self.open.is_empty() {
            self.unsure = false;
            self.taskless.clear();
        }
        !self.unsure
    }

    /// Whether a request is open.
    pub(crate) fn is_busy(&self) -> bool {
        !self.open.is_empty()
    }

    /// The request that is open, if there is one, and no doubt about it.
    pub(crate) fn only(&self) -> Option<ServerId> {
        let mut open = self.open.values().map(|open| open.span.id);
        open.next().filter(|_| open.next().is_none() && !self.unsure)
    }

    /// The tasks that serve what is open, which they are not known to do any more.
    pub(crate) fn take_tasks(&mut self) -> Vec<(TaskId, ServerId)> {
        self.open.values_mut().filter_map(|open| Some((open.task.take()?, open.span.id))).collect()
    }

    /// A request was read. `own` is the task that serves it, where that is known; else it is the next one that is
    /// spawned.
    pub(crate) fn asked(&mut self, exchange: Exchange, span: LocalSpan, own: Option<TaskId>) {
        if self.open.len() >= MOST_OPEN {
            return;
        }
        if own.is_none() && !self.unsure && !self.disordered {
            self.taskless.push_back(exchange);
        }
        self.open.insert(exchange, Open { span, task: own });
    }

    /// Whether a request is open, or was broken off a moment ago.
    pub(crate) fn has_stream(&self, stream: Exchange) -> bool {
        self.open.contains_key(&stream) || self.broken_off.iter().any(|it| it.exchange == stream)
    }

    /// The connection's task spawned one: which request is it for, and when did that come?
    pub(crate) fn next_task(&mut self, task: TaskId) -> Option<(ServerId, u64)> {
        let exchange = self.taskless.pop_front()?;
        let open = self.open.get_mut(&exchange)?;
        open.task = Some(task);
        Some((open.span.id, open.span.start))
    }

    /// A task reads the body of a request, so it serves that one, if it was not known to. This goes before the order of
    /// spawns: a request that is broken off at once may have a task or none.
    pub(crate) fn read_by(&mut self, exchange: Exchange, task: TaskId) -> Option<Served> {
        let Some(open) = self.open.get_mut(&exchange) else {
            return self.broken_off.iter().find(|it| it.exchange == exchange).map(|it| it.served);
        };
        if open.task == Some(task) {
            return None;
        }
        if open.task.replace(task).is_some() {
            // The service spawns tasks of its own where the server spawns those of streams.
            self.disordered = true;
            self.taskless.clear();
        }
        self.taskless.retain(|it| *it != exchange);
        Some(Served { server: open.span.id, start: open.span.start, end: None })
    }

    pub(crate) fn answered(&mut self, exchange: Exchange, response: Response) {
        if let Some(open) = self.open.get_mut(&exchange) {
            open.span.response = Some(response);
        }
    }

    /// A request is over. Gives its span and the task that served it.
    pub(crate) fn ended(&mut self, exchange: Exchange, end: End, at: u64) -> Option<(LocalSpan, Option<TaskId>)> {
        let Open { mut span, task } = self.open.remove(&exchange)?;
        if task.is_none() {
            self.taskless.retain(|it| *it != exchange);
        }
        span.end = at.max(span.start);
        if end.reset.is_some() {
            if self.broken_off.len() == MOST_BROKEN_OFF {
                self.broken_off.pop_front();
            }
            let served = Served { server: span.id, start: span.start, end: Some(span.end) };
            self.broken_off.push_back(BrokenOff { exchange, served });
        }
        span.outcome = Some(end);
        Some((span, task))
    }

    /// The connection is closed: what is open will not be answered any more.
    pub(crate) fn close(&mut self, at: u64) -> Vec<(LocalSpan, Option<TaskId>)> {
        self.taskless.clear();
        let open = self.open.drain().map(|(_, Open { mut span, task })| {
            span.end = at.max(span.start);
            (span, task)
        });
        open.collect()
    }

    /// Events were lost: which task is whose is not known until nothing is open.
    pub(crate) fn lose(&mut self) {
        self.taskless.clear();
        self.unsure = true;
    }
}
