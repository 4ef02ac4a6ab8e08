//! When customers come: a rate over time, and the moments of arrivals that follow from it.
//!
//! There is one mechanism. A [`Schedule`] is a rate that is a straight line in each of its segments. Its integral, the
//! cumulated rate Λ(t), is how many arrivals are due by t. Arrival k comes at Λ⁻¹(x): with x = k, arrivals are evenly
//! spaced at the rate of the moment; with x the sum of k exponentially distributed numbers of mean 1, they are a Poisson
//! process of that rate (the time-rescaling theorem; Cox and Lewis, *The Statistical Analysis of Series of Events*, 1966).

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution as _, Exp1};

use crate::seed::{self, Use};

/// The highest rate that is accepted, in visits a second: no machine that this runs on makes more.
const HIGHEST: f64 = 10_000_000.0;

/// How many visits are to begin a second, as it is written: `50`, `10..200` or `50,100,200`.
#[derive(Clone, Debug, PartialEq)]
pub enum Rate {
    /// `50`: the same throughout.
    Constant(f64),
    /// `10..200`: a straight line from the first to the second over the duration.
    Ramp(f64, f64),
    /// `50,100,200`: each for an equal part of the duration.
    Steps(Vec<f64>),
}

/// A rate that makes no sense. The text says what would.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0}")]
pub struct RateError(String);

impl Rate {
    /// What to warm up at: the rate that it begins with, or half the way of a ramp from 0.
    #[must_use]
    pub fn of_warm_up(&self) -> Self {
        Self::Constant(match self {
            Self::Constant(rate) => *rate,
            Self::Ramp(from, to) if *from > 0.0 => *from,
            Self::Ramp(from, to) => (from + to) / 2.0,
            Self::Steps(rates) => rates.iter().copied().find(|rate| *rate > 0.0).unwrap_or(1.0),
        })
    }

    /// The rate over `duration`; after it, the last rate goes on.
    ///
    /// # Errors
    /// When the duration is zero.
    pub fn over(&self, duration: Duration) -> Result<Schedule, RateError> {
        let seconds = duration.as_secs_f64();
        if seconds <= 0.0 {
            return Err(RateError("the duration of a schedule must be more than zero".to_owned()));
        }
        let segments = match self {
            Self::Constant(rate) => vec![Segment { from: *rate, to: *rate, seconds }],
            Self::Ramp(from, to) => vec![Segment { from: *from, to: *to, seconds }],
            Self::Steps(rates) => {
                let seconds = seconds / to_f64(rates.len() as u64);
                rates.iter().map(|rate| Segment { from: *rate, to: *rate, seconds }).collect()
            }
        };
        Ok(Schedule { segments })
    }

    /// The schedule of exactly `visits` visits. Only a constant rate says by itself how long they take.
    ///
    /// # Errors
    /// When the rate is not constant.
    pub fn for_visits(&self, visits: u64) -> Result<Schedule, RateError> {
        match self {
            Self::Constant(rate) => Ok(Schedule {
                segments: vec![Segment { from: *rate, to: *rate, seconds: to_f64(visits.max(1)) / rate }],
            }),
            Self::Ramp(..) | Self::Steps(_) => Err(RateError(format!(
                "the rate {self} changes over a duration, so it needs --duration instead of --visits"
            ))),
        }
    }
}

impl FromStr for Rate {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Self, RateError> {
        let expected =
            "a rate is visits a second: 50 (constant), 10..200 (a ramp) or 50,100,200 (steps of equal length)";
        let number = |part: &str| {
            let number = part.trim().parse::<f64>().ok().filter(|n| n.is_finite() && *n >= 0.0);
            let number =
                number.ok_or_else(|| RateError(format!("{:?} is no number of 0 or more; {expected}", part.trim())))?;
            if number > HIGHEST {
                return Err(RateError(format!("{number} is more than {HIGHEST} visits a second, the most there is")));
            }
            Ok(number)
        };
        let rate = if let Some((from, to)) = text.split_once("..") {
            Self::Ramp(number(from)?, number(to)?)
        } else if text.contains(',') {
            Self::Steps(text.split(',').map(number).collect::<Result<_, _>>()?)
        } else {
            Self::Constant(number(text)?)
        };
        let positive = match &rate {
            Self::Constant(rate) => *rate > 0.0,
            Self::Ramp(from, to) => from + to > 0.0,
            Self::Steps(rates) => rates.iter().any(|rate| *rate > 0.0),
        };
        if positive { Ok(rate) } else { Err(RateError(format!("a rate of 0 throughout sends nobody; {expected}"))) }
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Constant(rate) => write!(f, "{rate}"),
            Self::Ramp(from, to) => write!(f, "{from}..{to}"),
            Self::Steps(rates) => {
                let rates: Vec<_> = rates.iter().map(f64::to_string).collect();
                f.write_str(&rates.join(","))
            }
        }
    }
}

/// How arrivals are spread at a given rate.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, clap::ValueEnum)]
pub enum Spacing {
    /// Evenly: the same distance at the same rate
    Even,
    /// As a Poisson process: customers who know nothing of each other, and so come in bunches
    #[default]
    Poisson,
}

/// A rate over time, in visits a second.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    segments: Vec<Segment>,
}

/// A straight line.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Segment {
    from: f64,
    to: f64,
    seconds: f64,
}

impl Segment {
    /// How many arrivals are due in `seconds` from its begin: the area below the line.
    fn cumulated(self, seconds: f64) -> f64 {
        let slope = (self.to - self.from) / self.seconds;
        (self.from + slope * seconds / 2.0) * seconds
    }

    /// When `x` arrivals are due, in seconds from its begin.
    fn inverse(self, x: f64) -> f64 {
        if x <= 0.0 {
            return 0.0;
        }
        let slope = (self.to - self.from) / self.seconds;
        // The root of from·t + slope·t²/2 = x, in the form that does not subtract like numbers.
        2.0 * x / (self.from + (self.from * self.from + 2.0 * slope * x).max(0.0).sqrt())
    }
}

impl Schedule {
    /// How many arrivals are due a second, on the average of its length.
    #[must_use]
    pub fn mean(&self) -> f64 {
        self.cumulated(self.length()) / self.length().as_secs_f64()
    }

    /// How long the rate is defined for.
    #[must_use]
    pub fn length(&self) -> Duration {
        Duration::from_secs_f64(self.segments.iter().map(|segment| segment.seconds).sum())
    }

    /// Λ(t): how many arrivals are due in the first `time`.
    #[must_use]
    pub fn cumulated(&self, time: Duration) -> f64 {
        let mut left = time.as_secs_f64();
        let mut sum = 0.0;
        for segment in &self.segments {
            let inside = left.min(segment.seconds);
            sum += segment.cumulated(inside);
            left -= inside;
        }
        // After the end the last rate goes on.
        sum + left * self.segments.last().map_or(0.0, |last| last.to)
    }

    /// Λ⁻¹(x): when the x-th arrival is due, in seconds; none where the rate has fallen to 0 before that.
    #[must_use]
    pub fn inverse(&self, x: f64) -> Option<f64> {
        let (mut left, mut begin) = (x, 0.0);
        for segment in &self.segments {
            let all = segment.cumulated(segment.seconds);
            if left < all {
                return Some(begin + segment.inverse(left));
            }
            left -= all;
            begin += segment.seconds;
        }
        let last = self.segments.last()?.to;
        (last > 0.0).then(|| begin + left / last)
    }

    /// The moments of all arrivals, from the first; it ends where the rate has fallen to 0 for good.
    pub(crate) fn arrivals(&self, spacing: Spacing, seed: u64) -> Arrivals {
        let schedule = self.clone();
        Arrivals { schedule, spacing, due: 0.0, begun: false, draws: seed::generator(seed, Use::Arrivals, 0) }
    }
}

/// The moments of arrivals.
#[derive(Debug)]
pub(crate) struct Arrivals {
    schedule: Schedule,
    spacing: Spacing,
    /// The argument of Λ⁻¹ of the last arrival.
    due: f64,
    begun: bool,
    draws: ChaCha8Rng,
}

impl Iterator for Arrivals {
    /// From the begin of the schedule.
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        self.due += match self.spacing {
            // Arrival 0 comes at once.
            Spacing::Even if !self.begun => 0.0,
            Spacing::Even => 1.0,
            Spacing::Poisson => Exp1.sample(&mut self.draws),
        };
        self.begun = true;
        Duration::try_from_secs_f64(self.schedule.inverse(self.due)?).ok()
    }
}

/// A count as a number to reckon with. Above 2⁵³ it is not exact, and nothing here counts that far.
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2⁵³")]
pub(crate) fn to_f64(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(rate: &str, seconds: u64) -> Schedule {
        rate.parse::<Rate>().unwrap().over(Duration::from_secs(seconds)).unwrap()
    }

    fn even(schedule: &Schedule, count: usize) -> Vec<f64> {
        schedule.arrivals(Spacing::Even, 0).take(count).map(|time| time.as_secs_f64()).collect()
    }

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-6
    }

    #[test]
    fn a_constant_rate_is_evenly_spaced_and_goes_on_after_its_end() {
        let arrivals = even(&schedule("50", 1), 101);
        for (k, time) in arrivals.iter().enumerate() {
            assert!(close(*time, to_f64(k as u64) / 50.0), "{k}: {time}");
        }
    }

    #[test]
    fn a_ramp_is_the_root_of_its_parabola() {
        // 10 to 200 in 10 s: Λ(t) = 10 t + 9.5 t².
        let ramp = schedule("10..200", 10);
        assert!(close(ramp.cumulated(Duration::from_secs(10)), 1050.0));
        for (k, time) in even(&ramp, 1050).into_iter().enumerate() {
            assert!(close(10.0 * time + 9.5 * time * time, to_f64(k as u64)), "{k}: {time}");
        }
        // Downwards, to nothing: 100 t - 5 t², which ends with 500 visits and no 501st.
        let down = schedule("100..0", 10);
        let times = even(&down, 1000);
        assert_eq!(times.len(), 500);
        assert!(close(100.0 * times[499] - 5.0 * times[499].powi(2), 499.0));
        // From nothing: 5 t².
        assert!(close(even(&schedule("0..100", 10), 81)[80], 4.0));
    }

    #[test]
    fn steps_are_of_equal_length() {
        let steps = schedule("50,100,200", 3);
        let times = even(&steps, 350);
        let in_second = |second: f64| times.iter().filter(|time| **time >= second && **time < second + 1.0).count();
        assert_eq!((in_second(0.0), in_second(1.0), in_second(2.0)), (50, 100, 200));
        assert!(close(times[50], 1.0) && close(times[150], 2.0));
        // A pause in between.
        let times = even(&schedule("10,0,10", 3), 20);
        assert!(close(times[9], 0.9) && close(times[10], 2.0), "{times:?}");
    }

    #[test]
    fn inverse_and_cumulated_rate_undo_each_other() {
        for rate in ["3", "10..200", "200..10", "5,0.5,80"] {
            let schedule = schedule(rate, 7);
            for x in [0.0, 0.3, 1.0, 17.5, 500.0, 5000.0] {
                let time = schedule.inverse(x).unwrap();
                let back = schedule.cumulated(Duration::from_secs_f64(time));
                assert!((back - x).abs() < 1e-4, "{rate}: {x} → {time} → {back}");
            }
        }
    }

    #[test]
    fn poisson_arrivals_have_the_rate_and_the_spread_of_a_poisson_process() {
        // 100 a second over 1000 s. The number in a second is Poisson distributed: mean and variance are 100.
        let mut counts = vec![0_u32; 1000];
        for time in schedule("100", 1000).arrivals(Spacing::Poisson, 7) {
            let Some(count) = counts.get_mut(usize::try_from(time.as_secs()).unwrap()) else { break };
            *count += 1;
        }
        let mean = counts.iter().copied().map(f64::from).sum::<f64>() / 1000.0;
        let variance = counts.iter().map(|count| (f64::from(*count) - mean).powi(2)).sum::<f64>() / 999.0;
        // Five standard errors: of the mean √(100/1000) = 0.32, of the variance 100·√(2/1000) = 4.5.
        assert!((mean - 100.0).abs() < 1.6, "{mean}");
        assert!((variance - 100.0).abs() < 23.0, "{variance}");
    }

    #[test]
    fn poisson_follows_a_ramp() {
        // Of 0..200 over 10 s, a quarter of the 1000 falls into the first half.
        let half = schedule("0..200", 10)
            .arrivals(Spacing::Poisson, 3)
            .take_while(|time| *time < Duration::from_secs(5))
            .count();
        assert!((half as f64 - 250.0).abs() < 5.0 * 250_f64.sqrt(), "{half}");
    }

    #[test]
    fn the_same_seed_comes_at_the_same_moments() {
        let schedule = schedule("10..200", 10);
        let times = |seed| schedule.arrivals(Spacing::Poisson, seed).take(100).collect::<Vec<_>>();
        assert_eq!(times(1), times(1));
        assert_ne!(times(1), times(2));
    }

    #[test]
    fn rates_are_read_and_said_alike() {
        for text in ["50", "0.5", "10..200", "50,100,200"] {
            assert_eq!(text.parse::<Rate>().unwrap().to_string(), text);
        }
        for text in ["", "fast", "-1", "10..", "..5", "1,,2", "inf", "NaN", "0", "0..0", "0,0", "1e9"] {
            assert!(text.parse::<Rate>().is_err(), "{text}");
        }
        assert!("fast".parse::<Rate>().unwrap_err().to_string().contains("10..200"));
    }

    #[test]
    fn a_run_is_warmed_up_at_the_rate_that_it_begins_with() {
        for (text, rate) in [("50", 50.0), ("10..200", 10.0), ("0..200", 100.0), ("0,20,30", 20.0)] {
            assert_eq!(text.parse::<Rate>().unwrap().of_warm_up(), Rate::Constant(rate), "{text}");
        }
    }

    #[test]
    fn only_a_constant_rate_knows_how_long_its_visits_take() {
        let schedule = Rate::Constant(50.0).for_visits(100).unwrap();
        assert_eq!(schedule.length(), Duration::from_secs(2));
        let error = Rate::Ramp(1.0, 2.0).for_visits(100).unwrap_err().to_string();
        assert!(error.contains("--duration"), "{error}");
    }
}
