//! The processes of this machine that are to be watched.

use std::collections::{HashMap, HashSet};
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;

use procfs::process::{Process, all_processes};

use crate::trace::Service;

/// Which processes are wanted: those that are named, and those that descend from others; of these, such as have the right
/// executable.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// These.
    pub pids: Vec<u32>,
    /// What these have started, and what that has.
    pub ancestors: Vec<u32>,
    /// Only those whose executable has this name.
    pub executable: Option<String>,
    /// Only services of these names; empty: of any.
    pub services: Vec<String>,
}

/// Names an executable file: its device, inode and time of change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Program(u64, u64, i64);

/// A process that is wanted.
#[derive(Clone, Debug)]
pub struct Found {
    /// What is said of it.
    pub service: Service,
    /// Its executable, as it can be opened from here.
    pub executable: PathBuf,
    /// Which file that is.
    pub program: Program,
    /// Where it sends its own telemetry, if it says so.
    pub endpoint: Option<String>,
}

/// The processes that fit, and are not among those that are known.
#[must_use]
pub fn find(rules: &Rules, known: &HashSet<u32>) -> Vec<Found> {
    let Ok(processes) = all_processes() else { return Vec::new() };
    let stats: HashMap<u32, u32> = processes
        .filter_map(|process| {
            let stat = process.ok()?.stat().ok()?;
            Some((u32::try_from(stat.pid).ok()?, u32::try_from(stat.ppid).ok()?))
        })
        .collect();
    let descends = |mut pid: u32| {
        // A chain of parents ends at 0; it is as long as there are processes at most.
        for _ in 0..stats.len() {
            match stats.get(&pid) {
                Some(parent) if rules.ancestors.contains(parent) => return true,
                Some(parent) => pid = *parent,
                None => return false,
            }
        }
        false
    };
    let wanted = |pid: &u32| !known.contains(pid) && (rules.pids.contains(pid) || descends(*pid));
    let right = |found: &Found| {
        rules.executable.as_ref().is_none_or(|name| *name == found.service.executable)
            && (rules.services.is_empty() || rules.services.contains(&found.service.name))
    };
    let own = std::process::id();
    stats
        .keys()
        .copied()
        .filter(|pid| *pid != own && wanted(pid))
        .filter_map(look)
        .filter(|found| right(found))
        .collect()
}

/// What a process is. None for a thread of the kernel's, and for what has ended meanwhile.
fn look(pid: u32) -> Option<Found> {
    let process = Process::new(pid.try_into().ok()?).ok()?;
    let executable = process.exe().ok()?.file_name()?.to_string_lossy().into_owned();
    let environment = process.environ().ok()?;
    let variable = |name: &str| environment.get(std::ffi::OsStr::new(name)).and_then(|value| value.to_str());
    let name = variable("OTEL_SERVICE_NAME").filter(|name| !name.is_empty()).map(str::to_owned);
    let name = name.unwrap_or_else(|| executable.clone());
    // Through the process's own root: it may be in a container, with files of its own.
    let executable_path = PathBuf::from(format!("/proc/{pid}/exe"));
    let file = std::fs::metadata(&executable_path).ok()?;
    let program = Program(file.dev(), file.ino(), file.ctime_nsec() ^ file.ctime() << 30);
    let endpoint = variable("OTEL_EXPORTER_OTLP_ENDPOINT").filter(|it| !it.is_empty()).map(str::to_owned);
    Some(Found { service: Service { name, pid, executable }, executable: executable_path, program, endpoint })
}
