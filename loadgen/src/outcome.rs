//! What came of a run.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use hdrhistogram::Histogram;

use crate::schedule::to_f64;

/// The longest latency that a histogram tells apart from longer ones: an hour, in nanoseconds.
pub(crate) const HIGHEST_NS: u64 = 3_600_000_000_000;

/// Share of the offered visits that must have begun for the rate to count as reached.
const REACHED: f64 = 0.99;
/// How much longer than planned arrivals may take.
const STRETCH: f64 = 1.01;
const STRETCH_AT_LEAST: Duration = Duration::from_millis(50);
/// The generator is late where one visit in a hundred begins this long after its time. Waking takes some ten
/// microseconds; a scheduler's time slice on a busy machine is some milliseconds.
const LATE: Duration = Duration::from_millis(10);
/// It is at its limit where it is busy for this share of the time, or where the visit in the middle begins this late: a
/// machine that is busy delays some, a generator that is too slow all.
const BUSY: f64 = 0.9;
const BEHIND: Duration = Duration::from_millis(1);

/// Counts, latencies and times of one run.
///
/// Histograms hold **nanoseconds**, to three digits. A request that failed is in none of them, but for one that ran out of
/// time, which counts with the time it was waited for: its latency is what the customer saw, and leaving it out would
/// flatter. Tidying is in none of them either.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// When it began.
    pub began: SystemTime,
    /// For how long visits were begun: as long as was asked for, or longer if the generator was late. All rates of open
    /// loops are by this.
    pub window: Duration,
    /// How long the window should have been; none of a closed loop.
    pub planned: Option<Duration>,
    /// From its begin to the end of the last visit.
    pub elapsed: Duration,
    /// Whether it was ended before its time.
    pub interrupted: bool,
    /// Visits.
    pub visits: Visits,
    /// Requests that were made, tidying not counted.
    pub requests: u64,
    /// Latencies of all steps.
    pub latency: Histogram<u64>,
    /// The steps in the order of the scenario, also those that were never made.
    pub steps: Vec<Step>,
    /// Requests that were answered as they should be.
    pub ok: u64,
    /// Answers that say no and are right, by kind: `card-declined` where the card is one that is to be declined,
    /// `out-of-stock` where the scenario does not call it an error.
    pub refusals: BTreeMap<&'static str, u64>,
    /// Everything else, by kind: `503 service-unavailable` (status and kind of problem), `connect`, `timeout`, `broken`
    /// (the connection), `unexpected 204`.
    pub errors: BTreeMap<String, u64>,
    /// Requests that removed what was left in a basket after the visit, so that the next begins with an empty one. They
    /// are no part of the scenario, and counted nowhere else.
    pub tidying: Tidying,
    /// How long after its time each visit began: how late the generator was. Empty for a closed loop.
    pub lag: Histogram<u64>,
    /// Processor time that this process took meanwhile; none where it cannot be asked for.
    pub cpu: Option<Duration>,
}

/// Visits by what became of them. `offered` is the sum of the others.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Visits {
    /// All that were to be made until the end.
    pub offered: u64,
    /// Made to their end.
    pub done: u64,
    /// Ended by a request that failed; the customer goes away.
    pub failed: u64,
    /// Not begun, since no customer was free.
    pub skipped: u64,
    /// Under way when the run was ended before its time.
    pub cut_off: u64,
}

/// A step of the scenario.
#[derive(Clone, Debug)]
pub struct Step {
    /// What the scenario calls it.
    pub name: String,
    /// Requests that were made.
    pub count: u64,
    /// Their latencies in nanoseconds.
    pub latency: Histogram<u64>,
}

/// Requests that emptied baskets.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Tidying {
    /// How many were made.
    pub requests: u64,
    /// How many of them failed.
    pub failed: u64,
}

/// Why a rate was not reached.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Missed {
    /// All customers were waiting for the shop.
    Shop,
    /// The generator was late, or busy all the time.
    Generator,
}

impl Outcome {
    /// Visits that were begun.
    #[must_use]
    pub fn begun(&self) -> u64 {
        self.visits.offered - self.visits.skipped
    }

    /// Visits a second that were begun.
    #[must_use]
    pub fn visits_per_s(&self) -> f64 {
        per_second(self.begun(), self.window)
    }

    /// Requests a second.
    #[must_use]
    pub fn requests_per_s(&self) -> f64 {
        per_second(self.requests, self.window.max(self.elapsed))
    }

    /// All errors.
    #[must_use]
    pub fn error_count(&self) -> u64 {
        self.errors.values().sum()
    }

    /// Whether one visit in a hundred began more than 10 ms after its time. Latencies count from that time, so they show
    /// it, and are the generator's as much as the shop's.
    #[must_use]
    pub fn generator_was_late(&self) -> bool {
        Duration::from_nanos(self.lag.value_at_quantile(0.99)) > LATE
    }

    /// Share of the time for which this process was busy, of one core.
    #[must_use]
    pub fn cores_busy(&self) -> Option<f64> {
        let elapsed = self.window.max(self.elapsed).as_secs_f64();
        self.cpu.filter(|_| elapsed > 0.0).map(|cpu| cpu.as_secs_f64() / elapsed)
    }

    /// Whether an open loop has missed its rate, and by whose fault: fewer than 99 % of the visits were begun, or the
    /// arrivals took more than 1 % longer than planned. `threads` is how many the generator had.
    #[must_use]
    pub fn missed(&self, threads: usize) -> Option<Missed> {
        let planned = self.planned?;
        let too_few = to_f64(self.begun()) < to_f64(self.visits.offered) * REACHED;
        let too_long = self.window > planned.mul_f64(STRETCH).max(planned + STRETCH_AT_LEAST);
        if !too_few && !too_long {
            return None;
        }
        let busy = self.cores_busy().is_some_and(|cores| cores >= to_f64(threads as u64) * BUSY);
        let behind = Duration::from_nanos(self.lag.value_at_quantile(0.5)) > BEHIND;
        Some(if too_long || busy || behind { Missed::Generator } else { Missed::Shop })
    }
}

/// A count by time.
pub(crate) fn per_second(count: u64, time: Duration) -> f64 {
    if time.is_zero() { 0.0 } else { to_f64(count) / time.as_secs_f64() }
}

/// A histogram of nanoseconds up to an hour.
#[expect(clippy::expect_used, reason = "the bounds are constants, and in order")]
pub(crate) fn histogram(digits: u8) -> Histogram<u64> {
    Histogram::new_with_bounds(1, HIGHEST_NS, digits).expect("bounds that are in order")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(offered: u64, skipped: u64, window_ms: u64, lag: Duration, cpu: Duration) -> Outcome {
        let mut lags = histogram(3);
        lags.record(u64::try_from(lag.as_nanos()).unwrap()).unwrap();
        Outcome {
            began: SystemTime::UNIX_EPOCH,
            window: Duration::from_millis(window_ms),
            planned: Some(Duration::from_secs(10)),
            elapsed: Duration::from_millis(window_ms),
            interrupted: false,
            visits: Visits { offered, skipped, done: offered - skipped, ..Visits::default() },
            requests: 0,
            latency: histogram(3),
            steps: Vec::new(),
            ok: 0,
            refusals: BTreeMap::new(),
            errors: BTreeMap::new(),
            tidying: Tidying::default(),
            lag: lags,
            cpu: Some(cpu),
        }
    }

    #[test]
    fn who_is_to_blame_for_a_rate_that_was_missed() {
        let (ms, s) = (Duration::from_millis, Duration::from_secs);
        let missed = |outcome: Outcome| outcome.missed(1);
        assert_eq!(missed(outcome(1000, 0, 10_000, ms(0), s(1))), None);
        assert_eq!(missed(outcome(1000, 10, 10_000, ms(0), s(1))), None, "one in a hundred is a bunch of arrivals");
        assert_eq!(missed(outcome(1000, 11, 10_000, ms(0), s(1))), Some(Missed::Shop));
        assert_eq!(missed(outcome(1000, 500, 10_000, ms(30), s(1))), Some(Missed::Generator), "it was late");
        assert_eq!(missed(outcome(1000, 500, 10_000, ms(0), ms(9_500))), Some(Missed::Generator), "it was busy");
        assert_eq!(missed(outcome(1000, 0, 10_200, ms(0), s(1))), Some(Missed::Generator), "it took longer");
        assert_eq!(outcome(1000, 500, 10_000, ms(0), ms(9_500)).missed(2), Some(Missed::Shop), "one thread of two");
    }

    #[test]
    fn rates_are_by_the_window() {
        let outcome = outcome(1000, 500, 10_000, Duration::ZERO, Duration::ZERO);
        assert_eq!((outcome.begun(), outcome.visits_per_s()), (500, 50.0));
    }
}
