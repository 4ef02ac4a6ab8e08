//! A run's outcome as JSON.
//!
//! ```json
//! {
//!   "target": "http://127.0.0.1:8080",
//!   "scenario": "mixed",
//!   "seed": 1,
//!   "loop": "open",                    // or "closed"
//!   "rate": "50",                      // as it was asked for; null of a closed loop
//!   "arrivals": "poisson",             // or "even"; null of a closed loop
//!   "customers": 64,                   // the most visits at once
//!   "began_unix_ms": 1790000000000,
//!   "window_s": 10.0,                  // for how long visits were begun
//!   "elapsed_s": 10.004,               // until the last had ended
//!   "interrupted": false,
//!   "visits_per_s": { "asked": 50.0, "reached": 49.8, "missed": null },   // missed: null, "shop" or "generator"
//!   "visits": { "offered": 498, "done": 498, "failed": 0, "skipped": 0, "cut_off": 0 },
//!   "requests": { "total": 1190, "per_s": 119.0 },
//!   "outcomes": {
//!     "ok": 1187,
//!     "refusals": { "card-declined": 3, "out-of-stock": 0 },     // answers that say no and are right; only those seen
//!     "errors": { "503 service-unavailable": 0, "timeout": 0 }   // only those seen
//!   },
//!   "latency_us": { "mean": 2211.0, "min": 401.0, "p50": 1800.0, "p90": 4000.0, "p99": 9000.0, "p99_9": 12000.0, "max": 12500.0 },
//!   "histogram": "HISTFAAA…",          // HdrHistogram V2, deflated, base64; of nanoseconds
//!   "steps": [ { "name": "list", "count": 160, "latency_us": { … }, "histogram": "…" } ],
//!   "tidying": { "requests": 41, "failed": 0 },
//!   "generator": { "threads": 1, "lag_us": { … }, "late": false, "cores_busy": 0.04 }
//! }
//! ```
//!
//! Latencies are microseconds, null where there are none. [`Outcome`] says what they hold.

use std::collections::BTreeMap;
use std::time::{Duration, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Serializer as _, V2DeflateSerializer};
use serde::Serialize;

use crate::outcome::{Missed, Outcome};
use crate::plan::Arrivals;
use crate::schedule::{Rate, Spacing};

/// What was asked for: what a report says beside the outcome.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The shop's address.
    pub target: String,
    /// The scenario's name.
    pub scenario: String,
    /// What visits were drawn from.
    pub seed: u64,
    /// As it was asked for; none of a closed loop.
    pub rate: Option<Rate>,
    /// When visits were to begin.
    pub arrivals: Arrivals,
    /// The most visits at once.
    pub customers: usize,
    /// Threads of the generator.
    pub threads: usize,
}

/// A report, to be written as JSON.
#[derive(Debug, Serialize)]
pub struct Report {
    target: String,
    scenario: String,
    seed: u64,
    r#loop: &'static str,
    rate: Option<String>,
    arrivals: Option<&'static str>,
    customers: usize,
    began_unix_ms: u128,
    window_s: f64,
    elapsed_s: f64,
    interrupted: bool,
    visits_per_s: VisitRate,
    visits: Visits,
    requests: Requests,
    outcomes: Outcomes,
    latency_us: Option<Latency>,
    histogram: String,
    steps: Vec<Step>,
    tidying: Tidying,
    generator: Generator,
}

#[derive(Debug, Serialize)]
struct VisitRate {
    asked: Option<f64>,
    reached: f64,
    missed: Option<&'static str>,
}

#[derive(Debug, Serialize)]
struct Visits {
    offered: u64,
    done: u64,
    failed: u64,
    skipped: u64,
    cut_off: u64,
}

#[derive(Debug, Serialize)]
struct Requests {
    total: u64,
    per_s: f64,
}

#[derive(Debug, Serialize)]
struct Outcomes {
    ok: u64,
    refusals: BTreeMap<&'static str, u64>,
    errors: BTreeMap<String, u64>,
}

#[derive(Debug, Serialize)]
struct Step {
    name: String,
    count: u64,
    latency_us: Option<Latency>,
    histogram: String,
}

#[derive(Debug, Serialize)]
struct Tidying {
    requests: u64,
    failed: u64,
}

#[derive(Debug, Serialize)]
struct Generator {
    threads: usize,
    lag_us: Option<Latency>,
    late: bool,
    cores_busy: Option<f64>,
}

/// Some points of a distribution, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Latency {
    /// The mean.
    pub mean: f64,
    /// The least.
    pub min: f64,
    /// The middle.
    pub p50: f64,
    /// 90 % are no more.
    pub p90: f64,
    /// 99 % are no more.
    pub p99: f64,
    /// 99.9 % are no more.
    pub p99_9: f64,
    /// The most.
    pub max: f64,
}

impl Latency {
    /// Of a histogram of nanoseconds; none of an empty one.
    #[must_use]
    pub fn of(histogram: &Histogram<u64>) -> Option<Self> {
        let at = |quantile| micros(histogram.value_at_quantile(quantile).min(histogram.max()));
        (!histogram.is_empty()).then(|| Self {
            mean: rounded(histogram.mean() / 1e3, 3),
            min: micros(histogram.min()),
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p99_9: at(0.999),
            max: micros(histogram.max()),
        })
    }
}

impl Report {
    /// The report of a run.
    #[must_use]
    pub fn new(asked: &Asked, outcome: &Outcome) -> Self {
        let spacing = match &asked.arrivals {
            Arrivals::Open { spacing: Spacing::Even, .. } => Some("even"),
            Arrivals::Open { spacing: Spacing::Poisson, .. } => Some("poisson"),
            Arrivals::Closed => None,
        };
        let visits = outcome.visits;
        Self {
            target: asked.target.clone(),
            scenario: asked.scenario.clone(),
            seed: asked.seed,
            r#loop: if spacing.is_some() { "open" } else { "closed" },
            rate: asked.rate.as_ref().map(ToString::to_string),
            arrivals: spacing,
            customers: asked.customers,
            began_unix_ms: outcome.began.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis(),
            window_s: seconds(outcome.window),
            elapsed_s: seconds(outcome.elapsed),
            interrupted: outcome.interrupted,
            visits_per_s: VisitRate {
                asked: asked_per_s(&asked.arrivals, outcome),
                reached: rounded(outcome.visits_per_s(), 3),
                missed: outcome.missed(asked.threads).map(|missed| match missed {
                    Missed::Shop => "shop",
                    Missed::Generator => "generator",
                }),
            },
            visits: Visits {
                offered: visits.offered,
                done: visits.done,
                failed: visits.failed,
                skipped: visits.skipped,
                cut_off: visits.cut_off,
            },
            requests: Requests { total: outcome.requests, per_s: rounded(outcome.requests_per_s(), 3) },
            outcomes: Outcomes { ok: outcome.ok, refusals: outcome.refusals.clone(), errors: outcome.errors.clone() },
            latency_us: Latency::of(&outcome.latency),
            histogram: encoded(&outcome.latency),
            steps: outcome.steps.iter().map(Step::of).collect(),
            tidying: Tidying { requests: outcome.tidying.requests, failed: outcome.tidying.failed },
            generator: Generator {
                threads: asked.threads,
                lag_us: Latency::of(&outcome.lag),
                late: outcome.generator_was_late(),
                cores_busy: outcome.cores_busy().map(|cores| rounded(cores, 3)),
            },
        }
    }
}

impl Step {
    fn of(step: &crate::outcome::Step) -> Self {
        Self {
            name: step.name.clone(),
            count: step.count,
            latency_us: Latency::of(&step.latency),
            histogram: encoded(&step.latency),
        }
    }
}

/// Visits a second that were asked for, as far as the run came; none of a closed loop.
#[must_use]
pub fn asked_per_s(arrivals: &Arrivals, outcome: &Outcome) -> Option<f64> {
    match arrivals {
        Arrivals::Open { schedule, .. } if outcome.interrupted && !outcome.window.is_zero() => {
            Some(rounded(schedule.cumulated(outcome.window) / outcome.window.as_secs_f64(), 3))
        }
        Arrivals::Open { schedule, .. } => Some(rounded(schedule.mean(), 3)),
        Arrivals::Closed => None,
    }
}

/// A histogram in the encoded form that HdrHistogram's tools read (V2, deflated), in base64. Its values are as they are:
/// nanoseconds.
#[must_use]
pub fn encoded(histogram: &Histogram<u64>) -> String {
    let mut bytes = Vec::new();
    // Writing to memory does not fail, and the counts of a run fit.
    match V2DeflateSerializer::new().serialize(histogram, &mut bytes) {
        Ok(_) => STANDARD.encode(bytes),
        Err(_) => String::new(),
    }
}

fn seconds(time: Duration) -> f64 {
    rounded(time.as_secs_f64(), 6)
}

fn micros(nanos: u64) -> f64 {
    rounded(crate::schedule::to_f64(nanos) / 1e3, 3)
}

/// So many decimals: more would be noise.
fn rounded(number: f64, decimals: i32) -> f64 {
    let scale = 10_f64.powi(decimals);
    (number * scale).round() / scale
}
