//! What to say about a ratio.
//!
//! With δ the smallest difference of interest (as a logarithm), from at least [`ENOUGH_ROUNDS`] rounds:
//!
//! * **more** or **less**, when the 99 % interval lies wholly beyond δ/2, and, if that interval reaches further than
//!   [`WIDE`] δ from its middle, when also chance alone would give as much in no more than one of 1,000 experiments by the
//!   [sign-flip test](super::flip);
//! * **no difference** of δ or more, when the 99 % interval lies wholly within ±δ;
//! * **too noisy to say** otherwise.
//!
//! Why so: two modes that are the same are never exactly equal, and a 99 % interval misses zero in one experiment of a
//! hundred, so that the interval alone would cry wolf. The margin of δ/2 makes that rare as long as the noise is in
//! proportion to δ; the sign-flip test takes over where it is not, and holds whatever the noise looks like.
//! A larger margin or a higher confidence would find less: of the rules that were tried, none found a difference of
//! 2.5 δ from twelve rounds with noise of 1.5 δ more often without crying wolf more often at some noise. More rounds do.
//!
//! What that comes to, for δ = 2 %, from 100,000 made-up experiments for each figure of the third column and 2,000 for
//! each of the fourth, by `tests/verdicts.rs`, which repeats fewer of them. Noise is the standard deviation of a log-ratio
//! between two runs of a round; it was normal, heavy-tailed, contaminated, or came in bursts.
//!
//! | rounds | noise | two that are the same said to differ, of 1,000 | +5 % found |
//! | --- | --- | --- | --- |
//! | 12 | 2 % | 0.1 at most | 92 to 99 % |
//! | 12 | 2.5 % | | 85 to 94 % |
//! | 12 | 3 % | 0.4 at most | 79 to 84 % |
//! | 12 | 4 %, 5 %, 10 % | 1.0 at most | |
//! | 16 | 3 % | 0.2 at most | 87 to 96 % |
//! | 16 | 4 % | 0.5 at most | |
//! | 16 | 5 %, 10 % | 1.0 at most | |
//! | 24 | 3 % | | 96 to 99 % |
//!
//! Normal noise gives the most false alarms; with heavy tails there are hardly any, and less is found. So an experiment
//! that has to find 5 % on a machine with noise of 3 % takes 16 rounds, or better 24.

use serde::{Deserialize, Serialize};

use super::flip;
use super::interval::{Interval, Resamples, student};
use crate::number::float_of;

/// Without so many rounds there is no verdict.
pub const ENOUGH_ROUNDS: usize = 12;

/// An interval that reaches further than so many δ from its middle has to pass the sign-flip test as well.
pub const WIDE: f64 = 1.5;

/// The sign-flip test's limit.
const RARE: f64 = 0.001;

/// What can be said.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The mode has more of it than the baseline.
    More,
    /// The mode has less of it than the baseline.
    Less,
    /// They do not differ by δ or more.
    NoDifference,
    /// It may be either.
    TooNoisy,
    /// There are not enough rounds to say anything.
    TooFewRounds,
}

impl Outcome {
    /// Whether a difference was found.
    #[must_use]
    pub fn is_difference(self) -> bool {
        matches!(self, Self::More | Self::Less)
    }

    /// In a few words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::More => "more",
            Self::Less => "less",
            Self::NoDifference => "no difference",
            Self::TooNoisy => "too noisy to say",
            Self::TooFewRounds => "too few rounds",
        }
    }
}

/// What can be said about one ratio, and from what.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct Verdict {
    /// What can be said.
    pub outcome: Outcome,
    /// How many rounds it is from.
    pub rounds: usize,
    /// The smallest difference of interest as a share: 0.02 is 2 %.
    pub delta: f64,
    /// The natural logarithm of the ratio. None of fewer than two rounds.
    pub log_ratio: Option<Interval>,
    /// The standard deviation of the log-ratios of single rounds: how noisy it was.
    pub noise: f64,
    /// How often chance alone would give as much, by the sign-flip test.
    pub chance: f64,
    /// How many rounds would probably have been enough, when it was too noisy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rounds_needed: Option<usize>,
}

impl Verdict {
    /// Judges log-ratios, one a round.
    #[must_use]
    pub fn of(log_ratios: &[f64], delta: f64, resamples: &Resamples, seed: u64) -> Self {
        let rounds = log_ratios.len();
        let noise = super::interval::deviation(log_ratios);
        let log_ratio = resamples.interval(log_ratios);
        let chance = flip::probability(log_ratios, seed);
        let outcome = match &log_ratio {
            Some(interval) if rounds >= ENOUGH_ROUNDS => judge(interval, delta.ln_1p(), chance),
            _ => Outcome::TooFewRounds,
        };
        let rounds_needed = match (&log_ratio, outcome) {
            (Some(interval), Outcome::TooNoisy) => {
                Some(rounds_needed(interval.mean.abs(), noise, delta.ln_1p(), rounds))
            }
            _ => None,
        };
        Self { outcome, rounds, delta, log_ratio, noise, chance, rounds_needed }
    }
}

fn judge(interval: &Interval, delta: f64, chance: f64) -> Outcome {
    let [low, high] = interval.at_99;
    let trusted = interval.reach_99() <= WIDE * delta || chance <= RARE;
    if low > delta / 2.0 && trusted {
        Outcome::More
    } else if high < -delta / 2.0 && trusted {
        Outcome::Less
    } else if low > -delta && high < delta {
        Outcome::NoDifference
    } else {
        Outcome::TooNoisy
    }
}

/// With how many rounds the interval would be narrow enough to say one or the other without the sign-flip test, if mean
/// and noise stay what they are. At most a hundred thousand.
fn rounds_needed(mean: f64, noise: f64, delta: f64, rounds: usize) -> usize {
    // To the nearer verdict: beyond δ/2, or within δ. At least δ/4, where it is in the middle between both.
    let reach = (mean - delta / 2.0).max(delta - mean).min(WIDE * delta);
    let enough = |rounds: usize| student(0.99, rounds - 1) * noise / float_of(rounds).sqrt() < reach;
    let (mut low, mut high) = (rounds.max(ENOUGH_ROUNDS), 100_000);
    while low < high {
        let middle = usize::midpoint(low, high);
        if enough(middle) { high = middle } else { low = middle + 1 }
    }
    // It was not enough this time.
    low.max(rounds + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(low: f64, high: f64, chance: f64) -> Outcome {
        let mean = f64::midpoint(low, high);
        judge(&Interval { mean, at_95: [low, high], at_99: [low, high] }, 0.02, chance)
    }

    #[test]
    fn the_interval_decides() {
        assert_eq!(judged(0.011, 0.03, 0.01), Outcome::More);
        assert_eq!(judged(-0.03, -0.011, 0.01), Outcome::Less);
        assert_eq!(judged(-0.01, 0.019, 0.9), Outcome::NoDifference);
        assert_eq!(judged(0.009, 0.03, 0.0001), Outcome::TooNoisy);
        assert_eq!(judged(-0.021, 0.01, 0.9), Outcome::TooNoisy);
    }

    #[test]
    fn what_is_surely_there_but_small_is_said_to_be_there() {
        assert_eq!(judged(0.012, 0.018, 0.0005), Outcome::More);
    }

    #[test]
    fn a_wide_interval_has_to_pass_the_sign_flip_test_too() {
        assert_eq!(judged(0.02, 0.20, 0.002), Outcome::TooNoisy);
        assert_eq!(judged(0.02, 0.20, 0.0009), Outcome::More);
    }

    #[test]
    fn eleven_rounds_are_too_few_however_clear_they_are() {
        let clear: Vec<_> = (0..11).map(|i| 0.5 + f64::from(i) * 1e-4).collect();
        let verdict = Verdict::of(&clear, 0.02, &Resamples::new(11, 1), 1);
        assert_eq!(verdict.outcome, Outcome::TooFewRounds);
        assert!(verdict.log_ratio.is_some(), "the figures are shown nevertheless");
        assert_eq!(Verdict::of(&[], 0.02, &Resamples::new(0, 1), 1).outcome, Outcome::TooFewRounds);
    }

    #[test]
    fn the_rounds_that_were_said_to_be_needed_are_enough() {
        // Noise without chance: values at equal distances around the mean.
        let values = |rounds: usize, mean: f64| -> Vec<f64> {
            (0..rounds).map(|i| mean + 0.1 * ((float_of(i) + 0.5) / float_of(rounds) - 0.5)).collect()
        };
        for mean in [0.0, 0.03] {
            let first = Verdict::of(&values(12, mean), 0.02, &Resamples::new(12, 1), 1);
            assert_eq!(first.outcome, Outcome::TooNoisy);
            let needed = first.rounds_needed.unwrap();
            assert!((13..200).contains(&needed), "{needed}");
            let then = Verdict::of(&values(needed + 4, mean), 0.02, &Resamples::new(needed + 4, 1), 1);
            let expected = if mean > 0.0 { Outcome::More } else { Outcome::NoDifference };
            assert_eq!(then.outcome, expected, "{needed}");
        }
    }
}
