//! One process of the shop: started, watched, started again when it dies, ended when told.
//!
//! Linux tells a process that its parent has died when the *thread* that started it ends (`prctl(2)`,
//! PR_SET_PDEATHSIG). So a shop has to be started on a thread that lives as long as the launcher does: the main one.

use std::io;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use tokio::process::{Child, Command};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use super::backoff::Backoff;
use super::cores;
use super::ports::Listener;
use crate::service::Service;

/// How long a process may take to end by itself: the services' own limit, and some time to send what they know.
const GRACE: Duration = Duration::from_secs(15);

/// What a process is started with.
#[derive(Debug)]
pub(super) struct Recipe {
    pub(super) service: Service,
    pub(super) listener: Listener,
    /// Variables that are set for it, or unset, before those of the launcher.
    pub(super) environment: Vec<(String, Option<String>)>,
    pub(super) output: Output,
    /// Where it runs.
    pub(super) folder: PathBuf,
    /// The cores that it may use; none: all.
    pub(super) cores: Option<Vec<usize>>,
}

/// Where a process writes its log.
#[derive(Clone, Debug)]
pub(super) enum Output {
    /// At the end of this file.
    File(PathBuf),
    /// Where the launcher's standard error goes.
    Stderr,
}

/// Something that happened to a process.
#[derive(Debug)]
pub enum Event {
    /// It ended though nobody wanted it to.
    Died {
        /// Which.
        service: Service,
        /// How, in words.
        how: String,
        /// When it is started again.
        again_in: Duration,
    },
    /// It was started again.
    Restarted {
        /// Which.
        service: Service,
        /// Its new process id.
        pid: u32,
    },
}

/// A process that is being watched.
#[derive(Debug)]
pub(super) struct Supervised {
    pub(super) service: Service,
    pid: watch::Receiver<Option<u32>>,
    orders: mpsc::Sender<Order>,
    task: JoinHandle<()>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Order {
    /// End in peace.
    Stop,
    /// End now.
    Kill,
}

impl Supervised {
    /// Starts the process, and keeps it running.
    pub(super) fn start(recipe: Recipe, events: mpsc::UnboundedSender<Event>) -> Self {
        let (pid_to, pid) = watch::channel(None);
        let (orders, orders_of) = mpsc::channel(4);
        let service = recipe.service;
        let task = tokio::spawn(Supervisor { recipe, pid: pid_to, orders: orders_of, events }.run());
        Self { service, pid, orders, task }
    }

    /// The process, while there is one.
    pub(super) fn pid(&self) -> Option<u32> {
        *self.pid.borrow()
    }

    /// Ends it in peace: nobody new is listened to, what is under way is finished.
    pub(super) async fn stop(&mut self) {
        let _ = self.orders.send(Order::Stop).await;
        self.ended().await;
    }

    /// Ends it at once.
    pub(super) async fn kill(&mut self) {
        let _ = self.orders.send(Order::Kill).await;
        self.ended().await;
    }

    /// Asks for its end at once, without waiting.
    pub(super) fn order_kill(&self) {
        let _ = self.orders.try_send(Order::Kill);
    }

    async fn ended(&mut self) {
        if !self.task.is_finished() {
            let _ = (&mut self.task).await;
        }
    }
}

struct Supervisor {
    recipe: Recipe,
    pid: watch::Sender<Option<u32>>,
    orders: mpsc::Receiver<Order>,
    events: mpsc::UnboundedSender<Event>,
}

impl Supervisor {
    async fn run(mut self) {
        let mut backoff = Backoff::new();
        let mut first = true;
        loop {
            let started = Instant::now();
            let how = match spawn(&self.recipe) {
                Ok(mut process) => {
                    self.pid.send_replace(process.id());
                    if let (false, Some(pid)) = (first, process.id()) {
                        self.tell(Event::Restarted { service: self.recipe.service, pid });
                    }
                    let ended = tokio::select! {
                        ended = process.wait() => ended,
                        order = self.orders.recv() => return self.end(process, order).await,
                    };
                    describe(ended)
                }
                Err(error) => format!("cannot be started: {error}"),
            };
            first = false;
            self.pid.send_replace(None);
            let again_in = backoff.after(started.elapsed());
            self.tell(Event::Died { service: self.recipe.service, how, again_in });
            tokio::select! {
                () = tokio::time::sleep(again_in) => {}
                // Whatever the order is, there is nothing to end.
                _ = self.orders.recv() => return,
            }
        }
    }

    /// Ends the process. When there is no order the shop itself has been dropped.
    async fn end(mut self, mut process: Child, order: Option<Order>) {
        // Closed first, so that new connections are refused instead of being kept waiting.
        drop(self.recipe);
        if order == Some(Order::Stop) {
            terminate(&mut process);
            tokio::select! {
                _ = process.wait() => {}
                () = tokio::time::sleep(GRACE) => {}
                _ = self.orders.recv() => {}
            }
        }
        // Fails when it has ended already.
        let _ = process.kill().await;
        self.pid.send_replace(None);
    }

    fn tell(&self, event: Event) {
        // Nobody has to listen.
        let _ = self.events.send(event);
    }
}

fn spawn(recipe: &Recipe) -> io::Result<Child> {
    let mut command = Command::new(executable()?);
    command.arg(recipe.service.name()).current_dir(&recipe.folder).kill_on_drop(true);
    for (name, value) in &recipe.environment {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    let (out, err) = output(&recipe.output)?;
    command.stdout(out).stderr(err);
    hand_over(&recipe.listener, &mut command)?;
    cores::on(recipe.cores.as_deref(), || command.spawn())?
}

/// This executable. On Linux by the kernel's name for it: then it is the same one also after it was built anew, and it
/// may lie where this user cannot go.
fn executable() -> io::Result<PathBuf> {
    if cfg!(target_os = "linux") { Ok("/proc/self/exe".into()) } else { std::env::current_exe() }
}

fn output(output: &Output) -> io::Result<(Stdio, Stdio)> {
    match output {
        Output::File(path) => {
            let file = std::fs::File::options().create(true).append(true).open(path)?;
            Ok((file.try_clone()?.into(), file.into()))
        }
        Output::Stderr => Ok((io::stderr().into(), Stdio::inherit())),
    }
}

/// The listener becomes standard input. A process group of its own keeps the terminal's Ctrl-C away: the launcher ends
/// things in order.
#[cfg(unix)]
fn hand_over(listener: &Listener, command: &mut Command) -> io::Result<()> {
    use std::os::fd::OwnedFd;
    let socket: OwnedFd = listener.socket.try_clone()?.into();
    command.stdin(socket).env("BOOKSTORE_LISTEN", "stdin").process_group(0).arg0("bookstore");
    command.env("BOOKSTORE_PARENT", std::process::id().to_string());
    Ok(())
}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "the same interface as on Unix")]
fn hand_over(listener: &Listener, command: &mut Command) -> io::Result<()> {
    command.stdin(Stdio::null()).env("BOOKSTORE_LISTEN", listener.address.to_string());
    Ok(())
}

/// Asks the process to end.
#[cfg(unix)]
fn terminate(process: &mut Child) {
    use rustix::process::{Pid, Signal, kill_process};
    // Not yet waited for, so the id is still this process's.
    if let Some(pid) = process.id().and_then(|id| Pid::from_raw(id.cast_signed())) {
        let _ = kill_process(pid, Signal::TERM);
    }
}

#[cfg(not(unix))]
fn terminate(process: &mut Child) {
    let _ = process.start_kill();
}

fn describe(ended: io::Result<ExitStatus>) -> String {
    let Ok(status) = ended else { return "ended".to_owned() };
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return format!("was ended by signal {signal}");
    }
    match status.code() {
        Some(code) => format!("ended with exit code {code}"),
        None => "ended".to_owned(),
    }
}
