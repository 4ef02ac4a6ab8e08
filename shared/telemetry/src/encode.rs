//! Spans as OTLP protobuf, written as they end.
//!
//! The SDK's exporter makes each span over into the messages of the protocol, with a `String` for each name and each
//! value, on another thread than the one that will have to free what the span held. Here a span becomes bytes where it
//! ends; what is sent later is those bytes behind a head that never changes. Field numbers are those of
//! `opentelemetry/proto/trace/v1/trace.proto` and `common/v1/common.proto`.

use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use opentelemetry::trace::{Event, Link, SpanContext, SpanId, SpanKind, Status};
use opentelemetry::{Array, InstrumentationScope, Key, KeyValue, Value};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SpanData;

/// Wire types of protobuf.
const VARINT: u8 = 0;
const FIXED64: u8 = 1;
const LENGTH: u8 = 2;
const FIXED32: u8 = 5;

/// Lengths and keys below this take one byte.
const ONE_BYTE: u8 = 0x80;

/// `SPAN_FLAGS_CONTEXT_HAS_IS_REMOTE_MASK` and `SPAN_FLAGS_CONTEXT_IS_REMOTE_MASK`.
const KNOWS_REMOTE: u32 = 0x100;
const IS_REMOTE: u32 = 0x200;

/// What stands before the spans of a request: who sends, and under which scope.
#[derive(Debug)]
pub(crate) struct Head {
    /// `ResourceSpans` without its `scope_spans`.
    resource: Vec<u8>,
    /// `ScopeSpans` without its `spans`.
    scope: Vec<u8>,
}

impl Head {
    /// The head of all requests of one tracer.
    pub(crate) fn new(resource: &Resource, scope: &InstrumentationScope) -> Self {
        let mut of_resource = Vec::new();
        message(&mut of_resource, 1, |out| {
            for (key, value) in resource.iter() {
                key_value(out, 1, key, value);
            }
        });
        text(&mut of_resource, 3, resource.schema_url().unwrap_or_default());
        let mut of_scope = Vec::new();
        message(&mut of_scope, 1, |out| {
            text(out, 1, scope.name());
            text(out, 2, scope.version().unwrap_or_default());
            key_values(out, 3, scope.attributes());
        });
        text(&mut of_scope, 3, scope.schema_url().unwrap_or_default());
        Self { resource: of_resource, scope: of_scope }
    }

    /// An `ExportTraceServiceRequest` of spans that [`span`] wrote.
    pub(crate) fn request(&self, spans: &[u8]) -> Bytes {
        let mut out = Vec::with_capacity(self.resource.len() + self.scope.len() + spans.len() + 32);
        message(&mut out, 1, |out| {
            out.extend_from_slice(&self.resource);
            message(out, 2, |out| {
                out.extend_from_slice(&self.scope);
                out.extend_from_slice(spans);
            });
        });
        out.into()
    }
}

/// Writes a span as one of `ScopeSpans.spans`.
pub(crate) fn span(out: &mut Vec<u8>, span: &SpanData) {
    message(out, 2, |out| {
        context(out, &span.span_context);
        if span.parent_span_id != SpanId::INVALID {
            bytes(out, 4, &span.parent_span_id.to_bytes());
        }
        text(out, 5, &span.name);
        number(
            out,
            6,
            match span.span_kind {
                SpanKind::Internal => 1,
                SpanKind::Server => 2,
                SpanKind::Client => 3,
                SpanKind::Producer => 4,
                SpanKind::Consumer => 5,
            },
        );
        time(out, 7, span.start_time);
        time(out, 8, span.end_time);
        key_values(out, 9, span.attributes.iter());
        number(out, 10, span.dropped_attributes_count.into());
        for event in &span.events.events {
            message(out, 11, |out| self::event(out, event));
        }
        number(out, 12, span.events.dropped_count.into());
        for link in &span.links.links {
            message(out, 13, |out| self::link(out, link));
        }
        number(out, 14, span.links.dropped_count.into());
        message(out, 15, |out| match &span.status {
            Status::Unset => {}
            Status::Ok => number(out, 3, 1),
            Status::Error { description } => {
                text(out, 2, description);
                number(out, 3, 2);
            }
        });
        flags(out, 16, &span.span_context, span.parent_span_is_remote);
    });
}

/// The ids and the trace state, which spans and links number alike.
fn context(out: &mut Vec<u8>, context: &SpanContext) {
    bytes(out, 1, &context.trace_id().to_bytes());
    bytes(out, 2, &context.span_id().to_bytes());
    // Mostly there is none, and asking for its text would make one.
    if *context.trace_state() != opentelemetry::trace::TraceState::NONE {
        text(out, 3, &context.trace_state().header());
    }
}

fn event(out: &mut Vec<u8>, event: &Event) {
    time(out, 1, event.timestamp);
    text(out, 2, &event.name);
    key_values(out, 3, event.attributes.iter());
    number(out, 4, event.dropped_attributes_count.into());
}

fn link(out: &mut Vec<u8>, link: &Link) {
    context(out, &link.span_context);
    key_values(out, 4, link.attributes.iter());
    number(out, 5, link.dropped_attributes_count.into());
    flags(out, 6, &link.span_context, link.span_context.is_remote());
}

fn key_values<'a>(out: &mut Vec<u8>, field: u8, attributes: impl Iterator<Item = &'a KeyValue>) {
    for KeyValue { key, value, .. } in attributes {
        key_value(out, field, key, value);
    }
}

fn key_value(out: &mut Vec<u8>, field: u8, name: &Key, value: &Value) {
    // Nearly all values are short texts: all lengths are known, and each is one byte.
    if let Value::String(value) = value
        && let (name, value) = (name.as_str().as_bytes(), value.as_str().as_bytes())
        && let Ok(value_length @ ..ONE_BYTE) = u8::try_from(value.len() + 2)
        && let Ok(length @ ..ONE_BYTE) = u8::try_from(name.len() + value.len() + 6)
        && !name.is_empty()
    {
        out.reserve(usize::from(length) + 3);
        key(out, field, LENGTH);
        out.extend_from_slice(&[length, 1 << 3 | LENGTH, length - value_length - 4]);
        out.extend_from_slice(name);
        out.extend_from_slice(&[2 << 3 | LENGTH, value_length, 1 << 3 | LENGTH, value_length - 2]);
        out.extend_from_slice(value);
        return;
    }
    message(out, field, |out| {
        text(out, 1, name.as_str());
        message(out, 2, |out| any_value(out, value));
    });
}

/// An `AnyValue`: a choice, so that also what is zero or empty is written.
fn any_value(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::String(value) => bytes(out, 1, value.as_str().as_bytes()),
        Value::Bool(value) => any_bool(out, *value),
        Value::I64(value) => any_i64(out, *value),
        Value::F64(value) => any_f64(out, *value),
        Value::Array(array) => message(out, 5, |out| match array {
            Array::Bool(values) => each(out, values, |out, value| any_bool(out, *value)),
            Array::I64(values) => each(out, values, |out, value| any_i64(out, *value)),
            Array::F64(values) => each(out, values, |out, value| any_f64(out, *value)),
            Array::String(values) => each(out, values, |out, value| bytes(out, 1, value.as_str().as_bytes())),
            // There is no other kind; an empty list stands for one to come.
            _ => {}
        }),
        // There is no other kind; its text stands for one to come.
        other => bytes(out, 1, other.as_str().as_bytes()),
    }
}

fn each<T>(out: &mut Vec<u8>, values: &[T], write: impl Fn(&mut Vec<u8>, &T)) {
    for value in values {
        message(out, 1, |out| write(out, value));
    }
}

fn any_bool(out: &mut Vec<u8>, value: bool) {
    key(out, 2, VARINT);
    out.push(u8::from(value));
}

fn any_i64(out: &mut Vec<u8>, value: i64) {
    key(out, 3, VARINT);
    // Two's complement, as protobuf has it.
    varint(out, u64::from_ne_bytes(value.to_ne_bytes()));
}

fn any_f64(out: &mut Vec<u8>, value: f64) {
    key(out, 4, FIXED64);
    out.extend_from_slice(&value.to_le_bytes());
}

fn flags(out: &mut Vec<u8>, field: u8, context: &SpanContext, remote: bool) {
    let remote = if remote { IS_REMOTE } else { 0 };
    key(out, field, FIXED32);
    out.extend_from_slice(&(u32::from(context.trace_flags().to_u8()) | KNOWS_REMOTE | remote).to_le_bytes());
}

/// Nanoseconds since 1970.
fn time(out: &mut Vec<u8>, field: u8, time: SystemTime) {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    key(out, field, FIXED64);
    out.extend_from_slice(&u64::try_from(since.as_nanos()).unwrap_or(u64::MAX).to_le_bytes());
}

/// A number; zero is what is not written.
fn number(out: &mut Vec<u8>, field: u8, value: u64) {
    if value != 0 {
        key(out, field, VARINT);
        varint(out, value);
    }
}

/// A text; the empty one is what is not written.
fn text(out: &mut Vec<u8>, field: u8, value: &str) {
    if !value.is_empty() {
        bytes(out, field, value.as_bytes());
    }
}

fn bytes(out: &mut Vec<u8>, field: u8, value: &[u8]) {
    key(out, field, LENGTH);
    varint(out, value.len() as u64);
    out.extend_from_slice(value);
}

/// A message within, with its length before it.
fn message(out: &mut Vec<u8>, field: u8, write: impl FnOnce(&mut Vec<u8>)) {
    key(out, field, LENGTH);
    let at = out.len();
    // Room for a length below 128, as most are; a longer one moves what was written.
    out.push(0);
    write(out);
    let end = out.len();
    let length = end - at - 1;
    if let (Ok(short @ ..ONE_BYTE), Some(room)) = (u8::try_from(length), out.get_mut(at)) {
        *room = short;
        return;
    }
    // The length goes to the end, and from there to where it belongs; what was written gives way.
    varint(out, length as u64);
    let digits = out.len() - end;
    let Some(rest) = out.get_mut(at + 1..) else { return };
    rest.rotate_right(digits);
    out.remove(at);
}

fn key(out: &mut Vec<u8>, field: u8, wire_type: u8) {
    match field << 3 | wire_type {
        // Fields up to 15.
        short if field < 16 => out.push(short),
        _ => varint(out, u64::from(field) << 3 | u64::from(wire_type)),
    }
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}

#[cfg(test)]
mod tests;
