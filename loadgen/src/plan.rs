//! What a run is to be, and how far it has come.

use std::time::Duration;

use crate::schedule::{Schedule, Spacing};

/// When visits begin.
#[derive(Clone, Debug)]
pub enum Arrivals {
    /// By a schedule, whatever the shop does.
    Open {
        /// How many a second, and when.
        schedule: Schedule,
        /// How they are spread.
        spacing: Spacing,
    },
    /// When the customer's last visit has ended.
    Closed,
}

/// When a run ends. Visits that have begun are made to their end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Extent {
    /// Visits begin for this long.
    For(Duration),
    /// So many visits are to be made. Of an open loop this counts those that are skipped.
    Visits(u64),
}

/// What is to be done.
#[derive(Clone, Debug)]
pub struct Plan {
    /// When visits begin.
    pub arrivals: Arrivals,
    /// When the run ends.
    pub extent: Extent,
    /// The number of the first visit. Runs from the same number make the same visits.
    pub first_visit: u64,
    /// How often who watches is told.
    pub observe_every: Duration,
}

/// How far a run has come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    /// Since its begin.
    pub elapsed: Duration,
    /// When it ends.
    pub extent: Extent,
    /// Visits that were to be made so far.
    pub offered: u64,
    /// Visits that have ended, well or not.
    pub ended: u64,
    /// Visits that no customer was free for.
    pub skipped: u64,
    /// Requests that have ended.
    pub requests: u64,
    /// Of these, errors.
    pub errors: u64,
    /// Visits a second that ended since the last time.
    pub visits_per_s: f64,
    /// Requests a second since the last time.
    pub requests_per_s: f64,
    /// The middle of the latencies since the last time.
    pub p50: Duration,
    /// 99 % of the latencies since the last time were no longer.
    pub p99: Duration,
}
