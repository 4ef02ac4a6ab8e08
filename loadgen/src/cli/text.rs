//! A run's outcome for people.

use std::collections::BTreeMap;
use std::fmt::{Display, Write as _};
use std::time::Duration;

use hdrhistogram::Histogram;

use crate::duration::say;
use crate::outcome::{Missed, Outcome, per_second};
use crate::plan::Arrivals;
use crate::report::{Asked, asked_per_s};
use crate::schedule::{Spacing, to_f64};

/// The text of the result, with its last newline.
pub(super) fn report(asked: &Asked, outcome: &Outcome) -> String {
    let mut text = String::new();
    // Writing to a string does not fail.
    let mut line = |label: &str, value: &str| {
        let _ = writeln!(text, "{label:<11} {value}");
    };
    let loop_kind = match &asked.arrivals {
        Arrivals::Open { spacing: Spacing::Even, .. } => "open loop, evenly spaced",
        Arrivals::Open { spacing: Spacing::Poisson, .. } => "open loop, Poisson arrivals",
        Arrivals::Closed => "closed loop",
    };
    line(
        "scenario",
        &format!(
            "{} at {}, {loop_kind}, {} customers, seed {}",
            asked.scenario, asked.target, asked.customers, asked.seed
        ),
    );
    if outcome.interrupted {
        line("", &format!("INTERRUPTED after {}: what follows is of the run so far", say(outcome.elapsed)));
    }
    let visits = outcome.visits;
    let mut parts = vec![format!("{} done", visits.done)];
    for (count, what) in [(visits.failed, "failed"), (visits.skipped, "skipped"), (visits.cut_off, "cut off")] {
        if count > 0 {
            parts.push(format!("{count} {what}"));
        }
    }
    line("visits", &format!("{} in {}: {}", visits.offered, say(outcome.window), parts.join(", ")));
    let mut rates = Vec::new();
    if let Some(rate) = asked_per_s(&asked.arrivals, outcome) {
        rates.push(format!("{} asked for", rate_of(rate)));
    }
    if matches!(&asked.arrivals, Arrivals::Open { spacing: Spacing::Poisson, .. }) {
        rates.push(format!("{} came by chance", rate_of(per_second(visits.offered, outcome.window))));
    }
    rates.push(format!("{} reached", rate_of(outcome.visits_per_s())));
    line("visits/s", &rates.join(", "));
    line("requests/s", &rate_of(outcome.requests_per_s()));
    line(
        "requests",
        &format!(
            "{}: {} ok{}{}",
            outcome.requests,
            outcome.ok,
            kinds("refused as the scenario has it", &outcome.refusals),
            kinds("errors", &outcome.errors)
        ),
    );
    if outcome.tidying.requests > 0 {
        let failed =
            if outcome.tidying.failed > 0 { format!(", {} failed", outcome.tidying.failed) } else { String::new() };
        line(
            "tidying",
            &format!(
                "{} requests to empty baskets after visits, counted nowhere else{failed}",
                outcome.tidying.requests
            ),
        );
    }
    if let Some(generator) = generator(outcome) {
        line("generator", &generator);
    }
    text.push('\n');
    text.push_str(&latencies(outcome));
    if let Some(conclusion) = conclusion(asked, outcome) {
        text.push('\n');
        text.push_str(&conclusion);
        text.push('\n');
    }
    text
}

/// `, 12 errors (10 timeout, 2 connect)`, or nothing.
fn kinds<K: Display>(what: &str, kinds: &BTreeMap<K, u64>) -> String {
    let sum: u64 = kinds.values().sum();
    if sum == 0 {
        return if what == "errors" { ", 0 errors".to_owned() } else { String::new() };
    }
    let mut by_count: Vec<_> = kinds.iter().collect();
    by_count.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    let kinds: Vec<_> = by_count.iter().map(|(kind, count)| format!("{kind} {count}")).collect();
    format!(", {sum} {what} ({})", kinds.join(", "))
}

fn generator(outcome: &Outcome) -> Option<String> {
    let at = |quantile| say(Duration::from_nanos(outcome.lag.value_at_quantile(quantile)));
    let lag = (!outcome.lag.is_empty()).then(|| {
        let most = say(Duration::from_nanos(outcome.lag.max()));
        format!("visits began late by p50 {}, p99 {}, at most {most}", at(0.5), at(0.99))
    });
    let busy = outcome.cores_busy().map(|cores| format!("took {:.0} % of a core", cores * 100.0));
    let parts: Vec<_> = lag.into_iter().chain(busy).collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}

fn latencies(outcome: &Outcome) -> String {
    let widest = outcome.steps.iter().map(|step| step.name.chars().count()).max().unwrap_or(0).max("latency".len());
    let mut text = format!(
        "{:<widest$} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9}\n",
        "latency", "requests", "p50", "p90", "p99", "p99.9", "max"
    );
    let mut row = |name: &str, count: u64, latency: &Histogram<u64>| {
        let cell = |nanos: u64| if latency.is_empty() { "-".to_owned() } else { say(Duration::from_nanos(nanos)) };
        // Of fewer than so many, it would only be the longest again.
        let at = |quantile: f64, least: u64| {
            if latency.len() < least { "-".to_owned() } else { cell(latency.value_at_quantile(quantile)) }
        };
        let _ = writeln!(
            text,
            "{name:<widest$} {count:>9} {:>9} {:>9} {:>9} {:>9} {:>9}",
            at(0.5, 1),
            at(0.9, 10),
            at(0.99, 100),
            at(0.999, 1_000),
            cell(latency.max())
        );
    };
    for step in &outcome.steps {
        row(&step.name, step.count, &step.latency);
    }
    if outcome.steps.len() > 1 {
        row("all", outcome.requests, &outcome.latency);
    }
    text
}

/// What is wrong with the run, and what to do about it.
fn conclusion(asked: &Asked, outcome: &Outcome) -> Option<String> {
    if outcome.requests > 0 && outcome.ok == 0 && outcome.refusals.is_empty() {
        let hint = if outcome.steps.iter().any(|step| step.name.contains("/shapes/")) {
            " Paths of shapes are served in scoring runs only."
        } else {
            ""
        };
        return Some(format!("Not one request was answered as it should be: this run measured errors.{hint}"));
    }
    let share = to_f64(outcome.begun()) / to_f64(outcome.visits.offered.max(1)) * 100.0;
    let missed = outcome.missed(asked.threads).map(|missed| match missed {
        Missed::Shop => format!(
            "The rate was not reached: {} of {} visits found all {} customers waiting for the shop ({share:.1} % began).\n\
             The shop is slower than that, or the rate needs more customers: --max-in-flight.",
            outcome.visits.skipped, outcome.visits.offered, asked.customers
        ),
        Missed::Generator => format!(
            "The rate was not reached, and the load generator is the limit: it was behind or busy all the time ({share:.1} % \
             began).\nThese latencies are its as much as the shop's. Give it more --threads, a core of its own, or a lower \
             --rate."
        ),
    });
    let late = outcome.generator_was_late().then(|| {
        "One visit in a hundred began more than 10 ms late: this machine had other things to do.\n\
         Latencies count from when a visit was to begin, so they show it."
            .to_owned()
    });
    let parts: Vec<_> = missed.into_iter().chain(late).collect();
    (!parts.is_empty()).then(|| parts.join("\n"))
}

/// A rate with three digits or so.
fn rate_of(rate: f64) -> String {
    if rate >= 100.0 { format!("{rate:.0}") } else { format!("{rate:.1}") }
}
