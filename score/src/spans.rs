//! What a tracer says: spans from OTLP, each made small as it arrives.

mod claims;
mod drops;

use std::collections::{BTreeMap, BTreeSet};
use std::io::BufRead;

use bookstore_otlp::collector::{ExportMetricsServiceRequest, ExportTraceServiceRequest};
use bookstore_otlp::metrics::ResourceMetrics;
use bookstore_otlp::trace::{self, ResourceSpans, kind};
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::lines::{self, ReadError};
use crate::names::{Names, Text};
use claims::Claims;
use drops::Drops;

/// Of how many spans the names of attributes are kept, to say what was found where nothing fits.
const LOOKED_AT: usize = 1_000;

/// The part of a span's kind that matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Server,
    Client,
    /// A statement: a client span about a database, or an internal one, as the conventions have it for a database that
    /// is in the same process.
    Database,
    Internal,
    /// A producer, a consumer, or of no kind.
    Other,
}

/// What is kept of a span.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    pub(crate) trace: u128,
    pub(crate) id: u64,
    /// 0 for a root.
    pub(crate) parent: u64,
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) service: Text,
    pub(crate) name: Text,
    /// The request and hop that it claims to be of, both or neither.
    pub(crate) request: Text,
    pub(crate) hop: Text,
    pub(crate) slot: Text,
    /// The text of its statement, without comments at the end.
    pub(crate) text: Text,
    /// A statement's connection, where it is told: the service and the port of its end.
    pub(crate) connection: Text,
    pub(crate) shape: Shape,
    /// A statement without a slot that is what connection pools do by themselves.
    pub(crate) pool: bool,
}

/// The spans of one run, and how many more their exporters lost.
#[derive(Debug, Default)]
pub struct Spans {
    pub(crate) names: Names,
    pub(crate) spans: Vec<Span>,
    pub(crate) attributes: BTreeSet<String>,
    pub(crate) malformed: u64,
    drops: Drops,
}

/// A line of a file: the message of any signal.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    resource_spans: Option<Vec<ResourceSpans>>,
    resource_metrics: Option<Vec<ResourceMetrics>>,
    resource_logs: Option<IgnoredAny>,
}

impl Spans {
    /// Adds a batch of spans.
    pub fn add(&mut self, request: &ExportTraceServiceRequest) {
        self.add_spans(&request.resource_spans);
    }

    /// Adds what exporters counted as lost; other metrics are passed over. The last point of each series counts.
    pub fn add_metrics(&mut self, request: &ExportMetricsServiceRequest) {
        for metrics in &request.resource_metrics {
            self.drops.add(metrics);
        }
    }

    /// Adds a file of OTLP/JSON, a message a line: spans, metrics, and log records, which are passed over. `name` is
    /// what errors call it.
    ///
    /// # Errors
    /// When it cannot be read, a line is no such message, or there is none.
    pub fn read_json_lines(&mut self, reader: impl BufRead, name: &str) -> Result<(), ReadError> {
        lines::each(reader, name, "OTLP/JSON: a message with resourceSpans a line", |line| {
            let line: Line = serde_json::from_slice(line)?;
            if line.resource_spans.is_none() && line.resource_metrics.is_none() && line.resource_logs.is_none() {
                let reason = "no OTLP message: it has neither resourceSpans, resourceMetrics nor resourceLogs";
                return Err(reason.to_owned().into());
            }
            self.add_spans(&line.resource_spans.unwrap_or_default());
            for metrics in line.resource_metrics.unwrap_or_default() {
                self.drops.add(&metrics);
            }
            Ok(())
        })
    }

    /// How many spans there are.
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// How many spans exporters lost, by `service.name`, for those that lost any.
    pub fn dropped(&self) -> BTreeMap<String, u64> {
        self.drops.by_service()
    }

    fn add_spans(&mut self, resources: &[ResourceSpans]) {
        for resource in resources {
            let service = resource.resource.as_ref().and_then(|it| it.attribute("service.name")).unwrap_or_default();
            let service = (service, self.names.add(service));
            for span in resource.scope_spans.iter().flat_map(|scope| &scope.spans) {
                self.add_span(service, span);
            }
        }
    }

    fn add_span(&mut self, (service, service_name): (&str, Text), span: &trace::Span) {
        let (Some(trace), Some(id), Some(parent)) =
            (trace_id(&span.trace_id), span_id(&span.span_id), parent_id(&span.parent_span_id))
        else {
            self.malformed += 1;
            return;
        };
        if self.spans.len() < LOOKED_AT {
            self.attributes.extend(span.attributes.iter().map(|attribute| attribute.key.clone()));
        }
        let claims = Claims::of(&span.attributes);
        let shape = match span.kind {
            kind::CLIENT | kind::INTERNAL if claims.database => Shape::Database,
            kind::CLIENT => Shape::Client,
            kind::SERVER => Shape::Server,
            kind::INTERNAL => Shape::Internal,
            _ => Shape::Other,
        };
        let slot = claims.text.and_then(claims::slot).unwrap_or_default();
        let pool = shape == Shape::Database
            && slot.is_empty()
            && claims::is_pool_work(claims.text.unwrap_or(span.name.as_str()));
        let (request, hop) = claims.call.unwrap_or_default();
        let connection = match claims.local_port {
            Some(port) if shape == Shape::Database => self.names.add(&format!("{service}:{port}")),
            _ => Text::NONE,
        };
        let span = Span {
            trace,
            id,
            parent,
            start: span.start_time_unix_nano,
            end: span.end_time_unix_nano.max(span.start_time_unix_nano),
            service: service_name,
            name: self.names.add(&span.name),
            request: self.names.add(request),
            hop: self.names.add(hop),
            slot: self.names.add(slot),
            text: self.names.add(claims.text.map_or("", claims::without_comments)),
            connection,
            shape,
            pool,
        };
        self.spans.push(span);
    }
}

fn trace_id(bytes: &[u8]) -> Option<u128> {
    Some(u128::from_be_bytes(bytes.try_into().ok()?)).filter(|id| *id != 0)
}

fn span_id(bytes: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(bytes.try_into().ok()?)).filter(|id| *id != 0)
}

/// None, which some write as zeros, is 0.
fn parent_id(bytes: &[u8]) -> Option<u64> {
    if bytes.is_empty() { Some(0) } else { Some(u64::from_be_bytes(bytes.try_into().ok()?)) }
}
