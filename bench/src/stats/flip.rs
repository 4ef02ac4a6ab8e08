//! How often chance alone would give as much: the sign-flip test.
//!
//! If two modes are the same, nothing tells the one run of a round from the other, and the log-ratio might as well have
//! had the other sign. So among all ways to give signs to the rounds the one seen is as likely as any other, whatever
//! the noise looks like, and the share of ways whose mean is as far from zero is exact.

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use crate::number::float_of;

/// Up to so many rounds all ways are counted; of more, so many ways are drawn.
const EXACT: usize = 16;
const DRAWS: usize = 1 << EXACT;

/// The probability that rounds whose signs are chance have a mean as far from zero as these, between 0 and 1. Of more
/// than 16 rounds it is estimated, never too low on average, from 65,536 draws by the seed.
#[must_use]
pub fn probability(values: &[f64], seed: u64) -> f64 {
    let observed: f64 = values.iter().sum::<f64>().abs();
    // What differs by rounding alone counts as equal.
    let enough = observed - 1e-12 * values.iter().map(|value| value.abs()).sum::<f64>();
    if values.len() <= EXACT { exact(values, enough) } else { drawn(values, enough, seed) }
}

fn exact(values: &[f64], enough: f64) -> f64 {
    // All ways but for their mirror images, each one flip after the one before (Gray code).
    let ways: u32 = 1 << values.len().saturating_sub(1);
    let mut signed = values.to_vec();
    let mut sum: f64 = signed.iter().sum();
    let mut count = 0_u32;
    for way in 1..=ways {
        if sum.abs() >= enough {
            count += 1;
        }
        if let Some(value) = usize::try_from(way.trailing_zeros()).ok().and_then(|bit| signed.get_mut(bit)) {
            sum -= 2.0 * *value;
            *value = -*value;
        }
    }
    f64::from(count) / f64::from(ways)
}

fn drawn(values: &[f64], enough: f64, seed: u64) -> f64 {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut sum_once = || -> f64 {
        values
            .chunks(64)
            .map(|chunk| {
                let signs: u64 = rng.random();
                chunk
                    .iter()
                    .enumerate()
                    .map(|(bit, value)| if signs >> bit & 1 == 0 { *value } else { -value })
                    .sum::<f64>()
            })
            .sum()
    };
    let count = (0..DRAWS).filter(|_| sum_once().abs() >= enough).count();
    // The way seen is one of them: so the estimate is never 0.
    float_of(count + 1) / float_of(DRAWS + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twelve_rounds_that_agree_are_two_ways_of_4096() {
        let agree: Vec<f64> = (1..=12).map(f64::from).collect();
        assert_eq!(probability(&agree, 0), 2.0 / 4096.0);
        // With the smallest of another sign, three sums are as large: itself, all of one sign, and their mirror images.
        let mut one_against = agree;
        one_against[0] = -1.0;
        assert_eq!(probability(&one_against, 0), 4.0 / 4096.0);
    }

    #[test]
    fn small_cases_are_as_counted_by_hand() {
        assert_eq!(probability(&[], 0), 1.0);
        assert_eq!(probability(&[3.0], 0), 1.0);
        // +++ of ± 1 ± 1 ± 1: two of eight.
        assert_eq!(probability(&[1.0, 1.0, 1.0], 0), 0.25);
        assert_eq!(probability(&[1.0, 1.0, -1.0], 0), 1.0);
    }

    #[test]
    fn what_is_drawn_comes_close_to_what_is_counted() {
        let values: Vec<f64> = (0..16).map(|i| 0.4 + f64::from(i * 7 % 16) / 8.0 - 1.0).collect();
        let (all, some) =
            (exact(&values, values.iter().sum::<f64>().abs()), drawn(&values, values.iter().sum::<f64>().abs(), 3));
        assert!(all > 0.001 && (all - some).abs() < 0.01, "{all} {some}");
    }
}
