//! The agent beside a shop.
//!
//! The agent needs root's rights, and the shop must not have them. So the process that was started as root stays, runs
//! the agent, and has everything else done by itself, run again as an ordinary user. The two speak over that one's
//! standard input, a line a message.
//!
//! ```text
//! root       bookstore score --side ebpf        the agent ──┐ watching catalog
//!   └─ user  bookstore score --side ebpf  ◄── stdin ────────┘
//!        └─ catalog, inventory, …
//! ```

use std::cell::RefCell;
use std::io::{BufRead as _, Write as _};
use std::process::{ChildStdin, Command, ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, bail};
use bookstore_agent::discover::Rules;
use bookstore_agent::export::Exporter;
use bookstore_agent::run::{self, Options, Progress};
use bookstore_agent::trace::LinkBy;
use tokio::sync::watch;

use crate::service::Service;
use crate::terminal::note;

/// The variable by which the process that was started again knows that it is watched.
const WATCHED: &str = "BOOKSTORE_WATCHED_FROM_OUTSIDE";

/// Says that all spans were sent.
const DONE: &str = "done";

/// Whether this is the process that does the work, with an agent above it.
pub(crate) fn is_watched() -> bool {
    std::env::var_os(WATCHED).is_some()
}

/// Runs the agent, and `again`, which is this program with its arguments as an ordinary user. Ends with it.
///
/// # Errors
/// When the kernel refuses the agent, or the program cannot be started.
pub(crate) fn supervise(mut again: Command, link_by: LinkBy) -> anyhow::Result<ExitCode> {
    let mut child = again
        .env(WATCHED, "1")
        .stdin(Stdio::piped())
        .spawn()
        .context("this executable cannot be run again as an ordinary user")?;
    let mut mouth = child.stdin.take().context("it has no standard input")?;
    let stop = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&stop);
    let options = Options {
        rules: Rules {
            ancestors: vec![child.id()],
            services: Service::ALL.iter().filter(|it| it.has_database()).map(|it| it.name().to_owned()).collect(),
            ..Rules::default()
        },
        link_by,
        ..Options::default()
    };
    let agent =
        std::thread::Builder::new().name("agent".to_owned()).spawn(move || watch(&options, &told, &mut mouth))?;
    let status = child.wait()?;
    stop.store(true, Ordering::Relaxed);
    let Ok(watched) = agent.join() else { bail!("the agent has ended badly") };
    let summary = watched?;
    if summary.lost + summary.late > 0 {
        note(format_args!("the agent lost {} events; {} came late", summary.lost, summary.late));
    }
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
}

fn watch(options: &Options, stop: &AtomicBool, mouth: &mut ChildStdin) -> anyhow::Result<run::Summary> {
    // Each shop has a receiver of its own.
    let exporter = RefCell::new(None::<(String, Exporter)>);
    let mut tell = |progress: Progress<'_>| match progress {
        Progress::Loaded(_) | Progress::Calibrated(..) => {}
        Progress::Watching(found, _, _) => {
            let mut exporter = exporter.borrow_mut();
            if let Some(endpoint) = &found.endpoint
                && exporter.as_ref().is_none_or(|(known, _)| known != endpoint)
            {
                match Exporter::new(endpoint) {
                    Ok(made) => *exporter = Some((endpoint.clone(), made)),
                    Err(error) => note(format_args!("the agent: {error:#}")),
                }
            }
            // It may have ended.
            let _gone = writeln!(mouth, "{}", found.service.name);
        }
        Progress::Alone => {
            if let Some((_, exporter)) = &*exporter.borrow() {
                exporter.flush();
            }
            let _gone = writeln!(mouth, "{DONE}");
        }
    };
    run::run(options, stop, &mut tell, &mut |batch| {
        if let Some((_, exporter)) = &*exporter.borrow() {
            exporter.send(batch);
        }
    })
}

/// What the agent above says.
pub(crate) struct Agent {
    lines: watch::Receiver<Vec<String>>,
    /// How many of them are of shops before this one.
    past: usize,
}

impl Agent {
    /// Listens to it.
    pub(crate) fn listen() -> Self {
        let (said, lines) = watch::channel(Vec::new());
        std::thread::spawn(move || {
            for line in std::io::stdin().lock().lines().map_while(Result::ok) {
                said.send_modify(|lines| lines.push(line));
            }
        });
        Self { lines, past: 0 }
    }

    /// Waits until it watches all services.
    ///
    /// # Errors
    /// When it has ended.
    pub(crate) async fn watches_all(&mut self) -> anyhow::Result<()> {
        let services = || Service::ALL.into_iter().filter(|it| it.has_database());
        self.wait(|lines| services().all(|service| lines.iter().any(|line| line == service.name()))).await
    }

    /// Waits until it has sent everything, after the shop has ended.
    ///
    /// # Errors
    /// When it has ended.
    pub(crate) async fn is_done(&mut self) -> anyhow::Result<()> {
        self.wait(|lines| lines.iter().any(|line| line == DONE)).await?;
        self.past = self.lines.borrow().len();
        Ok(())
    }

    async fn wait(&mut self, until: impl Fn(&[String]) -> bool) -> anyhow::Result<()> {
        let past = self.past;
        let waited = self.lines.wait_for(|lines| lines.get(past..).is_some_and(&until)).await;
        waited.context("the agent has ended")?;
        Ok(())
    }
}
