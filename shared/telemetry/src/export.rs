//! The exporters: OTLP by opentelemetry-otlp, each in a wrapper that counts what arrived and what did not. Spans over
//! gRPC, which are most of it, go a way of their own (`encode`, `batches`, `wire`).
//!
//! The network side runs on a thread of its own with a runtime of its own ([`Background`]), on which no tracing
//! subscriber listens: nothing that hyper, h2 or tonic say there can become telemetry, so exporting cannot cause
//! exports, and a slow collector holds up no request.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use opentelemetry_otlp::{
    Compression, LogExporter, MetricExporter, Protocol as Format, RetryPolicy, SpanExporter, WithExportConfig,
    WithHttpConfig, WithTonicConfig,
};
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::logs::LogBatch;
use opentelemetry_sdk::metrics::Temporality as SdkTemporality;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::trace::SpanData;
use opentelemetry_sdk::{Resource, logs, trace};
use tonic::metadata::MetadataMap;
use tonic::transport::{Channel, Endpoint};

use crate::accounting::{Collector, Ledger};
use crate::background::Background;
use crate::config::{Otlp, Protocol, Temporality};
use crate::wire::Wire;
use crate::{InitError, config};

/// Retries within one export; the batch's own timeout bounds them.
fn retries() -> RetryPolicy {
    RetryPolicy::recommended()
}

/// An exporter of opentelemetry-otlp and what the wrapper does about it.
#[derive(Debug)]
pub(crate) struct Exporter<E> {
    inner: E,
    background: Background,
    delivery: Delivery,
}

/// What is known and noted of exports, whoever makes them.
#[derive(Debug)]
pub(crate) struct Delivery {
    /// Whether the collector answers, shared by the signals that go to it.
    collector: Arc<Collector>,
    /// What became of each item; metrics have none.
    ledger: Option<Arc<Ledger>>,
    /// Time that one export may take, its retries included.
    pub(crate) timeout: Duration,
    /// Set when the process is about to end.
    closing: Arc<AtomicBool>,
}

impl Delivery {
    /// Items left the queue.
    pub(crate) fn taken(&self, items: usize) {
        if let Some(ledger) = &self.ledger {
            ledger.taken(items);
        }
    }

    /// The end of the process does not wait for a collector that is not there.
    pub(crate) fn is_hopeless(&self) -> bool {
        self.closing.load(std::sync::atomic::Ordering::Relaxed) && self.collector.is_known_down()
    }

    /// The outcome of what [`is_hopeless`](Self::is_hopeless).
    pub(crate) fn hopeless() -> OTelSdkError {
        OTelSdkError::InternalFailure("the collector did not answer before".to_owned())
    }

    /// The collector took the rest of the export and refused these.
    pub(crate) fn refused(&self, items: usize) {
        if let Some(ledger) = &self.ledger {
            ledger.refused(items);
        }
    }

    /// An export came to its end.
    pub(crate) fn finished(&self, items: usize, result: &OTelSdkResult) {
        if let Some(ledger) = &self.ledger {
            ledger.finished(items, result);
        }
        self.collector.heard(result);
    }
}

/// What each exporter of a process shares.
#[derive(Clone, Debug)]
pub(crate) struct Shared {
    /// Where the network side runs.
    pub(crate) background: Background,
    /// Set when the process is about to end.
    pub(crate) closing: Arc<AtomicBool>,
}

impl Shared {
    /// What is to be noted of one signal's exports.
    pub(crate) fn delivery(
        &self,
        collector: Arc<Collector>,
        ledger: Option<Arc<Ledger>>,
        timeout: Duration,
    ) -> Delivery {
        Delivery { collector, ledger, timeout, closing: Arc::clone(&self.closing) }
    }
}

impl<E> Exporter<E> {
    fn new(inner: E, shared: &Shared, delivery: Delivery) -> Self {
        Self { inner, background: shared.background.clone(), delivery }
    }

    /// Runs one export and books its outcome. Called on the SDK's own threads, which may block.
    fn run(&self, items: usize, export: impl Future<Output = OTelSdkResult>) -> OTelSdkResult {
        let timeout = self.delivery.timeout;
        self.delivery.taken(items);
        let result = if self.delivery.is_hopeless() {
            Err(Delivery::hopeless())
        } else {
            self.background.run(timeout, export).unwrap_or(Err(OTelSdkError::Timeout(timeout)))
        };
        self.delivery.finished(items, &result);
        result
    }
}

impl trace::SpanExporter for Exporter<SpanExporter> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.run(batch.len(), self.inner.export(batch))
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}

impl logs::LogExporter for Exporter<LogExporter> {
    async fn export(&self, batch: LogBatch<'_>) -> OTelSdkResult {
        self.run(batch.iter().count(), self.inner.export(batch))
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}

impl PushMetricExporter for Exporter<MetricExporter> {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        self.run(0, self.inner.export(metrics))
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn temporality(&self) -> SdkTemporality {
        self.inner.temporality()
    }
}

/// The way of spans over gRPC.
pub(crate) fn wire(otlp: &Otlp, shared: &Shared) -> Result<Wire, InitError> {
    Ok(Wire::new(channel(otlp, &shared.background), metadata(otlp)?, otlp.gzip))
}

/// The exporter of spans over HTTP.
pub(crate) fn spans(otlp: &Otlp, shared: &Shared, delivery: Delivery) -> Result<Exporter<SpanExporter>, InitError> {
    let inner = over_http(SpanExporter::builder().with_http(), otlp)?.build();
    Ok(Exporter::new(inner.map_err(|error| refused("traces", &error))?, shared, delivery))
}

/// The exporter of log records.
pub(crate) fn log_records(
    otlp: &Otlp,
    shared: &Shared,
    delivery: Delivery,
) -> Result<Exporter<LogExporter>, InitError> {
    let builder = LogExporter::builder();
    let inner = match otlp.protocol {
        Protocol::Grpc => tonic(builder.with_tonic(), otlp, &shared.background)?.build(),
        Protocol::HttpProtobuf => over_http(builder.with_http(), otlp)?.build(),
    };
    let inner = inner.map_err(|error| refused("logs", &error))?;
    Ok(Exporter::new(inner, shared, delivery))
}

/// The exporter of metrics.
pub(crate) fn metrics(
    otlp: &Otlp,
    shared: &Shared,
    collector: Arc<Collector>,
    config: &config::Config,
) -> Result<Exporter<MetricExporter>, InitError> {
    let builder = MetricExporter::builder().with_temporality(match config.temporality {
        Temporality::Cumulative => SdkTemporality::Cumulative,
        Temporality::Delta => SdkTemporality::Delta,
        Temporality::LowMemory => SdkTemporality::LowMemory,
    });
    let inner = match otlp.protocol {
        Protocol::Grpc => tonic(builder.with_tonic(), otlp, &shared.background)?.build(),
        Protocol::HttpProtobuf => over_http(builder.with_http(), otlp)?.build(),
    };
    let inner = inner.map_err(|error| refused("metrics", &error))?;
    Ok(Exporter::new(inner, shared, shared.delivery(collector, None, config.metric_timeout)))
}

fn tonic<B: WithExportConfig + WithTonicConfig>(
    builder: B,
    otlp: &Otlp,
    background: &Background,
) -> Result<B, InitError> {
    let builder = builder
        .with_channel(channel(otlp, background))
        .with_metadata(metadata(otlp)?)
        .with_timeout(otlp.timeout)
        .with_retry_policy(retries());
    Ok(if otlp.gzip { builder.with_compression(Compression::Gzip) } else { builder })
}

/// A connection to the collector, made when it is first needed.
fn channel(otlp: &Otlp, background: &Background) -> Channel {
    // The channel's own tasks start here: on the background runtime, not on the service's.
    background.enter(|| {
        Endpoint::from(otlp.endpoint.clone()).timeout(otlp.timeout).connect_timeout(otlp.timeout).connect_lazy()
    })
}

fn metadata(otlp: &Otlp) -> Result<MetadataMap, InitError> {
    let headers: http::HeaderMap = (&otlp.headers.iter().cloned().collect::<std::collections::HashMap<_, _>>())
        .try_into()
        .map_err(|error: http::Error| refused("OTLP", &error))?;
    Ok(MetadataMap::from_headers(headers))
}

fn over_http<B: WithExportConfig + WithHttpConfig>(builder: B, otlp: &Otlp) -> Result<B, InitError> {
    let client =
        reqwest::Client::builder().timeout(otlp.timeout).no_proxy().build().map_err(|error| refused("OTLP", &error))?;
    let builder = builder
        .with_http_client(client)
        .with_protocol(Format::HttpBinary)
        .with_endpoint(otlp.endpoint.to_string())
        .with_headers(otlp.headers.iter().cloned().collect())
        .with_timeout(otlp.timeout)
        .with_retry_policy(retries());
    Ok(if otlp.gzip { builder.with_compression(Compression::Gzip) } else { builder })
}

fn refused(signal: &'static str, error: &dyn std::error::Error) -> InitError {
    InitError::Exporter { signal, reason: error.to_string() }
}
