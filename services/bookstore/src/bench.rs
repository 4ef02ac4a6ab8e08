//! `bookstore bench`: what instrumentation costs, measured on this machine.
//!
//! Each round runs every mode once, each time with a fresh shop; the library `bookstore_bench` decides their order and
//! what can be said of the outcome. Here is what runs:
//!
//! * [`mode`]: which shop a mode stands for.
//! * `cores`: services on some, load on the others.
//! * `run`: one shop from its start to its end, and its phases.
//! * `account`: what each process has used, by the kernel.
//! * `telemetry`: what the receiver got, and what senders lost.
//! * `conditions`: the machine, the versions, the code.

mod account;
mod conditions;
mod cores;
mod mode;
mod run;
mod telemetry;

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use bookstore_bench::model::{Durations, Experiment, PhaseKind, Receiver, Run};
use bookstore_bench::{Outcome, Summary, order};
use bookstore_loadgen::Scenario;

pub(crate) use mode::Mode;
use run::{Load, Runner};

use crate::cli::{Bench, Instrumentation};
use crate::outside::{self, Manner, Place, Wish};
use crate::terminal::{self, note};
use crate::{runtime, shop};

/// How much of what the slowest mode can do is asked for where no rate is given.
const SHARE_OF_SATURATION: f64 = 0.7;
/// What the self-test plants, in microseconds.
const PLANTED_US: u32 = 50;
/// How the self-test exits where the machine is too noisy for it.
const TOO_NOISY: u8 = 3;

/// Measures, writes the report.
///
/// # Errors
/// When a shop cannot be had, a rate not be made, or the report not be written.
pub(crate) fn run(arguments: &Bench) -> anyhow::Result<ExitCode> {
    if shop::sends_elsewhere() {
        bail!("telemetry goes where OTEL_EXPORTER_OTLP_ENDPOINT says, and bench has to receive it: unset it");
    }
    if arguments.modes.len() < 2 {
        bail!("one mode is compared with another: --modes none,manual");
    }
    let has_agent = arguments.modes.iter().any(|mode| mode.instrumentation.has_agent());
    let wish = if has_agent && !arguments.self_test { Wish::Needed } else { Wish::Without };
    let agent = match outside::enter(wish, Some(&arguments.out), Manner::default())? {
        Place::Here(agent) => agent,
        Place::Done(code) => return Ok(code),
    };
    let cores = cores::divide()?;
    // Before any thread is started: all of them inherit it, and no process of the shop does.
    cores.pin_load()?;
    let scenario = Scenario::load(&arguments.scenario)?;
    let load = Load::new(cores.load.len())?;
    let runner = Runner { arguments, scenario, cores, load, agent };
    if arguments.self_test {
        return self_test(&runner);
    }
    runner.measure_into(&arguments.modes, &arguments.out)?;
    Ok(ExitCode::SUCCESS)
}

/// Two experiments whose outcome is known.
fn self_test(runner: &Runner<'_>) -> anyhow::Result<ExitCode> {
    let out = &runner.arguments.out;
    let none = Mode { instrumentation: Instrumentation::None, planted_us: None };
    let planted = Mode { planted_us: Some(PLANTED_US), ..none };
    let same = outcome(&runner.measure_into(&[none, none], &out.join("same"))?)?;
    let found = outcome(&runner.measure_into(&[none, planted], &out.join("planted"))?)?;
    let verdicts = [
        (!same.is_difference(), format!("two modes that are the same: {}", same.words())),
        (found == Outcome::More, format!("{PLANTED_US} µs planted in each request: {}", found.words())),
    ];
    terminal::say("");
    for (well, text) in &verdicts {
        let style = terminal::Style::of_stdout();
        let mark = if *well { style.green("✓") } else { style.red("✗") };
        terminal::say(format_args!("{mark} {text}"));
    }
    // Where the machine is too noisy nothing was found, and nothing wrong was said.
    let noisy = found == Outcome::TooNoisy && !same.is_difference();
    Ok(match verdicts.iter().all(|(well, _)| *well) {
        true => ExitCode::SUCCESS,
        false if noisy => ExitCode::from(TOO_NOISY),
        false => ExitCode::FAILURE,
    })
}

/// What came out of the comparison of two modes.
fn outcome(summary: &Summary) -> anyhow::Result<Outcome> {
    let verdict = summary.primary().next().and_then(|(_, verdict)| verdict);
    verdict.map(|verdict| verdict.outcome).context("the modes were not compared")
}

impl Runner<'_> {
    /// Makes the experiment, writes its report and says where.
    fn measure_into(&self, modes: &[Mode], out: &Path) -> anyhow::Result<Summary> {
        // Found out before an hour has gone by.
        std::fs::create_dir_all(out)
            .and_then(|()| tempfile::tempfile_in(out))
            .with_context(|| format!("the report cannot be written to {}", out.display()))?;
        let summary = runtime()?.block_on(experiment(self, modes))?;
        bookstore_bench::write(out, &summary)?;
        terminal::say(summary.text(terminal::width()));
        let [json, page] = ["summary.json", "index.html"].map(|name| out.join(name));
        terminal::say(format_args!("\nWritten: {} and {}", json.display(), page.display()));
        Ok(summary)
    }
}

/// The whole of it, in order.
async fn experiment(runner: &Runner<'_>, modes: &[Mode]) -> anyhow::Result<Summary> {
    let arguments = runner.arguments;
    let started = jiff::Timestamp::now();
    let texts: Vec<String> = modes.iter().map(ToString::to_string).collect();
    let labels = order::labels(&texts);
    let rounds = arguments.rounds.get();
    let rate = match (arguments.saturate, arguments.rate) {
        (true, _) => None,
        (false, Some(rate)) => Some(rate),
        (false, None) => Some(calibrate(runner, modes).await?),
    };
    let kinds: &[PhaseKind] = match (arguments.saturate, arguments.rate) {
        (true, _) => &[PhaseKind::Saturation],
        (false, Some(_)) => &[PhaseKind::FixedRate],
        (false, None) => &[PhaseKind::FixedRate, PhaseKind::Saturation],
    };
    let orders = order::order(labels.len(), rounds as usize, arguments.seed);
    let clock = Clock::new(labels.len() * rounds as usize);
    let mut runs = Vec::new();
    for (round, order) in (1_u32..).zip(orders) {
        for (position, index) in (1_u32..).zip(order) {
            let done = runs.len();
            note(format_args!("round {round} of {rounds}, {}: {}", labels[index], clock.left(done)));
            let measured = runner.run(arguments.seed + u64::from(round), modes[index], rate, kinds).await;
            let (phases, steal) = measured.with_context(|| format!("round {round}, {}", labels[index]))?;
            note(format_args!("  {}", run::told(&phases)));
            let (mode, receiver) = (labels[index].clone(), arguments.receiver.into());
            runs.push(Run { round, mode, position, receiver, steal, phases });
        }
    }
    let has = |kind: PhaseKind| if kinds.contains(&kind) { arguments.duration.as_secs_f64() } else { 0.0 };
    let experiment = Experiment {
        started: started.to_string(),
        ended: jiff::Timestamp::now().to_string(),
        machine: conditions::machine()?,
        versions: conditions::versions(arguments),
        command: conditions::command(),
        seed: arguments.seed,
        scenario: format!("{}: {}", runner.scenario.name(), runner.scenario.about()),
        database: arguments.database.database.kind().to_owned(),
        modes: labels,
        rounds,
        durations: Durations {
            warmup_s: arguments.warmup.as_secs_f64(),
            fixed_rate_s: has(PhaseKind::FixedRate),
            saturation_s: has(PhaseKind::Saturation),
        },
        rate,
        cores: runner.cores.shown(),
        delta: arguments.delta / 100.0,
        remarks: runner.cores.remarks().into_iter().chain(conditions::inherited()).collect(),
    };
    Ok(Summary::new(experiment, runs, Some(conditions::code_cost(arguments))))
}

/// What the slowest of the modes can do, and a share of it. These runs are thrown away.
async fn calibrate(runner: &Runner<'_>, modes: &[Mode]) -> anyhow::Result<f64> {
    let mut slowest = f64::INFINITY;
    let mut known: Vec<Mode> = Vec::new();
    for mode in modes {
        if known.contains(mode) {
            continue;
        }
        known.push(*mode);
        note(format_args!("finding out how fast {mode} can go"));
        let (phases, _) = runner.run(runner.arguments.seed, *mode, None, &[PhaseKind::Saturation]).await?;
        let phase = phases.first().context("nothing was measured")?;
        #[expect(clippy::cast_precision_loss, reason = "a rate")]
        let rate = phase.visits as f64 / phase.duration_s;
        slowest = slowest.min(rate);
    }
    let rate = (slowest * SHARE_OF_SATURATION).max(1.0).round();
    note(format_args!("the slowest made {slowest:.0} visits a second; {rate} are asked for"));
    Ok(rate)
}

impl From<crate::cli::BenchReceiver> for Receiver {
    fn from(receiver: crate::cli::BenchReceiver) -> Self {
        match receiver {
            crate::cli::BenchReceiver::Compare => Self::Compare,
            crate::cli::BenchReceiver::Discard => Self::Discard,
        }
    }
}

/// How much longer it takes.
struct Clock {
    started: Instant,
    of: usize,
}

impl Clock {
    fn new(of: usize) -> Self {
        Self { started: Instant::now(), of }
    }

    fn left(&self, done: usize) -> String {
        if done == 0 {
            return format!("{} runs to make", self.of);
        }
        let each = self.started.elapsed() / u32::try_from(done).unwrap_or(u32::MAX);
        let left = each * u32::try_from(self.of - done).unwrap_or(0);
        let left = Duration::from_secs(left.as_secs());
        format!("run {} of {}, about {} left", done + 1, self.of, minutes(left))
    }
}

fn minutes(time: Duration) -> String {
    let seconds = time.as_secs();
    if seconds < 60 { format!("{seconds} s") } else { format!("{} min {:02} s", seconds / 60, seconds % 60) }
}
