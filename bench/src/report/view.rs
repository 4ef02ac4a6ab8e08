//! What the template shows, as text.

use askama::Template;

use super::code::{CodeView, code_view};
use super::conditions::{Fact, conditions, day};
use super::latency::{Latencies, latencies};
use super::{cpu, forest, latency, mode_class, rounds, strip};
use crate::noise::Weight;
use crate::number::{NBSP, fixed, float, micros, percent_short, short, tick_label, whole};
use crate::question::Question;
use crate::results::{Comparison, ModeResult, Spread};
use crate::stats::interval::Interval;
use crate::stats::verdict::{ENOUGH_ROUNDS, Outcome, WIDE};
use crate::summary::{Error, Summary};
use crate::words::{change, range, sentence};

const STYLE: &str = include_str!("../../assets/report.css");

#[derive(Template)]
#[template(path = "report.html")]
pub(super) struct Page {
    style: &'static str,
    when: String,
    version: String,
    verdicts: Vec<Lead>,
    /// Whether there is one verdict only, which may be large.
    single: bool,
    conditions: Vec<Fact>,
    warnings: Vec<String>,
    notes: Vec<String>,
    delta: String,
    deltas: String,
    enough: usize,
    wide: String,
    comparisons: Vec<ComparisonView>,
    cpu: Option<CpuView>,
    latency: Option<LatencyView>,
    strips: Vec<StripView>,
    rounds: Option<String>,
    code: Option<CodeView>,
    modes: Vec<ModeLegend>,
}

/// The first thing on the page.
struct Lead {
    class: &'static str,
    text: String,
}

struct ModeLegend {
    name: String,
    class: String,
}

struct ComparisonView {
    mode: String,
    baseline: String,
    chart: Option<String>,
    rows: Vec<QuestionRow>,
    per_span: Option<String>,
}

struct QuestionRow {
    question: &'static str,
    base: (String, String),
    mode: (String, String),
    change: String,
    at_95: String,
    at_99: String,
    delta: String,
    noise: String,
    rounds: String,
    verdict: &'static str,
    class: &'static str,
    sentence: String,
}

struct CpuView {
    chart: String,
    parts: Vec<(&'static str, &'static str)>,
    rows: Vec<CpuRow>,
}

struct CpuRow {
    mode: String,
    parts: Vec<String>,
    total: (String, String),
    load: String,
    spans: String,
    bytes: String,
}

struct LatencyView {
    chart: String,
    rows: Vec<LatencyRow>,
}

struct LatencyRow {
    mode: String,
    requests: String,
    at: Vec<String>,
}

struct StripView {
    id: &'static str,
    heading: &'static str,
    explanation: &'static str,
    chart: String,
    rows: Vec<(String, String, String)>,
}

impl Page {
    pub(super) fn of(summary: &Summary) -> Result<Self, Error> {
        let Summary { experiment, results, code_cost, runs, .. } = summary;
        let remarks = |weight: Weight| {
            results.remarks.iter().filter(|remark| remark.weight == weight).map(|remark| remark.text.clone()).collect()
        };
        let mut notes: Vec<String> = remarks(Weight::Note);
        notes.extend(experiment.remarks.iter().cloned());
        let delta = |question: Question| format!("{}{NBSP}%", percent_short(question.delta(experiment.delta)));
        let legend = experiment.modes.iter().enumerate();
        Ok(Self {
            style: STYLE,
            when: day(experiment),
            version: experiment.versions.bookstore.clone(),
            verdicts: leads(&results.comparisons),
            single: results.comparisons.len() < 2,
            conditions: conditions(experiment, runs),
            warnings: remarks(Weight::Warning),
            notes,
            delta: delta(Question::PRIMARY),
            deltas: format!(
                "{} of throughput, median latency and memory, {} of the 99th percentile",
                delta(Question::Throughput),
                delta(Question::LatencyP99)
            ),
            enough: ENOUGH_ROUNDS,
            wide: tick_label(WIDE),
            comparisons: results
                .comparisons
                .iter()
                .enumerate()
                .map(|(index, comparison)| comparison_view(index + 1, comparison, &results.modes))
                .collect(),
            cpu: cpu_view(&results.modes),
            latency: latency_view(&latencies(summary)?),
            strips: strips(summary),
            rounds: rounds::chart(summary),
            code: code_cost.as_ref().map(code_view),
            modes: legend.map(|(index, name)| ModeLegend { name: name.clone(), class: mode_class(index) }).collect(),
        })
    }
}

fn leads(comparisons: &[Comparison]) -> Vec<Lead> {
    let lead = |comparison: &Comparison| {
        let verdict = comparison.verdicts.get(&Question::PRIMARY)?;
        let class = class(Question::PRIMARY, verdict.outcome);
        Some(Lead { class, text: sentence(Question::PRIMARY, comparison, verdict) })
    };
    comparisons.iter().filter_map(lead).collect()
}

/// Whether an outcome is bad news, good news or none.
fn class(question: Question, outcome: Outcome) -> &'static str {
    match (outcome, question) {
        (Outcome::More, Question::Throughput) | (Outcome::Less, _)
            if question != Question::Throughput || outcome == Outcome::More =>
        {
            "better"
        }
        (Outcome::More | Outcome::Less, _) => "worse",
        (Outcome::NoDifference, _) => "same",
        (Outcome::TooNoisy | Outcome::TooFewRounds, _) => "open",
    }
}

fn with_unit(value: f64, question: Question) -> String {
    format!("{}{NBSP}{}", question.show(value), question.unit())
}

/// The middle, and the least and the most.
fn spread_text(spread: Option<&Spread>, question: Question) -> (String, String) {
    spread.map_or_else(
        || ("–".to_owned(), String::new()),
        |spread| (with_unit(spread.median, question), ends(spread, question)),
    )
}

fn ends(spread: &Spread, question: Question) -> String {
    format!("{} to {}", question.show(spread.min), question.show(spread.max))
}

fn comparison_view(index: usize, comparison: &Comparison, modes: &[ModeResult]) -> ComparisonView {
    let spread = |label: &str, question: Question| {
        let mode = modes.iter().find(|mode| mode.mode == label);
        spread_text(mode.and_then(|mode| mode.values.get(&question)), question)
    };
    let limits = |[low, high]: [f64; 2]| range(&Interval { mean: 0.0, at_95: [low, high], at_99: [low, high] });
    let row = |(&question, verdict): (&Question, &crate::stats::verdict::Verdict)| {
        let interval = verdict.log_ratio;
        let or_dash = |text: Option<String>| text.unwrap_or_else(|| "–".to_owned());
        QuestionRow {
            question: question.name(),
            base: spread(&comparison.baseline, question),
            mode: spread(&comparison.mode, question),
            change: or_dash(interval.as_ref().map(change)),
            at_95: or_dash(interval.map(|interval| limits(interval.at_95))),
            at_99: or_dash(interval.map(|interval| limits(interval.at_99))),
            delta: format!("{}{NBSP}%", percent_short(verdict.delta)),
            noise: format!("{}{NBSP}%", crate::number::percent_of_log(verdict.noise)),
            rounds: format!("{} rounds", verdict.rounds),
            verdict: verdict.outcome.words(),
            class: class(question, verdict.outcome),
            sentence: sentence(question, comparison, verdict),
        }
    };
    ComparisonView {
        mode: comparison.mode.clone(),
        baseline: comparison.baseline.clone(),
        chart: forest::chart(index, comparison),
        rows: comparison.verdicts.iter().map(row).collect(),
        per_span: comparison.us_per_span.map(|interval| {
            let [low, high] = interval.at_99.map(short);
            format!("{}{NBSP}µs (99{NBSP}%: {low} to {high}{NBSP}µs)", short(interval.mean))
        }),
    }
}

/// Processor milliseconds; what was not there is a dash.
fn millis(value: f64) -> String {
    if value > 0.0 { fixed(value, 3) } else { "–".to_owned() }
}

fn cpu_view(modes: &[ModeResult]) -> Option<CpuView> {
    let shown = cpu::parts(modes);
    let rows = modes.iter().filter_map(|mode| {
        let cpu = mode.cpu_ms?;
        let values = cpu::PARTS.into_iter().filter(|(class, ..)| shown.iter().any(|(other, _)| other == class));
        let total = cpu.side() + cpu.receiver;
        let between = mode.cpu_total_ms.map_or_else(String::new, |interval| {
            let [low, high] = interval.at_99.map(|ms| fixed(ms, 3));
            format!("{low} to {high}")
        });
        Some(CpuRow {
            mode: mode.mode.clone(),
            parts: values.map(|(_, _, value)| millis(value(&cpu))).collect(),
            total: (fixed(total, 3), between),
            load: millis(cpu.load),
            spans: mode.spans_per_request.map_or_else(|| "–".to_owned(), |spans| fixed(spans, 1)),
            bytes: mode
                .bytes_per_request
                .map_or_else(|| "–".to_owned(), |count| format!("{}{NBSP}KiB", fixed(count / 1024.0, 2))),
        })
    });
    let rows = rows.collect();
    Some(CpuView { chart: cpu::chart(modes)?, parts: shown, rows })
}

fn latency_view(latencies: &[(usize, Latencies)]) -> Option<LatencyView> {
    let row = |(_, of): &(usize, Latencies)| {
        let at = [0.5, 0.9, 0.99, 0.999, 0.9999];
        let mut at: Vec<_> = at.iter().map(|quantile| micros(float(of.all.value_at_quantile(*quantile)))).collect();
        at.push(micros(float(of.all.max())));
        LatencyRow { mode: of.mode.clone(), requests: whole(float(of.all.len())), at }
    };
    Some(LatencyView { chart: latency::chart(latencies)?, rows: latencies.iter().map(row).collect() })
}

fn strips(summary: &Summary) -> Vec<StripView> {
    let view = |question: Question, id, heading, explanation, axis| {
        let rows = summary.results.modes.iter().filter_map(|mode| {
            let spread = mode.values.get(&question)?;
            Some((mode.mode.clone(), with_unit(spread.median, question), ends(spread, question)))
        });
        Some(StripView {
            id,
            heading,
            explanation,
            chart: strip::chart(summary, question, &format!("chart-{id}"), axis)?,
            rows: rows.collect(),
        })
    };
    [
        view(
            Question::Throughput,
            "throughput",
            "Throughput at saturation",
            "How many requests a second are answered when the next one follows as soon as the last was answered. Each mark is a run, the stroke the middle of them.",
            "requests a second",
        ),
        view(
            Question::Memory,
            "memory",
            "Memory",
            "The most that the services held, summed (peak resident set). Each mark is a run, the stroke the middle of them.",
            "MiB",
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}
