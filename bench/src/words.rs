//! Verdicts as sentences.

use crate::number::{NBSP, percent_of_log, percent_short};
use crate::question::Question;
use crate::results::Comparison;
use crate::stats::interval::Interval;
use crate::stats::verdict::{ENOUGH_ROUNDS, Outcome, Verdict};

/// How a question is spoken of: `With M, {subject} {verb} 3 % {more}`.
struct Words {
    subject: &'static str,
    verb: &'static str,
    more: &'static str,
    less: &'static str,
}

fn words(question: Question) -> Words {
    let is = |subject| Words { subject, verb: "is", more: "higher", less: "lower" };
    match question {
        Question::ServicesCpu => is("the services’ CPU per request"),
        Question::InstrumentedCpu => is("CPU per request of services and agent"),
        Question::SideCpu => is("CPU per request of services, database and agent together"),
        Question::Throughput => is("the number of requests per second at saturation"),
        Question::LatencyP50 => is("median latency"),
        Question::LatencyP99 => is("the 99th percentile of latency"),
        Question::Memory => is("the services’ peak memory"),
    }
}

/// The sentence that says what came out.
pub(crate) fn sentence(question: Question, comparison: &Comparison, verdict: &Verdict) -> String {
    let Comparison { mode, baseline, .. } = comparison;
    let Words { subject, verb, more, less } = words(question);
    let rounds = rounds(verdict.rounds);
    let delta = percent_short(verdict.delta);
    let Some(interval) = &verdict.log_ratio else {
        return format!(
            "There is nothing to say about {mode} and {baseline} yet: {rounds} in which both ran; {ENOUGH_ROUNDS} are needed."
        );
    };
    match verdict.outcome {
        outcome @ (Outcome::More | Outcome::Less) => {
            let (word, amount, range) = if outcome == Outcome::More {
                (more, percent_of_log(interval.mean), range(interval))
            } else {
                // The amount is a positive number of percent less, and so are its limits.
                let [low, high] = interval.at_99;
                let less_by = |log: f64| crate::number::percent(-log.exp_m1());
                (less, less_by(interval.mean), format!("{}{NBSP}to{NBSP}{}{NBSP}%", less_by(high), less_by(low)))
            };
            if question == Question::PRIMARY {
                let word = if outcome == Outcome::More { "more" } else { "less" };
                format!(
                    "{mode} costs {amount}{NBSP}% {word} CPU per request than {baseline} (99{NBSP}%:{NBSP}{range}), over {rounds}."
                )
            } else {
                format!(
                    "With {mode}, {subject} {verb} {amount}{NBSP}% {word} than with {baseline} (99{NBSP}%:{NBSP}{range}), over {rounds}."
                )
            }
        }
        Outcome::NoDifference => format!(
            "Between {mode} and {baseline} there is no difference of {delta}{NBSP}% or more in {subject} (99{NBSP}%:{NBSP}{}), over {rounds}.",
            range(interval)
        ),
        Outcome::TooNoisy => {
            let needed = verdict
                .rounds_needed
                .map_or_else(String::new, |needed| format!(" With this noise it would probably take {needed} rounds."));
            format!(
                "It was too noisy to say whether {mode} and {baseline} differ by {delta}{NBSP}% in {subject}: with {mode} it {verb} somewhere between {} {more} (99{NBSP}%), over {rounds}.{needed}",
                between(interval)
            )
        }
        Outcome::TooFewRounds => format!(
            "{} too few to say whether {mode} and {baseline} differ in {subject}: {ENOUGH_ROUNDS} are needed. So far: {}{NBSP}% (99{NBSP}%:{NBSP}{}).",
            if verdict.rounds == 1 { "One round is".to_owned() } else { format!("{rounds} are") },
            percent_of_log(interval.mean),
            range(interval)
        ),
    }
}

fn rounds(count: usize) -> String {
    if count == 1 { "1 round".to_owned() } else { format!("{count} rounds") }
}

/// The 99 % interval as percent: `10.1 to 14.4 %`.
pub(crate) fn range(interval: &Interval) -> String {
    let [low, high] = interval.at_99.map(percent_of_log);
    format!("{low}{NBSP}to{NBSP}{high}{NBSP}%")
}

fn between(interval: &Interval) -> String {
    let [low, high] = interval.at_99.map(percent_of_log);
    format!("{low} and {high}{NBSP}%")
}

/// The change in percent, with its sign: `+12.3 %`.
pub(crate) fn change(interval: &Interval) -> String {
    let text = percent_of_log(interval.mean);
    let sign = if interval.mean > 0.0 && text != "0.0" { "+" } else { "" };
    format!("{sign}{text}{NBSP}%")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn said(question: Question, outcome: Outcome, [mean, low, high]: [f64; 3]) -> String {
        let [mean, low, high] = [mean, low, high].map(f64::ln_1p);
        let log_ratio = Some(Interval { mean, at_95: [low, high], at_99: [low, high] });
        let verdict =
            Verdict { outcome, rounds: 12, delta: 0.02, log_ratio, noise: 0.01, chance: 0.1, rounds_needed: Some(40) };
        let comparison =
            Comparison { mode: "manual".into(), baseline: "none".into(), verdicts: BTreeMap::new(), us_per_span: None };
        sentence(question, &comparison, &verdict).replace(NBSP, " ")
    }

    #[test]
    fn each_outcome_is_a_sentence() {
        use Outcome::{Less, More, NoDifference, TooFewRounds, TooNoisy};
        use Question::{InstrumentedCpu, Throughput};
        for (question, outcome, numbers, text) in [
            (
                InstrumentedCpu,
                More,
                [0.123, 0.101, 0.144],
                "manual costs 12.3 % more CPU per request than none (99 %: 10.1 to 14.4 %), over 12 rounds.",
            ),
            (
                Throughput,
                Less,
                [-0.11, -0.13, -0.09],
                "With manual, the number of requests per second at saturation is 11.0 % lower than with none (99 %: 9.0 to 13.0 %), over 12 rounds.",
            ),
            (
                InstrumentedCpu,
                NoDifference,
                [0.001, -0.008, 0.009],
                "Between manual and none there is no difference of 2 % or more in CPU per request of services and agent (99 %: −0.8 to 0.9 %), over 12 rounds.",
            ),
            (
                InstrumentedCpu,
                TooNoisy,
                [0.02, -0.01, 0.05],
                "It was too noisy to say whether manual and none differ by 2 % in CPU per request of services and agent: with manual it is somewhere between −1.0 and 5.0 % higher (99 %), over 12 rounds. With this noise it would probably take 40 rounds.",
            ),
            (
                InstrumentedCpu,
                TooFewRounds,
                [0.02, -0.01, 0.05],
                "12 rounds are too few to say whether manual and none differ in CPU per request of services and agent: 12 are needed. So far: 2.0 % (99 %: −1.0 to 5.0 %).",
            ),
        ] {
            assert_eq!(said(question, outcome, numbers), text);
        }
    }

    #[test]
    fn a_change_has_its_sign() {
        let change_of = |log: f64| change(&Interval { mean: log, at_95: [0.0; 2], at_99: [0.0; 2] }).replace(NBSP, " ");
        assert_eq!(change_of(0.05_f64.ln_1p()), "+5.0 %");
        assert_eq!(change_of(-0.05_f64.ln_1p()), "−4.8 %");
        assert_eq!(change_of(0.0001), "0.0 %");
    }
}
