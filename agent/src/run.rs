//! The agent at work: what the kernel says goes through the pipeline, and out.

mod clock;
mod feed;
mod progress;
mod targets;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::discover::Rules;
use crate::event::What;
use crate::export::Message;
use crate::kernel::Kernel;
use crate::metrics::{Memory, Numbers};
use crate::order::HELD_BACK;
use crate::pipeline::{Input, Pipeline};
use crate::trace::LinkBy;
use crate::{preflight, priority};
use feed::Feed;
pub use progress::Progress;
use targets::Targets;

/// How long the ring is left alone. Each reading costs: what it needs has to come into the processor's caches again.
const PERIOD: Duration = Duration::from_millis(50);
/// How much of the ring may be filled meanwhile, and how often that is looked at.
const FILLED: f64 = 0.125;
const GLANCE: Duration = Duration::from_millis(25);
/// How often everybody is looked at, for what no event tells: forks, ends, ports that are listened on.
const SEARCH: Duration = Duration::from_secs(1);
/// How often numbers are told, and how often they are exported.
const TOLD: Duration = Duration::from_secs(1);
const EXPORTED: Duration = Duration::from_secs(10);
/// Bytes of the ring: at 20 MB a second it is full after a fifth of a second in which nobody reads it.
const RING: u32 = 4 << 20;
/// Events that are read in one turn, so that each turn ends, and few wait that could go on.
const MOST_OF_A_TURN: usize = 8 << 10;
/// Turns in which the rest is read: more than the ring has room for.
const MOST_LAST_TURNS: usize = 16;
/// Bytes of a recording, unless it is said otherwise.
pub const MOST_OF_A_RECORDING: u64 = 1 << 30;

/// What is watched, and how.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Which processes.
    pub rules: Rules,
    /// By what requests are linked.
    pub link_by: LinkBy,
    /// Where to record what the kernel says, and how many bytes of it at most.
    pub record: Option<(PathBuf, u64)>,
    /// Bytes of the ring, a power of two; as many as it needs if nothing is said.
    pub ring: Option<u32>,
}

/// Whoever has the agent run.
pub trait Host {
    /// It is told how it goes.
    fn tell(&mut self, progress: Progress<'_>);
    /// It is given spans and metrics, to send them on.
    fn send(&mut self, message: Message);
    /// Spans that it could not send so far.
    fn dropped(&self) -> u64;
}

/// Runs until told to stop.
///
/// # Errors
/// When the agent cannot run here, or a recording is not whole.
pub fn run(options: &Options, stop: &AtomicBool, host: &mut dyn Host) -> anyhow::Result<Numbers> {
    preflight::check()?;
    priority::raise();
    let began = Instant::now();
    let pipeline = Pipeline::new(options.link_by, rand::random::<u64>);
    let feed = Feed::new(pipeline, options.record.as_ref().map(|(path, most)| (path.as_path(), *most)))?;
    let kernel = Kernel::load(options.ring.unwrap_or(RING))?;
    host.tell(Progress::Loaded(began.elapsed()));
    let epoch = clock::epoch(0);
    let start = clock::now().saturating_add(epoch);
    let targets = Targets::new(options.rules.clone());
    let agent = Agent { kernel, targets, feed, epoch, lost: 0, looked: clock::now(), host };
    agent.run(&options.rules, stop, start)
}

struct Agent<'a, R> {
    kernel: Kernel,
    targets: Targets,
    feed: Feed<R>,
    /// What has to be added to the clock of events for the time of day.
    epoch: u64,
    lost: u64,
    /// When it was last looked whether events were lost.
    looked: u64,
    host: &'a mut dyn Host,
}

impl<R: FnMut() -> u64> Agent<'_, R> {
    fn run(mut self, rules: &Rules, stop: &AtomicBool, start: u64) -> anyhow::Result<Numbers> {
        let (mut searched, mut told, mut exported) = (None::<Instant>, Instant::now(), Instant::now());
        let mut was_full = false;
        while !stop.load(Ordering::Relaxed) {
            // Before the ring is read: what comes later may have begun before what is handed on.
            let now = clock::now();
            let (reached, started) = self.read();
            let before = self.targets.len();
            for pid in started {
                let inputs = self.targets.started(pid, &mut self.kernel, self.host);
                inputs.into_iter().for_each(|input| self.feed.tell(input));
            }
            if searched.is_none_or(|at| at.elapsed() >= SEARCH) {
                let is_first = searched.replace(Instant::now()).is_none();
                let inputs = self.targets.poll(&mut self.kernel, self.host);
                inputs.into_iter().for_each(|input| self.feed.tell(input));
                if is_first && self.targets.len() == 0 {
                    self.host.tell(Progress::Waiting(rules));
                }
            }
            if before > 0 && self.targets.len() == 0 {
                self.flush();
                self.host.tell(Progress::Alone);
            }
            self.turn(reached.unwrap_or(now));
            if !was_full && self.feed.is_full() {
                was_full = true;
                self.host.tell(Progress::Full);
            }
            if told.elapsed() >= TOLD {
                told = Instant::now();
                let numbers = self.numbers();
                self.host.tell(Progress::Numbers(&numbers));
                if exported.elapsed() >= EXPORTED {
                    exported = Instant::now();
                    self.export_metrics(&numbers, start);
                }
            }
            if reached.is_none() {
                self.pause();
            }
        }
        self.flush();
        let numbers = self.numbers();
        self.export_metrics(&numbers, start);
        if let Some(recorded) = self.feed.finish()? {
            self.host.tell(Progress::Recorded(recorded));
        }
        Ok(numbers)
    }

    /// Leaves the ring alone for a while.
    fn pause(&self) {
        let began = Instant::now();
        while began.elapsed() < PERIOD && self.kernel.filled() < FILLED {
            thread::sleep(GLANCE);
        }
    }

    /// Takes what is in the ring, but not more than a turn's worth. Gives the time of the last event if there is more, and
    /// the processes that have started another program.
    fn read(&mut self) -> (Option<u64>, Vec<u32>) {
        let (mut started, mut samples, mut last) = (Vec::new(), Vec::new(), 0);
        let (feed, targets) = (&mut self.feed, &mut self.targets);
        let read = self.kernel.read(MOST_OF_A_TURN, |raw, event| {
            last = last.max(event.time);
            match event.what {
                What::Exec => started.push(event.process),
                What::Sample(_) => samples.push(event),
                _ => {
                    if let What::Spawn { other } = event.what {
                        targets.spawned(event.process, other);
                    }
                    feed.event(raw, event);
                }
            }
        });
        for sample in samples {
            self.targets.sample(sample, &mut self.kernel, self.host);
        }
        ((read == MOST_OF_A_TURN).then_some(last), started)
    }

    /// Everything until `now` was read: it goes through.
    fn turn(&mut self, now: u64) {
        let before = clock::now();
        let lost = self.kernel.lost();
        if lost > self.lost {
            tracing::warn!(lost = lost - self.lost, "events were lost");
            self.lost = lost;
            // From before the last look to after this one: looking takes its time. A write is sent when it is over, and counts
            // from its begin.
            self.feed.tell(Input::Lose { from: self.looked.saturating_sub(HELD_BACK), until: clock::now() });
        }
        self.looked = before;
        self.epoch = clock::epoch(self.epoch);
        self.feed.tell(Input::Turn { now, epoch: self.epoch });
        for socket in self.feed.pipeline.take_unwanted() {
            self.kernel.ignore(socket);
        }
        for wish in self.feed.pipeline.take_wishes() {
            let seen = self.targets.wish(wish, &mut self.kernel);
            seen.into_iter().for_each(|input| self.feed.tell(input));
        }
        self.hand_on();
    }

    /// Nothing more is waited for.
    fn flush(&mut self) {
        // Others go on, so it need not become empty.
        for _ in 0..MOST_LAST_TURNS {
            if self.read().0.is_none() {
                break;
            }
        }
        self.feed.tell(Input::Flush { epoch: self.epoch });
        self.hand_on();
    }

    fn hand_on(&mut self) {
        self.feed.pipeline.take().into_iter().for_each(|spans| self.host.send(Message::Spans(spans)));
    }

    fn export_metrics(&mut self, numbers: &Numbers, start: u64) {
        let now = clock::now().saturating_add(self.epoch);
        self.host.send(Message::Metrics(numbers.request(start, now)));
    }

    fn numbers(&self) -> Numbers {
        Numbers {
            done: self.feed.pipeline.done(),
            lost: self.kernel.lost(),
            dropped: self.host.dropped(),
            targets: self.targets.len() as u64,
            memory: memory().unwrap_or_default(),
        }
    }
}

/// What this process has of memory.
fn memory() -> Option<Memory> {
    let status = procfs::process::Process::myself().ok()?.status().ok()?;
    // In KiB (proc(5)).
    Some(Memory { now: status.vmrss? << 10, most: status.vmhwm? << 10 })
}
