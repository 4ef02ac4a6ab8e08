//! One trace, to look at: its spans as a tree.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

use super::span::{Log, Span};
use super::trace::Trace;
use super::{Store, Summary};
use crate::ids::{SpanId, TraceId};

/// One trace as it was at a moment; what it holds is shared with the store, not copied.
#[derive(Clone, Debug)]
pub struct TraceView {
    /// What the list says of it.
    pub summary: Summary,
    /// The first start, nanoseconds since the Unix epoch.
    pub start: u64,
    /// The last end.
    pub end: u64,
    /// Spans, each after its parent, siblings by their start.
    pub spans: Vec<Placed>,
    /// Log records by time.
    pub logs: Vec<Arc<Log>>,
    /// Spans that came more than once and were kept once.
    pub duplicates: u64,
    /// Spans that came after the trace was full.
    pub spans_left_out: u64,
    /// Log records that came after the trace was full.
    pub logs_left_out: u64,
    /// When the last span came.
    pub changed: Instant,
}

/// A span and its place in the tree.
#[derive(Clone, Debug)]
pub struct Placed {
    /// The span.
    pub span: Arc<Span>,
    /// How many ancestors it has here.
    pub depth: usize,
    /// How many spans are below it.
    pub descendants: usize,
    /// Whether it names a parent that is not here.
    pub missing_parent: bool,
}

impl Store {
    /// One trace.
    pub fn trace(&self, id: TraceId) -> Option<TraceView> {
        let inner = self.lock();
        let trace = inner.traces.get(&id)?;
        let spans: Vec<_> = trace.spans.values().cloned().collect();
        let mut view = TraceView {
            summary: Summary::of(id, trace)?,
            start: trace.start,
            end: trace.end,
            spans: Vec::new(),
            logs: trace.logs.clone(),
            duplicates: trace.duplicates,
            spans_left_out: trace.spans_left_out,
            logs_left_out: trace.logs_left_out,
            changed: trace.changed,
        };
        drop(inner);
        view.spans = place(spans);
        view.logs.sort_by_key(|log| log.time);
        Some(view)
    }

    /// How many spans a trace has, and when the last came.
    pub fn progress(&self, id: TraceId) -> Option<(usize, Instant)> {
        let inner = self.lock();
        let trace: &Trace = inner.traces.get(&id)?;
        Some((trace.spans.len(), trace.changed))
    }

    /// The log records of one trace, by time.
    pub fn trace_logs(&self, id: TraceId) -> Option<Vec<Arc<Log>>> {
        let mut logs = self.lock().traces.get(&id)?.logs.clone();
        logs.sort_by_key(|log| log.time);
        Some(logs)
    }
}

impl TraceView {
    /// How many spans name a parent that is not here.
    pub fn missing_parents(&self) -> usize {
        self.spans.iter().filter(|placed| placed.missing_parent).count()
    }
}

/// Orders spans as a tree. Every span appears exactly once, also where parents form a ring.
fn place(mut spans: Vec<Arc<Span>>) -> Vec<Placed> {
    spans.sort_by_key(|span| (span.start(), std::cmp::Reverse(span.end()), span.id()));
    let here: HashSet<SpanId> = spans.iter().map(|span| span.id()).collect();
    let mut children: HashMap<SpanId, Vec<usize>> = HashMap::new();
    let mut roots = Vec::new();
    for (index, span) in spans.iter().enumerate() {
        match span.parent() {
            Some(parent) if here.contains(&parent) => children.entry(parent).or_default().push(index),
            _ => roots.push(index),
        }
    }
    // Spans without any parent first: they tell the story; what lost its parent follows by time.
    roots.sort_by_key(|index| spans[*index].parent().is_some());
    let mut placed = Vec::with_capacity(spans.len());
    let mut seen = vec![false; spans.len()];
    // Every span is a possible start: those in a ring are reached from no root.
    for start in roots.into_iter().chain(0..spans.len()) {
        walk(start, &spans, &children, &mut seen, &mut placed);
    }
    count_descendants(&mut placed);
    placed
}

/// Places the tree under `start`, in order, without recursion: depth is the sender's choice.
fn walk(
    start: usize,
    spans: &[Arc<Span>],
    children: &HashMap<SpanId, Vec<usize>>,
    seen: &mut [bool],
    placed: &mut Vec<Placed>,
) {
    let mut open = vec![(start, 0)];
    while let Some((index, depth)) = open.pop() {
        if std::mem::replace(&mut seen[index], true) {
            continue;
        }
        let span = &spans[index];
        let missing_parent = depth == 0 && span.parent().is_some();
        placed.push(Placed { span: span.clone(), depth, descendants: 0, missing_parent });
        let below = children.get(&span.id()).into_iter().flatten();
        open.extend(below.rev().map(|child| (*child, depth + 1)));
    }
}

fn count_descendants(placed: &mut [Placed]) {
    let mut open: Vec<usize> = Vec::new();
    for index in 0..=placed.len() {
        let depth = placed.get(index).map_or(0, |it| it.depth);
        while let Some(last) = open.pop_if(|last| placed[*last].depth >= depth) {
            placed[last].descendants = index - last - 1;
        }
        open.push(index);
    }
}
