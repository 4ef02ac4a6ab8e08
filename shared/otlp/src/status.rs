//! `google.rpc.Status`: the body of an error over HTTP, and the details of one over gRPC.

use prost::Message;
use serde::{Deserialize, Serialize};

use crate::json;

/// What went wrong. In JSON without the details.
#[derive(Clone, PartialEq, Message, Serialize, Deserialize)]
#[serde(default)]
pub struct Status {
    /// A gRPC status code, such as 3 for an invalid argument.
    #[prost(int32, tag = "1")]
    #[serde(skip_serializing_if = "json::is_default")]
    pub code: i32,
    /// For a developer, in English.
    #[prost(string, tag = "2")]
    #[serde(skip_serializing_if = "json::is_default")]
    pub message: String,
    /// More, by type.
    #[prost(message, repeated, tag = "3")]
    #[serde(skip)]
    pub details: Vec<Any>,
}

impl Status {
    /// Adds that the same request may be sent again after `seconds`. OTLP retries `RESOURCE_EXHAUSTED` only with this.
    #[must_use]
    pub fn retry_after(mut self, seconds: i64) -> Self {
        let info = RetryInfo { retry_delay: Some(Duration { seconds, nanos: 0 }) };
        self.details
            .push(Any { type_url: "type.googleapis.com/google.rpc.RetryInfo".to_owned(), value: info.encode_to_vec() });
        self
    }
}

/// A message of any type, `google.protobuf.Any`.
#[derive(Clone, PartialEq, Eq, Hash, Message)]
pub struct Any {
    /// `type.googleapis.com/` and the full name of the message.
    #[prost(string, tag = "1")]
    pub type_url: String,
    /// The message, encoded.
    #[prost(bytes = "vec", tag = "2")]
    pub value: Vec<u8>,
}

/// `google.rpc.RetryInfo`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Message)]
pub struct RetryInfo {
    /// How long to wait at least.
    #[prost(message, optional, tag = "1")]
    pub retry_delay: Option<Duration>,
}

/// `google.protobuf.Duration`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Message)]
pub struct Duration {
    /// Whole seconds.
    #[prost(int64, tag = "1")]
    pub seconds: i64,
    /// The rest, in nanoseconds.
    #[prost(int32, tag = "2")]
    pub nanos: i32,
}
