//! The agent at work: what the kernel says goes through the stages, and out.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use bookstore_otlp::collector::ExportTraceServiceRequest;
use rustix::time::{ClockId, clock_gettime};

use crate::assemble::{Assembler, Span};
use crate::calibrate::Calibration;
use crate::discover::{self, Rules};
use crate::event::{Event, What};
use crate::kernel::Kernel;
use crate::order::{HELD_BACK, Ordered};
use crate::otlp;
use crate::trace::{Counts, LinkBy, Service, Tracer};

/// How often the ring is looked at.
const PERIOD: Duration = Duration::from_millis(5);
/// How often spans are handed on.
const EXPORT: Duration = Duration::from_millis(200);
/// How often processes are looked for, where no event says that one started.
const SEARCH: Duration = Duration::from_millis(500);
/// Bytes of the ring.
const RING: u32 = 16 << 20;

/// What is watched, and how.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Which processes.
    pub rules: Rules,
    /// By what requests are linked.
    pub link_by: LinkBy,
    /// Bytes of the ring, a power of two; as many as it needs if nothing is said.
    pub ring: Option<u32>,
}

/// What the agent tells on its way.
#[derive(Clone, Debug)]
pub enum Progress<'a> {
    /// The programs are loaded, after so long.
    Loaded(Duration),
    /// A process is watched from now on; its probes took so long.
    Watching(&'a discover::Found, &'a discover::Probes, Duration),
    /// The current task's id of a process was found, so far from the thread pointer.
    Calibrated(u32, i32),
    /// Of processes that were watched none is left, and all of their spans were handed on.
    Alone,
}

/// What was done, for the last word.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Of the tracer.
    pub counts: Counts,
    /// Events that had no room in the ring.
    pub lost: u64,
    /// Events that came after later ones had been handed on.
    pub late: u64,
    /// Spans that were handed on.
    pub spans: u64,
}

impl fmt::Display for Progress<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Loaded(took) => write!(f, "the kernel has taken the programs, in {} ms", took.as_millis()),
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
            Self::Alone => f.write_str("nothing is left to watch"),
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { counts, lost, late, spans } = self;
        write!(f, "{spans} spans of {} events; {lost} events were lost, {late} came late; links:", counts.events)?;
        for (reason, count) in &counts.links {
            write!(f, " {reason} {count}")?;
        }
        Ok(())
    }
}

/// Runs until told to stop. Spans go to `export`.
///
/// # Errors
/// When the kernel refuses the programs.
pub fn run(
    options: &Options,
    stop: &AtomicBool,
    tell: &mut dyn FnMut(Progress<'_>),
    export: &mut dyn FnMut(ExportTraceServiceRequest),
) -> anyhow::Result<Summary> {
    let began = Instant::now();
    let kernel = Kernel::load(options.ring.unwrap_or(RING))?;
    tell(Progress::Loaded(began.elapsed()));
    let mut agent = Agent {
        kernel,
        watched: HashMap::new(),
        known: HashSet::new(),
        calibrations: HashMap::new(),
        found: HashMap::new(),
        ordered: Ordered::default(),
        tracer: Tracer::new(options.link_by),
        lost: 0,
        looked: 0,
        ended: Vec::new(),
    };
    let mut assembler = Assembler::new(rand::random::<u64>);
    let epoch = nanoseconds(ClockId::Realtime).saturating_sub(nanoseconds(ClockId::Monotonic));
    let mut summary = Summary::default();
    let (mut searched, mut exported) = (None::<Instant>, Instant::now());
    while !stop.load(Ordering::Relaxed) {
        // Before the ring is read: what comes later may have begun before what is handed on.
        let now = nanoseconds(ClockId::Monotonic);
        let started = agent.read(tell);
        if started || searched.is_none_or(|at| at.elapsed() >= SEARCH) {
            searched = Some(Instant::now());
            let before = agent.watched.len();
            agent.search(options, tell);
            if before > 0 && agent.watched.is_empty() {
                agent.read(tell);
                agent.trace(u64::MAX, &mut assembler);
                hand_on(assembler.take(u64::MAX, true), epoch, &mut summary, export);
                tell(Progress::Alone);
            }
        }
        agent.trace(now.saturating_sub(HELD_BACK), &mut assembler);
        if exported.elapsed() >= EXPORT {
            exported = Instant::now();
            hand_on(assembler.take(now.saturating_sub(HELD_BACK), false), epoch, &mut summary, export);
        }
        thread::sleep(PERIOD);
    }
    agent.read(tell);
    agent.trace(u64::MAX, &mut assembler);
    hand_on(assembler.take(u64::MAX, true), epoch, &mut summary, export);
    summary.counts = agent.tracer.counts().clone();
    summary.lost = agent.kernel.lost();
    summary.late = agent.ordered.late();
    Ok(summary)
}

fn hand_on(spans: Vec<Span>, epoch: u64, summary: &mut Summary, export: &mut dyn FnMut(ExportTraceServiceRequest)) {
    if !spans.is_empty() {
        summary.spans += spans.len() as u64;
        export(otlp::request(spans, epoch));
    }
}

struct Agent {
    kernel: Kernel,
    /// By process: its executable, to know others of the same.
    watched: HashMap<u32, discover::Found>,
    /// Processes that were looked at, wanted or not to be had.
    known: HashSet<u32>,
    calibrations: HashMap<u32, Calibration>,
    /// Where the current task's id is.
    found: HashMap<discover::Program, i32>,
    ordered: Ordered,
    tracer: Tracer,
    lost: u64,
    /// When it was last looked whether events were lost.
    looked: u64,
    /// Processes that have ended, and whose last events may be held back yet.
    ended: Vec<u32>,
}

impl Agent {
    /// Takes what is in the ring. Gives true if a program was started.
    fn read(&mut self, tell: &mut dyn FnMut(Progress<'_>)) -> bool {
        let mut started = false;
        let mut samples: Vec<Event> = Vec::new();
        let mut execs: Vec<u32> = Vec::new();
        let (ordered, calibrations) = (&mut self.ordered, &mut self.calibrations);
        self.kernel.read(|event| match event.what {
            What::Exec => {
                started = true;
                execs.push(event.process);
            }
            What::Sample(_) => samples.push(event),
            _ => {
                if let What::Spawn { other } = event.what
                    && let Some(calibration) = calibrations.get_mut(&event.process)
                {
                    calibration.heard_of(other);
                }
                ordered.add(event);
            }
        });
        for pid in execs {
            // It is another program now, and is looked at anew.
            if self.watched.remove(&pid).is_some() {
                self.kernel.forget(pid);
                self.known.remove(&pid);
                self.calibrations.remove(&pid);
            }
        }
        for Event { process, task, what, .. } in samples {
            let What::Sample(words) = what else { continue };
            let Some(calibration) = self.calibrations.get_mut(&process) else { continue };
            let Some(distance) = calibration.add(task, &words) else { continue };
            tell(Progress::Calibrated(process, distance));
            // It is the same in all processes of an executable.
            let Some(program) = self.watched.get(&process).map(|found| found.program) else { continue };
            self.found.insert(program, distance);
            for (pid, found) in self.watched.iter().filter(|(_, found)| found.program == program) {
                if self.calibrations.remove(pid).is_some()
                    && let Err(error) = self.kernel.calibrated(*pid, distance)
                {
                    tracing::warn!(pid, service = found.service.name, "{error:#}");
                }
            }
        }
        started
    }

    fn search(&mut self, options: &Options, tell: &mut dyn FnMut(Progress<'_>)) {
        let gone: Vec<u32> = self
            .watched
            .keys()
            .copied()
            .filter(|pid| !std::path::Path::new(&format!("/proc/{pid}")).exists())
            .collect();
        for pid in gone {
            // Its last spans are on their way; what is open will not end.
            self.kernel.forget(pid);
            self.ended.push(pid);
            self.watched.remove(&pid);
            self.calibrations.remove(&pid);
        }
        for found in discover::find(&options.rules, &self.known) {
            let began = Instant::now();
            let pid = found.service.pid;
            self.known.insert(pid);
            let probes = match discover::probes(&found.executable) {
                Ok(probes) => probes,
                Err(error) => {
                    tracing::warn!(pid, "the executable {error}");
                    continue;
                }
            };
            let reads_are_seen = !probes.stream_read.is_empty() && !probes.stream_drop.is_empty();
            self.tracer.watch(found.service.clone(), reads_are_seen);
            let known = probes.current_task.or_else(|| self.found.get(&found.program).copied());
            if let Err(error) = self.kernel.watch(pid, &found.executable, &probes, known) {
                tracing::warn!(pid, "{error:#}");
                continue;
            }
            if known.is_none() {
                self.calibrations.insert(pid, Calibration::default());
            }
            tell(Progress::Watching(&found, &probes, began.elapsed()));
            self.watched.insert(pid, found);
        }
    }

    /// Traces what happened until a time, and hands the spans on to be assembled.
    fn trace(&mut self, until: u64, assembler: &mut Assembler<impl FnMut() -> u64>) {
        let before = nanoseconds(ClockId::Monotonic);
        let lost = self.kernel.lost();
        if lost > self.lost {
            tracing::warn!(lost = lost - self.lost, "events were lost");
            self.lost = lost;
            // From before the last look to after this one: looking takes its time. A write is sent when it is over, and counts
            // from its begin.
            self.tracer.lose(self.looked.saturating_sub(HELD_BACK), nanoseconds(ClockId::Monotonic));
        }
        self.looked = before;
        while let Some(event) = self.ordered.until(until) {
            let wanted = self.tracer.event(&event);
            if !wanted && let What::Read(data) | What::Write(data) = &event.what {
                self.kernel.ignore(data.socket);
            }
        }
        self.tracer.tick(until);
        if self.ordered.is_empty() {
            self.ended.drain(..).for_each(|pid| self.tracer.forget(pid, until));
        }
        self.tracer.take().into_iter().for_each(|span| assembler.add(span));
    }
}

fn nanoseconds(clock: ClockId) -> u64 {
    let time = clock_gettime(clock);
    u64::try_from(time.tv_sec).unwrap_or_default() * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap_or_default()
}
