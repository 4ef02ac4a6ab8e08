//! A span and a log record as they are kept: small fields to sort and filter by, and the rest encoded.

use std::mem::{size_of, take};
use std::sync::Arc;

use bookstore_otlp::trace::{self, kind, status_code};
use bookstore_otlp::{Message, logs};

use super::origin::Origin;
use crate::ids::{SpanId, TraceId};

/// A span as it arrives, made ready outside of the store's lock.
#[derive(Debug)]
pub(crate) struct NewSpan {
    pub(crate) trace: TraceId,
    name: String,
    span: Fields,
}

#[derive(Debug)]
struct Fields {
    id: SpanId,
    parent: Option<SpanId>,
    start: u64,
    end: u64,
    kind: Kind,
    failed: bool,
    details: Box<[u8]>,
}

impl NewSpan {
    /// Takes a span apart; what is wrong with it if it cannot be kept.
    pub(crate) fn new(mut span: trace::Span) -> Result<Self, &'static str> {
        let trace = TraceId::from_bytes(&span.trace_id).ok_or("a trace id must be 16 bytes, not all zero")?;
        let id = SpanId::from_bytes(&span.span_id).ok_or("a span id must be 8 bytes, not all zero")?;
        if !matches!(span.parent_span_id.len(), 0 | 8) {
            return Err("a parent span id must be 8 bytes or none");
        }
        let parent = SpanId::from_bytes(&span.parent_span_id);
        let failed = span.status.as_ref().is_some_and(|status| status.code == status_code::ERROR);
        let (start, end) = (take(&mut span.start_time_unix_nano), take(&mut span.end_time_unix_nano));
        let (name, kind) = (take(&mut span.name), Kind::from(take(&mut span.kind)));
        for id in [&mut span.trace_id, &mut span.span_id, &mut span.parent_span_id] {
            id.clear();
        }
        let details = span.encode_to_vec().into_boxed_slice();
        Ok(Self { trace, name, span: Fields { id, parent, start, end, kind, failed, details } })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn into_span(self, name: Arc<str>, origin: Arc<Origin>, scope: Arc<str>) -> Span {
        Span { fields: self.span, name, origin, scope }
    }
}

/// A span in the store.
#[derive(Debug)]
pub struct Span {
    fields: Fields,
    /// Its name.
    pub name: Arc<str>,
    /// The resource.
    pub origin: Arc<Origin>,
    /// The name of the instrumentation scope.
    pub scope: Arc<str>,
}

impl Span {
    /// Its id.
    pub fn id(&self) -> SpanId {
        self.fields.id
    }

    /// The id of the span that caused it; none for a root.
    pub fn parent(&self) -> Option<SpanId> {
        self.fields.parent
    }

    /// Nanoseconds since the Unix epoch.
    pub fn start(&self) -> u64 {
        self.fields.start
    }

    /// Nanoseconds since the Unix epoch; never before the start.
    pub fn end(&self) -> u64 {
        self.fields.end.max(self.fields.start)
    }

    /// Nanoseconds.
    pub fn duration(&self) -> u64 {
        self.end() - self.start()
    }

    /// Its role in a call.
    pub fn kind(&self) -> Kind {
        self.fields.kind
    }

    /// Whether its status is an error.
    pub fn failed(&self) -> bool {
        self.fields.failed
    }

    /// Attributes, events, links, status and trace state; the other fields are empty.
    pub fn details(&self) -> trace::Span {
        trace::Span::decode(&*self.fields.details).unwrap_or_default()
    }

    /// The same, encoded.
    pub(crate) fn encoded(&self) -> &[u8] {
        &self.fields.details
    }

    /// The memory that it takes: itself, its slot in a table that is half full, and what the allocator adds.
    pub(crate) fn bytes(&self) -> usize {
        const OVERHEAD: usize = size_of::<Span>() + 16 + 2 * (size_of::<(SpanId, Arc<Span>)>() + 1) + 2 * 16;
        self.fields.details.len() + OVERHEAD
    }
}

/// A span's role in a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Not said.
    Unspecified,
    /// Work inside of a process.
    Internal,
    /// A request answered.
    Server,
    /// A request made.
    Client,
    /// A message sent.
    Producer,
    /// A message handled.
    Consumer,
}

impl From<i32> for Kind {
    fn from(value: i32) -> Self {
        match value {
            kind::INTERNAL => Self::Internal,
            kind::SERVER => Self::Server,
            kind::CLIENT => Self::Client,
            kind::PRODUCER => Self::Producer,
            kind::CONSUMER => Self::Consumer,
            _ => Self::Unspecified,
        }
    }
}

impl Kind {
    /// As it is written in JSON and on the page.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::Internal => "internal",
            Self::Server => "server",
            Self::Client => "client",
            Self::Producer => "producer",
            Self::Consumer => "consumer",
        }
    }
}

/// A log record as it arrives.
#[derive(Debug)]
pub(crate) struct NewLog {
    pub(crate) trace: Option<TraceId>,
    span: Option<SpanId>,
    time: u64,
    severity: u8,
    details: Box<[u8]>,
}

impl NewLog {
    /// Takes a record apart; what is wrong with it if it cannot be kept. `now` stands in for a time that lacks.
    pub(crate) fn new(mut log: logs::LogRecord, now: u64) -> Result<Self, &'static str> {
        if !matches!(log.trace_id.len(), 0 | 16) {
            return Err("a trace id must be 16 bytes or none");
        }
        if !matches!(log.span_id.len(), 0 | 8) {
            return Err("a span id must be 8 bytes or none");
        }
        let (trace, span) = (TraceId::from_bytes(&log.trace_id), SpanId::from_bytes(&log.span_id));
        let (time, observed) = (take(&mut log.time_unix_nano), take(&mut log.observed_time_unix_nano));
        let time = [time, observed].into_iter().find(|time| *time != 0).unwrap_or(now);
        let severity = u8::try_from(log.severity_number).unwrap_or(0);
        log.trace_id.clear();
        log.span_id.clear();
        Ok(Self { trace, span, time, severity, details: log.encode_to_vec().into_boxed_slice() })
    }

    pub(crate) fn into_log(self, origin: Arc<Origin>, scope: Arc<str>) -> Log {
        Log {
            trace: self.trace,
            span: self.span,
            time: self.time,
            severity: self.severity,
            origin,
            scope,
            details: self.details,
        }
    }
}

/// A log record in the store.
#[derive(Debug)]
pub struct Log {
    /// The trace that it belongs to.
    pub trace: Option<TraceId>,
    /// The span that it was written in.
    pub span: Option<SpanId>,
    /// When it was written (else observed, else received): nanoseconds since the Unix epoch.
    pub time: u64,
    /// 1 (trace) to 24 (fatal); 0 if not said.
    pub severity: u8,
    /// The resource.
    pub origin: Arc<Origin>,
    /// The name of the instrumentation scope.
    pub scope: Arc<str>,
    details: Box<[u8]>,
}

impl Log {
    /// Body, attributes, severity text and event name; ids and times are empty.
    pub fn details(&self) -> logs::LogRecord {
        logs::LogRecord::decode(&*self.details).unwrap_or_default()
    }

    /// The same, encoded.
    pub(crate) fn encoded(&self) -> &[u8] {
        &self.details
    }

    /// The memory that it takes.
    pub(crate) fn bytes(&self) -> usize {
        const OVERHEAD: usize = size_of::<Log>() + 16 + 2 * size_of::<Arc<Log>>() + 2 * 16;
        self.details.len() + OVERHEAD
    }
}
