//! One trace: its spans, whatever their order of arrival, and its log records.

use std::collections::HashMap;
use std::mem::size_of;
use std::sync::Arc;
use std::time::Instant;

use super::span::{Log, Span};
use crate::ids::{SpanId, TraceId};

/// A trace in the store.
#[derive(Debug)]
pub(crate) struct Trace {
    pub(crate) spans: HashMap<SpanId, Arc<Span>>,
    pub(crate) logs: Vec<Arc<Log>>,
    /// The span that stands for the trace: without a parent if there is one, the earliest otherwise.
    pub(crate) root: Option<Arc<Span>>,
    pub(crate) services: Vec<Arc<str>>,
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) errors: usize,
    pub(crate) duplicates: u64,
    pub(crate) spans_left_out: u64,
    pub(crate) logs_left_out: u64,
    /// When the last span came.
    pub(crate) changed: Instant,
    /// The memory that it takes.
    pub(crate) bytes: usize,
}

/// The trace itself, its slots in the table and in the queue, and the table of spans.
pub(crate) const OVERHEAD: usize =
    size_of::<Trace>() + 2 * (size_of::<(TraceId, Trace)>() + 1) + size_of::<TraceId>() + 64;

/// What became of a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Added {
    Kept,
    Duplicate,
    LeftOut,
}

impl Trace {
    pub(crate) fn new() -> Self {
        Self {
            spans: HashMap::new(),
            logs: Vec::new(),
            root: None,
            services: Vec::new(),
            start: u64::MAX,
            end: 0,
            errors: 0,
            duplicates: 0,
            spans_left_out: 0,
            logs_left_out: 0,
            changed: Instant::now(),
            bytes: OVERHEAD,
        }
    }

    /// Adds a span, unless it is there already or the trace is full.
    pub(crate) fn add_span(&mut self, span: Span, now: Instant, most: usize, most_bytes: usize) -> Added {
        self.changed = now;
        if self.spans.contains_key(&span.id()) {
            self.duplicates += 1;
            return Added::Duplicate;
        }
        let bytes = span.bytes();
        if self.spans.len() >= most || self.bytes + bytes > most_bytes {
            self.spans_left_out += 1;
            return Added::LeftOut;
        }
        self.bytes += bytes;
        self.start = self.start.min(span.start());
        self.end = self.end.max(span.end());
        self.errors += usize::from(span.failed());
        // Services are interned, so comparing pointers will do.
        if !self.services.iter().any(|known| Arc::ptr_eq(known, &span.origin.service)) {
            self.services.push(span.origin.service.clone());
            self.bytes += size_of::<Arc<str>>();
        }
        let span = Arc::new(span);
        let rank = |span: &Span| (span.parent().is_some(), span.start(), span.id());
        if self.root.as_ref().is_none_or(|root| rank(&span) < rank(root)) {
            self.root = Some(span.clone());
        }
        self.spans.insert(span.id(), span);
        Added::Kept
    }

    /// Adds a log record, unless the trace is full.
    pub(crate) fn add_log(&mut self, log: Log, most: usize, most_bytes: usize) -> Added {
        let bytes = log.bytes();
        if self.logs.len() >= most || self.bytes + bytes > most_bytes {
            self.logs_left_out += 1;
            return Added::LeftOut;
        }
        self.bytes += bytes;
        self.logs.push(Arc::new(log));
        Added::Kept
    }

    /// Nanoseconds: the root's, since that is what the caller waited for; if the root is not there, from the first
    /// start to the last end.
    pub(crate) fn duration(&self) -> u64 {
        match &self.root {
            Some(root) if root.parent().is_none() => root.duration(),
            _ => self.end.saturating_sub(self.start),
        }
    }
}
