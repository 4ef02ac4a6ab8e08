//! The processes that are watched: found, probed, let go.

use std::collections::{HashMap, HashSet};
use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::time::Instant;

use super::{Host, Progress, clock};
use crate::calibrate::Calibration;
use crate::discover::{self, Census, Changes, Executables, Found, Listeners, Rules};
use crate::event::{Event, What};
use crate::kernel::Kernel;
use crate::pipeline::Input;
use crate::trace::Wish;

/// Everybody who is watched.
pub(super) struct Targets {
    rules: Rules,
    census: Census,
    listeners: Listeners,
    executables: Executables,
    watched: HashMap<u32, Watched>,
    /// Those of which it is being found out where the current task's id is.
    calibrations: HashMap<u32, Calibration>,
}

struct Watched {
    found: Found,
    /// Since when.
    at: u64,
    /// Held while the process is watched, so that another agent sees it.
    _mark: Option<UnixListener>,
}

impl Targets {
    pub(super) fn new(rules: Rules) -> Self {
        Self {
            rules,
            census: Census::default(),
            listeners: Listeners::default(),
            executables: Executables::default(),
            watched: HashMap::new(),
            calibrations: HashMap::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.watched.len()
    }

    /// Looks at everybody. Gives what the pipeline has to be told.
    pub(super) fn poll(&mut self, kernel: &mut Kernel, host: &mut dyn Host) -> Vec<Input> {
        self.listeners.look(&self.rules.ports());
        let again: HashSet<u32> = self.listeners.pids().collect();
        let changes = self.census.poll(&discover::alive(), &again);
        self.change(changes, kernel, host)
    }

    /// Looks at a process that has started another program.
    pub(super) fn started(&mut self, pid: u32, kernel: &mut Kernel, host: &mut dyn Host) -> Vec<Input> {
        // One that has ended meanwhile is found so by the next look at everybody.
        let Some(life) = discover::life(pid) else { return Vec::new() };
        let changes = self.census.exec(life);
        self.change(changes, kernel, host)
    }

    /// A task was spawned in a process.
    pub(super) fn spawned(&mut self, pid: u32, task: u64) {
        if let Some(calibration) = self.calibrations.get_mut(&pid) {
            calibration.heard_of(task);
        }
    }

    /// What was seen while a task was woken may tell where the current task's id is.
    pub(super) fn sample(&mut self, event: Event, kernel: &mut Kernel, host: &mut dyn Host) {
        let Event { process, thread, task, what: What::Sample(words), .. } = event else { return };
        let Some(calibration) = self.calibrations.get_mut(&process) else { return };
        let Some(distance) = calibration.add(thread, task, &words) else { return };
        host.tell(Progress::Calibrated(process, distance));
        let Some(program) = self.watched.get(&process).map(|it| it.found.program) else { return };
        self.executables.calibrated(program, distance);
        for (pid, Watched { found, .. }) in self.watched.iter().filter(|(_, it)| it.found.program == program) {
            if self.calibrations.remove(pid).is_some()
                && let Err(error) = kernel.calibrated(*pid, distance)
            {
                tracing::warn!(pid, service = found.service.name, "{error:#}");
            }
        }
    }

    /// Sees from now on what is wished. Gives what the pipeline has to be told.
    pub(super) fn wish(&mut self, Wish { pid, at, wakes }: Wish, kernel: &mut Kernel) -> Option<Input> {
        let Watched { found, .. } = self.watched.get(&pid).filter(|it| it.at <= at)?;
        if !wakes {
            kernel.leave_wakes(pid);
            return None;
        }
        let seen = self.executables.probes(found).map_err(anyhow::Error::from);
        match seen.and_then(|probes| kernel.see_wakes(pid, &found.executable, &probes)) {
            Ok(()) => Some(Input::WakesAreSeen { at: clock::now(), pid }),
            Err(error) => {
                tracing::warn!(pid, service = found.service.name, "its wakes cannot be seen again: {error:#}");
                None
            }
        }
    }

    fn change(&mut self, changes: Changes, kernel: &mut Kernel, host: &mut dyn Host) -> Vec<Input> {
        let mut inputs = Vec::new();
        for pid in changes.gone {
            kernel.forget(pid);
            self.calibrations.remove(&pid);
            inputs.push(Input::Forget { at: clock::now(), pid });
            if let Some(Watched { found, .. }) = self.watched.remove(&pid) {
                host.tell(Progress::Gone(&found));
            }
        }
        for life in changes.new {
            let parent = self.watched.get(&life.parent).map(|it| &it.found);
            if let Some(found) = discover::look(life, &self.rules, &self.listeners, parent) {
                inputs.extend(self.watch(found, kernel, host));
            }
        }
        inputs
    }

    fn watch(&mut self, found: Found, kernel: &mut Kernel, host: &mut dyn Host) -> Option<Input> {
        let began = Instant::now();
        let (pid, name) = (found.service.pid, found.service.name.as_str());
        let probes = match self.executables.probes(&found) {
            Ok(probes) => probes,
            Err(error) => {
                tracing::warn!(pid, service = name, "its executable {error}");
                return None;
            }
        };
        // Before the probes are there: whatever comes of it is later.
        let at = clock::now();
        if let Err(error) = kernel.watch(pid, &found.executable, &probes, probes.current_task) {
            kernel.forget(pid);
            // Of one that has ended meanwhile there is nothing to be said.
            if discover::life(pid).is_some() {
                tracing::warn!(pid, service = name, "{error:#}");
            }
            return None;
        }
        self.census.watch(pid);
        if probes.current_task.is_none() && !probes.wake.is_empty() {
            self.calibrations.insert(pid, Calibration::default());
        }
        let mark = mark(pid).inspect_err(|error| {
            if error.kind() == io::ErrorKind::AddrInUse {
                tracing::warn!(pid, service = name, "another agent watches it too: its spans will be there twice");
            }
        });
        host.tell(Progress::Watching(&found, &probes, began.elapsed()));
        let reads_are_seen = !probes.stream_read.is_empty() && !probes.stream_drop.is_empty();
        let service = found.service.clone();
        self.watched.insert(pid, Watched { found, at, _mark: mark.ok() });
        Some(Input::Watch { at, service, reads_are_seen })
    }
}

/// Takes the name by which agents see each other. The kernel gives it back however this process ends.
fn mark(pid: u32) -> io::Result<UnixListener> {
    UnixListener::bind_addr(&SocketAddr::from_abstract_name(format!("bookstore-agent/{pid}"))?)
}
