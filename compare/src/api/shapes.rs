//! What an answer looks like. Times are strings: JavaScript's numbers do not hold nanoseconds since 1970.

use std::collections::HashMap;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bookstore_otlp::common::{AnyValue, KeyValue, Value as Any};
use bookstore_otlp::trace::status_code;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use crate::ids::{SpanId, TraceId};
use crate::otlp::gate::RefusedCounts;
use crate::store::{self, Holdings, Kind, Log, Origin, Page, Series, Shape, Side, Span, Summary, Totals, TraceView};

/// Nanoseconds since the Unix epoch, as a string.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Nanos(u64);

impl Serialize for Nanos {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// `GET /api/v1/traces`.
#[derive(Serialize)]
pub(crate) struct List {
    traces: Vec<Head>,
    /// `before` of the next page; null at the end.
    next_before: Option<String>,
}

/// What list and trace both say.
#[derive(Serialize)]
struct Head {
    trace_id: TraceId,
    root: Root,
    start_unix_nano: Nanos,
    duration_ns: u64,
    services: Vec<Arc<str>>,
    span_count: usize,
    error_count: usize,
}

/// The span that stands for the trace.
#[derive(Serialize)]
struct Root {
    span_id: SpanId,
    name: Arc<str>,
    service: Arc<str>,
    /// False while the request's first span is not here: then it is the earliest of those that are.
    complete: bool,
}

impl Head {
    fn of(summary: &Summary) -> Self {
        let root = Root {
            span_id: summary.root.id(),
            name: summary.root.name.clone(),
            service: summary.root.origin.service.clone(),
            complete: summary.has_root(),
        };
        Self {
            trace_id: summary.trace_id,
            root,
            start_unix_nano: Nanos(summary.start),
            duration_ns: summary.duration,
            services: summary.services.clone(),
            span_count: summary.span_count,
            error_count: summary.error_count,
        }
    }
}

impl List {
    pub(crate) fn of(page: &Page) -> Self {
        Self { traces: page.traces.iter().map(Head::of).collect(), next_before: page.next.map(|next| next.to_string()) }
    }
}

/// `GET /api/v1/traces/{id}`.
#[derive(Serialize)]
pub(crate) struct Trace {
    #[serde(flatten)]
    head: Head,
    missing_parents: usize,
    duplicate_spans: u64,
    spans_left_out: u64,
    logs_left_out: u64,
    resources: Vec<Resource>,
    spans: Vec<SpanShape>,
    /// Those of no span that is here.
    logs: Vec<LogShape>,
}

#[derive(Serialize)]
struct Resource {
    service: Arc<str>,
    side: Side,
    attributes: Map<String, Value>,
}

#[derive(Serialize)]
struct SpanShape {
    span_id: SpanId,
    parent_span_id: Option<SpanId>,
    missing_parent: bool,
    depth: usize,
    name: Arc<str>,
    kind: Kind,
    service: Arc<str>,
    side: Side,
    scope: Arc<str>,
    /// An index into `resources`.
    resource: usize,
    start_unix_nano: Nanos,
    end_unix_nano: Nanos,
    duration_ns: u64,
    status: Status,
    trace_state: String,
    attributes: Map<String, Value>,
    events: Vec<Event>,
    links: Vec<Link>,
    logs: Vec<LogShape>,
}

#[derive(Serialize)]
struct Status {
    code: &'static str,
    message: String,
}

#[derive(Serialize)]
struct Event {
    time_unix_nano: Nanos,
    name: String,
    attributes: Map<String, Value>,
}

#[derive(Serialize)]
struct Link {
    trace_id: String,
    span_id: String,
    attributes: Map<String, Value>,
}

impl Trace {
    pub(crate) fn of(view: &TraceView) -> Self {
        let mut origins: HashMap<*const Origin, usize> = HashMap::new();
        let mut resources = Vec::new();
        let mut logs: HashMap<Option<SpanId>, Vec<LogShape>> = HashMap::new();
        for log in &view.logs {
            logs.entry(log.span).or_default().push(log.as_ref().into());
        }
        let spans = view.spans.iter().map(|placed| {
            let origin = &placed.span.origin;
            let resource = *origins.entry(Arc::as_ptr(origin)).or_insert_with(|| {
                resources.push(Resource {
                    service: origin.service.clone(),
                    side: origin.side,
                    attributes: attributes(&origin.attributes()),
                });
                resources.len() - 1
            });
            let logs = logs.remove(&Some(placed.span.id())).unwrap_or_default();
            SpanShape::of(placed, resource, logs)
        });
        let spans = spans.collect();
        let mut logs: Vec<_> = logs.into_values().flatten().collect();
        logs.sort_by_key(|log| log.time_unix_nano.0);
        Self {
            head: Head::of(&view.summary),
            missing_parents: view.missing_parents(),
            duplicate_spans: view.duplicates,
            spans_left_out: view.spans_left_out,
            logs_left_out: view.logs_left_out,
            resources,
            spans,
            logs,
        }
    }
}

impl SpanShape {
    fn of(placed: &store::Placed, resource: usize, logs: Vec<LogShape>) -> Self {
        let span: &Span = &placed.span;
        let details = span.details();
        let status = details.status.unwrap_or_default();
        Self {
            span_id: span.id(),
            parent_span_id: span.parent(),
            missing_parent: placed.missing_parent,
            depth: placed.depth,
            name: span.name.clone(),
            kind: span.kind(),
            service: span.origin.service.clone(),
            side: span.origin.side,
            scope: span.scope.clone(),
            resource,
            start_unix_nano: Nanos(span.start()),
            end_unix_nano: Nanos(span.end()),
            duration_ns: span.duration(),
            status: Status { code: status_name(status.code), message: status.message },
            trace_state: details.trace_state,
            attributes: attributes(&details.attributes),
            events: details
                .events
                .into_iter()
                .map(|event| Event {
                    time_unix_nano: Nanos(event.time_unix_nano),
                    name: event.name,
                    attributes: attributes(&event.attributes),
                })
                .collect(),
            links: details
                .links
                .into_iter()
                .map(|link| Link {
                    trace_id: hex::encode(link.trace_id),
                    span_id: hex::encode(link.span_id),
                    attributes: attributes(&link.attributes),
                })
                .collect(),
            logs,
        }
    }
}

fn status_name(code: i32) -> &'static str {
    match code {
        status_code::OK => "ok",
        status_code::ERROR => "error",
        _ => "unset",
    }
}

/// A log record.
#[derive(Serialize)]
pub(crate) struct LogShape {
    time_unix_nano: Nanos,
    severity: String,
    severity_number: u8,
    body: Value,
    event_name: String,
    service: Arc<str>,
    side: Side,
    scope: Arc<str>,
    trace_id: Option<TraceId>,
    span_id: Option<SpanId>,
    attributes: Map<String, Value>,
}

impl From<&Log> for LogShape {
    fn from(log: &Log) -> Self {
        let details = log.details();
        Self {
            time_unix_nano: Nanos(log.time),
            severity: details.severity_text,
            severity_number: log.severity,
            body: details.body.as_ref().map_or(Value::Null, value),
            event_name: details.event_name,
            service: log.origin.service.clone(),
            side: log.origin.side,
            scope: log.scope.clone(),
            trace_id: log.trace,
            span_id: log.span,
            attributes: attributes(&details.attributes),
        }
    }
}

/// `GET /api/v1/logs`.
#[derive(Serialize)]
pub(crate) struct Logs {
    pub(crate) logs: Vec<LogShape>,
}

/// `GET /api/v1/metrics`.
#[derive(Serialize)]
pub(crate) struct Metrics {
    pub(crate) series: Vec<SeriesShape>,
}

/// The last point of a series.
#[derive(Serialize)]
pub(crate) struct SeriesShape {
    service: Arc<str>,
    side: Side,
    name: Arc<str>,
    unit: Arc<str>,
    shape: Shape,
    attributes: Map<String, Value>,
    time_unix_nano: Nanos,
    value: store::Value,
}

impl From<&Series> for SeriesShape {
    fn from(series: &Series) -> Self {
        Self {
            service: series.origin.service.clone(),
            side: series.origin.side,
            name: series.name.clone(),
            unit: series.unit.clone(),
            shape: series.shape,
            attributes: attributes(&series.attributes()),
            time_unix_nano: Nanos(series.time),
            value: series.value,
        }
    }
}

/// `GET /api/v1/stats`.
#[derive(Serialize)]
pub(crate) struct Stats {
    #[serde(flatten)]
    pub(crate) totals: Totals,
    pub(crate) held: Holdings,
    pub(crate) requests_refused: RefusedCounts,
    pub(crate) services: Vec<store::Service>,
}

/// Attributes as an object. Of two with the same key, which the sender should not send, the last is shown.
pub(crate) fn attributes(list: &[KeyValue]) -> Map<String, Value> {
    let value_of = |it: &KeyValue| it.value.as_ref().map_or(Value::Null, value);
    list.iter().map(|it| (it.key.clone(), value_of(it))).collect()
}

/// A value as JSON: bytes in base64; integers that JavaScript's numbers do not hold, NaN and infinities as strings.
pub(crate) fn value(any: &AnyValue) -> Value {
    const SAFE: u64 = 1 << 53;
    match &any.value {
        None => Value::Null,
        Some(Any::StringValue(it)) => Value::String(it.clone()),
        Some(Any::BoolValue(it)) => Value::Bool(*it),
        Some(Any::IntValue(it)) if it.unsigned_abs() > SAFE => Value::String(it.to_string()),
        Some(Any::IntValue(it)) => (*it).into(),
        Some(Any::DoubleValue(it)) if it.is_finite() => (*it).into(),
        Some(Any::DoubleValue(it)) => Value::String(it.to_string()),
        Some(Any::ArrayValue(it)) => Value::Array(it.values.iter().map(value).collect()),
        Some(Any::KvlistValue(it)) => Value::Object(attributes(&it.values)),
        Some(Any::BytesValue(it)) => Value::String(STANDARD.encode(it)),
    }
}
