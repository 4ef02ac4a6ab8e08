//! Spans as OTLP, by the semantic conventions 1.42 that the services' own telemetry follows too.

use bookstore_otlp::collector::ExportTraceServiceRequest;
use bookstore_otlp::common::{AnyValue, ArrayValue, InstrumentationScope, KeyValue, Resource, Value};
use bookstore_otlp::trace::{ResourceSpans, ScopeSpans, Span as Message, Status, kind};

use crate::assemble::{Span, by_service};
use crate::trace::{LocalSpan, Side};
use crate::wire::{Direction, Headers, HttpRequest, Request, Response, SqlRequest};

/// The version of the conventions.
pub const SCHEMA_URL: &str = "https://opentelemetry.io/schemas/1.42.0";

/// gRPC's status codes by number (`grpc/doc/statuscodes.md`).
const CODES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

/// gRPC's statuses that are a server's fault (semantic conventions, gRPC).
const SERVER_FAULTS: [&str; 6] =
    ["UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"];

/// Headers that are kept as attributes; others of the allow-list have attributes of their own, or none.
const RECORDED: [&str; 2] = ["x-hop", "x-request-id"];

/// One request of all spans. `epoch` is what `CLOCK_MONOTONIC` has to be added to for the time of day.
#[must_use]
pub fn request(spans: Vec<Span>, epoch: u64) -> ExportTraceServiceRequest {
    let resource_spans = by_service(spans).into_iter().map(|(service, spans)| {
        let attributes = vec![
            KeyValue::new("service.name", service.name.as_str()),
            KeyValue::new("process.pid", i64::from(service.pid)),
            KeyValue::new("process.executable.name", service.executable.as_str()),
            KeyValue::new("telemetry.sdk.language", "rust"),
            KeyValue::new("telemetry.distro.name", "bookstore-agent"),
        ];
        let scope = InstrumentationScope {
            name: "bookstore-agent".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            ..InstrumentationScope::default()
        };
        let spans = spans.into_iter().map(|span| message(span, epoch)).collect();
        ResourceSpans {
            resource: Some(Resource { attributes, ..Resource::default() }),
            scope_spans: vec![ScopeSpans { scope: Some(scope), spans, schema_url: SCHEMA_URL.to_owned() }],
            schema_url: SCHEMA_URL.to_owned(),
        }
    });
    ExportTraceServiceRequest { resource_spans: resource_spans.collect() }
}

fn message(span: Span, epoch: u64) -> Message {
    let Span { trace_id, span_id, parent_id, local } = span;
    let Described { name, mut attributes, error } = describe(&local);
    let LocalSpan { edge, side, reason, .. } = &local;
    let (own, peer) = match side {
        Side::Server => (edge.server, edge.client),
        Side::Client => (edge.client, edge.server),
    };
    attributes.push(KeyValue::new("server.address", edge.server.ip().to_string()));
    attributes.push(KeyValue::new("server.port", i64::from(edge.server.port())));
    attributes.push(KeyValue::new("network.peer.address", peer.ip().to_string()));
    attributes.push(KeyValue::new("network.peer.port", i64::from(peer.port())));
    attributes.push(KeyValue::new("network.local.port", i64::from(own.port())));
    if let Some(reason) = reason {
        attributes.push(KeyValue::new("bookstore.link.reason", reason.as_str()));
    }
    let status = error.map(|error| {
        attributes.push(KeyValue::new("error.type", error));
        Status { code: 2, ..Status::default() }
    });
    Message {
        trace_id: trace_id.to_be_bytes().to_vec(),
        span_id: span_id.to_be_bytes().to_vec(),
        parent_span_id: if parent_id == 0 { Vec::new() } else { parent_id.to_be_bytes().to_vec() },
        name,
        kind: match side {
            Side::Server => kind::SERVER,
            Side::Client => kind::CLIENT,
        },
        start_time_unix_nano: local.start.saturating_add(epoch),
        end_time_unix_nano: local.end.saturating_add(epoch),
        attributes,
        status,
        ..Message::default()
    }
}

struct Described {
    name: String,
    attributes: Vec<KeyValue>,
    /// `error.type`.
    error: Option<String>,
}

fn describe(span: &LocalSpan) -> Described {
    match &span.request {
        Request::Http(request) if request.is_grpc() => grpc(span, request),
        Request::Http(request) => http(span, request),
        Request::Sql(request) => sql(span, request),
    }
}

fn http(span: &LocalSpan, request: &HttpRequest) -> Described {
    let (path, _) = request.target.split_once('?').unwrap_or((&request.target, ""));
    let mut attributes = vec![
        KeyValue::new("http.request.method", request.method.as_str()),
        KeyValue::new("url.scheme", "http"),
        KeyValue::new("network.protocol.version", request.version),
    ];
    match span.side {
        Side::Server => {
            attributes.push(KeyValue::new("url.path", path));
            if let Some(agent) = request.header("user-agent") {
                attributes.push(KeyValue::new("user_agent.original", agent));
            }
        }
        Side::Client => attributes.push(KeyValue::new("url.full", format!("http://{}{path}", request.authority))),
    }
    recorded(&request.headers, "http.request.header.", &mut attributes);
    let least = if span.side == Side::Server { 500 } else { 400 };
    let error = match &span.response {
        Some(Response::Http { status, headers }) => {
            attributes.push(KeyValue::new("http.response.status_code", i64::from(*status)));
            recorded(headers, "http.response.header.", &mut attributes);
            (*status >= least).then(|| status.to_string())
        }
        _ => Some("cancelled".to_owned()),
    };
    Described { name: request.method.clone(), attributes, error }
}

fn grpc(span: &LocalSpan, request: &HttpRequest) -> Described {
    let method = request.target.strip_prefix('/').unwrap_or(&request.target);
    let mut attributes = vec![KeyValue::new("rpc.system.name", "grpc"), KeyValue::new("rpc.method", method)];
    recorded(&request.headers, "rpc.request.metadata.", &mut attributes);
    let outcome = span.outcome.as_ref();
    let code = match outcome.and_then(|end| end.grpc_status) {
        Some(code) => CODES.get(code as usize).copied().unwrap_or("UNKNOWN"),
        // Broken off by the client, or the connection went.
        None if outcome.and_then(|end| end.reset).is_none_or(|(_, by)| by == Direction::ToServer) => "CANCELLED",
        None => "UNAVAILABLE",
    };
    attributes.push(KeyValue::new("rpc.response.status_code", code));
    let fault = if span.side == Side::Server { SERVER_FAULTS.contains(&code) } else { code != "OK" };
    Described { name: method.to_owned(), attributes, error: fault.then(|| code.to_owned()) }
}

fn sql(span: &LocalSpan, request: &SqlRequest) -> Described {
    let mut attributes = vec![KeyValue::new("db.system.name", "postgresql")];
    let text = request.text.as_deref().map(str::trim);
    if let Some(text) = text {
        attributes.push(KeyValue::new("db.query.text", text));
    }
    let end = span.outcome.as_ref();
    if let Some(rows) = end.and_then(|end| end.rows).and_then(|rows| i64::try_from(rows).ok()) {
        attributes.push(KeyValue::new("db.response.returned_rows", rows));
    }
    let error = end.and_then(|end| end.sql_error.clone());
    if let Some(code) = &error {
        attributes.push(KeyValue::new("db.response.status_code", code.as_str()));
    }
    let operation = text.and_then(|text| text.split_whitespace().next()).map(str::to_ascii_uppercase);
    Described { name: operation.unwrap_or_else(|| "postgresql".to_owned()), attributes, error }
}

fn recorded(headers: &Headers, prefix: &str, attributes: &mut Vec<KeyValue>) {
    for (name, value) in headers.iter().filter(|(name, _)| RECORDED.contains(name)) {
        let values = vec![AnyValue::from(value.as_str())];
        let list = AnyValue { value: Some(Value::ArrayValue(ArrayValue { values })) };
        attributes.push(KeyValue::new(format!("{prefix}{name}"), list));
    }
}
