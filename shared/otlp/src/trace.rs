//! Spans.
#![expect(missing_docs, reason = "the fields are named and specified by opentelemetry-proto")]

use serde::{Deserialize, Serialize};

use crate::common::{InstrumentationScope, KeyValue, Resource};
use crate::json;

/// Spans as a file holds them: one of these a line, in JSON.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct TracesData {
    #[prost(message, repeated, tag = "1")]
    #[serde(skip_serializing_if = "json::is_default")]
    pub resource_spans: Vec<ResourceSpans>,
}

/// Spans of one resource.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ResourceSpans {
    #[prost(message, optional, tag = "1")]
    #[serde(skip_serializing_if = "json::is_default")]
    pub resource: Option<Resource>,
    #[prost(message, repeated, tag = "2")]
    #[serde(skip_serializing_if = "json::is_default")]
    pub scope_spans: Vec<ScopeSpans>,
    #[prost(string, tag = "3")]
    #[serde(skip_serializing_if = "json::is_default")]
    pub schema_url: String,
}

/// Spans of one scope.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ScopeSpans {
    #[prost(message, optional, tag = "1")]
    #[serde(skip_serializing_if = "json::is_default")]
    pub scope: Option<InstrumentationScope>,
    #[prost(message, repeated, tag = "2")]
    #[serde(skip_serializing_if = "json::is_default")]
    pub spans: Vec<Span>,
    #[prost(string, tag = "3")]
    #[serde(skip_serializing_if = "json::is_default")]
    pub schema_url: String,
}

/// One operation. Times are nanoseconds since the Unix epoch; `kind` is a [`kind`] constant.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Span {
    #[prost(bytes = "vec", tag = "1")]
    #[serde(skip_serializing_if = "json::is_default", with = "json::hexadecimal")]
    pub trace_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    #[serde(skip_serializing_if = "json::is_default", with = "json::hexadecimal")]
    pub span_id: Vec<u8>,
    #[prost(string, tag = "3")]
    #[serde(skip_serializing_if = "json::is_default")]
    pub trace_state: String,
    #[prost(bytes = "vec", tag = "4")]
    #[serde(skip_serializing_if = "json::is_default", with = "json::hexadecimal")]
    pub parent_span_id: Vec<u8>,
    #[prost(fixed32, tag = "16")]
    #[serde(skip_serializing_if = "json::is_default")]
    pub flags: u32,
    #[prost(string, tag = "5")]
    #[serde(skip_serializing_if = "json::is_default")]
    pub name: String,
    #[prost(int32, tag = "6")]
    #[serde(skip_serializing_if = "json::is_default")]
    pub kind: i32,
    #[prost(fixed64, tag = "7")]
    #[serde(skip_serializing_if = "json::is_default", with = "json::number")]
    pub start_time_unix_nano: u64,
    #[prost(fixed64, tag = "8")]
    #[serde(skip_serializing_if = "json::is_default", with = "json::number")]
    pub end_time_unix_nano: u64,
    #[prost(message, repeated, tag = "9")]
    #[serde(skip_serializing_if = "json::is_default")]
    pub attributes: Vec<KeyValue>,
    #[prost(uint32, tag = "10")]
    #[serde(skip_serializing_if = "json::is_default")]
    pub dropped_attributes_count: u32,
    #[prost(message, repeated, tag = "11")]
    #[serde(skip_serializing_if = "json::is_default")]
    pub events: Vec<Event>,
    #[prost(uint32, tag = "12")]
    #[serde(skip_serializing_if = "json::is_default")]
    pub dropped_events_count: u32,
    #[prost(message, repeated, tag = "13")]
    #[serde(skip_serializing_if = "json::is_default")]
    pub links: Vec<Link>,
    #[prost(uint32, tag = "14")]
    #[serde(skip_serializing_if = "json::is_default")]
    pub dropped_links_count: u32,
    #[prost(message, optional, tag = "15")]
    #[serde(skip_serializing_if = "json::is_default")]
    pub status: Option<Status>,
}

/// Something that happened at one moment of a span.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Event {
    #[prost(fixed64, tag = "1")]
    #[serde(skip_serializing_if = "json::is_default", with = "json::number")]
    pub time_unix_nano: u64,
    #[prost(string, tag = "2")]
    #[serde(skip_serializing_if = "json::is_default")]
    pub name: String,
    #[prost(message, repeated, tag = "3")]
    #[serde(skip_serializing_if = "json::is_default")]
    pub attributes: Vec<KeyValue>,
    #[prost(uint32, tag = "4")]
    #[serde(skip_serializing_if = "json::is_default")]
    pub dropped_attributes_count: u32,
}

/// A span that this one has to do with, of this or of another trace.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Link {
    #[prost(bytes = "vec", tag = "1")]
    #[serde(skip_serializing_if = "json::is_default", with = "json::hexadecimal")]
    pub trace_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    #[serde(skip_serializing_if = "json::is_default", with = "json::hexadecimal")]
    pub span_id: Vec<u8>,
    #[prost(string, tag = "3")]
    #[serde(skip_serializing_if = "json::is_default")]
    pub trace_state: String,
    #[prost(message, repeated, tag = "4")]
    #[serde(skip_serializing_if = "json::is_default")]
    pub attributes: Vec<KeyValue>,
    #[prost(uint32, tag = "5")]
    #[serde(skip_serializing_if = "json::is_default")]
    pub dropped_attributes_count: u32,
    #[prost(fixed32, tag = "6")]
    #[serde(skip_serializing_if = "json::is_default")]
    pub flags: u32,
}

/// How the operation ended; `code` is a [`status_code`] constant.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Status {
    #[prost(string, tag = "2")]
    #[serde(skip_serializing_if = "json::is_default")]
    pub message: String,
    #[prost(int32, tag = "3")]
    #[serde(skip_serializing_if = "json::is_default")]
    pub code: i32,
}

/// The values of [`Span::kind`].
pub mod kind {
    pub const UNSPECIFIED: i32 = 0;
    pub const INTERNAL: i32 = 1;
    pub const SERVER: i32 = 2;
    pub const CLIENT: i32 = 3;
    pub const PRODUCER: i32 = 4;
    pub const CONSUMER: i32 = 5;
}

/// The values of [`Status::code`].
pub mod status_code {
    pub const UNSET: i32 = 0;
    pub const OK: i32 = 1;
    pub const ERROR: i32 = 2;
}
