//! What the telemetry says about itself: how many spans and log records were exported or lost.
//!
//! These are the conventional `otel.sdk.*` metrics; the SDK makes them only behind an experimental feature, and knows
//! nothing of what our queue refuses.

use std::sync::Arc;

use opentelemetry::KeyValue;
use opentelemetry::metrics::Meter;
use opentelemetry_semantic_conventions::{attribute, metric};

use crate::accounting::{Account, Ledger};
use crate::config::{Otlp, Protocol};
use crate::providers::Providers;

/// The names that differ between spans and log records.
struct Names {
    processed: &'static str,
    exported: &'static str,
    capacity: &'static str,
    size: &'static str,
    unit: &'static str,
    processor: &'static str,
}

const SPANS: Names = Names {
    processed: metric::OTEL_SDK_PROCESSOR_SPAN_PROCESSED,
    exported: metric::OTEL_SDK_EXPORTER_SPAN_EXPORTED,
    capacity: metric::OTEL_SDK_PROCESSOR_SPAN_QUEUE_CAPACITY,
    size: metric::OTEL_SDK_PROCESSOR_SPAN_QUEUE_SIZE,
    unit: "{span}",
    processor: "batching_span_processor",
};

const LOG_RECORDS: Names = Names {
    processed: metric::OTEL_SDK_PROCESSOR_LOG_PROCESSED,
    exported: metric::OTEL_SDK_EXPORTER_LOG_EXPORTED,
    capacity: metric::OTEL_SDK_PROCESSOR_LOG_QUEUE_CAPACITY,
    size: metric::OTEL_SDK_PROCESSOR_LOG_QUEUE_SIZE,
    unit: "{log_record}",
    processor: "batching_log_processor",
};

/// Exports the ledgers of both signals.
pub(crate) fn register(meter: &Meter, providers: &Providers, traces: Option<&Otlp>, logs: Option<&Otlp>) {
    if let (Some(ledger), Some(otlp)) = (&providers.spans, traces) {
        let exporter = match otlp.protocol {
            Protocol::Grpc => "otlp_grpc_span_exporter",
            Protocol::HttpProtobuf => "otlp_http_span_exporter",
        };
        observe(meter, ledger, &SPANS, exporter);
    }
    if let (Some(ledger), Some(otlp)) = (&providers.log_records, logs) {
        let exporter = match otlp.protocol {
            Protocol::Grpc => "otlp_grpc_log_exporter",
            Protocol::HttpProtobuf => "otlp_http_log_exporter",
        };
        observe(meter, ledger, &LOG_RECORDS, exporter);
    }
}

/// One series of a counter: the cause of failure, if it counts failures, and where its value stands.
type Series = (Option<&'static str>, fn(&Account) -> u64);

/// The attributes of a component, without and with a cause of failure.
fn component(kind: &'static str, error: Option<&'static str>) -> Vec<KeyValue> {
    let mut attributes = vec![
        KeyValue::new(attribute::OTEL_COMPONENT_TYPE, kind),
        KeyValue::new(attribute::OTEL_COMPONENT_NAME, format!("{kind}/0")),
    ];
    attributes.extend(error.map(|error| KeyValue::new(attribute::ERROR_TYPE, error)));
    attributes
}

fn observe(meter: &Meter, ledger: &Arc<Ledger>, names: &Names, exporter: &'static str) {
    let counter = |name, help, kind, series: [Series; 3]| {
        let ledger = Arc::clone(ledger);
        let series = series.map(|(error, read)| (component(kind, error), read));
        meter
            .u64_observable_counter(name)
            .with_unit(names.unit)
            .with_description(help)
            .with_callback(move |observer| {
                let account = ledger.read();
                for (attributes, read) in &series {
                    observer.observe(read(&account), attributes);
                }
            })
            .build();
    };
    counter(
        names.processed,
        "Items whose processing has ended, well or not.",
        names.processor,
        [
            (None, |account| account.submitted),
            (Some("queue_full"), |account| account.queue_full),
            (Some("already_shutdown"), |account| account.already_shutdown),
        ],
    );
    counter(
        names.exported,
        "Items whose export has ended, well or not.",
        exporter,
        [
            (None, |account| account.exported),
            (Some("timeout"), |account| account.timed_out),
            (Some("export_failed"), |account| account.failed),
        ],
    );
    let gauge = |name, help, read: fn(&Ledger) -> i64| {
        let ledger = Arc::clone(ledger);
        let attributes = component(names.processor, None);
        meter
            .i64_observable_up_down_counter(name)
            .with_unit(names.unit)
            .with_description(help)
            .with_callback(move |observer| observer.observe(read(&ledger), &attributes))
            .build();
    };
    gauge(names.capacity, "Most items that may wait.", |ledger| i64::try_from(ledger.capacity()).unwrap_or(i64::MAX));
    gauge(names.size, "Items waiting.", |ledger| i64::try_from(ledger.read().pending).unwrap_or(i64::MAX));
}
