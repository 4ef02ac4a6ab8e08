//! The exporters: OTLP by opentelemetry-otlp, each in a wrapper that counts what arrived and what did not.
//!
//! The network side runs on a thread of its own with a runtime of its own ([`Background`]), on which no tracing
//! subscriber listens: nothing that hyper, h2 or tonic say there can become telemetry, so exporting cannot cause
//! exports, and a slow collector holds up no request.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use opentelemetry_otlp::{
    Compression, LogExporter, MetricExporter, Protocol as Wire, RetryPolicy, SpanExporter, WithExportConfig,
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

use crate::accounting::{Collector, Ledger};
use crate::background::Background;
use crate::config::{Otlp, Protocol, Temporality};
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
    /// Whether the collector answers, shared by the signals that go to it.
    collector: Arc<Collector>,
    /// What became of each item; metrics have none.
    ledger: Option<Arc<Ledger>>,
    /// Time that one export may take, its retries included.
    timeout: Duration,
    /// Set when the process is about to end.
    closing: Arc<AtomicBool>,
}

/// What each exporter of a process shares.
#[derive(Clone, Debug)]
pub(crate) struct Shared {
    /// Where the network side runs.
    pub(crate) background: Background,
    /// Set when the process is about to end.
    pub(crate) closing: Arc<AtomicBool>,
}

impl<E> Exporter<E> {
    fn new(
        inner: E,
        shared: &Shared,
        collector: Arc<Collector>,
        ledger: Option<Arc<Ledger>>,
        timeout: Duration,
    ) -> Self {
        let Shared { background, closing } = shared.clone();
        Self { inner, background, collector, ledger, timeout, closing }
    }

    /// Runs one export and books its outcome. Called on the SDK's own threads, which may block.
    fn run(&self, items: usize, export: impl Future<Output = OTelSdkResult>) -> OTelSdkResult {
        if let Some(ledger) = &self.ledger {
            ledger.taken(items);
        }
        let closing = self.closing.load(std::sync::atomic::Ordering::Relaxed);
        let result = if closing && self.collector.is_known_down() {
            // The end of the process does not wait for a collector that is not there.
            Err(OTelSdkError::InternalFailure("the collector did not answer before".to_owned()))
        } else {
            self.background.run(self.timeout, export).unwrap_or(Err(OTelSdkError::Timeout(self.timeout)))
        };
        if let Some(ledger) = &self.ledger {
            ledger.finished(items, &result);
        }
        self.collector.heard(&result);
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

/// The exporter of spans.
pub(crate) fn spans(
    otlp: &Otlp,
    shared: &Shared,
    collector: Arc<Collector>,
    ledger: Arc<Ledger>,
    timeout: Duration,
) -> Result<Exporter<SpanExporter>, InitError> {
    let builder = SpanExporter::builder();
    let inner = match otlp.protocol {
        Protocol::Grpc => tonic(builder.with_tonic(), otlp, &shared.background)?.build(),
        Protocol::HttpProtobuf => over_http(builder.with_http(), otlp)?.build(),
    };
    let inner = inner.map_err(|error| refused("traces", &error))?;
    Ok(Exporter::new(inner, shared, collector, Some(ledger), timeout))
}

/// The exporter of log records.
pub(crate) fn log_records(
    otlp: &Otlp,
    shared: &Shared,
    collector: Arc<Collector>,
    ledger: Arc<Ledger>,
    timeout: Duration,
) -> Result<Exporter<LogExporter>, InitError> {
    let builder = LogExporter::builder();
    let inner = match otlp.protocol {
        Protocol::Grpc => tonic(builder.with_tonic(), otlp, &shared.background)?.build(),
        Protocol::HttpProtobuf => over_http(builder.with_http(), otlp)?.build(),
    };
    let inner = inner.map_err(|error| refused("logs", &error))?;
    Ok(Exporter::new(inner, shared, collector, Some(ledger), timeout))
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
    Ok(Exporter::new(inner, shared, collector, None, config.metric_timeout))
}

fn tonic<B: WithExportConfig + WithTonicConfig>(
    builder: B,
    otlp: &Otlp,
    background: &Background,
) -> Result<B, InitError> {
    // The channel's own tasks start here: on the background runtime, not on the service's.
    let channel = background.enter(|| {
        tonic::transport::Endpoint::from(otlp.endpoint.clone())
            .timeout(otlp.timeout)
            .connect_timeout(otlp.timeout)
            .connect_lazy()
    });
    let headers: http::HeaderMap = (&otlp.headers.iter().cloned().collect::<std::collections::HashMap<_, _>>())
        .try_into()
        .map_err(|error: http::Error| refused("OTLP", &error))?;
    let builder = builder
        .with_channel(channel)
        .with_metadata(MetadataMap::from_headers(headers))
        .with_timeout(otlp.timeout)
        .with_retry_policy(retries());
    Ok(if otlp.gzip { builder.with_compression(Compression::Gzip) } else { builder })
}

fn over_http<B: WithExportConfig + WithHttpConfig>(builder: B, otlp: &Otlp) -> Result<B, InitError> {
    let client =
        reqwest::Client::builder().timeout(otlp.timeout).no_proxy().build().map_err(|error| refused("OTLP", &error))?;
    let builder = builder
        .with_http_client(client)
        .with_protocol(Wire::HttpBinary)
        .with_endpoint(otlp.endpoint.to_string())
        .with_headers(otlp.headers.iter().cloned().collect())
        .with_timeout(otlp.timeout)
        .with_retry_policy(retries());
    Ok(if otlp.gzip { builder.with_compression(Compression::Gzip) } else { builder })
}

fn refused(signal: &'static str, error: &dyn std::error::Error) -> InitError {
    InitError::Exporter { signal, reason: error.to_string() }
}
