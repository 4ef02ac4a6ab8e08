//! A process whose collector is missing at first: what it says, and that each span is accounted for.
#![cfg(feature = "otel")]
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use bookstore_telemetry::Settings;
use support::{Receiver, environment};

/// Set in the process under test: where its collector should be.
const CHILD: &str = "TEST_COLLECTOR";

#[test]
fn a_missing_collector_is_said_once_and_no_span_is_unaccounted_for() {
    if let Ok(collector) = std::env::var(CHILD) {
        return shop(&collector);
    }
    // Hangs up on everybody, until a collector takes its place.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture", "a_missing_collector_is_said_once_and_no_span_is_unaccounted_for"])
        .env(CHILD, &address)
        .env_remove("RUST_LOG")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    let mut said = Vec::new();
    let mut until = |said: &mut Vec<String>, what: &str| {
        for line in log.by_ref() {
            said.push(line);
            if said.last().unwrap().contains(what) {
                return;
            }
        }
        panic!("never said {what:?}: {said:#?}");
    };
    let stdin = child.stdin.take().unwrap();
    // Several exports fail, each after several attempts.
    for _ in 0..20 {
        drop(listener.accept().unwrap());
    }
    drop(listener);
    until(&mut said, "no collector at");
    let receiver = Receiver::start_at(&address);
    until(&mut said, "the collector answers");
    drop(stdin);
    until(&mut said, "spans ended");
    assert!(child.wait().unwrap().success());

    let warnings = said.iter().filter(|line| line.contains("no collector at")).count();
    assert_eq!(warnings, 1, "{said:#?}");
    let number = |what: &str, after: &str| -> usize {
        let line = said.iter().find(|line| line.contains(what)).unwrap_or_else(|| panic!("no {what:?} in {said:#?}"));
        let digits = line.split(after).nth(1).unwrap().split(|digit: char| !digit.is_ascii_digit()).next().unwrap();
        digits.parse().unwrap()
    };
    let (ended, dropped) = (number("spans ended", "ended="), number("telemetry was dropped", "spans="));
    let seen = receiver.seen();
    assert_eq!(seen.spans.len() + dropped, ended, "{said:#?}");
    assert!(dropped > 100 && !seen.spans.is_empty(), "{said:#?}");
    // The exported metric says the same.
    let failed = seen.sum("otel.sdk.exporter.span.exported", &["error.type=export_failed;"]);
    let refused = seen.sum("otel.sdk.processor.span.processed", &["error.type=queue_full;"]);
    assert_eq!(failed + refused, dropped as f64);
    assert!(refused > 0.0);
    assert!(seen.logs.is_empty());
}

/// Ends spans as fast as it can, in bursts, until told to stop.
#[tokio::main]
async fn shop(collector: &str) {
    let endpoint = format!("http://{collector}");
    let variables = environment(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint),
        ("OTEL_BSP_SCHEDULE_DELAY", "10"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "64"),
        ("OTEL_LOGS_EXPORTER", "none"),
    ]);
    let telemetry = bookstore_telemetry::init_from(Settings::new("till", "0.0.0"), variables).unwrap();
    let (stopping, stop) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        std::io::stdin().lock().read_to_end(&mut Vec::new()).unwrap();
        stopping.send(()).unwrap();
    });
    let mut ended = 0;
    let started = Instant::now();
    while stop.try_recv().is_err() {
        for _ in 0..20 {
            tracing::info_span!("sale").in_scope(|| {});
            ended += 1;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
        assert!(started.elapsed() < Duration::from_secs(60), "nobody stops it");
    }
    telemetry.shutdown().await;
    tracing::info!(ended, "spans ended");
}
