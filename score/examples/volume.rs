//! How long a large run takes to read and judge, and how much memory.
//!
//! `cargo run --release -p bookstore-score --example volume -- 60000` makes that many requests, of 18 spans or so each.
#![expect(clippy::print_stdout, reason = "it is a command")]

#[path = "../tests/support/mod.rs"]
mod support;

use std::time::Instant;

use bookstore_otlp::collector::ExportTraceServiceRequest;
use bookstore_score::{Report, Setting, Spans, Truth, judge};

fn main() -> anyhow::Result<()> {
    let requests = std::env::args().nth(1).map_or(Ok(10_000), |text| text.parse())?;
    let recording = support::Recording::of(requests);
    let line = |it: &_| serde_json::to_string::<ExportTraceServiceRequest>(it);
    let otlp = recording.exports().iter().map(line).collect::<Result<Vec<_>, _>>()?.join("\n");
    let truth = recording.truth.iter().map(serde_json::to_string).collect::<Result<Vec<_>, _>>()?.join("\n");
    let spans = recording.spans.len();
    drop(recording);
    println!("{spans} spans in {} MiB of OTLP/JSON, {} MiB of truth", otlp.len() >> 20, truth.len() >> 20);

    let before = resident();
    let start = Instant::now();
    let mut known = Truth::default();
    known.read(truth.as_bytes(), "truth")?;
    println!("truth read in {:.2} s, {} MiB more", start.elapsed().as_secs_f64(), (resident() - before) >> 10);
    let (start, before) = (Instant::now(), resident());
    let mut seen = Spans::default();
    seen.read_json_lines(otlp.as_bytes(), "spans")?;
    println!("spans read in {:.2} s, {} MiB more", start.elapsed().as_secs_f64(), (resident() - before) >> 10);
    let (start, before) = (Instant::now(), resident());
    let verdict = judge(&known, &seen)?;
    println!("judged in {:.2} s, {} MiB more", start.elapsed().as_secs_f64(), (resident() - before) >> 10);
    print!("{}", Report::of(&[verdict], Setting::default()).table(100));
    Ok(())
}

/// Resident memory in KiB; 0 where it cannot be told.
fn resident() -> i64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok()).unwrap_or_default()
}
