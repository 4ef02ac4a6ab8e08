//! The command line.

use std::fmt;
use std::num::{NonZeroU32, NonZeroU64, NonZeroUsize};
use std::path::PathBuf;
#[cfg(target_os = "linux")]
use std::time::Duration;

use bookstore_score::Threshold;
use bookstore_telemetry::LogFormat;
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::database::Database;
use crate::service::Service;

/// The default of `--data-dir`.
pub(crate) const DATA_DIR: &str = ".bookstore";

/// A bookstore of five services, each request of which can be seen as a trace.
///
/// Without a command it starts the shop: the same as `bookstore up`.
#[derive(Debug, Parser)]
#[command(
    version,
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = true,
    subcommand_help_heading = "Commands",
    after_help = "Services, each as this process: storefront, catalog, inventory, payment, user, compare\n\
                  (bookstore catalog --help says where its settings are)"
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    up: Up,
}

impl Cli {
    /// What is to be done.
    pub(crate) fn into_command(self) -> Command {
        self.command.unwrap_or(Command::Up(self.up))
    }
}

/// What can be done.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Starts the shop, buys a book and shows that purchase's trace
    Up(Up),
    /// Checks that no copy and no cent is lost, on a shop that runs or one that is stopped
    ///
    /// Exits with 0 if all invariants hold, with 1 if one is broken (the rows are named), with 2 if the shop cannot be read.
    Check(Check),
    /// Starts a temporary shop, buys a book and checks that every call left its trace
    ///
    /// Exits with 1 if one is missing.
    Verify(Verify),
    /// Lets customers into a shop: open-loop or closed-loop load over its JSON API
    Load(bookstore_loadgen::cli::Args),
    /// Scores a tracer against the truth: which spans are there, which parents are right, wrong or missing
    ///
    /// Starts a temporary shop that writes down what really happened, lets customers in, and judges each span's parent; or,
    /// with --otlp and --truth, judges what was recorded before, by any tracer. Exits with 1 where a threshold is not kept
    /// or nothing could be judged. docs/method.md says what is judged and how.
    Score(Score),
    /// Measures what instrumentation costs: the same shop in several modes, interleaved, on this machine
    ///
    /// Each round runs every mode once, with a fresh shop. Services (and database) have their cores, load and receiver
    /// theirs. Writes DIR/summary.json and DIR/index.html. docs/method.md says why the figures can be believed, and what
    /// they cannot say. Linux only.
    #[cfg(target_os = "linux")]
    Bench(Bench),
    /// The eBPF agent alone: traces any process from outside; needs root's rights (docs/agent.md). Linux only
    #[cfg(target_os = "linux")]
    Agent(bookstore_agent::cli::Arguments),
    /// Exits with 0 if a URL answers with a 2xx within two seconds; for containers without a shell
    #[command(after_help = "Example: bookstore healthcheck http://127.0.0.1:8080/readyz")]
    Healthcheck {
        /// An http:// URL; each service has /livez and /readyz, those that speak gRPC too
        url: String,
    },
    /// The pages, the JSON API, baskets, orders
    #[command(hide = true, after_help = AS_A_SERVICE)]
    Storefront,
    /// Books and search
    #[command(hide = true, after_help = AS_A_SERVICE)]
    Catalog,
    /// Stock and reservations
    #[command(hide = true, after_help = AS_A_SERVICE)]
    Inventory,
    /// Card payments
    #[command(hide = true, after_help = AS_A_SERVICE)]
    Payment,
    /// Accounts and sessions
    #[command(hide = true, after_help = AS_A_SERVICE)]
    User,
    /// Takes OTLP in and shows the last traces
    #[command(hide = true, after_help = AS_A_SERVICE)]
    Compare,
}

const AS_A_SERVICE: &str = "Runs this service alone, as this process. Its settings are environment variables, \
                            DATABASE_URL and BOOKSTORE_LISTEN the first of them: the service's config.rs lists them.";

impl Command {
    /// The service, if that is what is asked for.
    pub(crate) fn service(&self) -> Option<Service> {
        match self {
            Self::Storefront => Some(Service::Storefront),
            Self::Catalog => Some(Service::Catalog),
            Self::Inventory => Some(Service::Inventory),
            Self::Payment => Some(Service::Payment),
            Self::User => Some(Service::User),
            Self::Compare => Some(Service::Compare),
            _ => None,
        }
    }
}

/// Who makes telemetry.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub enum Instrumentation {
    /// Nobody: OTEL_SDK_DISABLED=true
    None,
    /// The OpenTelemetry SDK in the services' code
    #[default]
    Manual,
    /// The eBPF agent, from outside; needs root's rights (sudo)
    Ebpf,
    /// Both, each making traces of its own
    Both,
}

impl Instrumentation {
    /// Whether the services' own code makes telemetry.
    #[must_use]
    pub fn has_manual(self) -> bool {
        matches!(self, Self::Manual | Self::Both)
    }

    /// Whether the agent does.
    #[must_use]
    pub fn has_agent(self) -> bool {
        matches!(self, Self::Ebpf | Self::Both)
    }
}

impl fmt::Display for Instrumentation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Manual => "manual",
            Self::Ebpf => "ebpf",
            Self::Both => "both",
        })
    }
}

/// `bookstore up`.
#[derive(Args, Debug)]
pub(crate) struct Up {
    /// Who makes telemetry [default: both where the agent can run, else manual]
    #[arg(long, value_enum)]
    pub(crate) instrumentation: Option<Instrumentation>,
    #[command(flatten)]
    pub(crate) database: DatabaseArgs,
    /// The storefront's port; 0 takes free ports for everything
    ///
    /// The other ports are fixed: catalog 8081, inventory 8082, payment 8083, user 8084, compare 8090, OTLP 4317 and
    /// 4318. With 0 each is a free one, and compare takes OTLP on its own port.
    #[arg(long, value_name = "N", default_value_t = Service::Storefront.default_port())]
    pub(crate) port: u16,
    #[command(flatten)]
    pub(crate) data_dir: DataDirArgs,
    /// Prints one line of JSON when ready, and everything else to standard error
    #[arg(long)]
    pub(crate) json: bool,
    /// Does not buy a book at the start
    #[arg(long)]
    pub(crate) no_tour: bool,
    /// pretty: log lines go to files, warnings to the terminal too. json: all go to standard error
    #[arg(long, value_name = "pretty|json", default_value = "pretty", value_parser = parse_log_format)]
    pub(crate) log_format: LogFormat,
}

/// `bookstore check`.
#[derive(Args, Debug)]
pub(crate) struct Check {
    #[command(flatten)]
    pub(crate) data_dir: DataDirArgs,
    /// Where the databases are; by default where the shop of the data directory last had them
    ///
    /// Needed only for a PostgreSQL server of yours, whose password is not kept: postgres://user:password@host
    #[arg(long, value_name = "sqlite|postgres|URL")]
    pub(crate) database: Option<Database>,
    /// Prints the report as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// `bookstore verify`.
#[derive(Args, Debug)]
pub(crate) struct Verify {
    /// Who makes telemetry
    #[arg(long, value_enum, default_value_t)]
    pub(crate) instrumentation: Instrumentation,
    #[command(flatten)]
    pub(crate) database: DatabaseArgs,
    /// Prints the result as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// `bookstore score`.
#[derive(Args, Debug)]
pub(crate) struct Score {
    /// Whose spans are judged
    #[arg(long, value_enum, default_value_t)]
    pub(crate) side: Side,
    /// Have the agent link by thread, as other agents do: for comparison
    #[arg(long, value_enum, value_name = "WHAT", default_value = "task")]
    pub(crate) link_by: bookstore_agent::trace::LinkBy,
    /// How many customers are in the shop at once
    #[arg(long, value_name = "N", default_value = "64")]
    pub(crate) concurrency: NonZeroUsize,
    /// How many requests they make, at least, in each run
    #[arg(long, value_name = "N", default_value = "2000")]
    pub(crate) requests: NonZeroU64,
    /// How many runs, each with a fresh shop; intervals are clustered by run
    #[arg(long, value_name = "N", default_value = "1")]
    pub(crate) runs: NonZeroU32,
    /// What customers do: a built-in scenario or a TOML file (bookstore load --list-scenarios)
    ///
    /// Beside those of the shop: sequence, join, spawn, fanout and hedge, calls in the shapes that concurrent code gives
    /// them, which a shop serves in scoring runs only.
    #[arg(long, value_name = "NAME|FILE", default_value = "mixed")]
    pub(crate) scenario: String,
    /// What the customers' choices are drawn from
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    #[command(flatten)]
    pub(crate) database: DatabaseArgs,
    /// Right parents that a kind of link must reach: db.client=99.9, or all=99; may be given again
    #[arg(long, value_name = "KIND=PERCENT")]
    pub(crate) min_right: Vec<Threshold>,
    /// Wrong parents that a kind of link must not exceed: http.client=0.1, or all=0; may be given again
    #[arg(long, value_name = "KIND=PERCENT")]
    pub(crate) max_wrong: Vec<Threshold>,
    /// Expected spans of which at most so many percent may be missing; none may be there twice
    #[arg(long, value_name = "PERCENT", value_parser = parse_share)]
    pub(crate) max_missing: Option<f64>,
    /// Also writes spans (OTLP/JSON lines) and truth logs to this folder, to be judged again
    ///
    /// With --side ebpf and one run also what the kernel said, for `bookstore-agent replay`: kernel.rec.
    #[arg(long, value_name = "DIR")]
    pub(crate) record: Option<PathBuf>,
    /// Judges these spans instead: OTLP/JSON lines, a file or a folder; may be given again
    #[arg(long, value_name = "PATH", requires = "truth", conflicts_with = "record")]
    pub(crate) otlp: Vec<PathBuf>,
    /// By these truth logs: a file or a folder; may be given again
    #[arg(long, value_name = "PATH", requires = "otlp")]
    pub(crate) truth: Vec<PathBuf>,
    /// What the report calls the tracer of --otlp
    #[arg(long, value_name = "NAME", requires = "otlp")]
    pub(crate) tracer: Option<String>,
    /// Prints the report as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// `bookstore bench`.
#[cfg(target_os = "linux")]
#[derive(Args, Debug)]
pub(crate) struct Bench {
    /// The modes (none, manual, ebpf, both); all others are compared with the first
    ///
    /// ebpf and both need root's rights (sudo). none+50us burns 50 µs in each request, to test the bench.
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_value = "none,manual")]
    pub(crate) modes: Vec<crate::bench::Mode>,
    /// Tests the bench itself on this machine: two modes that are the same must not differ, and 50 µs that are burnt in each
    /// request must be found
    ///
    /// Two experiments, written to DIR/same and DIR/planted. Exits with 1 where one comes out otherwise, and with 3 where the
    /// machine is too noisy to say.
    #[arg(long, conflicts_with = "modes")]
    pub(crate) self_test: bool,
    /// How many rounds; no verdict is given with fewer than 12
    #[arg(long, value_name = "N", default_value = "12")]
    pub(crate) rounds: NonZeroU32,
    /// How long each phase of a run is measured
    #[arg(long, value_name = "TIME", default_value = "6s", value_parser = bookstore_loadgen::duration::parse_positive)]
    pub(crate) duration: Duration,
    /// How long each phase is warmed up for before
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = bookstore_loadgen::duration::parse_positive)]
    pub(crate) warmup: Duration,
    /// Measures at this rate alone, in visits a second (open loop)
    ///
    /// Without it and --saturate each run has two phases: at 70 % of what the slowest mode can do, which is found out first,
    /// and as fast as it goes.
    #[arg(long, value_name = "R", value_parser = parse_rate, conflicts_with = "saturate")]
    pub(crate) rate: Option<f64>,
    /// Measures as fast as it goes alone (closed loop)
    #[arg(long)]
    pub(crate) saturate: bool,
    /// How many customers there are: the most visits at once
    #[arg(long, value_name = "N", default_value = "64")]
    pub(crate) concurrency: NonZeroUsize,
    /// What customers do: a built-in scenario or a TOML file (bookstore load --list-scenarios)
    #[arg(long, value_name = "NAME|FILE", default_value = "mixed")]
    pub(crate) scenario: String,
    #[command(flatten)]
    pub(crate) database: DatabaseArgs,
    /// Who takes the telemetry: compare, or the same process told to count and throw away
    #[arg(long, value_enum, default_value_t)]
    pub(crate) receiver: BenchReceiver,
    /// The smallest difference of interest, in percent
    #[arg(long, value_name = "PERCENT", default_value_t = 2.0, value_parser = parse_percent)]
    pub(crate) delta: f64,
    /// What everything left to chance is drawn from
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// Where the report goes
    #[arg(long, value_name = "DIR", default_value = "report")]
    pub(crate) out: PathBuf,
    /// The sources, to count what instrumentation costs in code [default: the current folder]
    #[arg(long, value_name = "DIR")]
    pub(crate) sources: Option<PathBuf>,
    /// A build without OpenTelemetry, to compare its size (cargo build --release --no-default-features)
    #[arg(long, value_name = "FILE")]
    pub(crate) without_otel: Option<PathBuf>,
}

/// Who takes the telemetry of a bench.
#[cfg(target_os = "linux")]
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub(crate) enum BenchReceiver {
    /// Keeps and shows it
    #[default]
    Compare,
    /// Counts it and throws it away
    Discard,
}

#[cfg(target_os = "linux")]
fn parse_rate(text: &str) -> Result<f64, String> {
    let rate = text.parse().ok().filter(|rate: &f64| rate.is_finite() && *rate > 0.0);
    rate.ok_or_else(|| "expected a number of visits a second, more than 0".to_owned())
}

#[cfg(target_os = "linux")]
fn parse_percent(text: &str) -> Result<f64, String> {
    let percent = text.parse().ok().filter(|percent: &f64| *percent > 0.0 && *percent <= 50.0);
    percent.ok_or_else(|| "expected percent, more than 0 and at most 50".to_owned())
}

/// Whose spans.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub(crate) enum Side {
    /// Those of the OpenTelemetry SDK in the services' code
    #[default]
    Manual,
    /// Those of the agent, which sees the processes from outside; needs root's rights (sudo)
    Ebpf,
}

impl Side {
    /// Whether the agent has to be there.
    pub(crate) fn wish(self) -> crate::outside::Wish {
        match self {
            Self::Manual => crate::outside::Wish::Without,
            Self::Ebpf => crate::outside::Wish::Needed,
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Manual => "manual",
            Self::Ebpf => "ebpf",
        })
    }
}

fn parse_share(text: &str) -> Result<f64, String> {
    let share = text.parse().ok().filter(|share| (0.0..=100.0).contains(share));
    share.ok_or_else(|| "expected a number from 0 to 100".to_owned())
}

/// Which database.
#[derive(Args, Debug)]
pub(crate) struct DatabaseArgs {
    /// Where everything is kept
    ///
    /// sqlite: a file a service in the data directory. postgres: a private server in the data directory, from the
    /// PostgreSQL that is installed here. postgres://user:password@host[/prefix]: a server of yours, with a database a
    /// service on it, named prefix_catalog and so on (default prefix: bookstore).
    #[arg(long, value_name = "sqlite|postgres|URL", default_value = "sqlite")]
    pub(crate) database: Database,
}

/// Which data directory.
#[derive(Args, Debug)]
pub(crate) struct DataDirArgs {
    /// Where databases and logs are kept [default: .bookstore]
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
}

fn parse_log_format(text: &str) -> Result<LogFormat, bookstore_telemetry::InitError> {
    text.parse()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    fn parse(line: &str) -> Result<Command, clap::Error> {
        let words = std::iter::once("bookstore").chain(line.split_whitespace());
        Cli::try_parse_from(words).map(Cli::into_command)
    }

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn nothing_means_up() {
        let Command::Up(up) = parse("").unwrap() else { panic!("not up") };
        assert_eq!((up.port, up.instrumentation, up.json, up.no_tour), (8080, None, false, false));
        assert!(matches!(up.database.database, Database::Sqlite));
        assert_eq!(up.data_dir.data_dir, None);
        let Command::Up(up) = parse("--port 0 --json").unwrap() else { panic!("not up") };
        assert_eq!((up.port, up.json), (0, true));
        let Command::Up(up) = parse("up --instrumentation none --database postgres --no-tour").unwrap() else {
            panic!("not up")
        };
        assert_eq!((up.instrumentation, up.no_tour), (Some(Instrumentation::None), true));
        assert!(matches!(up.database.database, Database::Postgres));
    }

    #[test]
    fn each_service_is_a_command() {
        for service in Service::ALL {
            assert_eq!(parse(service.name()).unwrap().service(), Some(service));
        }
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for line in
            ["upp", "--port 70000", "up --database mysql", "up --instrumentation some", "healthcheck", "--port 1 check"]
        {
            assert!(parse(line).is_err(), "{line}");
        }
    }

    #[test]
    fn a_password_is_not_echoed() {
        let Command::Up(up) = parse("up --database postgres://me:s3cret@db:5433").unwrap() else { panic!("not up") };
        assert!(!format!("{up:?}").contains("s3cret"));
        let error = parse("up --database postgres://me:s3cret@").unwrap_err().to_string();
        assert!(error.contains("--database"), "{error}");
    }
}
