//! How busy this process is.

use std::time::Duration;

/// Processor time that this process has taken so far; none where it cannot be asked for.
#[cfg(target_os = "linux")]
pub(crate) fn used() -> Option<Duration> {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Some(Duration::new(u64::try_from(time.tv_sec).ok()?, u32::try_from(time.tv_nsec).ok()?))
}

/// Processor time that this process has taken so far; none where it cannot be asked for.
#[cfg(not(target_os = "linux"))]
pub(crate) fn used() -> Option<Duration> {
    None
}
