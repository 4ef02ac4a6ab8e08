//! Log records.
#![expect(missing_docs, reason = "the fields are named and specified by opentelemetry-proto")]

use serde::{Deserialize, Serialize};

use crate::common::{AnyValue, InstrumentationScope, KeyValue, Resource};
use crate::json;

/// Records as a file holds them: one of these a line, in JSON.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct LogsData {
    #[prost(message, repeated, tag = "1")]
    #[serde(skip_serializing_if = "json::is_default")]
    pub resource_logs: Vec<ResourceLogs>,
}

/// Records of one resource.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ResourceLogs {
    #[prost(message, optional, tag = "1")]
    #[serde(skip_serializing_if = "json::is_default")]
    pub resource: Option<Resource>,
    #[prost(message, repeated, tag = "2")]
    #[serde(skip_serializing_if = "json::is_default")]
    pub scope_logs: Vec<ScopeLogs>,
    #[prost(string, tag = "3")]
    #[serde(skip_serializing_if = "json::is_default")]
    pub schema_url: String,
}

/// Records of one scope.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ScopeLogs {
    #[prost(message, optional, tag = "1")]
    #[serde(skip_serializing_if = "json::is_default")]
    pub scope: Option<InstrumentationScope>,
    #[prost(message, repeated, tag = "2")]
    #[serde(skip_serializing_if = "json::is_default")]
    pub log_records: Vec<LogRecord>,
    #[prost(string, tag = "3")]
    #[serde(skip_serializing_if = "json::is_default")]
    pub schema_url: String,
}

/// One record. Times are nanoseconds since the Unix epoch; severity is 1 (trace) to 24 (fatal).
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct LogRecord {
    #[prost(fixed64, tag = "1")]
    #[serde(skip_serializing_if = "json::is_default", with = "json::number")]
    pub time_unix_nano: u64,
    #[prost(fixed64, tag = "11")]
    #[serde(skip_serializing_if = "json::is_default", with = "json::number")]
    pub observed_time_unix_nano: u64,
    #[prost(int32, tag = "2")]
    #[serde(skip_serializing_if = "json::is_default")]
    pub severity_number: i32,
    #[prost(string, tag = "3")]
    #[serde(skip_serializing_if = "json::is_default")]
    pub severity_text: String,
    #[prost(message, optional, tag = "5")]
    #[serde(skip_serializing_if = "json::is_default")]
    pub body: Option<AnyValue>,
    #[prost(message, repeated, tag = "6")]
    #[serde(skip_serializing_if = "json::is_default")]
    pub attributes: Vec<KeyValue>,
    #[prost(uint32, tag = "7")]
    #[serde(skip_serializing_if = "json::is_default")]
    pub dropped_attributes_count: u32,
    #[prost(fixed32, tag = "8")]
    #[serde(skip_serializing_if = "json::is_default")]
    pub flags: u32,
    #[prost(bytes = "vec", tag = "9")]
    #[serde(skip_serializing_if = "json::is_default", with = "json::hexadecimal")]
    pub trace_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "10")]
    #[serde(skip_serializing_if = "json::is_default", with = "json::hexadecimal")]
    pub span_id: Vec<u8>,
    #[prost(string, tag = "12")]
    #[serde(skip_serializing_if = "json::is_default")]
    pub event_name: String,
}
