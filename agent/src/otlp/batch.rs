//! A message of spans of which each is written already.
//!
//! A span has some twenty attributes, each with a text or two of its own. Kept until hundreds can be sent, they would be most of what
//! the agent keeps, and most of what it asks of the allocator; written, a span is one piece of bytes. In protobuf a message inside of
//! another and bytes are the same ("Length-Delimited Records"), so this is an `ExportTraceServiceRequest` to whoever reads it.

use bookstore_otlp::collector::ExportTraceServiceRequest;
use bookstore_otlp::common::{InstrumentationScope, Resource};
use prost::bytes::Bytes;
use prost::{DecodeError, Message};

/// An `ExportTraceServiceRequest`.
#[derive(Clone, PartialEq, Message)]
pub struct Batch {
    /// Spans by who made them.
    #[prost(message, repeated, tag = "1")]
    pub resource_spans: Vec<ResourceBatch>,
}

/// A `ResourceSpans`.
#[derive(Clone, PartialEq, Message)]
pub struct ResourceBatch {
    /// Who made them.
    #[prost(message, optional, tag = "1")]
    pub resource: Option<Resource>,
    /// The spans.
    #[prost(message, repeated, tag = "2")]
    pub scope_spans: Vec<ScopeBatch>,
    /// The version of the conventions.
    #[prost(string, tag = "3")]
    pub schema_url: String,
}

/// A `ScopeSpans`.
#[derive(Clone, PartialEq, Message)]
pub struct ScopeBatch {
    /// What saw them.
    #[prost(message, optional, tag = "1")]
    pub scope: Option<InstrumentationScope>,
    /// A `Span` each, written.
    #[prost(bytes = "bytes", repeated, tag = "2")]
    pub spans: Vec<Bytes>,
    /// The version of the conventions.
    #[prost(string, tag = "3")]
    pub schema_url: String,
}

impl Batch {
    /// How many spans there are.
    #[must_use]
    pub fn spans(&self) -> usize {
        self.resource_spans.iter().flat_map(|resource| &resource.scope_spans).map(|scope| scope.spans.len()).sum()
    }

    /// The same, to be looked into.
    ///
    /// # Errors
    /// When it holds other bytes than those of spans.
    pub fn read(&self) -> Result<ExportTraceServiceRequest, DecodeError> {
        ExportTraceServiceRequest::decode(&*self.encode_to_vec())
    }
}
