//! How noisy it was, and what makes the figures less sure than they look.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::{Experiment, Run};
use crate::number::{NBSP, fixed, float, float_of, median, percent, percent_of_log};
use crate::order::{balanced_every, mode_of};
use crate::question::Question;
use crate::results::{Comparison, Values, log_ratios, main_phase};
use crate::stats::interval::deviation;
use crate::stats::rank::spearman;

/// What chance alone gives in fewer experiments than this is remarked upon.
const RARE: f64 = 0.01;
/// More stolen time than this is remarked upon as a warning.
const MUCH_STOLEN: f64 = 0.02;
/// More failed requests than this, too.
const MANY_FAILED: f64 = 0.001;

/// Something to know about the figures.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Remark {
    /// Whether it casts doubt on them.
    pub weight: Weight,
    /// A sentence or two.
    pub text: String,
}

/// How much a remark matters.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Weight {
    /// Good to know.
    Note,
    /// Casts doubt on figures.
    Warning,
}

fn note(text: String) -> Remark {
    Remark { weight: Weight::Note, text }
}

fn warning(text: String) -> Remark {
    Remark { weight: Weight::Warning, text }
}

/// All that there is to remark, from the data alone.
pub(crate) fn remarks(
    experiment: &Experiment,
    runs: &[Run],
    values: &[Values],
    comparisons: &[Comparison],
) -> Vec<Remark> {
    let mut remarks = Vec::new();
    remarks.extend(incomplete(experiment, values));
    remarks.extend(unbalanced(experiment));
    remarks.extend(failures(experiment, runs));
    remarks.extend(skipped(experiment, runs));
    remarks.extend(lost_spans(experiment, runs));
    remarks.extend(comparisons.iter().filter_map(|comparison| pair_noise(comparison, values)));
    remarks.extend(drift(experiment, values));
    remarks.extend(position(experiment, values));
    remarks.extend(steal(runs));
    remarks
}

fn incomplete(experiment: &Experiment, values: &[Values]) -> Option<Remark> {
    let mut seen: BTreeMap<u32, usize> = BTreeMap::new();
    for run in values {
        *seen.entry(run.round).or_default() += 1;
    }
    let whole = seen.values().filter(|&&runs| runs == experiment.modes.len()).count();
    let asked = usize::try_from(experiment.rounds).unwrap_or(usize::MAX);
    (whole < asked).then(|| {
        warning(format!("Of the {asked} rounds that were asked for, {whole} ran every mode. A round in which a mode is missing is left out of comparisons with that mode."))
    })
}

fn unbalanced(experiment: &Experiment) -> Option<Remark> {
    let every = balanced_every(experiment.modes.len());
    let rounds = usize::try_from(experiment.rounds).unwrap_or(0);
    (!rounds.is_multiple_of(every)).then(|| {
        note(format!("{rounds} rounds are not a multiple of {every}, so that not every mode was equally often at every position of a round."))
    })
}

/// A number for each mode, of all of its runs.
fn per_mode<'a>(
    experiment: &'a Experiment,
    runs: &'a [Run],
    count: impl Fn(&Run) -> (u64, u64) + 'a,
) -> impl Iterator<Item = (&'a str, u64, u64)> {
    experiment.modes.iter().map(move |mode| {
        let (some, all) = runs
            .iter()
            .filter(|run| run.mode == *mode)
            .map(&count)
            .fold((0, 0), |sum, next| (sum.0 + next.0, sum.1 + next.1));
        (mode.as_str(), some, all)
    })
}

fn failures(experiment: &Experiment, runs: &[Run]) -> Vec<Remark> {
    let count = |run: &Run| {
        let failed: u64 = run.phases.iter().map(crate::model::Phase::failed).sum();
        (failed, failed + run.phases.iter().map(|phase| phase.requests).sum::<u64>())
    };
    let many = |failed: u64, all: u64| float(failed) > MANY_FAILED * float(all);
    per_mode(experiment, runs, count)
        .filter(|&(_, failed, all)| many(failed, all))
        .map(|(mode, failed, all)| {
            warning(format!(
                "With {mode}, {}{NBSP}% of requests failed ({failed} of {all}). A failed request may cost less than one that succeeds, so look into that first.",
                fixed(100.0 * float(failed) / float(all), 2)
            ))
        })
        .collect()
}

fn skipped(experiment: &Experiment, runs: &[Run]) -> Vec<Remark> {
    let count = |run: &Run| main_phase(run).map_or((0, 0), |phase| (phase.skipped, phase.skipped + phase.visits));
    per_mode(experiment, runs, count)
        .filter(|&(_, skipped, _)| skipped > 0)
        .map(|(mode, skipped, all)| {
            warning(format!("With {mode}, {skipped} of {all} visits did not begin because too many were under way: the rate was near what the shop can do, and latencies say more about queues than about instrumentation."))
        })
        .collect()
}

fn lost_spans(experiment: &Experiment, runs: &[Run]) -> Vec<Remark> {
    let count = |run: &Run| {
        let spans = run.phases.iter().filter_map(|phase| phase.spans);
        spans.fold((0, 0), |sum, next| (sum.0 + next.dropped, sum.1 + next.dropped + next.exported))
    };
    per_mode(experiment, runs, count)
        .filter(|&(_, dropped, _)| dropped > 0)
        .map(|(mode, dropped, all)| {
            warning(format!(
                "With {mode}, {}{NBSP}% of spans were lost ({dropped} of {all}). What is lost is not exported, so the price shown is less than that of all spans.",
                percent(float(dropped) / float(all))
            ))
        })
        .collect()
}

/// How much two runs of a round differ; of two modes that are the same, that is noise and nothing else.
fn pair_noise(comparison: &Comparison, values: &[Values]) -> Option<Remark> {
    let Comparison { mode, baseline, .. } = comparison;
    let ratios = log_ratios(values, mode, baseline, Question::PRIMARY);
    if ratios.len() < 2 {
        return None;
    }
    let noise = percent_of_log(deviation(&ratios));
    Some(note(if mode_of(mode) == mode_of(baseline) {
        let most = ratios.iter().map(|ratio| ratio.abs()).fold(0.0, f64::max);
        format!(
            "{mode} and {baseline} are the same, so all that differs between them is noise: the ratio of their CPU per request varies by {noise}{NBSP}% from round to round (standard deviation), and was off by {}{NBSP}% at most.",
            percent_of_log(most)
        )
    } else {
        format!(
            "From round to round, the ratio of {mode} to {baseline} in CPU per request varies by {noise}{NBSP}% (standard deviation)."
        )
    }))
}

/// Whether the baseline went up or down in time.
fn drift(experiment: &Experiment, values: &[Values]) -> Option<Remark> {
    let baseline = experiment.modes.first()?;
    let pairs: Vec<_> = values
        .iter()
        .filter(|run| run.mode == *baseline)
        .filter_map(|run| Some((f64::from(run.round), Question::PRIMARY.value(run)?)))
        .collect();
    let found = spearman(&pairs)?;
    let answers: Vec<_> = pairs.iter().map(|(_, value)| value.ln()).collect();
    let spread = percent_of_log(deviation(&answers));
    let rho = fixed(found.rho, 2);
    Some(if found.probability < RARE {
        let way = if found.rho > 0.0 { "rose" } else { "fell" };
        note(format!(
            "The machine drifted: CPU per request of {baseline} {way} in the course of the rounds (rank correlation with time {rho}), and varies by {spread}{NBSP}%. Ratios within a round hardly feel it; absolute values do."
        ))
    } else {
        note(format!(
            "CPU per request of {baseline} alone varies by {spread}{NBSP}% from round to round, with no clear trend (rank correlation with time {rho})."
        ))
    })
}

/// Whether what came later in a round cost more or less, whatever the mode.
fn position(experiment: &Experiment, values: &[Values]) -> Option<Remark> {
    if experiment.modes.len() < 2 {
        return None;
    }
    let log = |run: &Values| Some(Question::PRIMARY.value(run)?.ln());
    let middle = |belongs: &dyn Fn(&Values) -> bool| {
        median(&values.iter().filter(|run| belongs(run)).filter_map(log).collect::<Vec<_>>())
    };
    let rounds: BTreeMap<u32, f64> =
        values.iter().map(|run| (run.round, middle(&|other| other.round == run.round))).collect();
    let modes: BTreeMap<&str, f64> =
        values.iter().map(|run| (run.mode.as_str(), middle(&|other| other.mode == run.mode))).collect();
    let rest = |run: &Values| {
        let rest = log(run)? - rounds.get(&run.round)? - modes.get(run.mode.as_str())?;
        Some((f64::from(run.position), rest))
    };
    let pairs: Vec<_> = values.iter().filter_map(rest).collect();
    let found = spearman(&pairs).filter(|found| found.probability < RARE)?;
    let mean = |position: u32| {
        let at: Vec<_> = pairs.iter().filter(|pair| pair.0 == f64::from(position)).map(|pair| pair.1).collect();
        at.iter().sum::<f64>() / float_of(at.len())
    };
    let last = values.iter().map(|run| run.position).max()?;
    let by = percent_of_log((mean(last) - mean(1)).abs());
    let way = if found.rho > 0.0 { "more" } else { "less" };
    Some(note(format!(
        "What ran last in a round used about {by}{NBSP}% {way} CPU per request than what ran first, whatever the mode. Each mode was equally often at each position, so that this widens intervals and shifts none."
    )))
}

fn steal(runs: &[Run]) -> Option<Remark> {
    let stolen: Vec<_> = runs.iter().filter_map(|run| run.steal).collect();
    let most = stolen.iter().copied().reduce(f64::max)?;
    let text = format!(
        "The hypervisor gave {}{NBSP}% of processor time to others during a run in the middle, and {}{NBSP}% at most.",
        percent(median(&stolen)),
        percent(most)
    );
    Some(if most > MUCH_STOLEN { warning(text) } else { note(text) })
}
