//! Spans whose ends match become one trace.
//!
//! A client span and the server span of the same request see the same connection, and the same sequence number of TCP
//! where the request begins: that is the edge by which they are one. This stage knows spans with edges, and nothing of
//! kernels or tasks, so it does not matter which machine a span is of.
//!
//! Ids can be given once the way up to a root is certain: a client span waits for the server span that caused it, and a
//! server span waits a moment for the client span of its caller, whose link may be found only when the answer is there.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use crate::trace::{Edge, LocalSpan, ServerId, Side};

/// How long a server span waits for its caller's, in nanoseconds, after it ended.
pub const WAIT: u64 = 500_000_000;

/// Spans that wait at once. What comes beyond lets the oldest go as they are.
const MOST_WAITING: usize = 65_536;

/// How long a trace's ids are remembered, in nanoseconds: what a request leaves behind may end long after it.
const REMEMBERED: u64 = 30_000_000_000;

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
    /// Spans that wait for somebody above them, oldest first.
    waiting: VecDeque<LocalSpan>,
    /// Client spans by their edge, for the server span that they caused.
    callers: HashMap<Edge, Caller>,
    /// The ids that spans have.
    known: HashMap<ServerId, Ids>,
    /// Known ids by age.
    ages: VecDeque<(u64, ServerId, Option<Edge>)>,
}

#[derive(Clone, Copy, Debug)]
struct Caller {
    id: ServerId,
}

#[derive(Clone, Copy, Debug)]
struct Ids {
    trace: u128,
    span: u64,
}

impl<R: FnMut() -> u64> Assembler<R> {
    /// An empty one.
    pub fn new(next_id: R) -> Self {
        Self {
            next_id,
            waiting: VecDeque::new(),
            callers: HashMap::new(),
            known: HashMap::new(),
            ages: VecDeque::new(),
        }
    }

    /// Spans that wait.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Adds a span.
    pub fn add(&mut self, span: LocalSpan) {
        if span.side == Side::Client {
            self.callers.insert(span.edge, Caller { id: span.id });
            self.ages.push_back((span.end, span.id, Some(span.edge)));
        }
        self.waiting.push_back(span);
    }

    /// The spans whose ids are certain at this time, parents before their children. With `all` everything is certain.
    pub fn take(&mut self, now: u64, all: bool) -> Vec<Span> {
        let mut done = Vec::new();
        let mut excess = self.waiting.len().saturating_sub(MOST_WAITING);
        // A parent that becomes certain makes its children so: until nothing moves any more.
        loop {
            let servers: HashSet<ServerId> = self.waiting.iter().map(|span| span.id).collect();
            let before = done.len();
            for span in std::mem::take(&mut self.waiting) {
                let over = all || excess > 0 || now.saturating_sub(span.end) > WAIT;
                match self.parent(&span, &servers, over) {
                    Parent::Wait => self.waiting.push_back(span),
                    Parent::Ids(ids) => done.push(self.name(span, ids)),
                }
            }
            excess = 0;
            if done.len() == before {
                break;
            }
        }
        while let Some((at, id, edge)) = self.ages.front().copied() {
            if now.saturating_sub(at) < REMEMBERED {
                break;
            }
            self.ages.pop_front();
            self.known.remove(&id);
            if let Some(edge) = edge
                && self.callers.get(&edge).is_some_and(|caller| caller.id == id)
            {
                self.callers.remove(&edge);
            }
        }
        done
    }

    fn parent(&self, span: &LocalSpan, waiting: &HashSet<ServerId>, over: bool) -> Parent {
        let above = match span.side {
            Side::Client => match span.parent {
                Some(parent) => parent,
                None => return Parent::Ids(None),
            },
            Side::Server => match self.callers.get(&span.edge) {
                Some(caller) => caller.id,
                None if over => return Parent::Ids(None),
                None => return Parent::Wait,
            },
        };
        match self.known.get(&above) {
            Some(ids) => Parent::Ids(Some(*ids)),
            // It will come, or it is open yet.
            None if waiting.contains(&above) || !over => Parent::Wait,
            // A client span whose parent has not ended by now: a stream, or what a request left behind.
            None if span.side == Side::Client => Parent::Wait,
            None => Parent::Ids(None),
        }
    }

    fn name(&mut self, local: LocalSpan, parent: Option<Ids>) -> Span {
        let trace = match parent {
            Some(parent) => parent.trace,
            None => u128::from((self.next_id)()) << 64 | u128::from((self.next_id)()),
        };
        let ids = Ids { trace, span: (self.next_id)() };
        self.known.insert(local.id, ids);
        if local.side == Side::Server {
            self.ages.push_back((local.end, local.id, None));
        }
        Span { trace_id: trace, span_id: ids.span, parent_id: parent.map_or(0, |parent| parent.span), local }
    }
}

enum Parent {
    Wait,
    Ids(Option<Ids>),
}

/// A service's spans are sent together.
pub fn by_service(spans: Vec<Span>) -> HashMap<Arc<crate::trace::Service>, Vec<Span>> {
    let mut services: HashMap<_, Vec<Span>> = HashMap::new();
    for span in spans {
        services.entry(Arc::clone(&span.local.service)).or_default().push(span);
    }
    services
}
