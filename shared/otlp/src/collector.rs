//! The requests and responses of `Export`, and the gRPC services.
#![expect(missing_docs, reason = "the fields are named and specified by opentelemetry-proto")]

use serde::{Deserialize, Serialize};

use crate::json;
use crate::logs::ResourceLogs;
use crate::metrics::ResourceMetrics;
use crate::trace::ResourceSpans;

/// A batch of spans.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ExportTraceServiceRequest {
    #[prost(message, repeated, tag = "1")]
    #[serde(skip_serializing_if = "json::is_default")]
    pub resource_spans: Vec<ResourceSpans>,
}

/// The batch was taken, wholly unless `partial_success` says otherwise.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ExportTraceServiceResponse {
    #[prost(message, optional, tag = "1")]
    #[serde(skip_serializing_if = "json::is_default")]
    pub partial_success: Option<ExportTracePartialSuccess>,
}

/// How many spans were refused, and why. Not to be sent again.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ExportTracePartialSuccess {
    #[prost(int64, tag = "1")]
    #[serde(skip_serializing_if = "json::is_default", with = "json::number")]
    pub rejected_spans: i64,
    #[prost(string, tag = "2")]
    #[serde(skip_serializing_if = "json::is_default")]
    pub error_message: String,
}

/// A batch of data points.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ExportMetricsServiceRequest {
    #[prost(message, repeated, tag = "1")]
    #[serde(skip_serializing_if = "json::is_default")]
    pub resource_metrics: Vec<ResourceMetrics>,
}

/// The batch was taken, wholly unless `partial_success` says otherwise.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ExportMetricsServiceResponse {
    #[prost(message, optional, tag = "1")]
    #[serde(skip_serializing_if = "json::is_default")]
    pub partial_success: Option<ExportMetricsPartialSuccess>,
}

/// How many data points were refused, and why. Not to be sent again.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ExportMetricsPartialSuccess {
    #[prost(int64, tag = "1")]
    #[serde(skip_serializing_if = "json::is_default", with = "json::number")]
    pub rejected_data_points: i64,
    #[prost(string, tag = "2")]
    #[serde(skip_serializing_if = "json::is_default")]
    pub error_message: String,
}

/// A batch of log records.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ExportLogsServiceRequest {
    #[prost(message, repeated, tag = "1")]
    #[serde(skip_serializing_if = "json::is_default")]
    pub resource_logs: Vec<ResourceLogs>,
}

/// The batch was taken, wholly unless `partial_success` says otherwise.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ExportLogsServiceResponse {
    #[prost(message, optional, tag = "1")]
    #[serde(skip_serializing_if = "json::is_default")]
    pub partial_success: Option<ExportLogsPartialSuccess>,
}

/// How many log records were refused, and why. Not to be sent again.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ExportLogsPartialSuccess {
    #[prost(int64, tag = "1")]
    #[serde(skip_serializing_if = "json::is_default", with = "json::number")]
    pub rejected_log_records: i64,
    #[prost(string, tag = "2")]
    #[serde(skip_serializing_if = "json::is_default")]
    pub error_message: String,
}

macro_rules! service {
    ($($module:ident: $file:literal, $doc:literal;)*) => {$(
        #[doc = $doc]
        #[expect(
            unused_qualifications,
            clippy::allow_attributes,
            clippy::allow_attributes_without_reason,
            reason = "generated"
        )]
        pub mod $module {
            include!(concat!(env!("OUT_DIR"), "/opentelemetry.proto.collector.", $file, ".rs"));
        }
    )*};
}

service! {
    trace_service: "trace.v1.TraceService", "The gRPC service for spans.";
    metrics_service: "metrics.v1.MetricsService", "The gRPC service for metrics.";
    logs_service: "logs.v1.LogsService", "The gRPC service for log records.";
}

pub use logs_service::{
    logs_service_client::LogsServiceClient,
    logs_service_server::{LogsService, LogsServiceServer},
};
pub use metrics_service::{
    metrics_service_client::MetricsServiceClient,
    metrics_service_server::{MetricsService, MetricsServiceServer},
};
pub use trace_service::{
    trace_service_client::TraceServiceClient,
    trace_service_server::{TraceService, TraceServiceServer},
};
