//! Spans as OTLP, by the semantic conventions 1.42 that the services' own telemetry follows too.
//!
//! Layout: here what all spans have; `batch` is what is sent; `http`, `grpc` and `sql` say the rest of each kind.

mod batch;
mod grpc;
mod http;
mod sql;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;

pub use batch::{Batch, ResourceBatch, ScopeBatch};
use bookstore_otlp::common::{AnyValue, ArrayValue, InstrumentationScope, KeyValue, Resource, Value};
use bookstore_otlp::trace::{Span as Message, Status, kind};
use prost::Message as _;

use crate::assemble::{Span, by_service};
use crate::redaction;
use crate::routes::Routes;
use crate::trace::{Edge, LocalSpan, Service, Side};
use crate::wire::{Direction, Headers, HttpRequest, Request};

/// The version of the conventions.
pub const SCHEMA_URL: &str = "https://opentelemetry.io/schemas/1.42.0";

/// Headers that are kept as attributes; others of the allow-list have attributes of their own, or none.
const RECORDED: [&str; 2] = ["x-hop", "x-request-id"];

/// The most services whose routes are remembered. Those of more have no routes.
const MOST_SERVICES: usize = 256;

/// Makes messages of spans.
#[derive(Debug, Default)]
pub struct Encoder {
    /// By `service.name`: the routes that it serves, and the paths that it asks others for.
    routes: HashMap<String, (Routes, Routes)>,
}

impl Encoder {
    /// One batch of all spans. `epoch` is the time of day at which `CLOCK_MONOTONIC` was 0.
    pub fn batch(&mut self, spans: Vec<Span>, epoch: u64) -> Batch {
        let services = by_service(spans).into_iter();
        Batch { resource_spans: services.map(|(service, spans)| self.service(&service, spans, epoch)).collect() }
    }

    fn service(&mut self, service: &Arc<Service>, spans: Vec<Span>, epoch: u64) -> ResourceBatch {
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
        let mut none = <(Routes, Routes)>::default();
        let is_room = self.routes.len() < MOST_SERVICES || self.routes.contains_key(&service.name);
        let routes = if is_room { self.routes.entry(service.name.clone()).or_default() } else { &mut none };
        let spans = spans.into_iter().map(|span| message(span, epoch, routes).encode_to_vec().into()).collect();
        ResourceBatch {
            resource: Some(Resource { attributes, ..Resource::default() }),
            scope_spans: vec![ScopeBatch { scope: Some(scope), spans, schema_url: SCHEMA_URL.to_owned() }],
            schema_url: SCHEMA_URL.to_owned(),
        }
    }
}

fn message(span: Span, epoch: u64, routes: &mut (Routes, Routes)) -> Message {
    let Span { trace_id, span_id, parent_id, local } = span;
    let routes = if local.side == Side::Server { &mut routes.0 } else { &mut routes.1 };
    let Described { name, mut attributes, error } = match &local.request {
        Request::Http(request) if request.is_grpc() => grpc::describe(&local, request),
        Request::Http(request) => http::describe(&local, request, routes),
        Request::Sql(request) => sql::describe(&local, request),
    };
    let LocalSpan { edge, side, reason, .. } = &local;
    let (own, peer) = match side {
        Side::Server => (edge.server, edge.client),
        Side::Client => (edge.client, edge.server),
    };
    attributes.push(KeyValue::new("network.peer.address", peer.ip().to_string()));
    attributes.push(KeyValue::new("network.peer.port", i64::from(peer.port())));
    attributes.push(KeyValue::new("network.local.port", i64::from(own.port())));
    if let Some(reason) = reason {
        attributes.push(KeyValue::new("bookstore.link.reason", reason.as_str()));
    }
    if How::of(&local) == How::Cancelled {
        attributes.push(KeyValue::new("bookstore.cancelled", true));
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

/// What is of a kind of spans.
struct Described {
    name: String,
    attributes: Vec<KeyValue>,
    /// `error.type`.
    error: Option<String>,
}

/// How an exchange came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    Whole,
    /// The client broke it off, or the connection was closed before.
    Cancelled,
    /// The server broke it off, with this code of HTTP/2.
    Broken(u32),
}

impl How {
    fn of(span: &LocalSpan) -> Self {
        match span.outcome.as_ref().map(|end| end.reset) {
            Some(None) => Self::Whole,
            Some(Some((code, Direction::ToClient))) => Self::Broken(code),
            Some(Some((_, Direction::ToServer))) | None => Self::Cancelled,
        }
    }
}

/// `server.address` and `server.port`: whom the client asked for, as far as it said; else where its bytes went.
fn server(request: &HttpRequest, edge: &Edge, attributes: &mut Vec<KeyValue>) {
    let (name, port) = request.host().unzip();
    let address = name.map_or_else(|| edge.server.ip().to_string(), str::to_owned);
    attributes.push(KeyValue::new("server.address", address));
    attributes.push(KeyValue::new("server.port", i64::from(port.flatten().unwrap_or(edge.server.port()))));
}

fn recorded(headers: &Headers, prefix: &str, attributes: &mut Vec<KeyValue>) {
    for (name, value) in headers.iter().filter(|(name, _)| RECORDED.contains(name) || redaction::is_off()) {
        let values = vec![AnyValue::from(value.as_str())];
        let list = AnyValue { value: Some(Value::ArrayValue(ArrayValue { values })) };
        attributes.push(KeyValue::new(format!("{prefix}{name}"), list));
    }
}
