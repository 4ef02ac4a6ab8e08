//! What can be said on the command line.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Parser, Subcommand, value_parser};

use crate::discover::{Glob, Rule, Select};
use crate::run::MOST_OF_A_RECORDING;
use crate::trace::LinkBy;

/// What `--help` shows at its end.
const EXAMPLES: &str = "\
Examples:
  sudo bookstore-agent --pid 4711 --endpoint http://localhost:4317
      traces one process
  sudo bookstore-agent --exe '/srv/shop/*' --port 8080 --endpoint http://localhost:4317
      traces whatever runs from a folder, and whoever listens on a port
  sudo bookstore-agent --service checkout='checkout-v[0-9]*' --otlp-file spans.jsonl
      gives what it traces a name, and writes spans to a file
  sudo bookstore-agent record shop.rec --exe 'shop*'
      keeps what the kernel says of processes
  bookstore-agent replay shop.rec --otlp-file spans.jsonl
      makes spans of it, anywhere, without any rights

A service is called what its OTEL_SERVICE_NAME says, else what its rule says, else like its executable. Processes that
start later are found. SIGINT (Ctrl-C) and SIGTERM end it; nothing of it stays behind in the processes that it watched.";

/// Traces processes from outside: requests, calls and statements, and which caused which
///
/// Linux on x86-64; needs root's rights. Nothing has to be changed, or started again, to be traced.
#[derive(Debug, Parser)]
#[command(
    name = "bookstore-agent",
    version,
    after_help = EXAMPLES,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true
)]
pub struct Arguments {
    #[command(subcommand)]
    pub(super) command: Option<Command>,
    #[command(flatten)]
    pub(super) run: Run,
}

/// What is to be done.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Traces processes; what is done without a command, too
    Run(Run),
    /// Keeps what the kernel says of processes in a file, to be replayed
    ///
    /// The file holds the bytes that the processes sent and received as far as they were captured, bodies, statements and
    /// tokens among them: it is made for the eyes of its owner only.
    Record(Record),
    /// Makes spans of a recording: the same ones each time, to the byte
    Replay(Replay),
}

/// `bookstore-agent run`.
#[derive(Debug, Args)]
pub struct Run {
    #[command(flatten)]
    pub(super) targets: Targets,
    #[command(flatten)]
    pub(super) output: Output,
    /// By what requests are linked
    #[arg(long, value_enum, value_name = "WHAT", default_value = "task")]
    pub(super) link_by: LinkBy,
}

/// `bookstore-agent record`.
#[derive(Debug, Args)]
pub struct Record {
    /// The recording; one of the same name is replaced
    pub(super) file: PathBuf,
    #[command(flatten)]
    pub(super) targets: Targets,
    /// The most MiB of the file: it ends there, and is whole
    #[arg(
        long,
        value_name = "MIB",
        default_value_t = MOST_OF_A_RECORDING >> 20,
        value_parser = value_parser!(u64).range(1..=1 << 20)
    )]
    most: u64,
}

/// `bookstore-agent replay`.
#[derive(Debug, Args)]
pub struct Replay {
    /// The recording
    pub(super) file: PathBuf,
    #[command(flatten)]
    pub(super) output: Output,
    /// By what requests are linked
    #[arg(long, value_enum, value_name = "WHAT", default_value = "task")]
    pub(super) link_by: LinkBy,
    /// What the ids of traces and spans are made of
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(super) seed: u64,
}

/// Which processes are watched.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("which").required(true).multiple(true)
    .args(["pid", "exe", "port", "service", "config"]))]
pub struct Targets {
    /// This process, and what it forks; may be given more than once, as all of these may
    #[arg(long, value_name = "PID")]
    pid: Vec<u32>,
    /// Processes whose executable has such a name or, with a slash in it, such a path: 'shop*', '/srv/**/shop'
    #[arg(long, value_name = "GLOB")]
    exe: Vec<Glob>,
    /// Whoever listens on this TCP port
    #[arg(long, value_name = "PORT")]
    port: Vec<u16>,
    /// As --exe, with a name for what has none
    #[arg(long, value_name = "NAME=GLOB")]
    service: Vec<Rule>,
    /// A file of TOML: tables [[target]] with exe, port or pid, and service
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
}

/// Where spans go.
#[derive(Debug, Args)]
pub struct Output {
    /// A collector that takes OTLP over gRPC
    #[arg(long, value_name = "URL", env = "OTEL_EXPORTER_OTLP_ENDPOINT", required_unless_present = "otlp_file")]
    pub(super) endpoint: Option<String>,
    /// Instead, a file of OTLP as JSON lines
    #[arg(long, value_name = "FILE")]
    pub(super) otlp_file: Option<PathBuf>,
}

impl Targets {
    /// The rules that were given, without those of the file.
    pub(super) fn given(&self) -> Vec<Rule> {
        let pids = self.pid.iter().copied().map(Select::Pid);
        let executables = self.exe.iter().cloned().map(Select::Executable);
        let ports = self.port.iter().copied().map(Select::Port);
        let others = pids.chain(executables).chain(ports).map(Rule::new);
        // First those that give a name.
        self.service.iter().cloned().chain(others).collect()
    }
}

impl Record {
    pub(super) fn most_bytes(&self) -> u64 {
        self.most << 20
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;
    use clap::error::ErrorKind;

    use super::*;

    fn parse(line: &str) -> Result<Arguments, clap::Error> {
        Arguments::try_parse_from(std::iter::once("bookstore-agent").chain(line.split(' ')))
    }

    #[test]
    fn the_command_line_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn run_may_be_left_out() {
        for line in ["--pid 7 --endpoint http://a:1", "run --pid 7 --endpoint http://a:1"] {
            let arguments = parse(line).expect(line);
            let run = match arguments.command {
                Some(Command::Run(run)) => run,
                None => arguments.run,
                other => panic!("{line}: {other:?}"),
            };
            assert_eq!(run.targets.given(), [Rule::new(Select::Pid(7))]);
        }
        let replayed = parse("replay a.rec --otlp-file b --seed 4").expect("it needs no target");
        assert!(matches!(replayed.command, Some(Command::Replay(Replay { seed: 4, .. }))));
    }

    #[test]
    fn targets_are_needed_and_what_they_are_is_looked_at() {
        for (line, kind) in [
            ("--endpoint http://a:1", ErrorKind::MissingRequiredArgument),
            ("record a.rec", ErrorKind::MissingRequiredArgument),
            ("--exe [a --endpoint http://a:1", ErrorKind::ValueValidation),
            ("--service a --endpoint http://a:1", ErrorKind::ValueValidation),
            ("--port 65536 --endpoint http://a:1", ErrorKind::ValueValidation),
            ("record a.rec --pid 1 --most 0", ErrorKind::ValueValidation),
        ] {
            assert_eq!(parse(line).expect_err(line).kind(), kind, "{line}");
        }
        let named = parse("--pid 7 --service a=b --otlp-file c").expect("it is right").run.targets.given();
        assert_eq!(named[0].service.as_deref(), Some("a"), "what gives a name comes first");
    }
}
