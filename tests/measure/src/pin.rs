//! Processes to cores: what is measured to one, what measures to another.

use rustix::process::Pid;
use rustix::thread::{CpuSet, sched_setaffinity};

/// Pins all threads of a process, and with them those that they start later.
pub(crate) fn process(pid: i32, core: usize) -> anyhow::Result<()> {
    let mut set = CpuSet::new();
    set.set(core);
    for task in std::fs::read_dir(format!("/proc/{pid}/task"))? {
        let Some(thread) = task?.file_name().to_str().and_then(|id| id.parse().ok()).and_then(Pid::from_raw) else {
            continue;
        };
        sched_setaffinity(Some(thread), &set)?;
    }
    Ok(())
}

/// Pins this process.
pub(crate) fn myself(core: usize) -> anyhow::Result<()> {
    process(i32::try_from(std::process::id())?, core)
}
