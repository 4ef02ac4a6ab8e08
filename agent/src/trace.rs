//! From events of the kernel to spans of this machine: tasks, connections, links.
//!
//! Layout: `tasks` knows which request a task works for, `wakes` whether it has to be seen who wakes whom, `threads` which one a thread does where there are no tasks;
//! `connection` what is said on a connection; `server` and `client` what is open on one; `streams` and `shared` which stream
//! of HTTP/2 a task reads; `process` brings them together. It runs on recorded events as well: nothing here knows of a
//! kernel, and the only clock is the events'.

mod client;
mod connection;
mod link;
mod process;
mod quiet;
mod server;
mod shared;
mod span;
mod streams;
mod tasks;
#[cfg(test)]
mod tests;
mod threads;
mod wakes;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use foldhash::HashMap;

use crate::event::Event;
pub use client::LONGEST_WAIT;
use process::{Out, Process};
use quiet::Quiet;
pub use span::{Edge, LocalSpan, Reason, Service, Side};

/// The number of a span on this machine.
pub type ServerId = u64;

/// By what requests are linked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LinkBy {
    /// By task, as far as the evidence goes.
    #[default]
    Task,
    /// By thread, as other agents do: for comparison. On tokio it is wrong.
    Thread,
}

/// What is to be seen of a process from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wish {
    /// Which process.
    pub pid: u32,
    /// When it was so, by the process's last event: what was watched later by that number is another.
    pub at: u64,
    /// Whether its tasks' wakes are.
    pub wakes: bool,
}

/// Numbers of spans.
#[derive(Debug, Default)]
pub(crate) struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 += 1;
        self.0
    }
}

/// What was done, and what was not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Events taken.
    pub events: u64,
    /// Client spans by the reason of their link, or of its absence.
    pub links: BTreeMap<&'static str, u64>,
    /// Connections whose bytes were of no protocol that is understood.
    pub unparseable: u64,
    /// How often a parser lost its place and found it again.
    pub resynchronised: u64,
    /// Requests of which no span is made: exports of telemetry, and looks whether a service is well.
    pub noise: BTreeMap<&'static str, u64>,
    /// What was forgotten to keep within bounds.
    pub evicted: u64,
}

impl Counts {
    fn linked(&mut self, reason: Reason) {
        *self.links.entry(reason.as_str()).or_default() += 1;
    }
}

/// The traces of one machine, as far as each process knows its own part.
pub struct Tracer {
    link_by: LinkBy,
    processes: HashMap<u32, Process>,
    numbers: Numbers,
    spans: Vec<LocalSpan>,
    quiet: Quiet,
    counts: Counts,
    /// When events were lost, from when to when, oldest first.
    gaps: VecDeque<(u64, u64)>,
    in_gap: bool,
}

impl Tracer {
    /// One that knows of no process.
    #[must_use]
    pub fn new(link_by: LinkBy) -> Self {
        Self {
            link_by,
            processes: HashMap::default(),
            numbers: Numbers::default(),
            spans: Vec::new(),
            quiet: Quiet::default(),
            counts: Counts::default(),
            gaps: VecDeque::new(),
            in_gap: false,
        }
    }

    /// A process is watched from now on. `reads_are_seen`: of it there come [`What::Stream`](crate::event::What::Stream) events.
    pub fn watch(&mut self, service: Service, reads_are_seen: bool) {
        let process = Process::new(Arc::new(service), reads_are_seen, self.link_by, self.in_gap);
        self.processes.insert(process.service.pid, process);
    }

    /// A process has ended, and with it what was open.
    pub fn forget(&mut self, pid: u32, at: u64) {
        let Some(mut process) = self.processes.remove(&pid) else { return };
        process.end(
            at,
            &mut self.numbers,
            &mut Out { spans: &mut self.spans, quiet: &mut self.quiet, counts: &mut self.counts },
        );
    }

    /// Takes an event; events come in the order of their times. Gives false for one of a connection of which nothing
    /// more need be heard.
    pub fn event(&mut self, event: &Event) -> bool {
        self.counts.events += 1;
        self.reach(event.time);
        let Some(process) = self.processes.get_mut(&event.process) else { return true };
        let mut out = Out { spans: &mut self.spans, quiet: &mut self.quiet, counts: &mut self.counts };
        process.event(event, &mut self.numbers, &mut out)
    }

    /// Time has passed: it is now this late by the events' clock.
    pub fn tick(&mut self, now: u64) {
        self.reach(now);
        let mut out = Out { spans: &mut self.spans, quiet: &mut self.quiet, counts: &mut self.counts };
        for process in self.processes.values_mut() {
            process.tick(now, &mut out);
        }
    }

    /// Events were lost, at some time in this span of it. What was open then, and what begins in it, is linked to nothing: a
    /// parent that is missing is better than a wrong one.
    pub fn lose(&mut self, from: u64, until: u64) {
        match self.gaps.back_mut() {
            Some((_, last)) if *last >= from => *last = until.max(*last),
            _ => self.gaps.push_back((from, until)),
        }
    }

    /// What happens from now on is at this time, or later.
    fn reach(&mut self, time: u64) {
        while let Some((from, until)) = self.gaps.front().copied() {
            if !self.in_gap && time >= from {
                self.in_gap = true;
                self.break_off(from);
            }
            if time <= until {
                return;
            }
            self.in_gap = false;
            self.break_off(until);
            self.gaps.pop_front();
        }
    }

    fn break_off(&mut self, at: u64) {
        let mut out = Out { spans: &mut self.spans, quiet: &mut self.quiet, counts: &mut self.counts };
        for process in self.processes.values_mut() {
            process.lose(at, self.in_gap, &mut out);
        }
    }

    /// The wakes of a process are seen again.
    pub fn wakes_are_seen(&mut self, pid: u32, at: u64) {
        if let Some(process) = self.processes.get_mut(&pid) {
            process.wakes_are_seen(at);
        }
    }

    /// The processes whose wakes need not be seen any more, or have to be seen after all.
    pub fn take_wishes(&mut self) -> Vec<Wish> {
        self.processes.values_mut().filter_map(Process::take_wish).collect()
    }

    /// The spans that are over and whose links are final.
    pub fn take(&mut self) -> impl Iterator<Item = LocalSpan> {
        let quiet = &self.quiet;
        self.spans.drain(..).filter(|span| !quiet.covers(span))
    }

    /// What was done so far.
    #[must_use]
    pub fn counts(&self) -> &Counts {
        &self.counts
    }
}
