//! How often verdicts are right, by thousands of made-up experiments: the figures in the documentation of
//! `stats::interval` and `stats::verdict` are from here, with more experiments. `cargo test -p bookstore-bench --test verdicts -- --nocapture`
//! prints them.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use bookstore_bench::Verdict;
use bookstore_bench::stats::interval::{Resamples, deviation};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution as _, Exp1, StandardNormal, StudentT};

const DELTA: f64 = 0.02;

/// What the noise of a log-ratio looks like. Each has a standard deviation of 1.
#[derive(Clone, Copy, Debug)]
enum Noise {
    Normal,
    /// Student's distribution with three degrees of freedom: now and then far off.
    HeavyTailed,
    /// One round in ten is five times as noisy as the others.
    Contaminated,
    /// One run in seven is disturbed by a neighbour and takes longer.
    Bursts,
}

const NOISES: [Noise; 4] = [Noise::Normal, Noise::HeavyTailed, Noise::Contaminated, Noise::Bursts];

impl Noise {
    fn draw(self, rng: &mut ChaCha8Rng) -> f64 {
        let normal: f64 = StandardNormal.sample(rng);
        match self {
            Self::Normal => normal,
            Self::HeavyTailed => StudentT::new(3.0).unwrap().sample(rng) / 3_f64.sqrt(),
            Self::Contaminated => {
                let scale = if rng.random::<f64>() < 0.1 { 5.0 } else { 1.0 };
                normal * scale / 3.4_f64.sqrt()
            }
            Self::Bursts => {
                let mut burst = || if rng.random::<f64>() < 0.15 { Exp1.sample(rng) } else { 0.0 };
                let difference: f64 = burst() - burst();
                // A burst has a variance of 0.15 · 2 − 0.15².
                (0.3 * normal + difference) / (0.09 + 2.0 * 0.2775_f64).sqrt()
            }
        }
    }
}

/// The log-ratios of an experiment.
fn rounds(count: usize, mean: f64, sd: f64, noise: Noise, rng: &mut ChaCha8Rng) -> Vec<f64> {
    (0..count).map(|_| mean + sd * noise.draw(rng)).collect()
}

/// How many of so many experiments find a difference.
fn found(experiments: u32, count: usize, mean: f64, sd: f64, noise: Noise, resamples: &Resamples) -> u32 {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let finds = |rng: &mut ChaCha8Rng| {
        let values = rounds(count, mean, sd, noise, rng);
        // An interval is never narrower than Student's at 99 %, whose quantile for up to 24 rounds is at least 2.807: what
        // does not lie beyond half of δ by that needs no resampling.
        let middle = values.iter().sum::<f64>() / size(count);
        let reach = 2.807 * deviation(&values) / size(count).sqrt();
        middle.abs() - reach > DELTA.ln_1p() / 2.0 && Verdict::of(&values, DELTA, resamples, 1).outcome.is_difference()
    };
    (0..experiments).map(|_| u32::from(finds(&mut rng))).sum()
}

fn size(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap())
}

#[test]
fn two_modes_that_are_the_same_are_hardly_ever_said_to_differ() {
    let experiments = 10_000;
    for count in [12, 16] {
        let resamples = Resamples::new(count, 1);
        for noise in NOISES {
            for (sd, most_per_1000) in [(0.02, 0.3), (0.03, 0.9), (0.05, 2.0)] {
                let alarms = found(experiments, count, 0.0, sd, noise, &resamples);
                let per_1000 = 1000.0 * f64::from(alarms) / f64::from(experiments);
                println!("{count} rounds, {noise:?}, noise {sd}: {per_1000:.3} false alarms in 1,000");
                assert!(per_1000 <= most_per_1000, "{count} rounds, {noise:?}, {sd}: {per_1000}");
            }
        }
    }
}

#[test]
fn a_planted_difference_of_5_percent_is_found() {
    let experiments = 200;
    // The least share that is found, with normal noise and with any other.
    for (count, sd, normal, other) in
        [(12, 0.02, 0.98, 0.87), (12, 0.03, 0.71, 0.71), (16, 0.03, 0.92, 0.80), (24, 0.03, 0.98, 0.91)]
    {
        let resamples = Resamples::new(count, 1);
        for noise in NOISES {
            let share =
                f64::from(found(experiments, count, 0.05_f64.ln_1p(), sd, noise, &resamples)) / f64::from(experiments);
            println!("{count} rounds, {noise:?}, noise {sd}: +5 % found in {:.1} %", share * 100.0);
            let least = if matches!(noise, Noise::Normal) { normal } else { other };
            assert!(share >= least, "{count} rounds, {noise:?}, {sd}: {share}");
        }
    }
}

#[test]
fn what_is_said_to_be_more_is_more_and_less_is_less() {
    use bookstore_bench::Outcome;
    let resamples = Resamples::new(12, 1);
    let mut rng = ChaCha8Rng::seed_from_u64(11);
    for (mean, expected) in [(0.05, Outcome::More), (-0.05, Outcome::Less), (0.0, Outcome::NoDifference)] {
        let values = rounds(12, mean, 0.008, Noise::Normal, &mut rng);
        assert_eq!(Verdict::of(&values, DELTA, &resamples, 1).outcome, expected);
    }
    let noisy = rounds(12, 0.0, 0.2, Noise::Normal, &mut rng);
    let verdict = Verdict::of(&noisy, DELTA, &resamples, 1);
    assert_eq!(verdict.outcome, Outcome::TooNoisy);
    assert!(verdict.rounds_needed.is_some_and(|needed| needed > 50), "{verdict:?}");
}

#[test]
fn coverage_is_what_is_said() {
    let experiments = 600_u32;
    for count in [12, 24] {
        let resamples = Resamples::new(count, 1);
        for noise in NOISES {
            let mut rng = ChaCha8Rng::seed_from_u64(3);
            let (mut in_95, mut in_99) = (0, 0);
            for _ in 0..experiments {
                let interval = resamples.interval(&rounds(count, 0.0, 1.0, noise, &mut rng)).unwrap();
                let holds = |[low, high]: [f64; 2]| u32::from(low <= 0.0 && 0.0 <= high);
                in_95 += holds(interval.at_95);
                in_99 += holds(interval.at_99);
            }
            let share = |held: u32| 100.0 * f64::from(held) / f64::from(experiments);
            println!("{count} rounds, {noise:?}: 95 % holds {:.1} %, 99 % holds {:.2} %", share(in_95), share(in_99));
            // Three standard errors of the simulation below what is promised.
            assert!(share(in_95) > 95.0 - 2.7, "{noise:?}: {}", share(in_95));
            assert!(share(in_99) > 99.0 - 1.2, "{noise:?}: {}", share(in_99));
            assert!(share(in_95) < 99.0, "{noise:?}: wider than need be: {}", share(in_95));
        }
    }
}
