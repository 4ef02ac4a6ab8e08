//! A run: programs, the agent beside them, and customers.

use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::Context as _;
use bookstore_agent::discover::{Rule, Rules, Select};
use bookstore_agent::export::Message;
use bookstore_agent::metrics::Numbers;
use bookstore_agent::preflight;
use bookstore_agent::run::{self, Host, Options, Progress};
use serde::{Deserialize, Serialize};

use crate::built::{Combination, sources};
use crate::judged::{Judged, judged};
use crate::load::{self, Plan};
use crate::process::Process;

/// The variable that names a folder for the spans and truth logs of the last run, to look at what is wrong.
const KEEP: &str = "FOREIGN_KEEP";

/// How long the agent may take to be ready, and to have done.
const PATIENCE: Duration = Duration::from_secs(60);

/// Bytes of the ring: an agent that nothing was optimised in cannot keep up with programs that everything was.
const RING: u32 = 64 << 20;

/// Requests before those that count, so that the agent can find out where the current task is.
const WARM_UP: usize = 640;

/// Ways of the gate to ask others (`programs/src/gate.rs`).
const ROUTES: [(&str, &str); 8] = [
    ("sequence", "/sequence"),
    ("join", "/join"),
    ("spawn", "/spawn"),
    ("select", "/select"),
    ("stream", "/stream"),
    ("actor", "/actor"),
    ("detached", "/detached"),
    ("relay", "/relay"),
];

/// What came of a run.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Outcome {
    /// What the agent says of each process.
    pub seen: Vec<String>,
    /// Reasons of links, and how many there were of each.
    pub reasons: BTreeMap<String, u64>,
    /// Events that were lost.
    pub lost: u64,
    /// Events that came after later ones had been handed on.
    pub late: u64,
    /// Held against the truth.
    #[serde(flatten)]
    pub judged: Judged,
}

/// Why the agent cannot run here, if it cannot.
#[must_use]
pub fn obstacle() -> Option<String> {
    preflight::check().err().map(|obstacle| obstacle.to_string())
}

/// Runs the programs of tokio, with so many requests. Without `database`, an URL, they make no statements.
///
/// # Errors
/// When something cannot be started, or a request fails.
pub fn harbour(
    folder: &Path,
    combination: &Combination,
    database: Option<&str>,
    requests: usize,
) -> anyhow::Result<Outcome> {
    let executable = combination.executable(folder);
    let scratch = tempfile::tempdir()?;
    let truth = scratch.path().join("truth");
    std::fs::create_dir(&truth)?;
    let start = |role: &str, others: &[(&str, &str)]| {
        let mut command = Command::new(&executable);
        command.arg(role).env("RUNTIME", &combination.runtime).env("DATABASE_URL", database.unwrap_or_default());
        command.envs(others.iter().copied());
        Process::start(&mut command, role, &truth)
    };
    let tide = start("tide", &[])?;
    let ledger = start("ledger", &[("TIDE_URL", &tide.url())])?;
    let buoy = start("buoy", &[("LEDGER_URL", &ledger.url())])?;
    let urls = [("TIDE_URL", tide.url()), ("LEDGER_URL", ledger.url()), ("BUOY_URL", buoy.url())];
    let gate = start("gate", &urls.each_ref().map(|(name, url)| (*name, url.as_str())))?;
    let mut plans = vec![
        Plan {
            address: gate.address.clone(),
            routes: ROUTES.to_vec(),
            connections: 48,
            pipelined: 1,
            kept: true,
            requests,
            first: WARM_UP,
        },
        Plan {
            address: buoy.address.clone(),
            routes: vec![("pipelined", "/relay"), ("pipelined", "/query")],
            connections: 6,
            pipelined: 3,
            kept: true,
            requests: requests / 8,
            first: requests + WARM_UP,
        },
    ];
    let routes = ROUTES.iter().map(|(_, path)| ("warm", *path)).collect();
    let warm_up = Plan { routes, requests: WARM_UP, first: 0, ..plans[0].clone() };
    plans.retain(|plan| plan.requests > 0);
    watched(vec![gate, buoy, ledger, tide], &truth, scratch.path(), &[warm_up], &plans)
}

/// Runs a program that knows nothing of tokio, in front of a tide.
///
/// # Errors
/// As [`harbour`].
pub fn other(
    folder: &Path,
    combination: &Combination,
    service: &str,
    command: &mut Command,
    requests: usize,
) -> anyhow::Result<Outcome> {
    let scratch = tempfile::tempdir()?;
    let truth = scratch.path().join("truth");
    std::fs::create_dir(&truth)?;
    let mut tide = Command::new(combination.executable(folder));
    let tide = Process::start(tide.arg("tide").env("RUNTIME", &combination.runtime), "tide", &truth)?;
    let process = Process::start(command.env("TIDE_URL", tide.url()), service, &truth)?;
    let plan = Plan {
        address: process.address.clone(),
        routes: vec![("other", "/")],
        connections: 16,
        pipelined: 1,
        kept: false,
        requests,
        first: 0,
    };
    watched(vec![process, tide], &truth, scratch.path(), &[], &[plan])
}

/// The command that starts the service of Python, `single` or with `threads`; none where there is no Python.
#[must_use]
pub fn quay(how: &str) -> Option<Command> {
    Command::new("python3").arg("--version").output().ok().filter(|output| output.status.success())?;
    let mut command = Command::new("python3");
    command.arg(sources().join("python/quay.py")).arg(how);
    Some(command)
}

/// The command that starts the service of Go; none where it was not built.
#[must_use]
pub fn jetty(folder: &Path) -> Option<Command> {
    let executable = folder.join("go/jetty");
    executable.exists().then(|| Command::new(executable))
}

/// What the agent tells the one who runs it.
enum Told {
    Watching(String, bool, u32),
    Calibrated(u32),
    Alone,
}

fn watched(
    processes: Vec<Process>,
    truth: &Path,
    scratch: &Path,
    warm_up: &[Plan],
    plans: &[Plan],
) -> anyhow::Result<Outcome> {
    let path = scratch.join("spans.jsonl");
    let file = BufWriter::new(File::create(&path)?);
    let any = processes.iter().map(|process| Rule::new(Select::Pid(process.id()))).collect();
    let options = Options { rules: Rules { any, ..Rules::default() }, ring: Some(RING), ..Options::default() };
    let stop = AtomicBool::new(false);
    let (sender, told) = mpsc::channel();
    let mut outcome = Outcome::default();
    let summary = thread::scope(|scope| -> anyhow::Result<Numbers> {
        // However this ends, so does the agent.
        let _stop = Stop(&stop);
        let agent = scope.spawn(|| {
            let mut listener = Listener { sender, file, failure: None };
            let numbers = run::run(&options, &stop, &mut listener)?;
            listener.file.flush()?;
            listener.failure.map_or(Ok(numbers), |error| Err(error.into()))
        });
        let mut waits = HashSet::new();
        while outcome.seen.len() < processes.len() {
            match told.recv_timeout(PATIENCE).context("the agent does not watch the programs")? {
                Told::Watching(text, known, pid) => {
                    outcome.seen.push(text);
                    if !known {
                        waits.insert(pid);
                    }
                }
                Told::Calibrated(pid) => _ = waits.remove(&pid),
                Told::Alone => {}
            }
        }
        load::run(warm_up)?;
        load::run(plans)?;
        for process in processes {
            process.end()?;
        }
        loop {
            match told.recv_timeout(PATIENCE).context("the agent does not see the end of the programs")? {
                Told::Calibrated(pid) => outcome.seen.push(format!("process {pid}: the current task was found out")),
                Told::Alone => break,
                Told::Watching(..) => {}
            }
        }
        stop.store(true, Ordering::Relaxed);
        agent.join().map_err(|_| anyhow::anyhow!("the agent panicked"))?
    })?;
    outcome.reasons = summary.done.traced.links.iter().map(|(reason, count)| ((*reason).to_owned(), *count)).collect();
    outcome.lost = summary.lost;
    outcome.late = summary.done.late;
    if let Some(folder) = std::env::var_os(KEEP).map(PathBuf::from) {
        std::fs::copy(&path, folder.join("spans.jsonl"))?;
        for entry in std::fs::read_dir(truth)? {
            let entry = entry?;
            std::fs::copy(entry.path(), folder.join(entry.file_name()))?;
        }
    }
    outcome.judged = judged(&path, truth)?;
    Ok(outcome)
}

/// Hears what the agent tells, and writes down the spans that it sends.
struct Listener {
    sender: mpsc::Sender<Told>,
    file: BufWriter<File>,
    failure: Option<std::io::Error>,
}

impl Host for Listener {
    fn tell(&mut self, progress: Progress<'_>) {
        let told = match progress {
            Progress::Watching(found, probes, _) => {
                Told::Watching(progress.to_string(), probes.current_task.is_some(), found.service.pid)
            }
            Progress::Calibrated(pid, _) => Told::Calibrated(pid),
            Progress::Alone => Told::Alone,
            _ => return,
        };
        // Nobody listens any more when it was told to stop.
        let _gone = self.sender.send(told);
    }

    fn send(&mut self, message: Message) {
        let Message::Spans(batch) = message else { return };
        let read = batch.read().map_err(std::io::Error::other);
        let written = read.and_then(|spans| Ok(serde_json::to_writer(&mut self.file, &spans)?));
        if let Err(error) = written.and_then(|()| self.file.write_all(b"\n")) {
            self.failure.get_or_insert(error);
        }
    }

    fn dropped(&self) -> u64 {
        0
    }
}

struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
