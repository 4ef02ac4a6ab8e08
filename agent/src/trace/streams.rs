//! Which of its tasks carries which stream of an HTTP/2 client's connection, and so who asked.
//!
//! hyper makes a task for each stream (`Send`), and often one that writes its body (`Pipe`); both are children of the
//! task that takes requests in, H, and are spawned in the order of the streams. When the head of an answer is read, the
//! connection's task K wakes that stream's `Send`, and `Send` wakes whoever asked. None of them says which stream it is
//! of, and there may be several answers in one read. So the evidence of one read is put together:
//!
//! ```text
//! K reads: heads of streams 5, 9        K wakes: child 7, child 12      (7 and 12 are of H, the rest is not)
//! child 7 wakes T1, child 12 wakes T2   ⇒ stream 5 is T1's, stream 9 is T2's: both orders are the streams'
//! ```
//!
//! Where there are fewer such children than heads (a wake was not needed), what is known of streams before and after
//! bounds which child a stream's can be: between two streams there lie one or two children each.
//!
//! Under load an answer is there before whoever asked was polled again; then nobody had to be woken by it. For these there
//! is a second order ([`order`]). Where that leaves a choice too, there is none: the stream stays unlinked.

mod order;

use std::collections::{BTreeMap, HashMap, VecDeque};

use super::ServerId;
use super::tasks::TaskId;
use order::Order;

/// How long, in nanoseconds, a read waits for the wakes that follow from it.
const WAIT: u64 = 100_000_000;

/// How long, in nanoseconds, a stream of which nothing is known waits for what becomes known of its neighbours.
const WAIT_FOR_ORDER: u64 = 300_000_000;

/// Known pairs of stream and child that are kept, to bound the others.
const ANCHORS: usize = 64;

/// Tasks that may be H, by how many of their children K woke.
const CANDIDATES: usize = 16;

/// The how many-th stream of a connection, and the how many-th child of H.
type Rank = u64;
type Ordinal = u64;

/// The streams of one connection.
#[derive(Debug, Default)]
pub(crate) struct Streams {
    ranks: HashMap<u64, Rank>,
    next: Rank,
    windows: VecDeque<Window>,
    parents: HashMap<TaskId, u64>,
    anchors: BTreeMap<Rank, Ordinal>,
    anchored: TaskId,
    order: Order,
    /// Whoever reads an answer is seen: what wakes tell is not needed, and less certain.
    read: bool,
    /// Streams that only the order can tell of, with the time of their answer.
    undecided: VecDeque<(Rank, u64, u64, Found)>,
}

/// From one read of K with heads of answers to its next read.
#[derive(Debug)]
struct Window {
    opened: u64,
    closed: bool,
    heads: Vec<(Rank, u64)>,
    woken: Vec<Woken>,
}

/// A child that K woke.
#[derive(Debug)]
struct Woken {
    task: TaskId,
    parent: TaskId,
    ordinal: Ordinal,
    caller: Option<ServerId>,
}

/// What was found out of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// It was asked for by this request: by the wakes of its answer.
    Caller(ServerId),
    /// It was asked for by this request: by the order in which requests were handed on.
    Ordered(ServerId),
    /// Nobody was woken.
    Nobody,
    /// Several could be.
    Several,
}

impl Streams {
    /// Those of a new connection. `read`: whoever reads an answer is seen.
    pub(crate) fn new(read: bool) -> Self {
        Self { read, ..Self::default() }
    }

    /// A stream was opened.
    pub(crate) fn open(&mut self, stream: u64) {
        self.ranks.insert(stream, self.next);
        self.next += 1;
    }

    /// A stream is over without an answer.
    pub(crate) fn forget(&mut self, stream: u64) {
        self.ranks.remove(&stream);
    }

    /// K has read something: what it wakes from now on is of this read.
    pub(crate) fn read(&mut self) {
        if let Some(window) = self.windows.back_mut() {
            window.closed = true;
        }
    }

    /// In K's last read, which was at this time, was the head of an answer.
    pub(crate) fn answered(&mut self, stream: u64, at: u64) {
        let Some(rank) = self.ranks.remove(&stream) else { return };
        match self.windows.back_mut() {
            Some(window) if !window.closed => window.heads.push((rank, stream)),
            _ => self.windows.push_back(Window {
                opened: at,
                closed: false,
                heads: vec![(rank, stream)],
                woken: Vec::new(),
            }),
        }
    }

    /// K woke a task, which is the `ordinal`-th child of another. Gives true if it is to be watched: whom it wakes is to
    /// be told by [`asked`](Self::asked).
    pub(crate) fn woke(&mut self, task: TaskId, parent: TaskId, ordinal: Ordinal) -> bool {
        self.vote(parent);
        let Some(window) = self.windows.back_mut().filter(|window| !window.closed) else { return false };
        if window.woken.iter().any(|woken| woken.task == task) {
            return true;
        }
        window.woken.push(Woken { task, parent, ordinal, caller: None });
        true
    }

    /// A watched task woke one that works for a request.
    pub(crate) fn asked(&mut self, task: TaskId, caller: ServerId) {
        let woken = self.windows.iter_mut().flat_map(|window| &mut window.woken).find(|woken| woken.task == task);
        if let Some(woken) = woken {
            woken.caller.get_or_insert(caller);
        }
    }

    /// The task that hands requests to H, if it is known: whom it wakes is to be told by [`handed`](Self::handed).
    pub(crate) fn worker(&self) -> Option<TaskId> {
        self.order.worker
    }

    /// A task that works for no request woke another; if that is H, it is the worker.
    pub(crate) fn is_woken(&mut self, from: TaskId, to: TaskId) -> bool {
        let found = self.order.worker.is_none() && Some(to) == self.helper();
        if found {
            self.order.worker = Some(from);
        }
        found
    }

    /// Who asked for a stream is known by other means: nothing more is to be found out of it, but it is a neighbour.
    pub(crate) fn known(&mut self, stream: u64, caller: ServerId) {
        let mut rank = self.ranks.remove(&stream);
        for window in &mut self.windows {
            window.heads.retain(|(at, it)| {
                if *it == stream {
                    rank = Some(*at);
                }
                *it != stream
            });
        }
        self.undecided.retain(|(at, it, ..)| {
            if *it == stream {
                rank = Some(*at);
            }
            *it != stream
        });
        if let Some(rank) = rank {
            self.order.known(rank, caller);
        }
    }

    /// The worker woke a task that works for a request: its request has been handed on.
    pub(crate) fn handed(&mut self, caller: ServerId) {
        self.order.handed(caller);
    }

    /// What is certain by now, or will never be: streams and who asked for them. Tasks that need not be watched any
    /// more go to `done`.
    pub(crate) fn settle(&mut self, now: u64, done: &mut Vec<TaskId>) -> Vec<(u64, Found)> {
        let mut found = Vec::new();
        while let Some(window) = self.windows.front() {
            let callers = window.woken.iter().filter(|woken| woken.caller.is_some()).count();
            let complete = window.closed && callers >= window.heads.len();
            if !complete && now.saturating_sub(window.opened) < WAIT {
                break;
            }
            let Some(window) = self.windows.pop_front() else { break };
            done.extend(window.woken.iter().map(|woken| woken.task));
            self.link(window, &mut found);
        }
        self.undecided.retain(|(rank, stream, since, otherwise)| {
            if let Some(caller) = self.order.caller(*rank).filter(|_| !self.read) {
                found.push((*stream, Found::Ordered(caller)));
            } else if now.saturating_sub(*since) > WAIT_FOR_ORDER {
                found.push((*stream, *otherwise));
            } else {
                return true;
            }
            false
        });
        found
    }

    /// Everything that is open stays without a link: events were lost, and with them the order.
    pub(crate) fn lose(&mut self) {
        self.windows.clear();
        self.ranks.clear();
        self.undecided.clear();
        self.anchors.clear();
        self.order.lose();
    }

    /// Counts for the likeliest candidates only (the frequent-items algorithm of Misra and Gries): who asks may be a task
    /// of its own each time, with a parent of its own.
    fn vote(&mut self, parent: TaskId) {
        if self.parents.len() < CANDIDATES || self.parents.contains_key(&parent) {
            *self.parents.entry(parent).or_default() += 1;
            return;
        }
        self.parents.retain(|_, count| {
            *count -= 1;
            *count > 0
        });
    }

    /// The task that most of the children are of that K wakes.
    pub(crate) fn helper(&self) -> Option<TaskId> {
        self.parents.iter().max_by_key(|(task, count)| (**count, **task)).map(|(task, _)| *task)
    }

    fn link(&mut self, mut window: Window, found: &mut Vec<(u64, Found)>) {
        if self.read {
            let waiting = window.heads.drain(..).map(|(rank, stream)| (rank, stream, window.opened, Found::Nobody));
            self.undecided.extend(waiting);
            return;
        }
        let helper = self.helper().unwrap_or_default();
        if helper != self.anchored {
            self.anchors.clear();
            self.anchored = helper;
        }
        let mut children: Vec<(Ordinal, ServerId)> = window
            .woken
            .iter()
            .filter(|woken| woken.parent == helper)
            .filter_map(|woken| Some((woken.ordinal, woken.caller?)))
            .collect();
        children.sort_unstable();
        window.heads.sort_unstable();
        let may_be = |(rank, _): (Rank, u64), (ordinal, _): (Ordinal, ServerId)| self.may_be(rank, ordinal);
        let whole = children.len() == window.heads.len()
            && window.heads.iter().zip(&children).all(|(head, child)| may_be(*head, *child));
        let chosen: Vec<Result<Option<(Ordinal, ServerId)>, ()>> = if whole {
            children.iter().map(|child| Ok(Some(*child))).collect()
        } else {
            let choose = |head: &(Rank, u64)| {
                let mut fit = children.iter().filter(|child| may_be(*head, **child));
                match (fit.next(), fit.next()) {
                    (None, _) => Ok(None),
                    // It must not be another's too.
                    (Some(child), None) => {
                        let heads = window.heads.iter().filter(|other| may_be(**other, *child)).count();
                        if heads == 1 { Ok(Some(*child)) } else { Err(()) }
                    }
                    _ => Err(()),
                }
            };
            window.heads.iter().map(choose).collect()
        };
        for ((rank, stream), child) in window.heads.into_iter().zip(chosen) {
            match child {
                Ok(Some((ordinal, caller))) => {
                    self.anchor(rank, ordinal);
                    self.order.known(rank, caller);
                    found.push((stream, Found::Caller(caller)));
                }
                Ok(None) => self.undecided.push_back((rank, stream, window.opened, Found::Nobody)),
                Err(()) => self.undecided.push_back((rank, stream, window.opened, Found::Several)),
            }
        }
    }

    fn anchor(&mut self, rank: Rank, ordinal: Ordinal) {
        self.anchors.insert(rank, ordinal);
        if self.anchors.len() > ANCHORS {
            self.anchors.pop_first();
        }
    }

    /// Whether the child can be the one of the stream, by the pairs that are known: between two streams there lie one or
    /// two children each.
    fn may_be(&self, rank: Rank, ordinal: Ordinal) -> bool {
        let fits = |streams: u64, children: Option<u64>| {
            children.is_some_and(|children| (streams..=2 * streams).contains(&children))
        };
        let before = self.anchors.range(..rank).next_back();
        let after = self.anchors.range(rank + 1..).next();
        before.is_none_or(|(r, o)| fits(rank - r, ordinal.checked_sub(*o)))
            && after.is_none_or(|(r, o)| fits(r - rank, o.checked_sub(ordinal)))
    }
}
