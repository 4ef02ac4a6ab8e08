//! How many spans a second one core takes in, over a real socket, with the store at its bound.
//! `cargo run --release -p bookstore-compare --example ingest [seconds] [file]`: the file takes the figures as JSON.
//!
//! The server has a thread of its own and its CPU time is what is counted, so the sender beside it does not matter.
//! Requests have the shape of the shop's: batches of 512 spans, 8 a trace, six attributes each, some with an event.

#[path = "../tests/support/mod.rs"]
mod support;

use std::time::{Duration, Instant};

use bookstore_compare::Config;
use bookstore_otlp::Message;
use bookstore_otlp::common::KeyValue;
use bookstore_otlp::trace::{Event, kind};
use support::{Said, request, span};
use tokio::net::TcpListener;

const BATCH: u64 = 512;

fn main() -> anyhow::Result<()> {
    let seconds = std::env::args().nth(1).map_or(Ok(5), |it| it.parse())?;
    let file = std::env::args().nth(2);
    let (ready, address) = std::sync::mpsc::channel();
    let (end, ended) = tokio::sync::oneshot::channel::<()>();
    let server = std::thread::Builder::new().name("compare".to_owned()).spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await?;
            ready.send((listener.local_addr()?, thread_id()))?;
            bookstore_compare::serve(vec![listener], Config::default(), async {
                let _ = ended.await;
            })
            .await;
            anyhow::Ok(())
        })
    })?;
    let (address, server_thread) = address.recv()?;

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let client = reqwest::Client::new();
    let url = format!("http://{address}");
    let post = async |body: Vec<u8>| -> anyhow::Result<()> {
        let request = client.post(format!("{url}/v1/traces")).header("content-type", "application/x-protobuf");
        request.body(body).send().await?.error_for_status()?;
        Ok(())
    };
    runtime.block_on(async {
        // Until the store is full: what follows evicts as it adds.
        let mut next = 0;
        while next < 400 {
            post(batch(next)).await?;
            next += 1;
        }
        let bodies: Vec<_> = (next..next + 64).map(batch).collect();
        let (cpu, wall, mut spans) = (cpu_time(&server_thread)?, Instant::now(), 0);
        // Bodies come again with other trace ids, so that none is a duplicate: the ids' last bytes are counted up.
        while wall.elapsed() < Duration::from_secs(seconds) {
            for body in &bodies {
                next += 1;
                post(renumbered(body, next)).await?;
                spans += BATCH;
            }
        }
        let (cpu, wall) = (cpu_time(&server_thread)? - cpu, wall.elapsed());
        let stats: serde_json::Value = client.get(format!("{url}/api/v1/stats")).send().await?.json().await?;
        report(spans, cpu, wall, &stats["held"], bodies[0].len());
        if let Some(file) = &file {
            std::fs::write(file, format!("{:#}\n", result(spans, cpu, seconds, &stats["held"])))?;
        }
        anyhow::Ok(())
    })?;
    let _ = end.send(());
    server.join().map_err(|_| anyhow::anyhow!("the server panicked"))??;
    Ok(())
}

#[expect(clippy::print_stdout, clippy::cast_precision_loss, reason = "a program that prints what it measured")]
fn report(spans: u64, cpu: Duration, wall: Duration, held: &serde_json::Value, bytes: usize) {
    let per_second = spans as f64 / cpu.as_secs_f64();
    println!("spans sent              {spans} in batches of {BATCH} ({bytes} bytes)");
    println!("spans per CPU second    {per_second:.0}");
    println!("spans per second        {:.0} (sender included)", spans as f64 / wall.as_secs_f64());
    println!("held, by its account    {} spans in {} bytes of {}", held["spans"], held["bytes"], held["most_bytes"]);
    println!("peak resident memory    {} (sender included)", peak_memory().unwrap_or_default());
}

#[expect(clippy::cast_precision_loss, reason = "a rate")]
fn result(spans: u64, cpu: Duration, seconds: u64, held: &serde_json::Value) -> serde_json::Value {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| Some(line.strip_prefix("model name")?.split_once(": ")?.1));
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    serde_json::json!({
        "machine": {
            "cpus": std::thread::available_parallelism().map_or(0, std::num::NonZero::get),
            "model": model.unwrap_or("unknown"),
            "kernel": kernel.trim(),
            "command": format!("ingest {seconds}"),
        },
        "spans": spans,
        "batch": BATCH,
        "spans_per_cpu_s": (spans as f64 / cpu.as_secs_f64()).round(),
        "held_mib": held["bytes"].as_f64().unwrap_or_default() / 1_048_576.0,
        "most_mib": held["most_bytes"].as_f64().unwrap_or_default() / 1_048_576.0,
    })
}

fn batch(number: u64) -> Vec<u8> {
    let spans = (0..BATCH).map(|index| {
        let trace = (u128::from(number) << 64) | u128::from(index / 8 + 1) << 32;
        let id = number * BATCH + index + 1;
        let mut span = span(trace, id, "bookstore.inventory.v1.Inventory/GetStock").at(index, index + 3);
        if index % 8 != 0 {
            span = span.under(id - 1);
        }
        if index % 16 == 0 {
            span.events = vec![Event {
                name: "reserved".to_owned(),
                attributes: vec![KeyValue::new("lines", 2)],
                ..Event::default()
            }];
        }
        span.kind(kind::CLIENT)
            .with("rpc.system.name", "grpc")
            .with("rpc.method", "bookstore.inventory.v1.Inventory/GetStock")
            .with("rpc.response.status_code", "OK")
            .with("server.address", "127.0.0.1")
            .with("server.port", 8082)
            .with("network.protocol.version", "2")
    });
    request("storefront", spans.collect()).encode_to_vec()
}

/// The same batch with other trace ids, without encoding it again: the sender shall not be what is measured.
fn renumbered(body: &[u8], number: u64) -> Vec<u8> {
    let mut body = body.to_vec();
    let mut position = 0;
    // A trace id is field 1 of a span, 16 bytes: 0x0a 0x10; made above, its first 8 bytes are the batch's number.
    while let Some(found) = body[position..].windows(2).position(|window| window == [0x0a, 0x10]) {
        let start = position + found + 2;
        if body.len() >= start + 16 && body[start..start + 4] == [0; 4] {
            body[start..start + 8].copy_from_slice(&number.to_be_bytes());
        }
        position = start;
    }
    body
}

#[cfg(target_os = "linux")]
fn thread_id() -> String {
    std::fs::read_link("/proc/thread-self").map(|path| path.display().to_string()).unwrap_or_default()
}

/// What the thread has used of a core.
#[cfg(target_os = "linux")]
fn cpu_time(thread: impl AsRef<str>) -> anyhow::Result<Duration> {
    let text = std::fs::read_to_string(format!("/proc/{}/schedstat", thread.as_ref()))?;
    let nanos = text.split_whitespace().next().unwrap_or_default().parse()?;
    Ok(Duration::from_nanos(nanos))
}

#[cfg(target_os = "linux")]
fn peak_memory() -> Option<String> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmHWM:")).map(|it| it.trim().to_owned())
}

#[cfg(not(target_os = "linux"))]
fn thread_id() -> String {
    String::new()
}

/// Elsewhere the time on the clock stands in: sender and server take turns, so the figure is a lower bound.
#[cfg(not(target_os = "linux"))]
fn cpu_time(_: impl AsRef<str>) -> anyhow::Result<Duration> {
    static START: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);
    Ok(START.elapsed())
}

#[cfg(not(target_os = "linux"))]
fn peak_memory() -> Option<String> {
    None
}
