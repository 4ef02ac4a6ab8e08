//! The command line: `bookstore load`.
//!
//! Layout: [`Args`] what can be asked for; [`run`] does it; `live` says how it goes on; `text` writes the result.

mod live;
mod text;

use std::io::{IsTerminal as _, Write as _};
use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use tokio::sync::watch;

use crate::prepare::Options;
use crate::report::{Asked, Report};
use crate::{Arrivals, Customers, Extent, Outcome, Plan, Rate, Scenario, Spacing, Target, duration, scenario};

/// Where the shop is where nothing is said.
const TARGET: &str = "http://127.0.0.1:8080";
/// Visits a second where nothing is said.
const RATE: Rate = Rate::Constant(50.0);
/// How long where nothing is said.
const DURATION: Duration = Duration::from_secs(10);
/// The most customers: each is a connection, and there are no more ports to connect from.
const MOST_CUSTOMERS: usize = 25_000;
/// Warm-up makes other visits than what is measured: visit numbers from here on.
const WARM_UP_VISITS: u64 = 1 << 63;
/// How often the terminal's line is drawn anew: more often than the eye can follow is of no use.
const REDRAW: Duration = Duration::from_millis(250);

/// The rate was not reached.
pub const EXIT_RATE_MISSED: u8 = 3;
/// There were errors and `--fail-on-errors`, or nothing at all was answered as it should be.
pub const EXIT_ERRORS: u8 = 4;
/// Ended by Ctrl-C: 128 and the number of SIGINT, as shells say it.
pub const EXIT_INTERRUPTED: u8 = 130;

/// Below the options.
const AFTER_HELP: &str = "\
Which loop: --rate (open) for how a shop feels at a load that does not depend on it: latencies, their tail, overload. \
--concurrency (closed) for how much it can do at most; its latencies say little, since a customer who waits does not come \
again meanwhile.

Exit code: 0 the run was made; 1 it could not be (no shop, no such scenario); 2 wrong options; 3 the rate was not \
reached; 4 errors, with --fail-on-errors, or nothing but errors; 130 interrupted. After 3, 4 and 130 the result is \
printed all the same.";

/// `bookstore load`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    /// The shop's address
    #[arg(long, value_name = "URL", default_value = TARGET)]
    target: Target,
    /// What customers do: one that is built in, or a TOML file
    #[arg(long, value_name = "NAME|FILE", default_value = scenario::DEFAULT)]
    scenario: String,
    /// Lists the scenarios that are built in, and ends
    #[arg(long)]
    list_scenarios: bool,

    /// Open loop: visits a second. 50 is constant, 10..200 a ramp, 50,100,200 steps of equal length [default: 50]
    ///
    /// A visit is one or several requests; the result says requests a second as well. Visits begin by this schedule
    /// whatever the shop does, and latency counts from when they were to begin.
    #[arg(long, value_name = "VISITS/S", conflicts_with = "concurrency", help_heading = "Load")]
    rate: Option<Rate>,
    /// Open loop: how visits are spread
    #[arg(long, value_enum, default_value_t, conflicts_with = "concurrency", help_heading = "Load")]
    arrivals: Spacing,
    /// Open loop: the most visits at once; who comes when all customers are busy is skipped
    ///
    /// About the rate times the seconds that a visit takes are needed. Each has a connection, and an account if the
    /// scenario needs one, made before the run.
    #[arg(long, value_name = "N", default_value = "64", conflicts_with = "concurrency", value_parser = parse_count, help_heading = "Load")]
    max_in_flight: NonZeroUsize,
    /// Closed loop: so many customers, each of whom makes its next visit as soon as the last is done
    #[arg(long, value_name = "N", value_parser = parse_count, help_heading = "Load")]
    concurrency: Option<NonZeroUsize>,

    /// For how long visits begin, such as 500ms, 10s or 2m [default: 10s]
    #[arg(long, value_name = "TIME", value_parser = duration::parse_positive, conflicts_with = "visits", help_heading = "Extent")]
    duration: Option<Duration>,
    /// Exactly so many visits instead
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..1 << 62), help_heading = "Extent")]
    visits: Option<u64>,
    /// Before that, load that does not count
    #[arg(long, value_name = "TIME", value_parser = duration::parse, default_value = "0s", help_heading = "Extent")]
    warmup: Duration,

    /// What chance begins with: the same seed makes the same visits
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// How long a request may take
    #[arg(long, value_name = "TIME", value_parser = duration::parse_positive, default_value = "10s")]
    timeout: Duration,
    /// Threads of the generator; each core makes tens of thousands of requests a second
    #[arg(long, value_name = "N", default_value = "1", value_parser = parse_threads)]
    threads: NonZeroUsize,
    /// Prints the result as one JSON object
    #[arg(long)]
    json: bool,
    /// Exits with 4 if there was an error; refusals that the scenario provokes are none
    #[arg(long)]
    fail_on_errors: bool,
}

fn parse_count(text: &str) -> Result<NonZeroUsize, String> {
    let count = text.parse::<NonZeroUsize>().ok().filter(|count| count.get() <= MOST_CUSTOMERS);
    count.ok_or_else(|| format!("expected how many customers, 1 to {MOST_CUSTOMERS}"))
}

fn parse_threads(text: &str) -> Result<NonZeroUsize, String> {
    let count = text.parse::<NonZeroUsize>().ok().filter(|count| count.get() <= 64);
    count.ok_or_else(|| "expected how many threads, 1 to 64".to_owned())
}

/// What the arguments come to.
struct Task {
    scenario: Scenario,
    plan: Plan,
    warm_up: Option<Plan>,
    asked: Asked,
    options: Options,
}

impl Args {
    fn task(&self) -> anyhow::Result<Task> {
        let scenario = Scenario::load(&self.scenario)?;
        let customers = self.concurrency.unwrap_or(self.max_in_flight);
        let length = self.duration.unwrap_or(DURATION);
        let extent = self.visits.map_or(Extent::For(length), Extent::Visits);
        let rate = self.concurrency.is_none().then(|| self.rate.clone().unwrap_or(RATE));
        let open = |schedule| Arrivals::Open { schedule, spacing: self.arrivals };
        let arrivals = match (&rate, extent) {
            (None, _) => Arrivals::Closed,
            (Some(rate), Extent::For(length)) => open(rate.over(length)?),
            (Some(rate), Extent::Visits(visits)) => open(rate.for_visits(visits)?),
        };
        let observe_every = if std::io::stderr().is_terminal() { REDRAW } else { Duration::from_secs(1) };
        let plan = Plan { arrivals, extent, first_visit: 0, observe_every };
        let warm_up = if self.warmup.is_zero() {
            None
        } else {
            let arrivals = match &rate {
                None => Arrivals::Closed,
                Some(rate) => open(rate.of_warm_up().over(self.warmup)?),
            };
            let extent = Extent::For(self.warmup);
            Some(Plan { arrivals, extent, first_visit: WARM_UP_VISITS, observe_every })
        };
        let asked = Asked {
            target: self.target.to_string(),
            scenario: scenario.name().to_owned(),
            seed: self.seed,
            rate,
            arrivals: plan.arrivals.clone(),
            customers: customers.get(),
            threads: self.threads.get(),
        };
        let options = Options { customers, seed: self.seed, timeout: self.timeout };
        Ok(Task { scenario, plan, warm_up, asked, options })
    }
}

/// Does what the arguments say, on a tokio runtime of its own, and prints the result.
///
/// # Errors
/// When there can be no run: a scenario that is not as it should be, a shop that does not answer.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    if args.list_scenarios {
        for scenario in scenario::built_in()? {
            print(&format!("{:<10} {}\n", scenario.name(), scenario.about()));
        }
        return Ok(ExitCode::SUCCESS);
    }
    let task = args.task()?;
    let mut runtime = if args.threads.get() == 1 {
        tokio::runtime::Builder::new_current_thread()
    } else {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        runtime.worker_threads(args.threads.get());
        runtime
    };
    let runtime = runtime.enable_all().build().context("the load generator cannot be set up")?;
    let code = runtime.block_on(make(&args, task));
    // What was cut off need not be waited for.
    runtime.shutdown_background();
    code.map(ExitCode::from)
}

async fn make(args: &Args, task: Task) -> anyhow::Result<u8> {
    let Task { scenario, plan, warm_up, asked, options } = task;
    let interrupt = Interrupt::listen()?;
    let mut live = live::Live::on_stderr();
    let prepared = {
        let mut progress = |preparing| live.preparing(preparing);
        tokio::select! {
            prepared = Customers::prepare(&args.target, &scenario, options, &mut progress) => Some(prepared),
            () = interrupt.wait() => None,
        }
    };
    live.clear();
    let Some(prepared) = prepared else { return Ok(before_the_run(&mut live)) };
    let mut customers = prepared?;
    if let Some(plan) = warm_up {
        live.call("warm-up");
        let outcome = customers.run(&plan, |progress| live.running(progress), interrupt.wait()).await;
        live.clear();
        if outcome.interrupted {
            return Ok(before_the_run(&mut live));
        }
    }
    live.call(scenario.name());
    let outcome = customers.run(&plan, |progress| live.running(progress), interrupt.wait()).await;
    live.clear();
    if args.json {
        let report = serde_json::to_string(&Report::new(&asked, &outcome)).context("the result cannot be written")?;
        print(&format!("{report}\n"));
    } else {
        print(&text::report(&asked, &outcome));
    }
    Ok(exit_code(args, &asked, &outcome))
}

fn before_the_run(live: &mut live::Live) -> u8 {
    live.note("interrupted before the run had begun: there is no result");
    EXIT_INTERRUPTED
}

fn exit_code(args: &Args, asked: &Asked, outcome: &Outcome) -> u8 {
    let nothing_well = outcome.requests > 0 && outcome.ok == 0 && outcome.refusals.is_empty();
    if outcome.interrupted {
        EXIT_INTERRUPTED
    } else if nothing_well || (args.fail_on_errors && outcome.error_count() > 0) {
        EXIT_ERRORS
    } else if outcome.missed(asked.threads).is_some() {
        EXIT_RATE_MISSED
    } else {
        0
    }
}

/// To standard output. A reader that has gone away (`| head`) is no reason to fail.
fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Ctrl-C, or the order to end. The first ends the run, the second the process.
struct Interrupt(watch::Receiver<bool>);

impl Interrupt {
    fn listen() -> anyhow::Result<Self> {
        let (tell, told) = watch::channel(false);
        let mut signals = Signals::listen().context("Ctrl-C cannot be listened for")?;
        tokio::spawn(async move {
            signals.next().await;
            tell.send_replace(true);
            signals.next().await;
            std::process::exit(EXIT_INTERRUPTED.into());
        });
        Ok(Self(told))
    }

    /// Ready once the first has come.
    async fn wait(&self) {
        let mut told = self.0.clone();
        if told.wait_for(|told| *told).await.is_err() {
            // Nobody is left to tell.
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn listen() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Cli {
        #[command(flatten)]
        args: Args,
    }

    fn parse(line: &str) -> Result<Args, clap::Error> {
        let words = std::iter::once("load").chain(line.split_whitespace());
        Cli::try_parse_from(words).map(|cli| cli.args)
    }

    fn task(line: &str) -> anyhow::Result<Task> {
        parse(line).unwrap().task()
    }

    #[test]
    fn the_definition_is_sound() {
        use clap::CommandFactory as _;
        Cli::command().debug_assert();
    }

    #[test]
    fn nothing_means_an_ordinary_day_in_an_open_loop() {
        let Task { scenario, plan, warm_up, asked, options } = task("").unwrap();
        assert_eq!((scenario.name(), asked.target.as_str(), asked.seed), ("mixed", "http://127.0.0.1:8080", 1));
        let Arrivals::Open { schedule, spacing } = &plan.arrivals else { panic!("a closed loop") };
        assert_eq!((schedule.mean(), *spacing), (50.0, Spacing::Poisson));
        assert_eq!((plan.extent, plan.first_visit), (Extent::For(Duration::from_secs(10)), 0));
        assert_eq!((options.customers.get(), options.timeout), (64, Duration::from_secs(10)));
        assert!(warm_up.is_none());
    }

    #[test]
    fn loops_and_extents_are_as_asked_for() {
        let Task { plan, asked, .. } = task("--target http://shop:80 --concurrency 8 --visits 100 --seed 7").unwrap();
        assert!(matches!(plan.arrivals, Arrivals::Closed));
        assert_eq!((plan.extent, asked.customers, asked.seed), (Extent::Visits(100), 8, 7));
        let Task { plan, warm_up, .. } = task("--rate 10..200 --arrivals even --duration 2m --warmup 500ms").unwrap();
        let Arrivals::Open { schedule, spacing } = &plan.arrivals else { panic!("a closed loop") };
        assert_eq!((schedule.mean(), schedule.length(), *spacing), (105.0, Duration::from_secs(120), Spacing::Even));
        let warm_up = warm_up.unwrap();
        let Arrivals::Open { schedule, .. } = &warm_up.arrivals else { panic!("a closed loop") };
        assert_eq!((schedule.mean(), warm_up.extent), (10.0, Extent::For(Duration::from_millis(500))));
        assert!(warm_up.first_visit > 1 << 62, "other visits than those that are measured");
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for line in [
            "--rate 50 --concurrency 8",
            "--concurrency 8 --arrivals even",
            "--concurrency 8 --max-in-flight 8",
            "--concurrency 0",
            "--max-in-flight 1000000",
            "--rate fast",
            "--rate 0",
            "--duration 10",
            "--duration 0s",
            "--duration 1s --visits 5",
            "--visits 0",
            "--threads 0",
            "--target https://shop",
            "--target shop:8080",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
        let error = task("--rate 10..200 --visits 5").err().unwrap().to_string();
        assert!(error.contains("--duration"), "{error}");
        let error = task("--scenario nothing").err().unwrap().to_string();
        assert!(error.contains("mixed"), "{error}");
    }
}
