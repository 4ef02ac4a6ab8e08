//! What customers note down, and where it comes together.
//!
//! A customer keeps [`Notes`] of its own and hands them in when there are enough or some time has gone by. So the one lock
//! is taken once in many requests, and there is one histogram a step instead of one a step and customer.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;
use tokio::time::Instant;

use crate::outcome::{HIGHEST_NS, histogram};

/// How many requests are noted before they are handed in.
const FULL: usize = 64;
/// After how long they are handed in anyway.
const STALE: Duration = Duration::from_millis(50);

/// What became of a request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Verdict {
    Ok,
    /// An answer that the scenario provokes.
    Refused(Refusal),
    Error(String),
}

/// An answer that says no, and is right.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Refusal {
    CardDeclined,
    OutOfStock,
}

impl Refusal {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::CardDeclined => "card-declined",
            Self::OutOfStock => "out-of-stock",
        }
    }
}

/// What an error is called where no answer came in time. Its latency counts: leaving it out would flatter.
pub(crate) const TIMEOUT: &str = "timeout";

#[derive(Debug)]
struct Note {
    step: usize,
    latency: Duration,
    verdict: Verdict,
}

/// One customer's notes.
#[derive(Debug)]
pub(crate) struct Notes {
    notes: Vec<Note>,
    lags: Vec<Duration>,
    done: u64,
    failed: u64,
    tidied: u64,
    tidied_in_vain: u64,
    handed_in: Instant,
}

impl Notes {
    pub(crate) fn new() -> Self {
        Self {
            notes: Vec::with_capacity(FULL),
            lags: Vec::new(),
            done: 0,
            failed: 0,
            tidied: 0,
            tidied_in_vain: 0,
            handed_in: Instant::now(),
        }
    }

    /// A request that has ended.
    pub(crate) fn request(&mut self, step: usize, latency: Duration, verdict: Verdict) {
        self.notes.push(Note { step, latency, verdict });
    }

    /// How late a visit began.
    pub(crate) fn lag(&mut self, lag: Duration) {
        self.lags.push(lag);
    }

    /// A request that removed something from the basket, or failed to.
    pub(crate) fn tidied(&mut self, well: bool) {
        self.tidied += 1;
        self.tidied_in_vain += u64::from(!well);
    }

    /// A visit that has ended. Hands in if it is time to.
    pub(crate) fn visit(&mut self, well: bool, now: Instant, desk: &Desk) {
        *if well { &mut self.done } else { &mut self.failed } += 1;
        if self.notes.len() >= FULL || now.saturating_duration_since(self.handed_in) >= STALE {
            self.hand_in(now, desk);
        }
    }

    /// Hands in what there is.
    pub(crate) fn hand_in(&mut self, now: Instant, desk: &Desk) {
        self.handed_in = now;
        let mut records = desk.records();
        for Note { step, latency, verdict } in self.notes.drain(..) {
            records.request(step, latency, verdict);
        }
        for lag in self.lags.drain(..) {
            records.lag.saturating_record(nanos(lag));
        }
        records.done += std::mem::take(&mut self.done);
        records.failed += std::mem::take(&mut self.failed);
        records.tidied += std::mem::take(&mut self.tidied);
        records.tidied_in_vain += std::mem::take(&mut self.tidied_in_vain);
    }
}

/// Where notes are handed in.
#[derive(Debug)]
pub(crate) struct Desk(Mutex<Records>);

/// Everything that was handed in.
#[derive(Debug)]
pub(crate) struct Records {
    /// Latencies by step, and how many requests it had.
    pub(crate) steps: Vec<(u64, Histogram<u64>)>,
    /// How late visits began.
    pub(crate) lag: Histogram<u64>,
    pub(crate) ok: u64,
    pub(crate) refusals: BTreeMap<Refusal, u64>,
    pub(crate) errors: BTreeMap<String, u64>,
    pub(crate) done: u64,
    pub(crate) failed: u64,
    pub(crate) tidied: u64,
    pub(crate) tidied_in_vain: u64,
    /// Since it was last looked at: for who watches.
    recent: Histogram<u64>,
    recent_requests: u64,
}

impl Desk {
    pub(crate) fn new(steps: usize) -> Self {
        Self(Mutex::new(Records {
            steps: (0..steps).map(|_| (0, histogram(3))).collect(),
            lag: histogram(3),
            ok: 0,
            refusals: BTreeMap::new(),
            errors: BTreeMap::new(),
            done: 0,
            failed: 0,
            tidied: 0,
            tidied_in_vain: 0,
            recent: histogram(2),
            recent_requests: 0,
        }))
    }

    pub(crate) fn records(&self) -> MutexGuard<'_, Records> {
        // Whoever panicked while counting has left numbers, not something half made.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Records {
    fn request(&mut self, step: usize, latency: Duration, verdict: Verdict) {
        self.recent_requests += 1;
        let mut timed = true;
        match verdict {
            Verdict::Ok => self.ok += 1,
            Verdict::Refused(refusal) => *self.refusals.entry(refusal).or_default() += 1,
            Verdict::Error(kind) => {
                timed = kind == TIMEOUT;
                *self.errors.entry(kind).or_default() += 1;
            }
        }
        let Some((count, latencies)) = self.steps.get_mut(step) else { return };
        *count += 1;
        if timed {
            latencies.saturating_record(nanos(latency));
            self.recent.saturating_record(nanos(latency));
        }
    }

    /// Requests, and their latencies, since the last call.
    pub(crate) fn take_recent(&mut self) -> (u64, Duration, Duration) {
        let at = |quantile| Duration::from_nanos(self.recent.value_at_quantile(quantile));
        let recent = (self.recent_requests, at(0.5), at(0.99));
        self.recent.reset();
        self.recent_requests = 0;
        recent
    }

    pub(crate) fn requests(&self) -> u64 {
        self.steps.iter().map(|(count, _)| count).sum()
    }

    pub(crate) fn error_count(&self) -> u64 {
        self.errors.values().sum()
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(HIGHEST_NS)
}
