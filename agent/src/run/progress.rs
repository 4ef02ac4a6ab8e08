//! What the agent tells on its way.

use std::fmt;
use std::time::Duration;

use crate::discover::{Found, Probes, Rules};
use crate::metrics::Numbers;
use crate::recording::Recorded;
use crate::trace::Service;

/// What the agent tells on its way.
#[derive(Clone, Debug)]
pub enum Progress<'a> {
    /// The programs are loaded, after so long.
    Loaded(Duration),
    /// Nobody is there to be watched yet.
    Waiting(&'a Rules),
    /// A process is watched from now on; its probes took so long.
    Watching(&'a Found, &'a Probes, Duration),
    /// The current task's id of a process was found, so far from the thread pointer.
    Calibrated(u32, i32),
    /// A process that was watched has ended, or runs another program now.
    Gone(&'a Found),
    /// Of processes that were watched none is left, and all of their spans were handed on.
    Alone,
    /// The recording has no room for more.
    Full,
    /// How it goes, once a second.
    Numbers(&'a Numbers),
    /// The recording is whole.
    Recorded(Recorded),
}

impl fmt::Display for Progress<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Loaded(took) => write!(f, "the kernel has taken the programs, in {} ms", took.as_millis()),
            Self::Waiting(rules) => write!(f, "nobody is there to be watched; waiting for {rules}"),
            Self::Watching(found, probes, took) => {
                let Service { name, pid, executable } = &found.service;
                write!(f, "{name} is watched (process {pid}, {executable}), after {} ms", took.as_millis())?;
                match (probes.wake.is_empty(), probes.current_task) {
                    (true, _) => f.write_str(": no tokio is to be seen in it, so its requests will not be linked"),
                    (false, None) => {
                        f.write_str("; where its current task is will be found out from its first requests")
                    }
                    (false, Some(_)) => Ok(()),
                }
            }
            Self::Calibrated(pid, _) => write!(f, "process {pid}: where its current task is was found out"),
            Self::Gone(found) => write!(f, "{} is gone (process {})", found.service.name, found.service.pid),
            Self::Alone => f.write_str("nothing is left to watch"),
            Self::Full => f.write_str("the recording has no room for more"),
            Self::Numbers(numbers) => write!(f, "{numbers}"),
            Self::Recorded(Recorded { events, bytes, full }) => {
                let cut = if *full { ", which is not all: it had no room for more" } else { "" };
                write!(f, "{events} events were recorded in {bytes} bytes{cut}")
            }
        }
    }
}
