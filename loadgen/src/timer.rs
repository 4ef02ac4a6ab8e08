//! Waits for a moment, more exactly than tokio does.
//!
//! Tokio's timers have a resolution of a millisecond and round up. An arrival that is late by that much would show a
//! latency that the shop did not have, where the shop answers in a tenth of it. On Linux a kernel timer (timerfd_create(2))
//! wakes within some ten microseconds, and costs nothing while it waits.

use tokio::time::Instant;

/// Waits for moments, one at a time.
#[derive(Debug)]
pub struct Timer {
    #[cfg(target_os = "linux")]
    kernel: Option<kernel::KernelTimer>,
}

impl Timer {
    /// By tokio's clock, which a test can stop.
    #[must_use]
    pub fn tokio() -> Self {
        Self {
            #[cfg(target_os = "linux")]
            kernel: None,
        }
    }

    /// The most exact there is here: tokio's where the system has no timers of its own, or no more of them.
    #[must_use]
    pub fn precise() -> Self {
        Self {
            #[cfg(target_os = "linux")]
            kernel: kernel::KernelTimer::new().ok(),
        }
    }

    /// Waits until `moment`; not at all if it is over.
    pub async fn until(&mut self, moment: Instant) {
        #[cfg(target_os = "linux")]
        if let Some(kernel) = &self.kernel {
            while let Some(left) = moment.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
                if kernel.wait(left).await.is_err() {
                    break;
                }
            }
        }
        if moment > Instant::now() {
            tokio::time::sleep_until(moment).await;
        }
    }
}

#[cfg(target_os = "linux")]
mod kernel {
    use std::io;
    use std::os::fd::OwnedFd;
    use std::time::Duration;

    use rustix::time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
    };
    use tokio::io::unix::AsyncFd;

    #[derive(Debug)]
    pub(super) struct KernelTimer(AsyncFd<OwnedFd>);

    impl KernelTimer {
        pub(super) fn new() -> io::Result<Self> {
            let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
            let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
            #[expect(deprecated, reason = "sound for a descriptor that is owned here; what replaces it is unsafe")]
            Ok(Self(AsyncFd::new(timer)?))
        }

        /// Waits for `time`, which is more than zero: a timer that is set to zero never ends.
        pub(super) async fn wait(&self, time: Duration) -> io::Result<()> {
            let zero = Timespec { tv_sec: 0, tv_nsec: 0 };
            let value = Timespec {
                tv_sec: i64::try_from(time.as_secs()).unwrap_or(i64::MAX),
                tv_nsec: time.subsec_nanos().into(),
            };
            timerfd_settime(&self.0, TimerfdTimerFlags::empty(), &Itimerspec { it_interval: zero, it_value: value })?;
            loop {
                let mut ready = self.0.readable().await?;
                // Eight bytes: how often it has ended since the last read.
                let mut count = [0_u8; 8];
                match rustix::io::read(&self.0, &mut count) {
                    Ok(_) => return Ok(()),
                    Err(rustix::io::Errno::AGAIN) => ready.clear_ready(),
                    Err(error) => return Err(error.into()),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn nothing_is_early_and_what_is_over_is_not_waited_for() {
        for mut timer in [Timer::tokio(), Timer::precise()] {
            for micros in [0, 1, 300, 2_500] {
                let moment = Instant::now() + Duration::from_micros(micros);
                timer.until(moment).await;
                assert!(Instant::now() >= moment);
            }
            timer.until(Instant::now()).await;
        }
    }
}
