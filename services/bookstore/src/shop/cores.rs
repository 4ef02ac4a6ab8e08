//! Which cores a process may use: what is measured on some, what measures it on the others.

use std::io;

/// The cores of a shop's processes, by the kernel's numbers.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Cores {
    /// Of the services and of the private PostgreSQL.
    pub services: Vec<usize>,
    /// Of compare.
    pub receiver: Vec<usize>,
}

/// Calls `start` on these cores: a process that it starts inherits them, and takes them for all there are.
///
/// # Errors
/// When the kernel does not grant them.
pub(super) fn on<T>(cores: Option<&[usize]>, start: impl FnOnce() -> T) -> io::Result<T> {
    let borrowed = Borrowed::take(cores)?;
    let started = start();
    borrowed.give_back()?;
    Ok(started)
}

/// Other cores than its own, for this thread and what it starts, until they are given back.
#[derive(Debug)]
pub(crate) struct Borrowed {
    #[cfg(target_os = "linux")]
    own: Option<rustix::thread::CpuSet>,
}

#[cfg(target_os = "linux")]
impl Borrowed {
    /// Goes to these cores; nowhere, where none are named.
    ///
    /// # Errors
    /// When the kernel does not grant them.
    pub(crate) fn take(cores: Option<&[usize]>) -> io::Result<Self> {
        use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
        let Some(cores) = cores else { return Ok(Self { own: None }) };
        let own = sched_getaffinity(None)?;
        let mut wanted = CpuSet::new();
        for core in cores {
            wanted.set(*core);
        }
        sched_setaffinity(None, &wanted)?;
        Ok(Self { own: Some(own) })
    }

    /// Goes back to its own.
    ///
    /// # Errors
    /// When the kernel does not grant them any more.
    pub(crate) fn give_back(self) -> io::Result<()> {
        match self.own {
            Some(own) => Ok(rustix::thread::sched_setaffinity(None, &own)?),
            None => Ok(()),
        }
    }
}

/// Elsewhere processes go where the system puts them.
#[cfg(not(target_os = "linux"))]
impl Borrowed {
    pub(crate) fn take(cores: Option<&[usize]>) -> io::Result<Self> {
        match cores {
            Some(_) => Err(io::Error::new(io::ErrorKind::Unsupported, "processes are pinned to cores on Linux only")),
            None => Ok(Self {}),
        }
    }

    #[expect(clippy::unnecessary_wraps, reason = "the same interface as on Linux")]
    pub(crate) fn give_back(self) -> io::Result<()> {
        Ok(())
    }
}

/// The cores that this process may use.
///
/// # Errors
/// When the kernel does not say.
#[cfg(target_os = "linux")]
pub(crate) fn available() -> io::Result<Vec<usize>> {
    let set = rustix::thread::sched_getaffinity(None)?;
    Ok((0..rustix::thread::CpuSet::MAX_CPU).filter(|core| set.is_set(*core)).collect())
}
