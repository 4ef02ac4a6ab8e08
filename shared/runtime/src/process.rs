//! A service as a process: its listener, its log and telemetry, its end.
//!
//! | variable | meaning | default |
//! | --- | --- | --- |
//! | `BOOKSTORE_LISTEN` | address and port, or `stdin`: the listening socket is standard input | the service's port on `127.0.0.1` |
//! | `BOOKSTORE_LOG_FORMAT` | `pretty` or `json` | `pretty` |
//! | `BOOKSTORE_PARENT` | process id of the launcher: the service ends when that process does | none |
//! | `BOOKSTORE_TRUTH_DIR` | folder for the [truth log](crate::truth); makes this a scoring run | none |
//!
//! The launcher binds the ports and hands each service its listener as standard input. So a port cannot be lost to
//! another process while a service is restarted, and connections wait in the backlog meanwhile.

use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;

use bookstore_telemetry::{LogFormat, Settings};
use tokio::net::TcpListener;

use crate::config::{self, ConfigError, Environment};
use crate::truth;

/// A process that cannot start, or did not end well.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProcessError {
    /// A setting cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Telemetry cannot be set up.
    #[error(transparent)]
    Telemetry(#[from] bookstore_telemetry::InitError),
    /// The port cannot be listened on.
    #[error("cannot listen on {address}: {error}")]
    Listen {
        /// Where.
        address: String,
        /// Why not.
        error: std::io::Error,
    },
    /// The runtime or the signal handlers cannot be set up.
    #[error("the process cannot be set up: {0}")]
    Setup(std::io::Error),
    /// The truth log cannot be kept.
    #[error("{name}: the truth log cannot be written: {0}", name = truth::DIRECTORY)]
    Truth(std::io::Error),
    /// The service itself could not start or go on.
    #[error("{0}")]
    Service(String),
}

/// Runs a service as this process, until SIGTERM or SIGINT. `service` is given the listener and the end.
///
/// # Errors
/// [`ProcessError`] says what could not be done.
pub fn run<F, Fut, E>(name: &'static str, version: &'static str, port: u16, service: F) -> Result<(), ProcessError>
where
    F: FnOnce(TcpListener, Shutdown) -> Fut,
    Fut: Future<Output = Result<(), E>>,
    E: fmt::Display,
{
    #[cfg(unix)]
    raise_descriptor_limit();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name(name)
        .build()
        .map_err(ProcessError::Setup)?;
    let outcome = runtime.block_on(async {
        let format = config::or(&Environment, "BOOKSTORE_LOG_FORMAT", LogFormat::Pretty)?;
        let truth = config::optional::<PathBuf>(&Environment, truth::DIRECTORY)?;
        if let Some(directory) = &truth {
            truth::open(directory, name).map_err(ProcessError::Truth)?;
        }
        let settings = Settings::new(name, version).with_log_format(format).with_record_calls(truth.is_some());
        let telemetry = bookstore_telemetry::init(settings)?;
        let outcome = async {
            end_with_parent()?;
            let listener = listen(port)?;
            let shutdown = signal().map_err(ProcessError::Setup)?;
            if let Ok(address) = listener.local_addr() {
                tracing::info!(%address, "listening");
            }
            service(listener, Box::pin(shutdown)).await.map_err(|error| ProcessError::Service(error.to_string()))
        }
        .await;
        match &outcome {
            Ok(()) => tracing::info!("stopped"),
            Err(error) => tracing::error!(%error, "the service cannot go on"),
        }
        telemetry.shutdown().await;
        outcome
    });
    // What still ran ends with the runtime, and is in the truth as cancelled.
    drop(runtime);
    outcome.and(
        truth::flush()
            .inspect_err(|error| tracing::error!(%error, "the truth log has gaps"))
            .map_err(ProcessError::Truth),
    )
}

/// Lets the process open more files than many systems let it begin with (1,024): each connection is one, and the
/// server's own limit on them should be the one that is met first.
#[cfg(unix)]
fn raise_descriptor_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    /// As many as macOS allows.
    const WANTED: u64 = 10_240;
    let mut limit = getrlimit(Resource::Nofile);
    let wanted = limit.maximum.map_or(WANTED, |most| most.min(WANTED));
    if limit.current.is_some_and(|now| now < wanted) {
        limit.current = Some(wanted);
        // Refused, it goes on with what there is.
        let _ = setrlimit(Resource::Nofile, limit);
    }
}

/// Resolves when the process should end.
pub type Shutdown = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

fn listen(port: u16) -> Result<TcpListener, ProcessError> {
    let address = config::optional::<String>(&Environment, "BOOKSTORE_LISTEN")?
        .unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], port)).to_string());
    let bound = if address == "stdin" { inherited() } else { std::net::TcpListener::bind(&address) };
    bound
        .and_then(|listener| {
            listener.set_nonblocking(true)?;
            TcpListener::from_std(listener)
        })
        .map_err(|error| ProcessError::Listen { address, error })
}

#[cfg(unix)]
fn inherited() -> std::io::Result<std::net::TcpListener> {
    use std::os::fd::AsFd as _;
    Ok(std::io::stdin().as_fd().try_clone_to_owned()?.into())
}

#[cfg(not(unix))]
fn inherited() -> std::io::Result<std::net::TcpListener> {
    Err(std::io::Error::new(std::io::ErrorKind::Unsupported, "a listener cannot be standard input on this system"))
}

/// Sees to it that this process is told to end when the launcher ends, however that happens.
fn end_with_parent() -> Result<(), ProcessError> {
    let Some(parent) = config::optional::<i32>(&Environment, "BOOKSTORE_PARENT")? else { return Ok(()) };
    parent::watch(parent).map_err(ProcessError::Setup)
}

#[cfg(target_os = "linux")]
mod parent {
    use rustix::process::{Signal, getppid, set_parent_process_death_signal};

    /// The kernel sends the signal (`prctl(2)`, PR_SET_PDEATHSIG).
    pub(super) fn watch(parent: i32) -> std::io::Result<()> {
        set_parent_process_death_signal(Some(Signal::TERM))?;
        // It may have ended before that.
        if getppid().is_none_or(|now| now.as_raw_nonzero().get() != parent) {
            return Err(std::io::Error::other("the launcher has ended"));
        }
        Ok(())
    }
}

#[cfg(all(unix, not(target_os = "linux")))]
mod parent {
    use std::time::Duration;

    use rustix::process::{Signal, getpid, getppid, kill_process};

    /// No kernel help here: looks once a second.
    pub(super) fn watch(parent: i32) -> std::io::Result<()> {
        tokio::spawn(async move {
            while getppid().is_some_and(|now| now.as_raw_nonzero().get() == parent) {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            let _ = kill_process(getpid(), Signal::TERM);
        });
        Ok(())
    }
}

#[cfg(not(unix))]
mod parent {
    /// Nothing to be done here: the console ends all of its processes.
    pub(super) fn watch(_parent: i32) -> std::io::Result<()> {
        Ok(())
    }
}

/// Resolves at SIGINT or SIGTERM.
///
/// # Errors
/// When no handler can be set up.
#[cfg(unix)]
pub fn signal() -> std::io::Result<impl Future<Output = ()> + Send + 'static> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Resolves at Ctrl-C.
///
/// # Errors
/// Never.
#[cfg(not(unix))]
pub fn signal() -> std::io::Result<impl Future<Output = ()> + Send + 'static> {
    Ok(async {
        let _ = tokio::signal::ctrl_c().await;
    })
}

/// A user to give root's rights up for: who called `sudo`, else `postgres`, else `nobody`, by `/etc/passwd`.
#[cfg(unix)]
#[must_use]
pub fn unprivileged_user() -> Option<crate::postgres::RunAs> {
    let id = |name: &str| std::env::var(name).ok()?.parse().ok();
    if let (Some(uid @ 1..), Some(gid)) = (id("SUDO_UID"), id("SUDO_GID")) {
        return Some(crate::postgres::RunAs { uid, gid });
    }
    let users = std::fs::read_to_string("/etc/passwd").ok()?;
    ["postgres", "nobody"].iter().find_map(|wanted| {
        users.lines().find_map(|line| {
            // name:password:uid:gid:…
            let mut fields = line.split(':');
            (fields.next() == Some(wanted)).then_some(())?;
            let uid = fields.nth(1)?.parse().ok()?;
            let gid = fields.next()?.parse().ok()?;
            Some(crate::postgres::RunAs { uid, gid })
        })
    })
}
