//! Whether one thing goes up or down with another: Spearman's rank correlation.

use statrs::distribution::{ContinuousCDF as _, StudentsT};

use crate::number::float_of;

/// A rank correlation, and how often chance alone would give as much.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Correlation {
    /// From −1 (always down) to 1 (always up).
    pub rho: f64,
    /// The probability of as much or more to either side, by Student's distribution.
    pub probability: f64,
}

/// Spearman's correlation of pairs. None of fewer than five, or where all are equal.
#[must_use]
pub fn spearman(pairs: &[(f64, f64)]) -> Option<Correlation> {
    if pairs.len() < 5 {
        return None;
    }
    let (xs, ys): (Vec<_>, Vec<_>) = pairs.iter().copied().unzip();
    let rho = pearson(&ranks(&xs), &ranks(&ys))?;
    let freedom = float_of(pairs.len() - 2);
    let t = rho * (freedom / (1.0 - rho * rho).max(1e-12)).sqrt();
    let student = StudentsT::new(0.0, 1.0, freedom).ok()?;
    Some(Correlation { rho, probability: 2.0 * student.cdf(-t.abs()) })
}

/// Ranks from 1; equal values share the mean of theirs.
fn ranks(values: &[f64]) -> Vec<f64> {
    let rank = |value: &f64| {
        let below = values.iter().filter(|other| *other < value).count();
        let equal = values.iter().filter(|other| *other == value).count();
        float_of(below) + f64::midpoint(float_of(equal), 1.0)
    };
    values.iter().map(rank).collect()
}

fn pearson(xs: &[f64], ys: &[f64]) -> Option<f64> {
    let mean = |values: &[f64]| values.iter().sum::<f64>() / float_of(values.len());
    let (x0, y0) = (mean(xs), mean(ys));
    let sum = |f: &dyn Fn(f64, f64) -> f64| xs.iter().zip(ys).map(|(x, y)| f(x - x0, y - y0)).sum::<f64>();
    let spread = (sum(&|x, _| x * x) * sum(&|_, y| y * y)).sqrt();
    (spread > 0.0).then(|| sum(&|x, y| x * y) / spread)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn up_down_and_neither() {
        let up: Vec<_> = (0..12).map(|i| (f64::from(i), f64::from(i * i))).collect();
        let up = spearman(&up).unwrap();
        assert!(up.rho > 0.999 && up.probability < 1e-6, "{up:?}");
        let down = spearman(&[(1.0, 5.0), (2.0, 4.0), (3.0, 3.0), (4.0, 2.0), (5.0, 1.0)]).unwrap();
        assert!((down.rho + 1.0).abs() < 1e-9);
        let neither = spearman(&[(1.0, 2.0), (2.0, 1.0), (3.0, 3.0), (4.0, 1.5), (5.0, 2.5)]).unwrap();
        assert!(neither.probability > 0.1, "{neither:?}");
    }

    #[test]
    fn equal_values_share_a_rank() {
        assert_eq!(ranks(&[2.0, 1.0, 2.0]), [2.5, 1.0, 2.5]);
        assert_eq!(spearman(&[(1.0, 1.0); 6]), None);
    }
}
