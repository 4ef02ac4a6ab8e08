//! The processes of this machine. Command lines are not read: there are secrets in them.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use procfs::process::{Process, all_processes};

use super::census::Life;
use super::listeners::Listeners;
use super::rules::{Rule, Rules, Select};
use crate::trace::Service;

/// Ancestors that are looked at, for a process that descends from one: nobody has as many.
const MOST_ANCESTORS: usize = 64;

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
    /// What it is called where it does not say so: by the rule that it fits to.
    named: Option<String>,
}

/// Everybody who lives; who has ended and waits for its parent to be told does not.
#[must_use]
pub fn alive() -> Vec<Life> {
    let Ok(processes) = all_processes() else { return Vec::new() };
    processes.filter_map(|process| life_of(&process.ok()?)).collect()
}

/// One of them.
#[must_use]
pub fn life(pid: u32) -> Option<Life> {
    life_of(&Process::new(pid.try_into().ok()?).ok()?)
}

fn life_of(process: &Process) -> Option<Life> {
    let stat = process.stat().ok()?;
    // Zombie, dead (proc(5)).
    if matches!(stat.state, 'Z' | 'X' | 'x') {
        return None;
    }
    Some(Life { pid: stat.pid.try_into().ok()?, parent: stat.ppid.try_into().ok()?, started: stat.starttime })
}

/// What a process is, if it is wanted. Its `parent` is told if that one is watched: what it has forked is, too. None for a
/// thread of the kernel's, and for what has ended meanwhile.
#[must_use]
pub fn look(life: Life, rules: &Rules, listeners: &Listeners, parent: Option<&Found>) -> Option<Found> {
    let pid = life.pid;
    if pid == std::process::id() {
        return None;
    }
    let process = Process::new(pid.try_into().ok()?).ok()?;
    let path = undeleted(process.exe().ok()?);
    // Through the process's own root: it may be in a container, with files of its own.
    let executable = PathBuf::from(format!("/proc/{pid}/exe"));
    let fits = |rule: &&Rule| match &rule.select {
        Select::Pid(it) => *it == pid,
        Select::Executable(glob) => glob.fits(&path),
        Select::Port(port) => listeners.listens(pid, *port),
        Select::Descendants(ancestor) => descends(life, *ancestor),
    };
    let named = match rules.any.iter().find(fits) {
        Some(rule) => rule.service.clone(),
        // A fork that has started no program yet is what its parent is.
        None => parent.filter(|it| program(&executable) == Some(it.program))?.named.clone(),
    };
    let environment = process.environ().ok()?;
    let variable = |name: &str| {
        let value = environment.get(std::ffi::OsStr::new(name))?.to_str()?;
        (!value.is_empty()).then(|| value.to_owned())
    };
    let file = path.file_name()?.to_string_lossy().into_owned();
    let name = variable("OTEL_SERVICE_NAME").or_else(|| named.clone()).unwrap_or_else(|| file.clone());
    if !rules.wants(&name) {
        return None;
    }
    Some(Found {
        service: Service { name, pid, executable: file },
        program: program(&executable)?,
        executable,
        endpoint: variable("OTEL_EXPORTER_OTLP_ENDPOINT"),
        named,
    })
}

fn program(executable: &Path) -> Option<Program> {
    let file = std::fs::metadata(executable).ok()?;
    Some(Program(file.dev(), file.ino(), file.ctime_nsec() ^ file.ctime() << 30))
}

/// The kernel adds this to the path of a file that was replaced.
fn undeleted(path: PathBuf) -> PathBuf {
    match path.to_str().and_then(|path| path.strip_suffix(" (deleted)")) {
        Some(path) => PathBuf::from(path),
        None => path,
    }
}

fn descends(mut life: Life, ancestor: u32) -> bool {
    for _ in 0..MOST_ANCESTORS {
        if life.parent == ancestor {
            return true;
        }
        match self::life(life.parent) {
            Some(parent) => life = parent,
            None => return false,
        }
    }
    false
}
