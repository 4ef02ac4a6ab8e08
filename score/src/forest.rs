//! Which span is above which. Every walk is bounded: each span is gone through once, however deep, and a cycle ends.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use crate::identity::Identity;
use crate::spans::{Shape, Spans};
use crate::truth::{Cause, Role, Truth};

/// The span that a span names as its parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Parent {
    Nobody,
    /// It is named, but not there.
    Gone,
    Span(u32),
}

/// The nearest span above that is known to belong somewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Above {
    Nobody,
    /// The way up ends at a parent that is not there.
    Gone,
    /// The way up leads back to itself.
    Cycle,
    Span(u32),
}

/// Parents, and what follows from them.
#[derive(Debug)]
pub(crate) struct Forest {
    parents: Vec<Parent>,
    /// Whether a span has the trace and span id of one before it: such a span takes no part.
    pub(crate) repeated: Vec<bool>,
}

impl Forest {
    pub(crate) fn new(spans: &Spans) -> Self {
        let mut by_id = HashMap::with_capacity(spans.len());
        let mut repeated = Vec::with_capacity(spans.len());
        for (number, span) in (0_u32..).zip(&spans.spans) {
            match by_id.entry((span.trace, span.id)) {
                Entry::Occupied(_) => repeated.push(true),
                Entry::Vacant(entry) => {
                    entry.insert(number);
                    repeated.push(false);
                }
            }
        }
        let parents = spans.spans.iter().map(|span| match span.parent {
            0 => Parent::Nobody,
            parent => by_id.get(&(span.trace, parent)).map_or(Parent::Gone, |number| Parent::Span(*number)),
        });
        Self { parents: parents.collect(), repeated }
    }

    /// Finds out which hop an internal span without attributes is inside of: that of the calls and statements below it,
    /// if all of them are of one.
    pub(crate) fn infer(&self, truth: &Truth, spans: &Spans, identities: &mut [Identity]) {
        let mut waiting = vec![0_u32; self.parents.len()];
        for (parent, repeated) in self.parents.iter().zip(&self.repeated) {
            if let (Parent::Span(parent), false) = (parent, repeated) {
                waiting[*parent as usize] += 1;
            }
        }
        let mut votes = vec![Vote::None; self.parents.len()];
        let mut ready: Vec<usize> = (0..waiting.len()).filter(|at| waiting[*at] == 0 && !self.repeated[*at]).collect();
        // From the leaves up; what is on a cycle is never ready.
        while let Some(at) = ready.pop() {
            let vote = match (identities[at], votes[at]) {
                (Identity::Unknown, Vote::One(hop)) if spans.spans[at].shape == Shape::Internal => {
                    identities[at] = Identity::Inside(hop);
                    Vote::One(hop)
                }
                (Identity::Unknown, vote) => vote,
                (Identity::Inside(hop), _) => Vote::One(hop),
                (Identity::Operation(operation), _) => Vote::of(truth, operation),
                (Identity::Background | Identity::Stranger, _) => Vote::None,
            };
            if let Parent::Span(parent) = self.parents[at] {
                let parent = parent as usize;
                votes[parent] = votes[parent].and(vote);
                waiting[parent] -= 1;
                if waiting[parent] == 0 {
                    ready.push(parent);
                }
            }
        }
    }

    /// For each span the nearest one above it whose identity is known.
    pub(crate) fn above(&self, identities: &[Identity]) -> Vec<Above> {
        #[derive(Clone, Copy, PartialEq)]
        enum Seen {
            Not,
            OnThisWay,
            Yes(Above),
        }
        let mut seen = vec![Seen::Not; self.parents.len()];
        let mut way = Vec::new();
        for start in 0..self.parents.len() {
            let mut at = start;
            let found = loop {
                match seen[at] {
                    Seen::Yes(above) => break above,
                    Seen::OnThisWay => break Above::Cycle,
                    Seen::Not => {}
                }
                seen[at] = Seen::OnThisWay;
                way.push(at);
                match self.parents[at] {
                    Parent::Nobody => break Above::Nobody,
                    Parent::Gone => break Above::Gone,
                    Parent::Span(parent) if identities[parent as usize] != Identity::Unknown => {
                        break Above::Span(parent);
                    }
                    Parent::Span(parent) => at = parent as usize,
                }
            };
            for at in way.drain(..) {
                seen[at] = Seen::Yes(found);
            }
        }
        let mut above: Vec<_> =
            seen.into_iter().map(|seen| if let Seen::Yes(above) = seen { above } else { Above::Nobody }).collect();
        part_rings(identities, &mut above);
        above
    }
}

/// Internal spans of one hop that are above each other in a ring would hold each other up: each is under nothing.
fn part_rings(identities: &[Identity], above: &mut [Above]) {
    let next = |above: &[Above], at: usize| match (identities[at], above[at]) {
        (Identity::Inside(_), Above::Span(parent)) => Some(parent as usize),
        _ => None,
    };
    // 0: not been there; else the number of the way that was.
    let mut been = vec![0_usize; above.len()];
    for start in 0..above.len() {
        let mut at = Some(start);
        while let Some(here) = at.filter(|here| been[*here] == 0) {
            been[here] = start + 1;
            at = next(above, here);
        }
        let Some(ring) = at.filter(|here| been[*here] == start + 1) else { continue };
        let mut at = Some(ring);
        while let Some(here) = at {
            at = next(above, here);
            if at.is_some() {
                above[here] = Above::Cycle;
            }
        }
    }
}

/// What the spans below say which hop they are inside of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Vote {
    None,
    One(u32),
    Several,
}

impl Vote {
    /// A call or a statement names the hop that made it; a server span says nothing of what is above it in its process.
    fn of(truth: &Truth, operation: u32) -> Self {
        let operation = truth.operation(operation);
        match truth.cause(operation) {
            Cause::Operation(hop) if operation.role != Role::Server => Self::One(hop),
            _ => Self::None,
        }
    }

    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::None, vote) | (vote, Self::None) => vote,
            (Self::One(one), Self::One(other)) if one == other => self,
            _ => Self::Several,
        }
    }
}
