//! What is open on a connection that somebody opened to this process.

use std::collections::{HashMap, VecDeque};

use crate::wire::{End, Exchange, Response};

use super::tasks::TaskId;
use super::{LocalSpan, ServerId};

/// Requests of one connection that are open at once; more than any server lets in.
const MOST_OPEN: usize = 4_096;

/// The open requests of a connection.
#[derive(Debug, Default)]
pub(crate) struct Server {
    open: HashMap<Exchange, Open>,
    /// HTTP/2: requests whose task was not spawned yet, in their order. hyper spawns one for each, in the same order.
    taskless: VecDeque<Exchange>,
    /// Events were lost: which task is whose is not known until nothing is open.
    unsure: bool,
}

#[derive(Debug)]
struct Open {
    span: LocalSpan,
    task: Option<TaskId>,
}

impl Server {
    /// A request was read. `own` is the task that serves it, where that is known; else it is the next one that is
    /// spawned.
    pub(crate) fn asked(&mut self, exchange: Exchange, span: LocalSpan, own: Option<TaskId>) {
        if self.open.len() >= MOST_OPEN {
            return;
        }
        if self.open.is_empty() {
            self.unsure = false;
            self.taskless.clear();
        }
        if own.is_none() && !self.unsure {
            self.taskless.push_back(exchange);
        }
        self.open.insert(exchange, Open { span, task: own });
    }

    /// Whether a request is open.
    pub(crate) fn has_stream(&self, stream: Exchange) -> bool {
        self.open.contains_key(&stream)
    }

    /// The connection's task spawned one: which request is it for, and when did that come?
    pub(crate) fn next_task(&mut self, task: TaskId) -> Option<(ServerId, u64)> {
        let exchange = self.taskless.pop_front()?;
        let open = self.open.get_mut(&exchange)?;
        open.task = Some(task);
        Some((open.span.id, open.span.start))
    }

    /// A task reads the body of a request: is it the first that is known to serve it?
    pub(crate) fn read_by(&mut self, exchange: Exchange, task: TaskId) -> Option<(ServerId, u64)> {
        let open = self.open.get_mut(&exchange).filter(|open| open.task.is_none())?;
        open.task = Some(task);
        self.taskless.retain(|it| *it != exchange);
        Some((open.span.id, open.span.start))
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
