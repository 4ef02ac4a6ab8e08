//! The account of what is dropped, with collectors that are not there, do not answer, or come later.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use opentelemetry::logs::{AnyValue, LogRecord as _, Logger as _, LoggerProvider as _};
use opentelemetry::trace::{Tracer as _, TracerProvider as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkError;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

use super::Providers;
use crate::accounting::{Account, Collector};
use crate::config::Config;

fn providers(variables: &[(&str, &str)]) -> Providers {
    let variables: BTreeMap<_, _> = variables.iter().copied().collect();
    let (config, warnings) = Config::read(&|name| variables.get(name).map(|value| (*value).to_owned()));
    assert_eq!(warnings, Vec::<String>::new());
    Providers::build(&config, &Resource::builder_empty().build()).unwrap()
}

/// Ends so many spans and log records.
fn make(providers: &Providers, number: usize) {
    let tracer = providers.tracer.tracer("test");
    let logger = providers.logger.as_ref().unwrap().logger("test");
    for _ in 0..number {
        drop(tracer.start("sale"));
        let mut record = logger.create_log_record();
        record.set_body(AnyValue::from("sold"));
        logger.emit(record);
    }
}

fn accounts(providers: &Providers) -> [Account; 2] {
    [providers.spans.as_ref().unwrap().read(), providers.log_records.as_ref().unwrap().read()]
}

/// A port at which nobody listens.
fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

#[test]
fn without_a_collector_each_item_is_counted_and_nobody_waits() {
    let endpoint = nobody();
    let providers = providers(&[("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint)]);
    let started = Instant::now();
    make(&providers, 1_000);
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
    providers.shut_down(Duration::from_secs(10));
    for account in accounts(&providers) {
        assert_eq!((account.submitted, account.failed), (1_000, 1_000), "{account:?}");
        assert_eq!((account.exported, account.pending, account.queue_full), (0, 0, 0), "{account:?}");
    }
    let lost = providers.lost();
    assert_eq!((lost.spans, lost.log_records), (1_000, 1_000));
}

#[test]
fn a_full_queue_refuses_and_counts_to_the_last_one() {
    // Takes connections and says nothing: the first batch hangs, the queue fills behind it.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", silent.local_addr().unwrap());
    let providers = providers(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "60000"),
        ("OTEL_BSP_EXPORT_TIMEOUT", "1000"),
        ("OTEL_BLRP_EXPORT_TIMEOUT", "1000"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "100"),
        ("OTEL_BLRP_MAX_QUEUE_SIZE", "100"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "10"),
        ("OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", "10"),
    ]);
    let started = Instant::now();
    let threads: Vec<_> = (0..4).map(|_| 500).collect();
    std::thread::scope(|scope| {
        for number in threads {
            let providers = &providers;
            scope.spawn(move || make(providers, number));
        }
    });
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
    for account in accounts(&providers) {
        assert!(account.queue_full > 0 && account.pending <= 100, "{account:?}");
        // Each is either waiting, refused, or with the exporter.
        assert_eq!(account.pending + account.queue_full + account.submitted, 2_000, "{account:?}");
    }
    providers.shut_down(Duration::from_secs(3));
    for account in accounts(&providers) {
        assert_eq!(account.exported, 0);
        assert_eq!(account.pending + account.queue_full + account.submitted, 2_000, "{account:?}");
        assert!(account.timed_out > 0, "{account:?}");
    }
}

#[test]
fn a_collector_that_refuses_is_a_failed_export() {
    // Answers each HTTP request with 400, which is not tried again.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let answer = |mut stream: TcpStream| {
                let mut request = [0; 65_536];
                assert!(stream.read(&mut request)? > 0);
                stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            };
            answer(stream.unwrap()).unwrap();
        }
    });
    let providers = providers(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
        ("OTEL_METRICS_EXPORTER", "none"),
    ]);
    make(&providers, 5);
    providers.shut_down(Duration::from_secs(10));
    assert_eq!(accounts(&providers).map(|account| account.failed), [5, 5]);
}

#[test]
fn signals_that_go_nowhere_need_no_collector() {
    let providers = providers(&[
        ("OTEL_TRACES_EXPORTER", "none"),
        ("OTEL_METRICS_EXPORTER", "none"),
        ("OTEL_LOGS_EXPORTER", "none"),
    ]);
    assert!(providers.collectors.is_empty() && providers.meter.is_none() && providers.logger.is_none());
    drop(providers.tracer.tracer("test").start("sale"));
    providers.shut_down(Duration::from_secs(1));
    assert_eq!(providers.lost().spans, 0);
}

#[test]
fn one_warning_when_a_collector_goes_and_one_word_when_it_comes() {
    struct Keep(Arc<Mutex<Vec<tracing::Level>>>);
    impl<S: tracing::Subscriber> Layer<S> for Keep {
        fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
            self.0.lock().unwrap().push(*event.metadata().level());
        }
    }
    let said = Arc::default();
    let subscriber = tracing_subscriber::registry().with(Keep(Arc::clone(&said)));
    tracing::subscriber::with_default(subscriber, || {
        let collector = Collector::new("http://localhost:4317".to_owned());
        let failed = || Err(OTelSdkError::InternalFailure("refused".to_owned()));
        for result in [Ok(()), Ok(()), failed(), failed(), failed(), Ok(()), Ok(()), failed()] {
            collector.heard(&result);
        }
        assert!(collector.is_known_down());
    });
    let (warn, info) = (tracing::Level::WARN, tracing::Level::INFO);
    assert_eq!(*said.lock().unwrap(), [warn, info, warn]);
}
