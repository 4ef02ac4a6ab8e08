//! What follows from what was measured: a number or two for each run, and what can be said of each mode.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::{CpuSeconds, Experiment, Phase, PhaseKind, Receiver, Run};
use crate::noise::{self, Remark};
use crate::number::{float, median};
use crate::question::Question;
use crate::stats::interval::{Interval, Resamples};
use crate::stats::verdict::Verdict;

/// Everything that follows from the runs.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Results {
    /// Each run's numbers, in order of time.
    pub runs: Vec<Values>,
    /// Each mode's numbers, in the order of [`Experiment::modes`].
    pub modes: Vec<ModeResult>,
    /// Each mode but the first against the first.
    pub comparisons: Vec<Comparison>,
    /// What makes the figures less sure than they look, and how noisy it was.
    pub remarks: Vec<Remark>,
}

/// A run's numbers.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Values {
    /// The round.
    pub round: u32,
    /// The label of the mode.
    pub mode: String,
    /// The how-manieth run of its round it was; from 1.
    pub position: u32,
    /// Processor milliseconds per request: of the fixed rate, or of saturation where there is no phase with a fixed rate.
    pub cpu_ms: Option<CpuMillis>,
    /// Answers a second at saturation.
    pub throughput: Option<f64>,
    /// The middle of the latencies in ms, of the same phase as `cpu_ms`.
    pub p50_ms: Option<f64>,
    /// Their 99th percentile in ms.
    pub p99_ms: Option<f64>,
    /// The services' peak memory together, in MiB: of each the highest of all phases.
    pub rss_mib: Option<f64>,
    /// Spans per request, lost ones included, of the same phase as `cpu_ms`.
    pub spans_per_request: Option<f64>,
}

/// Processor milliseconds per request, by who used them. What was not measured is 0, as is what was not there.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct CpuMillis {
    /// The services together.
    pub services: f64,
    /// The database server.
    pub database: f64,
    /// The agent.
    pub agent: f64,
    /// The receiver of telemetry.
    pub receiver: f64,
    /// The load.
    pub load: f64,
}

impl CpuMillis {
    fn of(cpu: &CpuSeconds, requests: u64) -> Self {
        let per_request = |seconds: f64| seconds * 1000.0 / float(requests);
        let part = |seconds: Option<f64>| per_request(seconds.unwrap_or(0.0));
        Self {
            services: per_request(cpu.services.values().sum()),
            database: part(cpu.database),
            agent: part(cpu.agent),
            receiver: part(cpu.receiver),
            load: part(cpu.load),
        }
    }

    /// What serving and observing cost where the services run: services, database and agent.
    #[must_use]
    pub fn side(&self) -> f64 {
        self.services + self.database + self.agent
    }
}

/// The middle of several runs, and the least and the most.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct Spread {
    /// The least.
    pub min: f64,
    /// The middle.
    pub median: f64,
    /// The most.
    pub max: f64,
}

impl Spread {
    /// None of none.
    #[must_use]
    pub fn of(values: &[f64]) -> Option<Self> {
        let min = values.iter().copied().reduce(f64::min)?;
        let max = values.iter().copied().reduce(f64::max)?;
        Some(Self { min, median: median(values), max })
    }
}

/// A mode's numbers over all of its runs.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct ModeResult {
    /// The label.
    pub mode: String,
    /// How many runs there are.
    pub runs: usize,
    /// The answers to each question that was measured.
    pub values: BTreeMap<Question, Spread>,
    /// The mean of processor milliseconds per request, part by part, so that parts add up.
    pub cpu_ms: Option<CpuMillis>,
    /// Where the mean of services, database, agent and receiver together lies. It knows of no pairs: whether two modes
    /// differ is said by the comparison.
    pub cpu_total_ms: Option<Interval>,
    /// The middle of spans per request.
    pub spans_per_request: Option<f64>,
    /// Requests that failed, of all phases.
    pub failed: u64,
    /// Requests that were answered as they should be, of all phases.
    pub requests: u64,
    /// Visits that should have begun and did not, of all phases.
    pub skipped: u64,
    /// Spans that were lost, of all phases.
    pub spans_dropped: u64,
    /// Bytes of telemetry per request, of the same phase as `cpu_ms`.
    pub bytes_per_request: Option<f64>,
}

/// A mode against the baseline.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Comparison {
    /// The label of the mode.
    pub mode: String,
    /// The label of the mode that it is compared with.
    pub baseline: String,
    /// What can be said to each question that was measured.
    pub verdicts: BTreeMap<Question, Verdict>,
    /// What the services spend on each span that a request makes, in processor µs: the difference of processor time per
    /// request in the same round, divided by the mode's spans per request. That charges spans with everything that
    /// the mode does, metrics and logs included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub us_per_span: Option<Interval>,
}

impl Values {
    fn of(run: &Run) -> Self {
        let main = main_phase(run);
        let saturation = run.phase(PhaseKind::Saturation);
        let ms = |us: u64| float(us) / 1000.0;
        Self {
            round: run.round,
            mode: run.mode.clone(),
            position: run.position,
            cpu_ms: main.map(|phase| CpuMillis::of(&phase.cpu_s, phase.requests)),
            throughput: saturation.map(Phase::requests_per_s).filter(|rate| rate.is_finite()),
            p50_ms: main.map(|phase| ms(phase.latency.p50_us)),
            p99_ms: main.map(|phase| ms(phase.latency.p99_us)),
            rss_mib: rss(run),
            spans_per_request: main.and_then(|phase| {
                let spans = phase.spans?;
                Some(float(spans.exported + spans.dropped) / float(phase.requests))
            }),
        }
    }
}

/// The phase that CPU and latency are taken from. None where nothing was answered: there is nothing to divide by.
pub(crate) fn main_phase(run: &Run) -> Option<&Phase> {
    let phase = run.phase(PhaseKind::FixedRate).or_else(|| run.phase(PhaseKind::Saturation))?;
    (phase.requests > 0).then_some(phase)
}

fn rss(run: &Run) -> Option<f64> {
    let mut most: BTreeMap<&str, f64> = BTreeMap::new();
    for phase in &run.phases {
        for (name, mib) in &phase.rss_peak_mib {
            if phase.cpu_s.services.contains_key(name) {
                let known = most.entry(name).or_insert(*mib);
                *known = known.max(*mib);
            }
        }
    }
    (!most.is_empty()).then(|| most.values().sum())
}

impl Results {
    /// Computes all that follows. The same runs give the same results on every machine.
    #[must_use]
    pub fn of(experiment: &Experiment, runs: &[Run]) -> Self {
        let values: Vec<_> = runs.iter().map(Values::of).collect();
        let mut drawn = Drawn { seed: experiment.seed, made: BTreeMap::new() };
        let modes = experiment.modes.iter().map(|mode| mode_result(mode, runs, &values, &mut drawn)).collect();
        let mut comparisons = Vec::new();
        if let Some((baseline, others)) = experiment.modes.split_first() {
            comparisons.extend(others.iter().map(|mode| compare(mode, baseline, &values, experiment, &mut drawn)));
        }
        let remarks = noise::remarks(experiment, runs, &values, &comparisons);
        Self { runs: values, modes, comparisons, remarks }
    }
}

/// The runs of a mode, by round.
fn by_round<'a>(values: &'a [Values], mode: &str) -> BTreeMap<u32, &'a Values> {
    values.iter().filter(|run| run.mode == mode).map(|run| (run.round, run)).collect()
}

/// What a function makes of each round in which both modes ran: rounds of which it makes nothing are left out.
pub(crate) fn paired(
    values: &[Values],
    mode: &str,
    baseline: &str,
    pair: impl Fn(&Values, &Values) -> Option<f64>,
) -> Vec<f64> {
    let base = by_round(values, baseline);
    by_round(values, mode).into_iter().filter_map(|(round, run)| pair(run, base.get(&round)?)).collect()
}

/// The log-ratios of a mode to the baseline, one a round.
pub(crate) fn log_ratios(values: &[Values], mode: &str, baseline: &str, question: Question) -> Vec<f64> {
    paired(values, mode, baseline, |run, base| Some((question.value(run)? / question.value(base)?).ln()))
}

/// Resamples by how many rounds they draw from: made once for all questions and modes.
struct Drawn {
    seed: u64,
    made: BTreeMap<usize, Resamples>,
}

impl Drawn {
    fn of(&mut self, rounds: usize) -> &Resamples {
        self.made.entry(rounds).or_insert_with(|| Resamples::new(rounds, self.seed))
    }
}

fn compare(mode: &str, baseline: &str, values: &[Values], experiment: &Experiment, drawn: &mut Drawn) -> Comparison {
    let mut verdicts = BTreeMap::new();
    for question in Question::ALL {
        let ratios = log_ratios(values, mode, baseline, question);
        if !ratios.is_empty() {
            let delta = question.delta(experiment.delta);
            verdicts.insert(question, Verdict::of(&ratios, delta, drawn.of(ratios.len()), experiment.seed));
        }
    }
    let per_span = paired(values, mode, baseline, |run, base| {
        let spans = run.spans_per_request? - base.spans_per_request.unwrap_or(0.0);
        let extra_us = (run.cpu_ms?.services - base.cpu_ms?.services) * 1000.0;
        // Of less than one span in ten requests the quotient says nothing.
        (spans > 0.1).then(|| extra_us / spans)
    });
    let us_per_span = drawn.of(per_span.len()).interval(&per_span);
    Comparison { mode: mode.to_owned(), baseline: baseline.to_owned(), verdicts, us_per_span }
}

fn mode_result(mode: &str, runs: &[Run], values: &[Values], drawn: &mut Drawn) -> ModeResult {
    let mine: Vec<_> = values.iter().filter(|run| run.mode == mode).collect();
    let runs: Vec<_> = runs.iter().filter(|run| run.mode == mode).collect();
    let spread = |question: Question| {
        let answers: Vec<_> = mine.iter().filter_map(|run| question.value(run)).collect();
        Some((question, Spread::of(&answers)?))
    };
    let cpu: Vec<_> = mine.iter().filter_map(|run| run.cpu_ms).collect();
    let mean = |part: fn(&CpuMillis) -> f64| cpu.iter().map(part).sum::<f64>() / crate::number::float_of(cpu.len());
    let totals: Vec<_> = cpu.iter().map(|cpu| cpu.side() + cpu.receiver).collect();
    let spans: Vec<_> = mine.iter().filter_map(|run| run.spans_per_request).collect();
    let bytes: Vec<_> = runs
        .iter()
        .filter_map(|run| main_phase(run))
        .filter_map(|phase| Some(float(phase.bytes_exported?) / float(phase.requests)))
        .collect();
    let sum = |count: fn(&Phase) -> u64| runs.iter().flat_map(|run| &run.phases).map(count).sum();
    ModeResult {
        mode: mode.to_owned(),
        runs: mine.len(),
        values: Question::ALL.into_iter().filter_map(spread).collect(),
        cpu_ms: (!cpu.is_empty()).then(|| CpuMillis {
            services: mean(|cpu| cpu.services),
            database: mean(|cpu| cpu.database),
            agent: mean(|cpu| cpu.agent),
            receiver: mean(|cpu| cpu.receiver),
            load: mean(|cpu| cpu.load),
        }),
        cpu_total_ms: drawn.of(totals.len()).interval(&totals),
        spans_per_request: (!spans.is_empty()).then(|| median(&spans)),
        failed: sum(Phase::failed),
        requests: sum(|phase| phase.requests),
        skipped: sum(|phase| phase.skipped),
        spans_dropped: sum(|phase| phase.spans.map_or(0, |spans| spans.dropped)),
        bytes_per_request: (!bytes.is_empty()).then(|| median(&bytes)),
    }
}

/// Whether the shop's own receiver took the telemetry of some run, and whether one that discards did.
pub(crate) fn receivers(runs: &[Run]) -> (bool, bool) {
    let any = |receiver| runs.iter().any(|run| run.receiver == receiver);
    (any(Receiver::Compare), any(Receiver::Discard))
}
