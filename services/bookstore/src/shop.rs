//! A shop: five services, compare and, where it is wanted, a private PostgreSQL, started and ended as one.
//!
//! Layout:
//!
//! * `ports`: taken first, kept until the end; `port_owner`: who has one that is not free.
//! * `environment`: what each process is told.
//! * `child`: one process, watched; `backoff`: how soon it is started again.
//! * `cluster`: the private PostgreSQL, watched.
//! * `cores`: where the processes run.
//! * `ready`: when the shop can be used.
//! * `temporary`: a place for a shop that lives as long as a command.
//!
//! `bookstore up`, `bookstore verify` and measurements start theirs here.

mod backoff;
mod child;
mod cluster;
mod cores;
mod environment;
mod port_owner;
mod ports;
mod ready;
mod temporary;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use bookstore_telemetry::LogFormat;
use tokio::sync::mpsc;

pub use child::Event;
pub(crate) use cores::Borrowed;
pub use cores::Cores;
#[cfg(target_os = "linux")]
pub(crate) use cores::available as available_cores;
pub(crate) use environment::{sends_elsewhere, traces_endpoint};
pub use ports::Ports;
pub(crate) use temporary::Temporary;

use crate::cli::Instrumentation;
use crate::data_dir::{DataDir, Lock, State};
use crate::database::{Database, Databases};
use crate::service::Service;
use child::{Output, Recipe, Supervised};
use cluster::Private;
use environment::Common;
use ports::Taken;

/// The order in which processes are started: those that others call come first.
const STARTING: [Service; 6] =
    [Service::Compare, Service::User, Service::Inventory, Service::Payment, Service::Catalog, Service::Storefront];

/// The order in which they are ended: who calls others comes first, and compare last, so that it sees the others' end.
const ENDING: [&[Service]; 3] = [
    &[Service::Storefront],
    &[Service::Catalog, Service::Payment, Service::Inventory, Service::User],
    &[Service::Compare],
];

/// How a shop is to be.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where its files are; `.bookstore` where nothing is said.
    pub data_dir: Option<PathBuf>,
    /// Where the services keep what they know.
    pub database: Database,
    /// Who makes telemetry.
    pub instrumentation: Instrumentation,
    /// Which ports are taken.
    pub ports: Ports,
    /// Where the processes' log lines go.
    pub logs: Logs,
    /// More variables for all processes, stronger than any other.
    pub environment: Vec<(String, String)>,
    /// Which cores the processes may use; none: all.
    pub cores: Option<Cores>,
}

/// Where the processes' log lines go.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Logs {
    /// To a file each, in the data directory, for a person to read.
    Files,
    /// To the launcher's standard error, as JSON.
    Stderr,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            data_dir: None,
            database: Database::Sqlite,
            instrumentation: Instrumentation::Manual,
            ports: Ports::Free,
            logs: Logs::Files,
            environment: Vec::new(),
            cores: None,
        }
    }
}

/// A shop that has been started. When it is dropped its processes are killed; [`Shop::stop`] is the better end.
///
/// It has to be started on a thread that lives as long as it does: where the thread ends that started them, Linux tells
/// the processes to end (`child` says why).
#[derive(Debug)]
pub struct Shop {
    dir: DataDir,
    ports: Taken,
    state: State,
    children: Vec<Supervised>,
    events: mpsc::UnboundedReceiver<Event>,
    private: Option<Private>,
    // Given back last.
    _lock: Lock,
}

/// Fails, and says why, if the ports of a shop cannot be had now.
///
/// # Errors
/// Names each port that is in use.
pub fn probe_ports(ports: Ports) -> anyhow::Result<()> {
    Taken::probe(ports, !sends_elsewhere())
}

impl Shop {
    /// Starts all processes, without waiting until they are ready.
    ///
    /// # Errors
    /// When a port, the data directory or the private PostgreSQL cannot be had.
    pub async fn start(options: &Options) -> anyhow::Result<Self> {
        let dir = DataDir::ready(options.data_dir.as_deref())?;
        let lock = dir.lock()?;
        let mut ports = Taken::take(options.ports, !sends_elsewhere())?;
        let (databases, private) = match &options.database {
            Database::Sqlite => (Databases::Sqlite(dir.path().to_owned()), None),
            Database::Server(server) => (Databases::Server(server.clone()), None),
            Database::Postgres => {
                let cores = options.cores.as_ref().map(|cores| cores.services.as_slice());
                let private = Private::start(&dir.postgres(), cores).await?;
                (private.databases()?, Some(private))
            }
        };
        let state = State {
            pid: std::process::id(),
            database: options.database.kind().to_owned(),
            server: match &options.database {
                Database::Server(server) => Some(server.to_string()),
                _ => None,
            },
            postgres_port: private.as_ref().map(Private::port),
            seen_ms: bookstore_runtime::time::unix_ms(),
            storefront: ports.url(Service::Storefront),
            compare: ports.url(Service::Compare),
        };
        dir.set_state(&state)?;
        let secret = dir.secret();
        let log_format = if options.logs == Logs::Files { LogFormat::Pretty } else { LogFormat::Json };
        let (tell, events) = mpsc::unbounded_channel();
        let mut children = Vec::new();
        for service in STARTING {
            let common = Common {
                ports: &ports,
                databases: &databases,
                instrumentation: options.instrumentation,
                log_format,
                secret: &secret,
                more: &options.environment,
            };
            let environment = common.of(service);
            let output = match options.logs {
                Logs::Files => Output::File(fresh_log(&dir.log(service))),
                Logs::Stderr => Output::Stderr,
            };
            let listener = ports.hand_over(service).with_context(|| format!("the port of {service} is lost"))?;
            let cores = options.cores.as_ref().map(|cores| match service {
                Service::Compare => cores.receiver.clone(),
                _ => cores.services.clone(),
            });
            let recipe = Recipe { service, listener, environment, output, folder: dir.path().to_owned(), cores };
            children.push(Supervised::start(recipe, tell.clone()));
        }
        Ok(Self { dir, ports, state, children, events, private, _lock: lock })
    }

    /// Waits until every process answers that it is ready.
    ///
    /// # Errors
    /// When one ends again and again, or takes more than a minute.
    pub async fn ready(&mut self) -> anyhow::Result<()> {
        ready::wait(self).await
    }

    /// The next thing that happens to one of the processes.
    pub async fn event(&mut self) -> Event {
        match self.events.recv().await {
            Some(event) => event,
            // Nobody is left to whom something could happen.
            None => std::future::pending().await,
        }
    }

    /// A process that has ended although nobody wanted it to, of those that nobody was told of yet.
    pub(crate) fn past_event(&mut self) -> Option<String> {
        match self.events.try_recv().ok()? {
            Event::Died { service, how, .. } => Some(format!("{service} {how}")),
            Event::Restarted { service, .. } => Some(format!("{service} was started again")),
        }
    }

    /// Where a service answers: `http://127.0.0.1:8080`.
    #[must_use]
    pub fn url(&self, service: Service) -> String {
        self.ports.url(service)
    }

    /// Where compare takes OTLP, over gRPC as well as HTTP.
    #[must_use]
    pub fn otlp_url(&self) -> String {
        self.ports.otlp_url()
    }

    /// The process of a service, while there is one.
    #[must_use]
    pub fn pid(&self, service: Service) -> Option<u32> {
        self.children.iter().find(|child| child.service == service)?.pid()
    }

    /// The data directory.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        self.dir.path()
    }

    /// The server of the private PostgreSQL, where there is one.
    #[must_use]
    pub(crate) fn postgres_pid(&self) -> Option<i32> {
        self.private.as_ref()?;
        crate::private_postgres::pid(&self.dir.postgres())
    }

    /// The file that a service's log goes to, with [`Logs::Files`].
    pub(crate) fn log(&self, service: Service) -> PathBuf {
        self.dir.log(service)
    }

    /// Ends everything in order: each process finishes what is under way.
    pub async fn stop(&mut self) {
        self.note_end();
        for together in ENDING {
            let stopping = self.children.iter_mut().filter(|child| together.contains(&child.service));
            join_all(stopping.map(Supervised::stop)).await;
        }
        if let Some(private) = self.private.take() {
            private.stop().await;
        }
    }

    /// Ends everything at once, as a power cut would.
    pub async fn kill(&mut self) {
        self.note_end();
        for child in &self.children {
            child.order_kill();
        }
        for child in &mut self.children {
            child.kill().await;
        }
        if let Some(private) = self.private.take() {
            private.stop().await;
        }
    }

    /// When the shop was last known to run is what `bookstore check` measures expiries by. Written down before the end
    /// begins: once inventory has ended, nobody is there to expire anything, however long the others take.
    fn note_end(&mut self) {
        self.state.seen_ms = bookstore_runtime::time::unix_ms();
        let _ = self.dir.set_state(&self.state);
    }
}

/// Runs futures at the same time; there are a handful.
async fn join_all(futures: impl Iterator<Item: Future<Output = ()>>) {
    use std::task::Poll;
    let mut running: Vec<_> = futures.map(Box::pin).collect();
    std::future::poll_fn(|context| {
        running.retain_mut(|future| future.as_mut().poll(context).is_pending());
        if running.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

/// The path of a log, with the one of the run before put aside.
fn fresh_log(path: &Path) -> PathBuf {
    // There may be none.
    let _ = std::fs::rename(path, path.with_extension("log.1"));
    path.to_owned()
}

/// How long something of a shop's start may take.
const START_LIMIT: Duration = Duration::from_secs(60);
