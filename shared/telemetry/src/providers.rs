//! The three providers of the SDK, built from the configuration.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use opentelemetry_sdk::Resource;
use opentelemetry_sdk::logs::{self, BatchLogProcessor, SdkLoggerProvider};
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider};
use opentelemetry_sdk::trace::{self, BatchSpanProcessor, Sampler, SdkTracerProvider, SpanLimits};

use crate::accounting::{Collector, CountedLogs, CountedSpans, Ledger};
use crate::background::Background;
use crate::batches::Batches;
use crate::config::{self, Config, Otlp, Protocol};
use crate::encode::Head;
use crate::{InitError, export};

/// The providers of the signals that are exported.
#[derive(Debug)]
pub(crate) struct Providers {
    /// Makes tracers. Always there, so that context is made and passed on even when no span is exported.
    pub(crate) tracer: SdkTracerProvider,
    /// Makes meters.
    pub(crate) meter: Option<SdkMeterProvider>,
    /// Makes loggers.
    pub(crate) logger: Option<SdkLoggerProvider>,
    /// What became of each span; none without an exporter.
    pub(crate) spans: Option<Arc<Ledger>>,
    /// What became of each log record.
    pub(crate) log_records: Option<Arc<Ledger>>,
    /// Whom the signals go to.
    pub(crate) collectors: Vec<Arc<Collector>>,
    closing: Arc<AtomicBool>,
}

impl Providers {
    /// Builds what the configuration asks for.
    ///
    /// # Errors
    /// When an exporter or its thread cannot be had.
    pub(crate) fn build(config: &Config, resource: &Resource) -> Result<Self, InitError> {
        let background = Background::start()
            .map_err(|error| InitError::Exporter { signal: "all signals", reason: error.to_string() })?;
        let closing = Arc::new(AtomicBool::new(false));
        let shared = export::Shared { background, closing: Arc::clone(&closing) };
        let mut collectors = Vec::new();

        let mut tracer = SdkTracerProvider::builder()
            .with_resource(resource.clone())
            .with_sampler(sampler(config.sampler))
            .with_span_limits(span_limits(config.limits));
        let mut spans = None;
        if let Some(otlp) = &config.traces {
            let ledger = Ledger::new(config.spans.queue);
            let collector = collector_of(&mut collectors, otlp);
            let delivery = shared.delivery(collector, Some(Arc::clone(&ledger)), config.spans.timeout);
            let value_length = config.limits.value_length;
            tracer = match otlp.protocol {
                Protocol::Grpc => {
                    let wire = export::wire(otlp, &shared)?;
                    let head = Head::new(resource, &crate::scope());
                    let (ledger, background) = (Arc::clone(&ledger), &shared.background);
                    let limits = config.spans;
                    tracer.with_span_processor(Batches::new(
                        wire,
                        head,
                        delivery,
                        ledger,
                        limits,
                        value_length,
                        background,
                    ))
                }
                Protocol::HttpProtobuf => {
                    let exporter = export::spans(otlp, &shared, delivery)?;
                    let inner = BatchSpanProcessor::new(exporter, span_batches(config.spans));
                    tracer.with_span_processor(CountedSpans { inner, ledger: Arc::clone(&ledger), value_length })
                }
            };
            spans = Some(ledger);
        }

        let mut log_records = None;
        let mut logger = None;
        if let Some(otlp) = &config.logs {
            let ledger = Ledger::new(config.log_records.queue);
            let collector = collector_of(&mut collectors, otlp);
            let delivery = shared.delivery(collector, Some(Arc::clone(&ledger)), config.log_records.timeout);
            let exporter = export::log_records(otlp, &shared, delivery)?;
            let inner = BatchLogProcessor::builder(exporter).with_batch_config(log_batches(config.log_records)).build();
            let processor = CountedLogs { inner, ledger: Arc::clone(&ledger) };
            logger = Some(
                SdkLoggerProvider::builder().with_resource(resource.clone()).with_log_processor(processor).build(),
            );
            log_records = Some(ledger);
        }

        let mut meter = None;
        if let Some(otlp) = &config.metrics {
            let collector = collector_of(&mut collectors, otlp);
            let exporter = export::metrics(otlp, &shared, collector, config)?;
            let reader = PeriodicReader::builder(exporter).with_interval(config.metric_interval).build();
            // The SDK bounds each instrument's attribute sets at 2,000; what is beyond goes into one overflow set.
            meter = Some(SdkMeterProvider::builder().with_resource(resource.clone()).with_reader(reader).build());
        }
        Ok(Self { tracer: tracer.build(), meter, logger, spans, log_records, collectors, closing })
    }

    /// Sends what is left of all three signals and ends the exporters. Blocks, for at most about `timeout`.
    ///
    /// Metrics go last: they carry the final account of the other two.
    pub(crate) fn shut_down(&self, timeout: Duration) {
        self.closing.store(true, Ordering::Relaxed);
        // The outcome stands in the ledgers, which are read afterwards. Side by side: one collector that hangs does not
        // use up the other's time.
        std::thread::scope(|scope| {
            if let Some(logger) = &self.logger {
                scope.spawn(|| logger.shutdown_with_timeout(timeout));
            }
            let _spans = self.tracer.shutdown_with_timeout(timeout);
        });
        if let Some(meter) = &self.meter {
            let _metrics = meter.shutdown_with_timeout(timeout);
        }
    }

    /// Spans and log records lost so far, and what still waits.
    pub(crate) fn lost(&self) -> Lost {
        let lost = |ledger: &Option<Arc<Ledger>>| {
            ledger.as_ref().map_or(0, |ledger| {
                let account = ledger.read();
                account.dropped() + account.pending
            })
        };
        Lost { spans: lost(&self.spans), log_records: lost(&self.log_records) }
    }
}

/// What did not arrive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lost {
    pub(crate) spans: u64,
    pub(crate) log_records: u64,
}

/// One state for each collector, however many signals go there: it is missed once, not three times.
fn collector_of(known: &mut Vec<Arc<Collector>>, otlp: &Otlp) -> Arc<Collector> {
    let host = otlp.endpoint.host().unwrap_or_default();
    let address = match otlp.endpoint.port_u16() {
        Some(port) => format!("http://{host}:{port}"),
        None => format!("http://{host}"),
    };
    if let Some(collector) = known.iter().find(|collector| collector.address() == address) {
        return Arc::clone(collector);
    }
    let collector = Collector::new(address);
    known.push(Arc::clone(&collector));
    collector
}

fn sampler(config::Sampler { parent_based, ratio }: config::Sampler) -> Sampler {
    let root = if ratio >= 1.0 {
        Sampler::AlwaysOn
    } else if ratio <= 0.0 {
        Sampler::AlwaysOff
    } else {
        Sampler::TraceIdRatioBased(ratio)
    };
    if parent_based { Sampler::ParentBased(Box::new(root)) } else { root }
}

fn span_limits(limits: config::Limits) -> SpanLimits {
    SpanLimits {
        max_attributes_per_span: limits.attributes,
        max_events_per_span: limits.events,
        max_links_per_span: limits.links,
        max_attributes_per_event: limits.event_attributes,
        max_attributes_per_link: limits.link_attributes,
    }
}

fn span_batches(batch: config::Batch) -> trace::BatchConfig {
    trace::BatchConfigBuilder::default()
        .with_max_queue_size(batch.queue)
        .with_max_export_batch_size(batch.size)
        .with_scheduled_delay(batch.delay)
        .build()
}

fn log_batches(batch: config::Batch) -> logs::BatchConfig {
    logs::BatchConfigBuilder::default()
        .with_max_queue_size(batch.queue)
        .with_max_export_batch_size(batch.size)
        .with_scheduled_delay(batch.delay)
        .build()
}

#[cfg(test)]
mod tests;
