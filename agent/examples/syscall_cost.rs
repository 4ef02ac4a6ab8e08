//! What the agent's programs cost a syscall, against programs that do nothing on the same tracepoints.
//!
//! ```sh
//! sudo target/release/examples/syscall_cost --out docs/results/agent-syscalls.json
//! ```
//!
//! Two children do the same reads and writes; one is watched, the other is not. They take turns, round by round, with
//! the agent's programs and the empty ones attached all the while. What a program took is the kernel's own count
//! (`kernel.bpf_stats_enabled`), which sees it from just before its first instruction to just after its last.
//!
//! Of others' syscalls in the same rounds the agent's programs and the empty ones see the same number. They count as what a process
//! costs that is no target.

#![expect(clippy::print_stdout, reason = "a program for people to run; its child speaks by it")]

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd as _, AsRawFd as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::Context as _;
use aya::programs::{BtfTracePoint, ProgramFd, loaded_programs};
use aya::sys::{Stats, enable_stats};
use aya::{Btf, EbpfLoader};
use bookstore_agent::discover::Probes;
use bookstore_agent::event::What;
use bookstore_agent::kernel::Kernel;
use clap::Parser;
use serde_json::json;

static OBJECT: &[u8] = aya::include_bytes_aligned!("../bpf/agent.bpf.o");

/// The agent's programs on a syscall's begin and end, and the empty ones.
const PROGRAMS: [&str; 4] = ["syscall_begins", "syscall_ends", "empty_enter", "empty_exit"];

/// Bytes that a write moves, and the read after it. 0: two reads of a socket on which nothing is to be read, as an
/// asynchronous runtime makes many.
const SIZES: [usize; 5] = [0, 64, 400, 4_096, 16_384];

/// The most writes in a round, and reads.
const MOST_PAIRS: u64 = 1_000;

/// Where the id of the current task is taken to be: any word of the thread's own will do.
const CURRENT_TASK: i32 = -64;

/// As much as the agent has. Nobody reads it in mid-round, so that a round is no longer than what it holds.
const RING: u32 = 8 << 20;

/// More than an event takes in the ring beside the bytes that were moved.
const HEAD: usize = 256;

#[derive(Debug, Parser)]
struct Arguments {
    /// Rounds of each kind.
    #[arg(long, default_value_t = 40)]
    rounds: usize,
    /// Where the result goes as JSON.
    #[arg(long)]
    out: Option<PathBuf>,
    /// What the example starts itself as.
    #[arg(long, hide = true)]
    child: bool,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    if arguments.child { child() } else { parent(&arguments) }
}

/// The writes of a size in a round; the reads are as many.
fn pairs(size: usize) -> u64 {
    MOST_PAIRS.min((RING as usize / 2 / (size + HEAD)) as u64)
}

/// Does a round of the size that it is told, line by line.
fn child() -> anyhow::Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let mut one = TcpStream::connect(listener.local_addr()?)?;
    one.set_nodelay(true)?;
    let (mut other, _) = listener.accept()?;
    let mut buffer = vec![b'.'; SIZES[SIZES.len() - 1]];
    for line in std::io::stdin().lines() {
        let size: usize = line?.parse()?;
        let bytes = buffer.get_mut(..size).context("too many bytes")?;
        one.set_nonblocking(size == 0)?;
        for _ in 0..pairs(size) {
            if size == 0 {
                for _ in 0..2 {
                    anyhow::ensure!(one.read(&mut [0]).is_err(), "there is something to read");
                }
            } else {
                one.write_all(bytes)?;
                other.read_exact(bytes)?;
            }
        }
        println!("done");
    }
    Ok(())
}

/// A child that waits for what to do.
struct Worker {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl Worker {
    fn start() -> anyhow::Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg("--child")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("the example cannot start itself")?;
        let to = child.stdin.take().context("no standard input")?;
        let from = BufReader::new(child.stdout.take().context("no standard output")?);
        Ok(Self { child, to, from })
    }

    fn work(&mut self, size: usize) -> anyhow::Result<()> {
        writeln!(self.to, "{size}")?;
        let mut line = String::new();
        self.from.read_line(&mut line)?;
        anyhow::ensure!(line == "done\n", "a child has ended");
        Ok(())
    }
}

/// What a program took so far, in nanoseconds, and how often it ran.
#[derive(Clone, Copy, Default)]
struct Run {
    time: f64,
    count: f64,
}

fn run_of(program: &ProgramFd) -> anyhow::Result<Run> {
    let info = fs::read_to_string(format!("/proc/self/fdinfo/{}", program.as_fd().as_raw_fd()))?;
    let field = |name: &str| {
        let value = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(":\t")?.parse().ok());
        value.with_context(|| format!("the kernel does not tell {name}"))
    };
    Ok(Run { time: field("run_time_ns")?, count: field("run_cnt")? })
}

/// What a syscall took, its begin and its end: of the agent's programs and of the empty ones.
struct Round {
    agent: f64,
    empty: f64,
}

fn parent(arguments: &Arguments) -> anyhow::Result<()> {
    let _stats = enable_stats(Stats::RunTime)
        .context("the kernel does not count what programs take; that needs root's rights (sudo)")?;
    let mut kernel = Kernel::load(RING)?;
    let btf = Btf::from_sys_fs()?;
    let mut object = EbpfLoader::new().btf(Some(&btf)).load(OBJECT)?;
    for (name, tracepoint) in [("empty_enter", "sys_enter"), ("empty_exit", "sys_exit")] {
        let program: &mut BtfTracePoint = object.program_mut(name).context("a program is missing")?.try_into()?;
        program.load(tracepoint, &btf)?;
        program.attach()?;
    }
    let programs = newest(&PROGRAMS)?;

    let (mut target, mut other) = (Worker::start()?, Worker::start()?);
    let executable = std::env::current_exe()?;
    kernel.watch(target.child.id(), &executable, &Probes::default(), Some(CURRENT_TASK))?;
    let mut rounds: BTreeMap<(usize, bool), Vec<Round>> = BTreeMap::new();
    let mut captured = 0_u64;
    for round in 0..=arguments.rounds {
        for size in SIZES {
            // What is no target comes first: what others do in the target's rounds is taken to cost as much.
            let others = measure(&programs, &mut other, size)?;
            let per_call = |from: usize| (0..2).map(|it| others[from + it].time / others[from + it].count).sum::<f64>();
            let (agent, empty) = (per_call(0), per_call(2));
            let runs = measure(&programs, &mut target, size)?;
            let own = pairs(size) as f64 * 2.0;
            let own_time = |program: usize| {
                let foreign = (runs[program].count - own).max(0.0);
                (runs[program].time - foreign * others[program].time / others[program].count) / own
            };
            kernel.read(usize::MAX, |_, event| {
                captured += u64::from(matches!(event.what, What::Read(_) | What::Write(_)))
            });
            if round > 0 {
                rounds.entry((size, false)).or_default().push(Round { agent, empty });
                let (agent, empty) = (own_time(0) + own_time(1), own_time(2) + own_time(3));
                rounds.entry((size, true)).or_default().push(Round { agent, empty });
            }
        }
    }
    let moving = SIZES.iter().filter(|size| **size > 0).map(|size| pairs(*size) * 2).sum::<u64>();
    let expected = moving * (arguments.rounds as u64 + 1);
    anyhow::ensure!(
        captured == expected && kernel.lost() == 0,
        "{captured} events of {expected} were captured, {} lost: what was measured is not the whole work",
        kernel.lost()
    );
    for worker in [target, other] {
        let Worker { mut child, to, from: _ } = worker;
        drop(to);
        child.wait()?;
    }
    report(arguments, &rounds)
}

/// The programs of these names that were loaded last.
fn newest(names: &[&str]) -> anyhow::Result<Vec<ProgramFd>> {
    let mut found: BTreeMap<String, ProgramFd> = BTreeMap::new();
    for info in loaded_programs() {
        // One may have gone meanwhile.
        let Ok(info) = info else { continue };
        if let (Some(name), Ok(program)) = (info.name_as_str(), info.fd()) {
            found.insert(name.to_owned(), program);
        }
    }
    // The kernel keeps 15 characters of a name.
    let program = |name: &&str| found.remove(name.get(..15).unwrap_or(name)).context("a program is not loaded");
    names.iter().map(program).collect()
}

fn measure(programs: &[ProgramFd], worker: &mut Worker, size: usize) -> anyhow::Result<Vec<Run>> {
    let before: Vec<Run> = programs.iter().map(run_of).collect::<Result<_, _>>()?;
    worker.work(size)?;
    let after = programs.iter().map(run_of);
    after
        .zip(before)
        .map(|(after, before)| after.map(|it| Run { time: it.time - before.time, count: it.count - before.count }))
        .collect()
}

fn report(arguments: &Arguments, rounds: &BTreeMap<(usize, bool), Vec<Round>>) -> anyhow::Result<()> {
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease")?.trim().to_owned();
    println!(
        "nanoseconds of a syscall, its begin and its end; median of {} rounds (and the middle half)",
        arguments.rounds
    );
    println!("{:>7} {:>10} {:>22} {:>22} {:>20}", "bytes", "process", "agent", "empty programs", "ratio");
    let mut rows = Vec::new();
    for ((size, is_target), rounds) in rounds {
        let agent = spread(rounds.iter().map(|it| it.agent));
        let empty = spread(rounds.iter().map(|it| it.empty));
        let ratio = spread(rounds.iter().map(|it| it.agent / it.empty));
        let process = if *is_target { "target" } else { "other" };
        let show = |[low, middle, high]: [f64; 3]| format!("{middle:.0} ({low:.0}–{high:.0})");
        let [low, middle, high] = ratio;
        println!(
            "{size:>7} {process:>10} {:>22} {:>22} {:>20}",
            show(agent),
            show(empty),
            format!("{middle:.2} ({low:.2}–{high:.2})")
        );
        rows.push(json!({
            "bytes": size, "process": process, "agent_ns": agent, "empty_ns": empty, "ratio": ratio,
        }));
    }
    if let Some(path) = &arguments.out {
        let result = json!({
            "command": format!("syscall_cost --rounds {}", arguments.rounds),
            "kernel": kernel, "processors": aya::util::nr_cpus().map_err(|(_, error)| error)?,
            "quantiles": ["25 %", "50 %", "75 %"], "syscalls": rows,
        });
        fs::write(path, format!("{result:#}\n")).with_context(|| format!("{} cannot be written", path.display()))?;
    }
    Ok(())
}

/// The quarter, the middle and three quarters.
fn spread(values: impl Iterator<Item = f64>) -> [f64; 3] {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    [1, 2, 3].map(|quarter| values.get(values.len() * quarter / 4).copied().unwrap_or(f64::NAN))
}
