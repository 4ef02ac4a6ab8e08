//! The database of a service: SQLite or PostgreSQL, behind one code path.
//!
//! `sqlx`'s `Any` driver runs one SQL text on both (`$1` placeholders, BIGINT and TEXT columns). [`Db::run`] gives an
//! executor for one statement, [`Db::begin`] a writing transaction; both take the [`Call`] that asks, and both make a
//! client span for each statement.

mod connect;
mod executor;
mod record;
mod transaction;

use std::sync::Arc;
use std::time::Duration;

use bookstore_telemetry::apart;
use bookstore_telemetry::sql::{self, ErrorInfo};
use sqlx::AnyPool;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

pub use connect::{ConnectError, DatabaseConfig, install_drivers};
pub use executor::OnPool;
pub use transaction::{OnTx, Tx};

use crate::Call;

/// Which SQL is spoken, where the two differ.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Dialect {
    /// SQLite.
    Sqlite,
    /// PostgreSQL.
    Postgres,
}

/// A pool of connections to one database. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Db {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    pool: AnyPool,
    dialect: Dialect,
    database: sql::Database,
    /// SQLite has one writer at a time and lets the others poll; here they queue. None for PostgreSQL.
    writer: Option<Arc<Semaphore>>,
}

impl Db {
    /// An executor for one statement: `sqlx::query(SQL).fetch_one(db.run(&call))`.
    #[must_use]
    pub fn run<'a>(&'a self, call: &'a Call) -> OnPool<'a> {
        OnPool::new(self, call)
    }

    /// Begins a transaction that may write: `BEGIN IMMEDIATE` on SQLite, `BEGIN` on PostgreSQL. Rolled back when dropped.
    ///
    /// # Errors
    /// When no connection could be had in time.
    pub async fn begin(&self, call: &Call) -> Result<Tx, sqlx::Error> {
        Tx::begin(self, call).await
    }

    /// Which SQL is spoken.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        self.inner.dialect
    }

    /// Whether the database answers; for `/readyz`. Makes no span.
    pub async fn is_ready(&self) -> bool {
        let ping = sqlx::query("SELECT 1").execute(&self.inner.pool);
        matches!(tokio::time::timeout(Duration::from_secs(1), ping).await, Ok(Ok(_)))
    }

    /// Closes all connections, when they are no longer in use.
    pub async fn close(&self) {
        self.inner.pool.close().await;
    }

    /// The right to write, where writers queue.
    async fn may_write(&self) -> Option<OwnedSemaphorePermit> {
        // The semaphore is never closed, so this fails only where there is none.
        Arc::clone(self.inner.writer.as_ref()?).acquire_owned().await.ok()
    }

    async fn acquire(&self) -> Result<sqlx::pool::PoolConnection<sqlx::Any>, sqlx::Error> {
        let asked = std::time::Instant::now();
        let connection = apart(self.inner.pool.acquire()).await;
        sql::record_pool_wait(&self.inner.database, asked.elapsed());
        connection
    }
}

/// What telemetry says of a failed statement.
fn error_info(error: &sqlx::Error) -> ErrorInfo {
    use sqlx::error::ErrorKind;
    let kind = match error {
        sqlx::Error::Database(database) => match database.kind() {
            ErrorKind::UniqueViolation => "unique_violation",
            ErrorKind::ForeignKeyViolation => "foreign_key_violation",
            ErrorKind::NotNullViolation => "not_null_violation",
            ErrorKind::CheckViolation => "check_violation",
            _ => "database",
        },
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) => "connection",
        sqlx::Error::PoolTimedOut => "pool_timed_out",
        sqlx::Error::PoolClosed => "pool_closed",
        sqlx::Error::WorkerCrashed => "worker_crashed",
        _ => "client",
    };
    let code = error.as_database_error().and_then(|database| database.code()).map(std::borrow::Cow::into_owned);
    ErrorInfo { kind, code }
}

/// Whether a failure may pass by itself: the database was busy, restarted or out of reach.
#[must_use]
pub fn is_transient(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => true,
        sqlx::Error::Database(database) => database.code().is_some_and(|code| {
            // SQLite: BUSY, LOCKED and their extended codes. PostgreSQL: connection failures (08), insufficient
            // resources (53), operator intervention (57P), serialisation failures and deadlocks (40).
            matches!(&*code, "5" | "6" | "261" | "262" | "517")
                || ["08", "53", "57P", "40"].iter().any(|class| code.starts_with(class) && code.len() == 5)
        }),
        _ => false,
    }
}
