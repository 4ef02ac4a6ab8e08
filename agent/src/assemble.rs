//! Spans whose ends match become one trace.
//!
//! A client span and the server span of the same request see the same connection, and the same sequence number of TCP
//! where the request begins: that is the edge by which they are one. This stage knows spans with edges, and nothing of
//! kernels or tasks, so it does not matter which machine a span is of.
//!
//! Ids can be given once the way up to a root is certain: a client span waits for the server span that caused it, and a
//! server span waits a moment for the client span of its caller, whose link may be found only when the answer is there.

mod recent;

use std::collections::VecDeque;
use std::collections::hash_map::Entry;
use std::net::SocketAddr;

use foldhash::HashMap;

use crate::trace::{Edge, LONGEST_WAIT, LocalSpan, ServerId, Side};
use crate::wire::Request;
use recent::Recent;

/// How long a server span waits for its caller's, in nanoseconds, after it ended: as long as that may wait for its own
/// link, and a moment more, since it gets the answer a little later than this one was done with it.
pub const WAIT: u64 = LONGEST_WAIT + 100_000_000;

/// How long a span waits for its parent to end, and how long the ids of one are remembered that has at most: a request may leave
/// something behind that ends long after it.
const REMEMBERED: u64 = 10_000_000_000;

/// Requests of a connection whose caller was waited for in vain, until none is waited for there any more: whoever asks is not
/// watched, as it is with all that comes from without. Events may have been lost of one or two.
const IN_VAIN: u8 = 3;

/// Spans that wait at once. What comes beyond lets the oldest go without a parent.
const MOST_WAITING: usize = 65_536;

/// A span with its ids.
#[derive(Clone, Debug)]
pub struct Span {
    /// Of the trace.
    pub trace_id: u128,
    /// Of the span.
    pub span_id: u64,
    /// Of its parent; 0 for none.
    pub parent_id: u64,
    /// The rest.
    pub local: LocalSpan,
}

/// The assembler. `next_id` makes random ids; a recording that is replayed gets the same each time.
pub struct Assembler<R> {
    next_id: R,
    /// Client spans by their edge, until the server span comes that they caused.
    callers: Recent<Edge, ServerId>,
    /// Server spans whose caller is not known.
    uncalled: HashMap<Edge, LocalSpan>,
    /// Connections by both ends, and how often a caller was waited for in vain.
    strangers: Recent<(SocketAddr, SocketAddr), u8>,
    /// Spans whose parent is known and has no ids yet, by its number.
    children: HashMap<ServerId, Vec<LocalSpan>>,
    /// The ids that spans have which may be the parents of others yet.
    known: Recent<ServerId, Ids>,
    /// Until when callers, and parents, are waited for, in the order in which that began.
    for_callers: VecDeque<(u64, Edge)>,
    for_parents: VecDeque<(u64, ServerId)>,
    waiting: usize,
    done: Vec<Span>,
}

#[derive(Clone, Copy, Debug)]
struct Ids {
    /// In halves: as one number it would take a third more room, for its alignment.
    trace: [u64; 2],
    span: u64,
}

impl<R: FnMut() -> u64> Assembler<R> {
    /// An empty one.
    pub fn new(next_id: R) -> Self {
        Self {
            next_id,
            callers: Recent::new(REMEMBERED / 2),
            uncalled: HashMap::default(),
            strangers: Recent::new(REMEMBERED / 2),
            children: HashMap::default(),
            known: Recent::new(REMEMBERED / 2),
            for_callers: VecDeque::new(),
            for_parents: VecDeque::new(),
            waiting: 0,
            done: Vec::new(),
        }
    }

    /// Spans that wait.
    pub fn waiting(&self) -> usize {
        self.waiting
    }

    /// Adds a span.
    pub fn add(&mut self, span: LocalSpan) {
        match span.side {
            Side::Client => {
                if may_be_called(&span) {
                    self.strangers.remove(&ends(&span.edge));
                }
                match self.uncalled.remove(&span.edge) {
                    // It waits for this one's ids, wherever they come from.
                    Some(called) => _ = self.children.insert(span.id, vec![called]),
                    None if may_be_called(&span) => self.callers.insert(span.edge, span.id),
                    None => {}
                }
                match span.parent {
                    Some(parent) => self.below(parent, span),
                    None => self.name(span, None),
                }
            }
            Side::Server => match self.callers.remove(&span.edge) {
                Some(caller) => {
                    self.below(caller, span);
                    // Its only child.
                    self.known.remove(&caller);
                }
                None if self.strangers.get(&ends(&span.edge)).is_some_and(|times| times >= IN_VAIN) => {
                    self.name(span, None)
                }
                None => {
                    self.for_callers.push_back((span.end.saturating_add(WAIT), span.edge));
                    // Two of one edge are one whose sequence number has gone round.
                    match self.uncalled.insert(span.edge, span) {
                        Some(before) => self.name(before, None),
                        None => self.waiting += 1,
                    }
                }
            },
        }
    }

    /// The spans whose ids are certain at this time, parents before their children. With `all` everything is certain.
    pub fn take(&mut self, now: u64, all: bool) -> Vec<Span> {
        let is_over = |until: u64, waiting: usize| all || until <= now || waiting > MOST_WAITING;
        while let Some((until, edge)) = self.for_callers.pop_front_if(|(until, edge)| {
            // Of those that are not waited for any more nothing is kept.
            is_over(*until, self.waiting) || !self.uncalled.contains_key(edge)
        }) {
            if let Some(span) = self.uncalled.remove(&edge) {
                self.waiting -= 1;
                if until <= now {
                    let ends = ends(&edge);
                    let times = self.strangers.get(&ends).unwrap_or_default();
                    self.strangers.insert(ends, times.saturating_add(1));
                }
                self.name(span, None);
            }
        }
        while let Some((_, parent)) = self
            .for_parents
            .pop_front_if(|(until, parent)| is_over(*until, self.waiting) || !self.children.contains_key(parent))
        {
            for span in self.children.remove(&parent).unwrap_or_default() {
                self.waiting -= 1;
                self.name(span, None);
            }
        }
        self.strangers.forget(now);
        self.callers.forget(now);
        self.known.forget(now);
        std::mem::take(&mut self.done)
    }

    /// The span is below that one, which may not have ended.
    fn below(&mut self, parent: ServerId, span: LocalSpan) {
        if let Some(ids) = self.known.get(&parent) {
            return self.name(span, Some(ids));
        }
        self.waiting += 1;
        match self.children.entry(parent) {
            Entry::Occupied(mut children) => children.get_mut().push(span),
            Entry::Vacant(children) => {
                self.for_parents.push_back((span.end.saturating_add(REMEMBERED), parent));
                // Most have one; a vector that is left to itself takes room for four.
                children.insert(vec![span]);
            }
        }
    }

    /// Gives a span its ids, and then those that waited for it.
    fn name(&mut self, local: LocalSpan, parent: Option<Ids>) {
        let mut ready = vec![(local, parent)];
        while let Some((local, parent)) = ready.pop() {
            let trace = match parent {
                Some(parent) => parent.trace,
                None => [(self.next_id)(), (self.next_id)()],
            };
            let ids = Ids { trace, span: (self.next_id)() };
            if local.side == Side::Server || self.callers.get(&local.edge) == Some(local.id) {
                self.known.insert(local.id, ids);
            }
            for child in self.children.remove(&local.id).unwrap_or_default() {
                self.waiting -= 1;
                ready.push((child, Some(ids)));
            }
            let parent_id = parent.map_or(0, |parent| parent.span);
            let trace_id = u128::from(trace[0]) << 64 | u128::from(trace[1]);
            self.done.push(Span { trace_id, span_id: ids.span, parent_id, local });
        }
    }
}

/// The connection.
fn ends(edge: &Edge) -> (SocketAddr, SocketAddr) {
    (edge.client, edge.server)
}

/// Whether the span of a server may have this one as its parent: no database has such spans.
fn may_be_called(span: &LocalSpan) -> bool {
    !matches!(span.request, Request::Sql(_))
}

#[cfg(test)]
mod tests;
