//! Which links are right: each span's parent is held against the operation that caused it.
//!
//! A link is judged against what is directly above it: an internal span stands for the hop that it is inside of, so a
//! misplaced one is one wrong link, its own, and not as many as there are spans below it.

use std::collections::{BTreeMap, HashMap};

use crate::forest::{Above, Forest};
use crate::identity::{self, Identity};
use crate::names::Text;
use crate::spans::{Shape, Spans};
use crate::truth::{Cause, Operation, Role, Truth};
use crate::verdict::{Cancelled, EXAMPLES, EdgeKind, Remarks, Verdict};
use crate::words::{self, Words};

/// How many spans of one operation are gone past on the way up; they are duplicates of each other.
const MOST_OF_ITSELF: usize = 64;

/// Why there is nothing to judge.
#[derive(Debug, thiserror::Error)]
pub enum Mismatch {
    /// Nothing is known of any request.
    #[error(
        "the truth holds no request: none of its {operations} operations is of an id whose hop 1 was received; is a \
         service's log missing?"
    )]
    NoRequest {
        /// How many operations it holds.
        operations: usize,
    },
    /// The tracer made nothing.
    #[error(
        "there are no spans, but the truth holds {requests} requests; was the tracer on, and its exporter flushed?"
    )]
    NoSpans {
        /// How many requests the truth holds.
        requests: usize,
    },
    /// They are not of the same run, or the tracer records nothing that spans could be told by.
    #[error("no span is one of an operation in the truth.\nLooked for: {looked_for}\nFound: {found}")]
    NoMatch {
        /// What the truth holds.
        looked_for: String,
        /// What the spans hold.
        found: String,
    },
}

/// Judges the spans of one run by its truth.
///
/// # Errors
/// When they have nothing to do with each other.
pub fn judge(truth: &Truth, spans: &Spans) -> Result<Verdict, Mismatch> {
    if truth.requests() == 0 {
        return Err(Mismatch::NoRequest { operations: truth.operations() });
    }
    if spans.is_empty() {
        return Err(Mismatch::NoSpans { requests: truth.requests() });
    }
    let (mut identities, not_in_truth) = identity::of_all(truth, spans);
    if !identities.iter().any(|it| matches!(it, Identity::Operation(_))) {
        return Err(mismatch(truth, spans));
    }
    let forest = Forest::new(spans);
    forest.infer(truth, spans, &mut identities);
    let above = forest.above(&identities);
    let remarks = Remarks {
        not_in_truth,
        repeated_operations: truth.repeated,
        malformed: spans.malformed,
        pool_operations: truth.pool.values().sum(),
        ..Remarks::default()
    };
    let verdict = Verdict { dropped: spans.dropped(), remarks, ..Verdict::default() };
    let requests = truth.operations.iter().filter(|it| truth.is_request(it.request));
    let requests = requests.map(|it| (it.request, Trace::default())).collect();
    let words = Words { truth, spans, identities: &identities };
    let found = vec![0; truth.operations()];
    let mut judge = Judge { truth, spans, identities: &identities, above, words, verdict, found, requests };
    for at in 0..spans.len() {
        if forest.repeated[at] {
            judge.duplicate(at);
        } else {
            judge.span(at);
        }
    }
    judge.presence();
    Ok(judge.verdict)
}

/// What is known of the trace of one request.
#[derive(Clone, Copy, Debug, Default)]
struct Trace {
    id: Option<u128>,
    faulty: bool,
}

struct Judge<'a> {
    truth: &'a Truth,
    spans: &'a Spans,
    identities: &'a [Identity],
    above: Vec<Above>,
    words: Words<'a>,
    verdict: Verdict,
    /// How many spans of each operation there are.
    found: Vec<u32>,
    requests: HashMap<Text, Trace>,
}

impl Judge<'_> {
    fn span(&mut self, at: usize) {
        let span = &self.spans.spans[at];
        match self.identities[at] {
            Identity::Operation(number) => {
                let operation = *self.truth.operation(number);
                if !self.truth.is_request(operation.request) {
                    return self.background(at);
                }
                let found = &mut self.found[number as usize];
                *found += 1;
                if *found > operation.times {
                    return self.duplicate(at);
                }
                if !operation.cancelled {
                    let trace = self.requests.entry(operation.request).or_default();
                    trace.faulty |= *trace.id.get_or_insert(span.trace) != span.trace;
                }
                let edge = operation.kind().edge();
                self.link(at, edge, &operation, self.truth.cause(&operation));
            }
            Identity::Inside(hop) => {
                let operation = *self.truth.operation(hop);
                if !self.truth.is_request(operation.request) {
                    return self.background(at);
                }
                self.link(at, EdgeKind::Internal, &operation, Cause::Operation(hop));
            }
            Identity::Background => self.background(at),
            Identity::Unknown if span.pool && !self.is_own(at) => {
                self.verdict.pool.seen += 1;
                let parented = self.parented(at);
                self.verdict.pool.parented += u64::from(parented);
            }
            Identity::Unknown if span.shape == Shape::Internal => self.verdict.remarks.unjudged_internal += 1,
            Identity::Unknown | Identity::Stranger => {
                *self.verdict.unidentified.entry(words::shape(span).to_owned()).or_default() += 1;
                let words = self.words;
                note(&mut self.verdict.examples.unidentified, || words.bare(at));
            }
        }
    }

    /// Judges one link. `operation` is the child, or for an internal span the hop that it is inside of.
    fn link(&mut self, at: usize, edge: EdgeKind, operation: &Operation, cause: Cause) {
        let above = self.above_others(at);
        let expected = if let Cause::Operation(number) = cause { Some(number) } else { None };
        let (fault, count): (_, fn(&mut Cancelled) -> &mut u64) = match above {
            Above::Span(parent) => match self.identities[parent as usize] {
                Identity::Operation(it) | Identity::Inside(it) if expected == Some(it) => (false, |row| &mut row.right),
                _ if cause == Cause::Unrecorded && self.request_of(parent as usize) == Some(operation.request) => {
                    self.verdict.remarks.unrecorded_parent += 1;
                    return;
                }
                _ => (true, |row| &mut row.wrong),
            },
            _ if cause == Cause::Outside => {
                self.verdict.remarks.roots += 1;
                return;
            }
            _ if cause == Cause::Unrecorded => {
                self.verdict.remarks.unrecorded_parent += 1;
                return;
            }
            _ => (true, |row| &mut row.unlinked),
        };
        self.verdict.remarks.dangling += u64::from(above == Above::Gone);
        self.verdict.remarks.cycles += u64::from(above == Above::Cycle);
        let cancelled = operation.cancelled || expected.is_some_and(|number| self.truth.operation(number).cancelled);
        let links = self.verdict.edges.entry(edge).or_default();
        if cancelled {
            links.cancelled += 1;
            *count(&mut self.verdict.cancelled) += 1;
            return;
        }
        let mut one = Cancelled::default();
        *count(&mut one) = 1;
        links.right += one.right;
        links.wrong += one.wrong;
        links.unlinked += one.unlinked;
        if fault {
            self.requests.entry(operation.request).or_default().faulty = true;
            let words = self.words;
            let examples = &mut self.verdict.examples;
            match above {
                Above::Span(parent) => {
                    note(examples.wrong.entry(edge).or_default(), || words.misplaced(at, parent as usize, expected))
                }
                _ => note(examples.unlinked.entry(edge).or_default(), || words.unlinked(at, above)),
            }
        }
    }

    /// What is above a span, past other spans of the same operation.
    fn above_others(&self, at: usize) -> Above {
        let mut above = self.above[at];
        let Identity::Operation(itself) = self.identities[at] else { return above };
        for _ in 0..MOST_OF_ITSELF {
            match above {
                Above::Span(parent) if self.identities[parent as usize] == Identity::Operation(itself) => {
                    above = self.above[parent as usize];
                }
                _ => return above,
            }
        }
        Above::Cycle
    }

    fn request_of(&self, at: usize) -> Option<Text> {
        match self.identities[at] {
            Identity::Operation(number) | Identity::Inside(number) => Some(self.truth.operation(number).request),
            Identity::Unknown | Identity::Background | Identity::Stranger => None,
        }
    }

    /// Whether a statement that looks like a pool's is one that the hop above it sent itself: an explicit `ROLLBACK`
    /// carries no slot either. That is too little to identify it by, but enough not to blame it.
    fn is_own(&self, at: usize) -> bool {
        let Above::Span(parent) = self.above[at] else { return false };
        let (Identity::Operation(hop) | Identity::Inside(hop)) = self.identities[parent as usize] else { return false };
        let span = &self.spans.spans[at];
        let text = if span.text.is_none() { span.name } else { span.text };
        self.truth.has_bare(self.truth.operation(hop), self.spans.names.get(text), span.start, span.end)
    }

    fn background(&mut self, at: usize) {
        self.verdict.background.seen += 1;
        let parented = self.parented(at);
        self.verdict.background.parented += u64::from(parented);
    }

    /// Whether a span that is of no request hangs under one that is.
    fn parented(&mut self, at: usize) -> bool {
        let Above::Span(parent) = self.above[at] else { return false };
        let parent = parent as usize;
        let parented = self.request_of(parent).is_some_and(|request| self.truth.is_request(request));
        if parented {
            let words = self.words;
            note(&mut self.verdict.examples.parented, || words.hangs_under(at, parent));
        }
        parented
    }

    fn duplicate(&mut self, at: usize) {
        self.verdict.duplicate += 1;
        if let Identity::Operation(number) = self.identities[at] {
            let request = self.truth.operation(number).request;
            if let Some(trace) = self.requests.get_mut(&request) {
                trace.faulty = true;
            }
        }
        let words = self.words;
        note(&mut self.verdict.examples.duplicate, || words.span(at));
    }

    /// Which spans are there, and which requests are one whole trace.
    fn presence(&mut self) {
        for (number, (operation, found)) in (0_u32..).zip(self.truth.operations.iter().zip(&self.found)) {
            if !self.truth.is_request(operation.request) {
                continue;
            }
            let (times, found) = (u64::from(operation.times), u64::from(*found.min(&operation.times)));
            if operation.cancelled {
                self.verdict.cancelled.missing += times - found;
                continue;
            }
            let row = self.verdict.spans.entry(operation.kind()).or_default();
            row.expected += times;
            row.seen += found;
            row.missing += times - found;
            if found < times {
                self.requests.entry(operation.request).or_default().faulty = true;
                let words = self.words;
                note(self.verdict.examples.missing.entry(operation.kind()).or_default(), || words.missing(number));
            }
        }
        self.verdict.traces.total = self.requests.len() as u64;
        self.verdict.traces.whole = self.requests.values().filter(|trace| !trace.faulty).count() as u64;
    }
}

/// Keeps an example, if there are not enough.
fn note(examples: &mut Vec<String>, sentence: impl FnOnce() -> String) {
    if examples.len() < EXAMPLES {
        examples.push(sentence());
    }
}

fn mismatch(truth: &Truth, spans: &Spans) -> Mismatch {
    let services = |texts: BTreeMap<&str, u64>| {
        texts.iter().map(|(service, count)| format!("{service} ({count})")).collect::<Vec<_>>().join(", ")
    };
    let mut expected = BTreeMap::<&str, u64>::new();
    for operation in &truth.operations {
        *expected.entry(truth.names.get(operation.service)).or_default() += 1;
    }
    let first = truth.operations.iter().find(|it| it.role == Role::Server && truth.is_request(it.request));
    let first = first.map_or_else(String::new, |it| {
        format!(", such as request {} hop {}", truth.names.get(it.request), truth.names.get(it.hop))
    });
    let looked_for = format!(
        "{} operations of the services {}{first}; by the attributes bookstore.request.id and bookstore.hop, by the \
         recorded headers x-request-id and x-hop, or, statements, by the slot in the comment of db.query.text.",
        truth.operations(),
        services(expected),
    );
    let mut seen = BTreeMap::<&str, u64>::new();
    for span in &spans.spans {
        *seen.entry(spans.names.get(span.service)).or_default() += 1;
    }
    let claims = spans.spans.iter().filter(|span| !span.request.is_none());
    let claim = claims.clone().next().map_or_else(String::new, |span| {
        format!(", such as {} hop {}", spans.names.get(span.request), spans.names.get(span.hop))
    });
    let slots = spans.spans.iter().filter(|span| !span.slot.is_none()).count();
    let attributes: Vec<_> = spans.attributes.iter().take(30).map(String::as_str).collect();
    let found = format!(
        "{} spans of the services {}; {} with request and hop{claim}; {slots} with a slot; attributes: {}.",
        spans.len(),
        services(seen),
        claims.count(),
        if attributes.is_empty() { "none".to_owned() } else { attributes.join(", ") },
    );
    Mismatch::NoMatch { looked_for, found }
}
