//! Axes: from values to places, and where ticks stand.

/// From values to places along an axis.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
    log: bool,
}

impl Scale {
    /// From `low`, at the place `from`, to `high`, at the place `to`.
    pub(super) fn linear([low, high]: [f64; 2], [from, to]: [f64; 2]) -> Self {
        Self { low, high, from, to, log: false }
    }

    /// Equal ratios are equally far apart.
    pub(super) fn log([low, high]: [f64; 2], [from, to]: [f64; 2]) -> Self {
        Self { low: low.log10(), high: high.log10(), from, to, log: true }
    }

    pub(super) fn at(&self, value: f64) -> f64 {
        let value = if self.log { value.log10() } else { value };
        let share = if self.high > self.low { (value - self.low) / (self.high - self.low) } else { 0.5 };
        self.from + share * (self.to - self.from)
    }
}

/// Round values in a range, about `count` of them: steps are 1, 2 or 5 times a power of ten.
pub(super) fn ticks([low, high]: [f64; 2], count: f64) -> Vec<f64> {
    let rough = (high - low) / count;
    if !rough.is_finite() || rough <= 0.0 {
        return vec![low];
    }
    let power = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|m| m * power).find(|step| *step >= rough).unwrap_or(rough);
    let mut ticks = Vec::new();
    let mut index = (low / step - 1e-9).ceil();
    while index * step <= high + 1e-9 * step {
        // 0 and not −0, and no 0.30000000000000004.
        ticks.push(index * step + 0.0);
        index += 1.0;
    }
    ticks
}

/// Values for a log axis: 1, 2 and 5 times powers of ten; only powers where these would be too many.
pub(super) fn log_ticks([low, high]: [f64; 2]) -> Vec<f64> {
    if !(low > 0.0 && high.is_finite() && low <= high) {
        return Vec::new();
    }
    let steps: &[f64] = if (high / low).log10() > 3.0 { &[1.0] } else { &[1.0, 2.0, 5.0] };
    let mut ticks = Vec::new();
    let mut power = low.log10().floor();
    while 10_f64.powf(power) <= high * 1.000_001 {
        ticks.extend(steps.iter().map(|step| step * 10_f64.powf(power)));
        power += 1.0;
    }
    ticks.retain(|tick| *tick >= low * 0.999_999 && *tick <= high * 1.000_001);
    ticks
}

/// A range around values, wider by a share of it on either side. At least `least` wide, if all are alike.
pub(super) fn range(values: impl IntoIterator<Item = f64>, margin: f64, least: f64) -> [f64; 2] {
    let finite = values.into_iter().filter(|value| value.is_finite());
    let (low, high) =
        finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
    if low > high {
        return [0.0, 1.0];
    }
    let middle = f64::midpoint(low, high);
    let half = ((high - low) * (0.5 + margin)).max(least / 2.0);
    [middle - half, middle + half]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_within() {
        assert_eq!(ticks([0.0, 1.0], 5.0), [0.0, 0.2, 0.4, 0.6000000000000001, 0.8, 1.0]);
        assert_eq!(ticks([-3.0, 12.0], 4.0), [0.0, 5.0, 10.0]);
        assert_eq!(ticks([2.0, 2.0], 4.0), [2.0]);
        assert_eq!(log_ticks([0.4, 30.0]), [0.5, 1.0, 2.0, 5.0, 10.0, 20.0]);
        assert_eq!(log_ticks([0.0, 30.0]), [0.0; 0]);
    }

    #[test]
    fn a_scale_goes_from_end_to_end() {
        let log = Scale::log([1.0, 100.0], [0.0, 10.0]);
        assert_eq!([log.at(1.0), log.at(10.0), log.at(100.0)], [0.0, 5.0, 10.0]);
        assert_eq!(Scale::linear([5.0, 5.0], [0.0, 10.0]).at(5.0), 5.0);
        assert_eq!(range([1.0, 3.0, f64::NAN], 0.5, 0.1), [0.0, 4.0]);
        assert_eq!(range([2.0], 0.1, 1.0), [1.5, 2.5]);
        assert_eq!(range([], 0.1, 1.0), [0.0, 1.0]);
    }
}
