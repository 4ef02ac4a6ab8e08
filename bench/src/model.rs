//! What was measured, as it is written to `summary.json`: these types are its schema.
//!
//! Nothing here is computed but by counting: what follows from it is in [`crate::results`].

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::latency::Latency;

/// What was to be measured, on what, and how.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Experiment {
    /// When it began, in UTC by RFC 3339.
    pub started: String,
    /// When it ended, in UTC by RFC 3339.
    pub ended: String,
    /// The machine.
    pub machine: Machine,
    /// The versions of what took part.
    pub versions: Versions,
    /// The command line, without paths of the machine.
    pub command: String,
    /// The seed of everything that was left to chance: the load, the order of modes, the resampling.
    pub seed: u64,
    /// What the load did, in a word or a sentence: `mixed: 60 % browse, 30 % search, 10 % buy`.
    pub scenario: String,
    /// `sqlite` or `postgres`.
    pub database: String,
    /// The labels of the modes, each once; all others are compared with the first. See [`crate::order::labels`].
    pub modes: Vec<String>,
    /// How many rounds were asked for. Each runs every mode once, each time on a fresh shop.
    pub rounds: u32,
    /// Seconds of each phase and of what comes before it.
    pub durations: Durations,
    /// The load of the phase with a fixed rate, in visits a second.
    pub rate: Option<f64>,
    /// Which processors had which part of the work.
    pub cores: Cores,
    /// The smallest change of CPU per request that is of interest: 0.02 is 2 %. Other questions take a multiple of it
    /// ([`crate::Question::delta`]).
    pub delta: f64,
    /// Remarks of whoever ran it: what else ran on the machine, say.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<String>,
}

/// What it was measured on.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Machine {
    /// How many processors there are.
    pub cpus: usize,
    /// Their model, as the kernel names it.
    pub model: String,
    /// The kernel's name and release.
    pub kernel: String,
    /// Main memory in MiB.
    pub memory_mib: u64,
}

/// The versions of what took part.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Versions {
    /// The executable that was measured; it is also what measured.
    pub bookstore: String,
    /// The compiler that built it, if that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rust: Option<String>,
    /// The database server, where there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postgres: Option<String>,
}

/// How long each part of a run takes, in seconds.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Durations {
    /// Load that is not measured, before each phase.
    pub warmup_s: f64,
    /// The phase with a fixed rate; 0 if there is none.
    pub fixed_rate_s: f64,
    /// The phase as fast as it goes; 0 if there is none.
    pub saturation_s: f64,
}

/// Which processors had which part of the work; empty if they were not told apart.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Cores {
    /// Services, database and agent.
    pub services: Vec<usize>,
    /// The load and the receiver.
    pub load: Vec<usize>,
}

/// One shop, from its start to its end, in one mode.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Run {
    /// The round, which is the block of the design; from 1.
    pub round: u32,
    /// The label of the mode, one of [`Experiment::modes`].
    pub mode: String,
    /// The how-manieth run of its round it was; from 1.
    pub position: u32,
    /// Who took the telemetry.
    pub receiver: Receiver,
    /// What share of processor time the hypervisor gave to others meanwhile (`steal` of `/proc/stat`): 0.02 is 2 %.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steal: Option<f64>,
    /// What was measured, in order of time.
    pub phases: Vec<Phase>,
}

/// Who took the telemetry of a run.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Receiver {
    /// The shop's own, which keeps what comes and shows it.
    Compare,
    /// One that reads what comes, counts it and throws it away.
    Discard,
}

/// A part of a run with one kind of load.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Phase {
    /// How the load was governed.
    pub kind: PhaseKind,
    /// Visits a second that were asked for; none at saturation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_rate: Option<f64>,
    /// How long it was, in seconds.
    pub duration_s: f64,
    /// Requests that the load sent and that were answered as they should be. CPU is divided by these.
    pub requests: u64,
    /// Visits that were finished: a visit is one customer's requests in a row.
    pub visits: u64,
    /// Visits that should have begun and did not, because too many were under way.
    pub skipped: u64,
    /// Requests that failed, by the kind of failure.
    #[serde(default)]
    pub errors: BTreeMap<String, u64>,
    /// Requests that were refused as they should be, by reason: a declined card, a book that is out of stock.
    #[serde(default)]
    pub refusals: BTreeMap<String, u64>,
    /// Processor time that was used, user and system.
    pub cpu_s: CpuSeconds,
    /// How long requests took.
    pub latency: Latency,
    /// The most memory that each process held (peak resident set), in MiB, by the process's name.
    #[serde(default)]
    pub rss_peak_mib: BTreeMap<String, f64>,
    /// Spans that the services made, if that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spans: Option<Spans>,
    /// Bytes of telemetry that the receiver got.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes_exported: Option<u64>,
    /// Log records that the receiver got.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_records: Option<u64>,
    /// Data points of metrics that the receiver got.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_points: Option<u64>,
}

/// How the load of a phase was governed.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PhaseKind {
    /// Visits begin at moments that were laid down beforehand, however slow the shop is.
    FixedRate,
    /// The next request follows as soon as the last was answered.
    Saturation,
}

/// Processor seconds of a phase, by who used them. None: there was no such part, or it could not be told apart.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct CpuSeconds {
    /// Each service, by name.
    pub services: BTreeMap<String, f64>,
    /// The database server; with SQLite that is within the services.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<f64>,
    /// The agent that looks from outside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<f64>,
    /// The receiver of telemetry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receiver: Option<f64>,
    /// The load.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load: Option<f64>,
}

/// What became of spans.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Spans {
    /// That the receiver got.
    pub exported: u64,
    /// That were made and lost.
    pub dropped: u64,
}

impl Run {
    /// The phase of that kind, if the run has one.
    #[must_use]
    pub fn phase(&self, kind: PhaseKind) -> Option<&Phase> {
        self.phases.iter().find(|phase| phase.kind == kind)
    }
}

impl Phase {
    /// Answers a second.
    #[must_use]
    pub fn requests_per_s(&self) -> f64 {
        crate::number::float(self.requests) / self.duration_s
    }

    /// Requests that failed.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.errors.values().sum()
    }
}
