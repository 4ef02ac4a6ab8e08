//! The databases of a shop, opened to read only.

use std::path::Path;
use std::str::FromStr as _;
use std::time::Duration;

use anyhow::{Context as _, bail};
use bookstore_runtime::{db, time};
use sqlx::any::{AnyConnectOptions, AnyRow};
use sqlx::{AnyConnection, ConnectOptions as _, Connection as _, Executor as _, FromRow};

use crate::data_dir::{DataDir, Lock, State};
use crate::database::{Database, Databases, Server};
use crate::service::Service;

/// A reservation is expired by the inventory service, which takes its time.
const GRACE: Duration = Duration::from_secs(5);
const POSTGRES_READS_ONLY: &str = "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY";
const SQLITE_READS_ONLY: &str = "PRAGMA query_only = ON; PRAGMA busy_timeout = 5000";
const LAST_SIGN_OF_LIFE: &str = "SELECT CAST(COALESCE(MAX(updated_at_ms), 0) AS BIGINT) FROM reservations";

/// The databases that the invariants are about.
pub(super) struct Opened {
    pub(super) inventory: Reader,
    pub(super) payment: Reader,
    pub(super) storefront: Reader,
    place: String,
    /// None while a launcher runs: then there is nothing to be kept away.
    stopped: Option<Stopped>,
}

/// A shop that is kept from starting while it is looked at.
struct Stopped {
    /// When it was last known to run.
    seen_ms: i64,
    private: Option<Private>,
    _lock: Option<Lock>,
}

/// One database.
pub(super) struct Reader {
    connection: AnyConnection,
}

impl Reader {
    /// All rows that a statement gives.
    pub(super) async fn rows<T>(&mut self, sql: &'static str) -> anyhow::Result<Vec<T>>
    where
        T: for<'r> FromRow<'r, AnyRow> + Send + Unpin,
    {
        Ok(sqlx::query_as(sql).fetch_all(&mut self.connection).await?)
    }

    /// Opens the database of a service.
    async fn open(url: &str, service: Service) -> anyhow::Result<Self> {
        db::install_drivers();
        let failed = || format!("the database of {service} cannot be read (has the shop ever run?)");
        let options = AnyConnectOptions::from_str(url).with_context(failed)?.disable_statement_logging();
        let mut connection = AnyConnection::connect_with(&options).await.with_context(failed)?;
        let reads_only = if url.starts_with("sqlite:") { SQLITE_READS_ONLY } else { POSTGRES_READS_ONLY };
        connection.execute(reads_only).await.with_context(failed)?;
        Ok(Self { connection })
    }
}

impl Opened {
    /// Finds the shop of a data directory and opens its databases, or those of a server that is named.
    pub(super) async fn open(chosen: Option<&Path>, asked: Option<&Database>) -> anyhow::Result<Self> {
        let dir = match (DataDir::existing(chosen), asked) {
            (Ok(dir), _) => dir,
            // The server's databases are all there is to see.
            (Err(_), Some(Database::Server(server))) => {
                let place = format!("the databases {server}");
                return Self::of(&Databases::Server(server.clone()), place, None).await;
            }
            (Err(error), _) => return Err(error),
        };
        let state = dir.state().context("shop.json cannot be read")?;
        let lock = dir.try_lock()?;
        let running = lock.is_none();
        let (databases, private) = locate(&dir, &state, asked, running).await?;
        let place = format!("the shop in {}", dir.path().display());
        let stopped = lock.map(|lock| Stopped { seen_ms: state.seen_ms, private, _lock: Some(lock) });
        Self::of(&databases, place, stopped).await
    }

    async fn of(databases: &Databases, place: String, stopped: Option<Stopped>) -> anyhow::Result<Self> {
        Self::at(|service| databases.read_only_url(service), place, stopped).await
    }

    async fn at(url: impl Fn(Service) -> String, place: String, stopped: Option<Stopped>) -> anyhow::Result<Self> {
        Ok(Self {
            inventory: Reader::open(&url(Service::Inventory), Service::Inventory).await?,
            payment: Reader::open(&url(Service::Payment), Service::Payment).await?,
            storefront: Reader::open(&url(Service::Storefront), Service::Storefront).await?,
            place,
            stopped,
        })
    }

    /// A shop that ran until just now, by the URLs of its databases.
    #[cfg(test)]
    pub(super) async fn of_test(url: impl Fn(Service) -> String) -> anyhow::Result<Self> {
        let stopped = Stopped { seen_ms: time::unix_ms(), private: None, _lock: None };
        Self::at(url, "a shop".to_owned(), Some(stopped)).await
    }

    pub(super) fn describe(&self) -> String {
        format!("{} ({})", self.place, if self.stopped.is_some() { "stopped" } else { "running" })
    }

    /// The time before which a reservation must have been expired. For a shop that is stopped, the last moment at which
    /// it is known to have run.
    pub(super) async fn now_ms(&mut self) -> anyhow::Result<i64> {
        let grace_ms = i64::try_from(GRACE.as_millis())?;
        let Some(stopped) = &self.stopped else { return Ok(time::unix_ms() - grace_ms) };
        let seen_ms = stopped.seen_ms;
        let last: Vec<(i64,)> = self.inventory.rows(LAST_SIGN_OF_LIFE).await?;
        Ok(last.first().map_or(seen_ms, |(last,)| seen_ms.max(*last)) - grace_ms)
    }

    pub(super) async fn close(self) {
        for reader in [self.inventory, self.payment, self.storefront] {
            // It has been read already.
            let _ = reader.connection.close().await;
        }
        if let Some(Stopped { private: Some(private), .. }) = self.stopped {
            private.stop();
        }
    }
}

/// Where the databases are. A private PostgreSQL that does not run is started.
async fn locate(
    dir: &DataDir,
    state: &State,
    asked: Option<&Database>,
    running: bool,
) -> anyhow::Result<(Databases, Option<Private>)> {
    let kind = asked.map_or(state.database.as_str(), |database| database.kind());
    match (kind, asked) {
        ("sqlite", _) => Ok((Databases::Sqlite(dir.path().to_owned()), None)),
        ("server", Some(Database::Server(server))) => Ok((Databases::Server(server.clone()), None)),
        ("server", _) => bail!(
            "this shop keeps its data in {}: name it, with its password, by --database postgres://user:password@host",
            state.server.as_deref().unwrap_or("a PostgreSQL server")
        ),
        ("postgres", _) if running => Ok((of_running_private(dir, state)?, None)),
        ("postgres", _) => {
            let private = Private::start(&dir.postgres()).await?;
            Ok((private.databases()?, Some(private)))
        }
        (other, _) => bail!("shop.json names a database that is not known: {other:?}"),
    }
}

fn of_running_private(dir: &DataDir, state: &State) -> anyhow::Result<Databases> {
    let port = state.postgres_port.context("shop.json does not say where the private PostgreSQL is")?;
    let password = std::fs::read_to_string(dir.postgres().join("password"));
    let password = password.context("the password of the private PostgreSQL cannot be read")?;
    Ok(Databases::Server(Server::private(password.trim(), port)))
}

#[cfg(unix)]
struct Private(bookstore_runtime::postgres::Cluster);

#[cfg(unix)]
impl Private {
    async fn start(folder: &Path) -> anyhow::Result<Self> {
        crate::private_postgres::start(folder, None).await.map(Self)
    }

    fn databases(&self) -> anyhow::Result<Databases> {
        crate::database::of_cluster(&self.0.url("bookstore"))
    }

    fn stop(self) {
        self.0.stop();
    }
}

#[cfg(not(unix))]
enum Private {}

#[cfg(not(unix))]
impl Private {
    async fn start(_folder: &Path) -> anyhow::Result<Self> {
        bail!("a private PostgreSQL needs a Unix system")
    }

    fn databases(&self) -> anyhow::Result<Databases> {
        match *self {}
    }

    fn stop(self) {
        match self {}
    }
}
