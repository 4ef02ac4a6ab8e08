//! Processor time that is wasted on purpose, so that a benchmark can show that it finds it.

use std::time::Duration;

use crate::call::Edge;
use crate::config::{self, Environment};

/// Microseconds to burn in each request that comes from outside. Default: none.
pub const SPIN: &str = "BOOKSTORE_SPIN_US";

/// What a server at this edge is to burn.
pub(super) fn planted(edge: Edge) -> Option<Duration> {
    if edge != Edge::Public {
        return None;
    }
    let us = match config::optional(&Environment, SPIN) {
        Ok(us) => us.filter(|us| *us > 0)?,
        Err(error) => {
            tracing::error!(%error, "no processor time is wasted");
            return None;
        }
    };
    tracing::warn!(spin_us = us, "{SPIN} is set: processor time is wasted in each request");
    Some(Duration::from_micros(us))
}

/// Burns it, by this thread's own clock: time in which it does not run is none.
pub(super) fn burn(time: Duration) {
    let clock = Clock::now();
    while clock.elapsed() < time {
        std::hint::spin_loop();
    }
}

#[cfg(unix)]
struct Clock(rustix::time::Timespec);

#[cfg(unix)]
impl Clock {
    fn now() -> Self {
        Self(rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime))
    }

    fn elapsed(&self) -> Duration {
        (Self::now().0 - self.0).try_into().unwrap_or_default()
    }
}

#[cfg(not(unix))]
use std::time::Instant as Clock;
