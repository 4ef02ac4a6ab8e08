//! Scores recorded files, as `bookstore score` does.
//!
//! `cargo run -p bookstore-score --example judge -- --otlp score/tests/data/spans.jsonl --truth score/tests/data/truth`
#![expect(clippy::print_stdout, reason = "it is a command")]

use std::path::PathBuf;
use std::process::ExitCode;

use bookstore_score::{Report, Setting, Threshold, Thresholds, files};
use clap::Parser;

/// Judges a tracer's spans by the truth logs of the same run.
#[derive(Parser)]
struct Arguments {
    /// A file of OTLP/JSON lines, or a folder of them
    #[arg(long, required = true)]
    otlp: Vec<PathBuf>,
    /// A truth log, or a folder of them
    #[arg(long, required = true)]
    truth: Vec<PathBuf>,
    /// Whose spans these are
    #[arg(long, default_value = "")]
    side: String,
    /// The least share of right links, such as all=99 or db.client=99.5
    #[arg(long, value_name = "KIND=PERCENT")]
    min_right: Vec<Threshold>,
    /// The greatest share of wrong links
    #[arg(long, value_name = "KIND=PERCENT")]
    max_wrong: Vec<Threshold>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    let verdict = files::score(&arguments.otlp, &arguments.truth)?;
    let setting = Setting { side: arguments.side, ..Setting::default() };
    let thresholds = Thresholds { min_right: arguments.min_right, max_wrong: arguments.max_wrong, max_missing: None };
    let report = Report::of(&[verdict], setting).held_to(&thresholds);
    if arguments.json {
        println!("{}", report.json());
    } else {
        print!("{}", report.table(100));
    }
    Ok(if report.breaches().is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
