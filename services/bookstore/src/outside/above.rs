//! The process with root's rights: runs the agent, as the process below orders, and nothing else.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitCode, ExitStatus};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use anyhow::Context as _;
use bookstore_agent::discover::{Rule, Rules, Select};
use bookstore_agent::export::{Exporter, Message};
use bookstore_agent::run::{self, Host, MOST_OF_A_RECORDING, Options, Progress};
use rustix::process::{Pid, Signal, kill_process};
use tokio::signal::unix::{SignalKind, signal};

use super::words::{Answer, Order};
use super::{Manner, WATCHED};
use crate::runtime;
use crate::service::Service;
use crate::shop::Borrowed;

/// Runs `again`, which is this program with its arguments as an ordinary user, and the agent when that one says so. Ends
/// with it.
///
/// # Errors
/// When the program cannot be started.
pub(super) fn run(mut again: Command, manner: Manner) -> anyhow::Result<ExitCode> {
    let (ours, theirs) = UnixStream::pair()?;
    let listening = ours.try_clone()?;
    let status = runtime()?.block_on(async move {
        // A process group of its own keeps the terminal's Ctrl-C away: it is handed on below, once.
        again.env(WATCHED, "1").stdin(OwnedFd::from(theirs)).process_group(0);
        let mut again = tokio::process::Command::from(again);
        let mut child = again.spawn().context("this executable cannot be run again as an ordinary user")?;
        // It holds the other end, too; the socket is to end with the child.
        drop(again);
        let pid = child.id().context("it has ended at once")?;
        let agent = std::thread::Builder::new().name("agent".to_owned()).spawn(move || obey(ours, pid, manner))?;
        // Whoever ends this process means the child.
        let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        let status = loop {
            tokio::select! {
                status = child.wait() => break status?,
                _ = interrupt.recv() => hand_on(Signal::INT, pid),
                _ = terminate.recv() => hand_on(Signal::TERM, pid),
            }
        };
        // Whatever may still hold the other end.
        let _closed = listening.shutdown(Shutdown::Both);
        let _ended = agent.join();
        anyhow::Ok(status)
    })?;
    Ok(exit_code(status))
}

fn hand_on(signal: Signal, pid: u32) {
    // Not yet waited for, so the id is still the child's.
    if let Some(pid) = Pid::from_raw(pid.cast_signed()) {
        let _gone = kill_process(pid, signal);
    }
}

fn exit_code(status: ExitStatus) -> ExitCode {
    status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from)
}

/// Does what the child orders, until it has ended.
fn obey(socket: UnixStream, child: u32, mut manner: Manner) {
    let socket = Arc::new(socket);
    let mut running = None::<Running>;
    for line in BufReader::new(&*socket).lines().map_while(Result::ok) {
        match line.parse() {
            Ok(Order::Watch { endpoint, cores }) => {
                // One at a time.
                drop(running.take());
                let this_time = Manner { record: manner.record.take(), ..manner };
                match Running::start(&socket, child, this_time, endpoint, cores) {
                    Ok(started) => running = Some(started),
                    Err(error) => say(&socket, &Answer::Failed(format!("{error:#}"))),
                }
            }
            Ok(Order::Stop) => {
                if running.take().is_none() {
                    say(&socket, &Answer::Stopped { spans: 0, events: 0 });
                }
            }
            Err(()) => {}
        }
    }
}

/// An agent at work; ends when it is dropped.
struct Running {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    fn start(
        socket: &Arc<UnixStream>,
        child: u32,
        manner: Manner,
        endpoint: String,
        cores: Vec<usize>,
    ) -> anyhow::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let (told, socket) = (Arc::clone(&stop), Arc::clone(socket));
        let services = Service::ALL.iter().filter(|it| it.has_database()).map(|it| it.name().to_owned()).collect();
        let options = Options {
            rules: Rules { any: vec![Rule::new(Select::Descendants(child))], services },
            link_by: manner.link_by,
            record: manner.record.map(|path| (path, MOST_OF_A_RECORDING)),
            ..Options::default()
        };
        let work = move || match watch(&options, &told, &socket, &endpoint, &cores) {
            Ok(answer) => say(&socket, &answer),
            Err(error) => say(&socket, &Answer::Failed(format!("{error:#}"))),
        };
        let thread = std::thread::Builder::new().name("agent-run".to_owned()).spawn(work)?;
        Ok(Self { stop, thread: Some(thread) })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ended = thread.join();
        }
    }
}

fn watch(
    options: &Options,
    stop: &AtomicBool,
    socket: &UnixStream,
    endpoint: &str,
    cores: &[usize],
) -> anyhow::Result<Answer> {
    // For good: this thread, and those that it starts, are the agent's.
    Borrowed::take((!cores.is_empty()).then_some(cores))?;
    let mut above = Above { socket, exporter: Exporter::new(endpoint)? };
    let numbers = run::run(options, stop, &mut above)?;
    Ok(Answer::Stopped { spans: above.exporter.finish(), events: numbers.lost + numbers.done.late })
}

/// Tells the child how it goes, sends to whom it named.
struct Above<'a> {
    socket: &'a UnixStream,
    exporter: Exporter,
}

impl Host for Above<'_> {
    fn tell(&mut self, progress: Progress<'_>) {
        if let Progress::Watching(found, ..) = progress {
            say(self.socket, &Answer::Watching(found.service.name.clone()));
        }
    }

    fn send(&mut self, message: Message) {
        self.exporter.send(message);
    }

    fn dropped(&self) -> u64 {
        self.exporter.dropped()
    }
}

fn say(mut socket: &UnixStream, answer: &Answer) {
    // It may have ended.
    let _gone = writeln!(socket, "{answer}");
}
