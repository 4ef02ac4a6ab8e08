//! OTLP messages, version 1 of the protocol: protobuf and JSON, to read and to write, and the gRPC services.
//!
//! The messages are structs written by hand after the field tables of `opentelemetry-proto` 1.9; each derives
//! [`prost::Message`] for the binary form and serde's traits for the JSON form, so nothing is generated from
//! `.proto` files and no OpenTelemetry package is needed. Fields that are not listed here (profiles' string
//! tables) are skipped on reading, as the protocol asks.
//!
//! The JSON form is proto3's with OTLP's exceptions: trace and span ids are hexadecimal, enums are numbers.
//! 64-bit integers are written as strings and read from strings or numbers.
//!
//! # Layout
//!
//! * [`common`]: values, attributes, scope, resource: what all signals share
//! * [`trace`], [`metrics`], [`logs`]: one signal each
//! * [`collector`]: the requests and responses of `Export`, and the gRPC services
//! * [`status`]: `google.rpc.Status`, the body of an error over HTTP
//! * [`layers`]: a batch read record by record, for who must not trust its sender
//! * [`codec`]: how the gRPC services read and write a message
//! * `json`: what serde must be told about proto3's JSON

pub mod codec;
pub mod collector;
pub mod common;
mod json;
pub mod layers;
pub mod logs;
pub mod metrics;
pub mod status;
pub mod trace;

/// Encodes and decodes the binary form; re-exported so that users agree on its version.
pub use prost::Message;
