//! How long a large run takes to read and judge, and how much memory.
//!
//! `cargo run --release -p bookstore-score --example volume -- 60000` makes that many requests, of 18 spans or so each.
#![expect(clippy::print_stdout, reason = "it is a command")]

#[path = "../tests/support/mod.rs"]
mod support;

use std::fs::File;
use std::io::{BufReader, BufWriter, Write as _};
use std::path::Path;
use std::time::Instant;

use bookstore_score::{Report, Setting, Spans, Truth, judge};

fn main() -> anyhow::Result<()> {
    let requests = std::env::args().nth(1).map_or(Ok(10_000), |text| text.parse())?;
    let folder = tempfile::tempdir()?;
    let (otlp, log) = (folder.path().join("spans.jsonl"), folder.path().join("truth.jsonl"));
    write(requests, &otlp, &log)?;
    println!("{} MiB of OTLP/JSON, {} MiB of truth", otlp.metadata()?.len() >> 20, log.metadata()?.len() >> 20);

    let mut step = Step::start();
    let mut truth = Truth::default();
    truth.read(BufReader::new(File::open(log)?), "truth")?;
    step.done(&format!("{} operations read", truth.operations()));
    let mut spans = Spans::default();
    spans.read_json_lines(BufReader::new(File::open(otlp)?), "spans")?;
    step.done(&format!("{} spans read", spans.len()));
    let verdict = judge(&truth, &spans)?;
    step.done("judged");
    print!("{}", Report::of(&[verdict], Setting::default()).table(100));
    Ok(())
}

/// Writes the files in parts, so that this takes little memory.
fn write(requests: u64, otlp: &Path, truth: &Path) -> anyhow::Result<()> {
    const PART: u64 = 200;
    let (mut otlp, mut truth) = (BufWriter::new(File::create(otlp)?), BufWriter::new(File::create(truth)?));
    for first in (1..=requests).step_by(PART as usize) {
        let part = support::Recording::requests(first..=requests.min(first + PART - 1));
        for request in part.exports() {
            writeln!(otlp, "{}", serde_json::to_string(&request)?)?;
        }
        for record in part.truth {
            writeln!(truth, "{}", serde_json::to_string(&record)?)?;
        }
    }
    otlp.flush()?;
    Ok(truth.flush()?)
}

/// What one step takes.
struct Step {
    since: Instant,
    before: i64,
}

impl Step {
    fn start() -> Self {
        Self { since: Instant::now(), before: resident() }
    }

    fn done(&mut self, what: &str) {
        println!("{what}: {:.2} s, {} MiB", self.since.elapsed().as_secs_f64(), (resident() - self.before) >> 10);
        *self = Self::start();
    }
}

/// Resident memory in KiB; 0 where it cannot be told.
fn resident() -> i64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok()).unwrap_or_default()
}
