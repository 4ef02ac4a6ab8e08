//! `bookstore score`: a tracer's spans held against the truth.
//!
//! Layout: `live` makes a run, with a temporary shop and customers; `receiver` takes the spans in; what is right is
//! decided by the library `bookstore_score`, which knows no shop. `--otlp` and `--truth` judge what was recorded before.

mod live;
mod receiver;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use bookstore_score::{Report, Setting, Thresholds, Verdict, files};

use crate::cli::Score;
use crate::outside::{self, Agent, Manner, Place};
use crate::terminal::{self, note};
use crate::{runtime, shop};

/// Scores, prints the report. Fails (1) where a threshold is not kept.
///
/// # Errors
/// When there is nothing that could be judged.
pub(crate) fn run(arguments: &Score) -> anyhow::Result<ExitCode> {
    let thresholds = Thresholds {
        min_right: arguments.min_right.clone(),
        max_wrong: arguments.max_wrong.clone(),
        max_missing: arguments.max_missing,
    };
    let report = if arguments.otlp.is_empty() {
        // Of one run only: the truth of each is its own.
        let record = arguments.record.as_deref().filter(|_| arguments.runs.get() == 1);
        let manner = Manner { link_by: arguments.link_by, record: record.map(|folder| folder.join("kernel.rec")) };
        let agent = match outside::enter(arguments.side.wish(), arguments.record.as_deref(), manner)? {
            Place::Here(agent) => agent,
            Place::Done(code) => return Ok(code),
        };
        live(arguments, agent.as_ref())?
    } else {
        recorded(arguments)?
    };
    let report = report.held_to(&thresholds);
    if arguments.json {
        terminal::say(report.json());
    } else {
        terminal::say(report.table(terminal::width()));
    }
    Ok(if report.breaches().is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn recorded(arguments: &Score) -> anyhow::Result<Report> {
    let verdict = files::score(&arguments.otlp, &arguments.truth)?;
    let side = arguments.tracer.clone().unwrap_or_else(|| "recorded".to_owned());
    Ok(Report::of(&[verdict], Setting { side, ..Setting::default() }))
}

fn live(arguments: &Score, agent: Option<&Agent>) -> anyhow::Result<Report> {
    if !cfg!(feature = "otel") {
        bail!("this build has no OpenTelemetry in it (--no-default-features), so there are no spans to judge");
    }
    if shop::sends_elsewhere() {
        bail!("telemetry goes where OTEL_EXPORTER_OTLP_ENDPOINT says, and score has to receive it: unset it");
    }
    // Found out before a shop is started.
    let scenario = bookstore_loadgen::Scenario::load(&arguments.scenario)?;
    if let Some(folder) = &arguments.record {
        std::fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    }
    let mut verdicts: Vec<Verdict> = Vec::new();
    for number in 1..=arguments.runs.get() {
        let what = format!(
            "run {number} of {}: {} at once, scenario {}, on {}",
            arguments.runs,
            arguments.concurrency,
            scenario.name(),
            arguments.database.database.kind()
        );
        note(format_args!("{what} …"));
        let record = arguments.record.as_ref().map(|folder| record_folder(folder, number, arguments.runs.get()));
        let run =
            live::Run { arguments, scenario: &scenario, number: u64::from(number), record: record.as_deref(), agent };
        let verdict = runtime()?.block_on(run.make())?;
        verdicts.push(verdict);
    }
    let setting = Setting {
        side: arguments.side.to_string(),
        concurrency: u32::try_from(arguments.concurrency.get()).ok(),
        scenario: Some(scenario.name().to_owned()),
        database: Some(arguments.database.database.kind().to_owned()),
        ..Setting::default()
    };
    Ok(Report::of(&verdicts, setting))
}

/// A folder a run, where there are several.
fn record_folder(folder: &std::path::Path, number: u32, of: u32) -> PathBuf {
    if of == 1 { folder.to_owned() } else { folder.join(format!("run-{number}")) }
}
