//! What the server owes, in the order in which it was asked (section "Pipelining").

use super::super::{Exchange, Place};
use std::collections::VecDeque;
use std::sync::Arc;

use crate::wire::sql::Statement;

/// How many messages a client may be ahead of the server. Pipelines of libraries hold some thousands; what is above is a
/// direction that is not captured.
pub(super) const LIMIT: usize = 65_536;
/// What the statements that wait for their answers may take.
const BYTES: usize = 1 << 20;

/// A message that is to be answered.
#[derive(Debug)]
pub(super) struct Reply<S> {
    /// Which run of messages it is of: those that lead to one execution.
    pub(super) run: u64,
    pub(super) to: To<S>,
}

/// Which message. In the words of section "Extended Query".
#[derive(Debug)]
pub(super) enum To<S> {
    /// ParseComplete.
    Parse(Asked<S>),
    /// BindComplete.
    Bind(Asked<S>),
    /// ParameterDescription (of a statement), then RowDescription or NoData.
    Describe(Asked<S>),
    /// Rows, or a COPY, then CommandComplete, EmptyQueryResponse or PortalSuspended.
    Execute(Execution<S>),
    /// CloseComplete.
    Close,
    /// ReadyForQuery, in any case.
    Sync,
    /// Answers of one or more statements, then ReadyForQuery.
    Query(Execution<S>),
    /// ReadyForQuery; what comes before is of no use. Of a start-up or a FunctionCall, or the rest of a failed Query.
    Ready,
}

/// A message before an execution: if it fails, then that is what failed.
#[derive(Debug)]
pub(super) struct Asked<S> {
    pub(super) start: Place<S>,
    pub(super) statement: Option<Arc<Statement>>,
}

/// An exchange whose request is known.
#[derive(Debug)]
pub(super) struct Execution<S> {
    pub(super) exchange: Exchange,
    /// Its answer has begun.
    pub(super) responded: bool,
    /// As far as they are counted.
    pub(super) rows: Option<u64>,
    /// The end of the last statement's answer.
    pub(super) end: Option<Place<S>>,
}

impl<S> Execution<S> {
    pub(super) fn new(exchange: Exchange) -> Self {
        Self { exchange, responded: false, rows: None, end: None }
    }
}

/// The queue.
#[derive(Debug)]
pub(super) struct Replies<S> {
    queue: VecDeque<Reply<S>>,
    bytes: usize,
}

impl<S> Replies<S> {
    pub(super) fn new() -> Self {
        Self { queue: VecDeque::new(), bytes: 0 }
    }

    /// False: there are too many.
    pub(super) fn push(&mut self, mut reply: Reply<S>) -> bool {
        if self.queue.len() >= LIMIT {
            return false;
        }
        if let Some(asked) = reply.asked_mut() {
            asked.statement.take_if(|statement| self.bytes.saturating_add(statement.size()) > BYTES);
            self.bytes = self.bytes.saturating_add(asked.length());
        }
        self.queue.push_back(reply);
        true
    }

    pub(super) fn front_mut(&mut self) -> Option<&mut Reply<S>> {
        self.queue.front_mut()
    }

    pub(super) fn pop(&mut self) -> Option<Reply<S>> {
        self.pop_if(|_| true)
    }

    pub(super) fn pop_if(&mut self, condition: impl FnOnce(&mut Reply<S>) -> bool) -> Option<Reply<S>> {
        let mut reply = self.queue.pop_front_if(condition)?;
        if let Some(asked) = reply.asked_mut() {
            self.bytes = self.bytes.saturating_sub(asked.length());
        }
        Some(reply)
    }

    /// Takes out the Syncs right behind the front.
    pub(super) fn drop_syncs_behind_front(&mut self) {
        while matches!(self.queue.get(1), Some(Reply { to: To::Sync, .. })) {
            self.queue.remove(1);
        }
    }

    pub(super) fn clear(&mut self) {
        *self = Self::new();
    }
}

impl<S> Reply<S> {
    fn asked_mut(&mut self) -> Option<&mut Asked<S>> {
        match &mut self.to {
            To::Parse(asked) | To::Bind(asked) | To::Describe(asked) => Some(asked),
            _ => None,
        }
    }
}

impl<S> Asked<S> {
    fn length(&self) -> usize {
        self.statement.as_ref().map_or(0, |statement| statement.size())
    }
}
