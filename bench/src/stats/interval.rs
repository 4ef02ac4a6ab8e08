//! Intervals for the mean of a few values, by resampling rounds.
//!
//! A percentile bootstrap of twelve values is too narrow: its 99 % interval holds the truth 96.4 % of the time. Two
//! remedies, both taken:
//!
//! * Its levels are moved outwards by as much as makes it right for normal noise: the expanded percentile interval of
//!   T. C. Hesterberg, “What Teachers Should Know About the Bootstrap”, The American Statistician 69 (2015). With
//!   twelve rounds the 99 % interval goes from the 0.06th to the 99.94th percentile; it holds the truth 98.7 to 98.8 %
//!   of the time.
//! * It is never narrower, to either side, than Student's interval, which holds it 99.0 % of the time under normal
//!   noise and more under noise with heavier tails.
//!
//! Together, at 12 and at 24 rounds, the 99 % interval holds the truth 98.9 to 99.8 % of the time and the 95 % interval
//! 94.7 to 97.5 %, under normal noise, heavy tails, contamination and bursts (`tests/verdicts.rs`). A bootstrap-t was tried
//! as well: with both sides apart it holds the truth 98.2 to 98.9 % of the time, with one width for both 99.3 to 99.9 %,
//! but then is an eighth to a half wider.

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF as _, Normal, StudentsT};

use crate::number::float_of;

/// How often rounds are resampled: about twelve of these lie beyond each limit of the 99 % interval of twelve rounds.
pub const RESAMPLES: usize = 20_000;

/// A mean, and where it plausibly lies.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct Interval {
    /// The mean of all rounds.
    pub mean: f64,
    /// Lower and upper limit, with a confidence of 95 %.
    pub at_95: [f64; 2],
    /// Lower and upper limit, with a confidence of 99 %.
    pub at_99: [f64; 2],
}

impl Interval {
    /// How far the 99 % interval reaches from the mean, to the side to which it reaches further.
    #[must_use]
    pub fn reach_99(&self) -> f64 {
        let [low, high] = self.at_99;
        (self.mean - low).max(high - self.mean)
    }

    /// All of it, changed by a function that grows.
    #[must_use]
    pub fn map(self, change: impl Fn(f64) -> f64) -> Self {
        Self { mean: change(self.mean), at_95: self.at_95.map(&change), at_99: self.at_99.map(&change) }
    }
}

/// Which rounds each resample draws: made once, and the same for all questions about the same rounds.
#[derive(Debug)]
pub struct Resamples {
    rounds: usize,
    /// [`RESAMPLES`] times `rounds` indices.
    drawn: Vec<u32>,
}

impl Resamples {
    /// Draws; the same seed draws the same on every machine.
    #[must_use]
    pub fn new(rounds: usize, seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let bound = u32::try_from(rounds).unwrap_or(u32::MAX);
        let count = if rounds < 2 { 0 } else { RESAMPLES * rounds };
        Self { rounds, drawn: (0..count).map(|_| rng.random_range(0..bound)).collect() }
    }

    /// The interval for the mean of one value a round. None when there are not two values at least, or not as many as
    /// rounds were drawn from, or when one is not a finite number.
    #[must_use]
    pub fn interval(&self, values: &[f64]) -> Option<Interval> {
        if values.len() != self.rounds || self.rounds < 2 || values.iter().any(|value| !value.is_finite()) {
            return None;
        }
        let count = float_of(self.rounds);
        let mean = values.iter().sum::<f64>() / count;
        let error = deviation(values) / count.sqrt();
        let of_resample = |drawn: &[u32]| {
            let sum: f64 = drawn.iter().filter_map(|&index| values.get(usize::try_from(index).ok()?)).sum();
            sum / count
        };
        let mut means: Vec<f64> = self.drawn.chunks_exact(self.rounds).map(of_resample).collect();
        let mut limits = |confidence: f64| {
            let quantile = student(confidence, self.rounds - 1);
            let student = quantile * error;
            let level = normal_cdf(-quantile * (count / (count - 1.0)).sqrt());
            let low = at(&mut means, level).min(mean - student);
            let high = at(&mut means, 1.0 - level).max(mean + student);
            [low, high]
        };
        Some(Interval { mean, at_95: limits(0.95), at_99: limits(0.99) })
    }
}

/// The standard deviation of a sample. 0 of fewer than two values.
#[must_use]
pub fn deviation(values: &[f64]) -> f64 {
    if values.len() < 2 {
        return 0.0;
    }
    let count = float_of(values.len());
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (squares / (count - 1.0)).sqrt()
}

/// By how many standard errors Student's interval of that confidence reaches to each side.
pub(crate) fn student(confidence: f64, freedom: usize) -> f64 {
    StudentsT::new(0.0, 1.0, float_of(freedom.max(1)))
        .map_or(f64::INFINITY, |student| student.inverse_cdf(f64::midpoint(1.0, confidence)))
}

fn normal_cdf(z: f64) -> f64 {
    Normal::standard().cdf(z)
}

/// A quantile, for which the values are partly sorted.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a position between 0 and the number of values"
)]
fn at(values: &mut [f64], level: f64) -> f64 {
    let last = values.len().saturating_sub(1);
    let position = (level * float_of(last)).round() as usize;
    *values.select_nth_unstable_by(position.min(last), f64::total_cmp).1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn students_quantiles_are_those_of_the_tables() {
        for (confidence, freedom, quantile) in [(0.99, 11, 3.106), (0.95, 11, 2.201), (0.99, 23, 2.807)] {
            assert!((student(confidence, freedom) - quantile).abs() < 5e-4, "{confidence} {freedom}");
        }
    }

    #[test]
    fn an_interval_moves_and_stretches_with_its_values() {
        let values = [0.3, -0.2, 0.5, 0.1, 0.9, -0.4, 0.2, 0.0, 0.7, 0.3, 0.1, -0.1];
        let resamples = Resamples::new(values.len(), 1);
        let plain = resamples.interval(&values).unwrap();
        let moved = resamples.interval(&values.map(|value| 10.0 + 2.0 * value)).unwrap();
        let expected = plain.map(|value| 10.0 + 2.0 * value);
        for (got, wanted) in
            [(moved.mean, expected.mean), (moved.at_99[0], expected.at_99[0]), (moved.at_95[1], expected.at_95[1])]
        {
            assert!((got - wanted).abs() < 1e-9, "{moved:?} {expected:?}");
        }
        assert!(plain.at_99[0] < plain.at_95[0] && plain.at_95[0] < plain.mean);
        assert!(plain.mean < plain.at_95[1] && plain.at_95[1] < plain.at_99[1]);
    }

    #[test]
    fn it_is_never_narrower_than_students() {
        let values = [0.3, -0.2, 0.5, 0.1, 3.9, -0.4, 0.2, 0.0, 0.7, 0.3, 0.1, -0.1];
        let interval = Resamples::new(12, 1).interval(&values).unwrap();
        let student = student(0.99, 11) * deviation(&values) / 12_f64.sqrt();
        assert!(interval.at_99[0] <= interval.mean - student && interval.at_99[1] >= interval.mean + student);
        // One value sticks out upwards, so the upper limit, which resampling knows of, lies further away.
        assert!(interval.at_99[1] - interval.mean > 1.05 * (interval.mean - interval.at_99[0]), "{interval:?}");
    }

    #[test]
    fn there_is_none_of_what_is_no_number_or_too_few() {
        let resamples = Resamples::new(3, 1);
        assert_eq!(resamples.interval(&[1.0, f64::NAN, 2.0]), None);
        assert_eq!(resamples.interval(&[1.0, 2.0]), None);
        assert_eq!(Resamples::new(1, 1).interval(&[1.0]), None);
        let same = resamples.interval(&[2.0, 2.0, 2.0]).unwrap();
        assert_eq!((same.mean, same.at_99), (2.0, [2.0, 2.0]));
    }
}
