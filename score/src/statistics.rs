//! Intervals for proportions that were counted in several runs.
//!
//! Links of one run are not independent: what goes wrong goes wrong in bursts. So an interval takes fewer links than
//! there are, by as much as runs differ more from each other than independent links would make them.

/// The quantile of the normal distribution for 95 %.
pub const Z: f64 = 1.959_963_984_540_054;

/// Links that a statement "0 wrong" needs: above it, the rule of three bounds the share by 0.01 %.
pub const ENOUGH_FOR_ZERO: u64 = 30_000;

/// An interval of shares, from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// What was counted in one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// Those that have the property.
    pub part: u64,
    /// All.
    pub of: u64,
}

/// Wilson's score interval for a share, with 95 % (E. B. Wilson 1927). `n` may be an effective size, which is not whole.
pub fn wilson(share: f64, n: f64) -> Interval {
    let z2 = Z * Z;
    let middle = (share + z2 / (2.0 * n)) / (1.0 + z2 / n);
    let half = Z / (1.0 + z2 / n) * (share * (1.0 - share) / n + z2 / (4.0 * n * n)).sqrt();
    Interval { low: (middle - half).max(0.0), high: (middle + half).min(1.0) }
}

/// By how much the share's variance between runs is greater than that of independent links, at least 1 (Kish's design
/// effect; the variance is that of a ratio estimated from clusters). One run has no between.
pub fn design_effect(runs: &[Count]) -> f64 {
    let runs: Vec<_> = runs.iter().filter(|run| run.of > 0).collect();
    let total: f64 = runs.iter().map(|run| run.of as f64).sum();
    let share = runs.iter().map(|run| run.part as f64).sum::<f64>() / total;
    let independent = share * (1.0 - share) / total;
    if runs.len() < 2 || independent <= 0.0 {
        return 1.0;
    }
    let count = runs.len() as f64;
    let squares: f64 = runs.iter().map(|run| (run.part as f64 - share * run.of as f64).powi(2)).sum();
    let between = count / (count - 1.0) * squares / (total * total);
    (between / independent).max(1.0)
}

/// The interval of a share over several runs, and its design effect; none if there is nothing to share.
pub fn clustered(runs: &[Count]) -> Option<(Interval, f64)> {
    let of: u64 = runs.iter().map(|run| run.of).sum();
    if of == 0 {
        return None;
    }
    let part: u64 = runs.iter().map(|run| run.part).sum();
    let effect = design_effect(runs);
    Some((wilson(part as f64 / of as f64, of as f64 / effect), effect))
}

/// What a share is at most, with 95 %, where none of `n` has the property: 3/n.
pub fn rule_of_three(n: u64) -> f64 {
    if n == 0 { 1.0 } else { (3.0 / n as f64).min(1.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn near(value: f64, expected: f64) {
        assert!((value - expected).abs() < 5e-5, "{value} is not {expected}");
    }

    fn runs<const N: usize>(counts: [(u64, u64); N]) -> Vec<Count> {
        counts.into_iter().map(|(part, of)| Count { part, of }).collect()
    }

    #[test]
    fn wilson_as_computed_by_hand() {
        // z² = 3.841459. For 8 of 10: middle (0.8 + 0.1920729) / 1.3841459 = 0.716740; half
        // 1.959964 / 1.3841459 × √(0.016 + 0.00960365) = 1.416010 × 0.160011 = 0.226578.
        let interval = wilson(0.8, 10.0);
        near(interval.low, 0.49016);
        near(interval.high, 0.94332);
        // None of 10: from 0 to z² / (10 + z²) = 3.841459 / 13.841459.
        let interval = wilson(0.0, 10.0);
        near(interval.low, 0.0);
        near(interval.high, 0.27753);
        // All of 100: from 100 / 103.841459.
        near(wilson(1.0, 100.0).low, 0.96301);
    }

    #[test]
    fn runs_that_differ_count_for_less() {
        // 90, 80 and 100 of 100: share 0.9, independent variance 0.09 / 300 = 0.0003; squares 0 + 100 + 100, between
        // 3/2 × 200 / 90,000 = 0.0033333; effect 11.1111, effective size 27.
        let runs = runs([(90, 100), (80, 100), (100, 100)]);
        near(design_effect(&runs), 11.11111);
        let (interval, effect) = clustered(&runs).unwrap();
        near(effect, 11.11111);
        // middle (0.9 + 0.0711381) / 1.1422763 = 0.850178; half 1.959964 / 1.1422763 × √(0.00333333 + 0.00131737)
        // = 1.715841 × 0.0681960 = 0.117014.
        near(interval.low, 0.73316);
        near(interval.high, 0.96719);
    }

    #[test]
    fn runs_that_differ_less_than_chance_count_for_no_more_than_they_are() {
        near(design_effect(&runs([(90, 100), (90, 100)])), 1.0);
        near(design_effect(&runs([(5, 10)])), 1.0);
        near(design_effect(&runs([(10, 10), (10, 10)])), 1.0);
        near(design_effect(&runs([(9, 10), (0, 0)])), 1.0);
    }

    #[test]
    fn nothing_has_no_interval() {
        assert_eq!(clustered(&[]), None);
        assert_eq!(clustered(&runs([(0, 0)])), None);
    }

    #[test]
    fn the_rule_of_three() {
        near(rule_of_three(ENOUGH_FOR_ZERO), 0.0001);
        near(rule_of_three(300), 0.01);
        near(rule_of_three(1), 1.0);
        near(rule_of_three(0), 1.0);
    }
}
