//! The clock of events, and the time of day.

use rustix::time::{ClockId, clock_gettime};

/// How far, in nanoseconds, the time of day may go from what was first added to times: steps of the clock count, its
/// being read a little late does not.
const STEP: u64 = 1_000_000;

/// How often both clocks are read, to have a pair with nothing between.
const PAIRS: usize = 4;

/// Readings that are farther apart than this, in nanoseconds, say nothing of a step.
const CLOSE: u64 = 50_000;

/// `CLOCK_MONOTONIC`, in nanoseconds.
pub(super) fn now() -> u64 {
    nanoseconds(ClockId::Monotonic)
}

/// What has to be added to the clock of events for the time of day, where that was `before`.
pub(super) fn epoch(before: u64) -> u64 {
    // Between two readings this thread may be kept off its processor: the closest pair counts.
    let pair = || {
        let (began, time_of_day, ended) = (now(), nanoseconds(ClockId::Realtime), now());
        (ended - began, time_of_day.saturating_sub(began + (ended - began) / 2))
    };
    let (apart, epoch) = (0..PAIRS).map(|_| pair()).min().unwrap_or_default();
    let is_known = before != 0 && apart > CLOSE;
    if epoch.abs_diff(before) > STEP && !is_known { epoch } else { before }
}

fn nanoseconds(clock: ClockId) -> u64 {
    let time = clock_gettime(clock);
    u64::try_from(time.tv_sec).unwrap_or_default() * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap_or_default()
}
