//! Spans as OTLP, by the semantic conventions 1.42 that the services' own telemetry follows too.
//!
//! Layout: here what all spans have; `http`, `grpc` and `sql` say the rest of each kind; `attributes` is how it is written; `batch` is
//! what is sent.

mod attributes;
mod batch;
mod grpc;
mod http;
mod sql;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use attributes::Attributes;
pub use batch::{Batch, ResourceBatch, ScopeBatch};
use bookstore_otlp::common::{InstrumentationScope, KeyValue, Resource};
use bookstore_otlp::trace::{Status, kind, status_code};
use prost::bytes::{Bytes, BytesMut};
use prost::encoding;

use crate::assemble::Span;
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

/// About as many bytes a span has.
const BYTES_OF_A_SPAN: usize = 768;

/// Makes messages of spans.
#[derive(Debug, Default)]
pub struct Encoder {
    /// By `service.name`: the routes that it serves, and the paths that it asks others for.
    routes: HashMap<String, (Routes, Routes)>,
    attributes: Attributes,
    /// Where spans are written: once those of before are sent, it is used again.
    messages: BytesMut,
}

impl Encoder {
    /// One batch of all spans. `epoch` is the time of day at which `CLOCK_MONOTONIC` was 0.
    pub fn batch(&mut self, spans: &[Span], epoch: u64) -> Batch {
        // They are few, and most often one and the same is compared with itself.
        let mut services: Vec<(&Arc<Service>, Vec<&Span>)> = Vec::new();
        for span in spans {
            let service = &span.local.service;
            match services.iter_mut().find(|(known, _)| *known == service) {
                Some((_, spans)) => spans.push(span),
                None => services.push((service, vec![span])),
            }
        }
        let services = services.into_iter();
        Batch { resource_spans: services.map(|(service, spans)| self.service(service, &spans, epoch)).collect() }
    }

    fn service(&mut self, service: &Service, spans: &[&Span], epoch: u64) -> ResourceBatch {
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
        let spans = write(spans, epoch, routes, &mut self.attributes, &mut self.messages);
        ResourceBatch {
            resource: Some(Resource { attributes, ..Resource::default() }),
            scope_spans: vec![ScopeBatch { scope: Some(scope), spans, schema_url: SCHEMA_URL.to_owned() }],
            schema_url: SCHEMA_URL.to_owned(),
        }
    }
}

/// A `Span` each. They share memory with those that are sent at about the same time, so none keeps it for long.
fn write(
    spans: &[&Span],
    epoch: u64,
    routes: &mut (Routes, Routes),
    attributes: &mut Attributes,
    messages: &mut BytesMut,
) -> Vec<Bytes> {
    messages.reserve(spans.len() * BYTES_OF_A_SPAN);
    let write = |span: &&Span| {
        attributes.clear();
        write_one(span, epoch, routes, attributes, messages);
        messages.split().freeze()
    };
    spans.iter().map(write).collect()
}

/// A `Span` (opentelemetry-proto, `trace.proto`): its fields in the order of their numbers, and none that says nothing, as all
/// writers of protobuf have it.
fn write_one(span: &Span, epoch: u64, routes: &mut (Routes, Routes), attributes: &mut Attributes, into: &mut BytesMut) {
    let Span { trace_id, span_id, parent_id, local } = span;
    let routes = if local.side == Side::Server { &mut routes.0 } else { &mut routes.1 };
    let Described { name, error } = match &local.request {
        Request::Http(request) if request.is_grpc() => grpc::describe(local, request, attributes),
        Request::Http(request) => http::describe(local, request, routes, attributes),
        Request::Sql(request) => sql::describe(local, request, attributes),
    };
    of_all(local, error.as_deref(), attributes);

    attributes::bytes(1, &trace_id.to_be_bytes(), into);
    attributes::bytes(2, &span_id.to_be_bytes(), into);
    if *parent_id != 0 {
        attributes::bytes(4, &parent_id.to_be_bytes(), into);
    }
    if !name.is_empty() {
        attributes::bytes(5, name.as_bytes(), into);
    }
    let kind = match local.side {
        Side::Server => kind::SERVER,
        Side::Client => kind::CLIENT,
    };
    encoding::int32::encode(6, &kind, into);
    for (field, time) in [(7, local.start.saturating_add(epoch)), (8, local.end.saturating_add(epoch))] {
        if time != 0 {
            encoding::fixed64::encode(field, &time, into);
        }
    }
    into.extend_from_slice(attributes.as_bytes());
    if error.is_some() {
        let status = Status { code: status_code::ERROR, ..Status::default() };
        encoding::message::encode(15, &status, into);
    }
}

/// The attributes that spans of all kinds have, after those of their own.
fn of_all(span: &LocalSpan, error: Option<&str>, attributes: &mut Attributes) {
    let LocalSpan { edge, side, reason, .. } = span;
    let (own, peer) = match side {
        Side::Server => (edge.server, edge.client),
        Side::Client => (edge.client, edge.server),
    };
    attributes.address("network.peer.address", peer.ip());
    attributes.int("network.peer.port", peer.port());
    attributes.int("network.local.port", own.port());
    if let Some(reason) = reason {
        attributes.str("bookstore.link.reason", reason.as_str());
    }
    if How::of(span) == How::Cancelled {
        attributes.bool("bookstore.cancelled", true);
    }
    if let Some(error) = error {
        attributes.str("error.type", error);
    }
}

/// What is of a kind of spans, beside attributes.
struct Described<'a> {
    name: Cow<'a, str>,
    /// `error.type`.
    error: Option<Cow<'a, str>>,
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
fn server(request: &HttpRequest, edge: &Edge, attributes: &mut Attributes) {
    let (name, port) = request.host().unzip();
    match name {
        Some(name) => attributes.str("server.address", name),
        None => attributes.address("server.address", edge.server.ip()),
    }
    attributes.int("server.port", port.flatten().unwrap_or(edge.server.port()));
}

fn recorded(headers: &Headers, prefix: &str, attributes: &mut Attributes) {
    for (name, value) in headers.iter().filter(|(name, _)| RECORDED.contains(name) || redaction::is_off()) {
        attributes.list([prefix, name], value);
    }
}
