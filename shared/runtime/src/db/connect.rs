//! Opens a database: makes it if it is not there, brings its tables up to date.

use std::path::Path;
use std::str::FromStr as _;
use std::sync::{Arc, Once};
use std::time::Duration;

use bookstore_telemetry::Sensitive;
use bookstore_telemetry::sql::{self, PoolState, System};
use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::migrate::{MigrateDatabase as _, Migrator};
use sqlx::{AnyPool, ConnectOptions as _, Connection as _, Executor as _};
use tokio::sync::Semaphore;

use super::{Db, Dialect, Inner};
use crate::config::{self, ConfigError, Source};
use crate::truth;

/// For each SQLite connection. A busy writer of another process is waited for; a checkpoint may lose the last commits
/// with the machine, not with the process; 512 KiB of page cache.
const SQLITE_PRAGMAS: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = 5000; \
                              PRAGMA foreign_keys = ON; PRAGMA cache_size = -512; PRAGMA temp_store = MEMORY;";

/// How long a connection may rest before it is asked whether it is still there.
const TRUSTED_WITHOUT_USE: Duration = Duration::from_secs(1);

/// Where a service's database is.
#[derive(Clone, Debug)]
pub struct DatabaseConfig {
    /// `DATABASE_URL`: `sqlite:/path/of/a.db` or `postgres://user:password@host/database`. Both are made if absent.
    pub url: Sensitive<String>,
    /// `DATABASE_POOL`: the most connections. Default: 4 for SQLite, 10 for PostgreSQL.
    pub connections: Option<u32>,
}

impl DatabaseConfig {
    /// Reads the settings.
    ///
    /// # Errors
    /// When there is no `DATABASE_URL`, or `DATABASE_POOL` is no number.
    pub fn from_source(source: &impl Source) -> Result<Self, ConfigError> {
        Ok(Self {
            url: config::required::<String>(source, "DATABASE_URL", "sqlite:/path/of/a.db or postgres://…")?.into(),
            connections: config::optional(source, "DATABASE_POOL")?,
        })
    }

    /// The database at this URL, with defaults for the rest.
    #[must_use]
    pub fn at(url: impl Into<String>) -> Self {
        Self { url: Sensitive::new(url.into()), connections: None }
    }
}

/// A database that cannot be opened. The URL is never shown: it may hold a password.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// Neither SQLite nor PostgreSQL.
    #[error("DATABASE_URL is neither sqlite: nor postgres://")]
    Scheme,
    /// It cannot be reached, or not be made.
    #[error("the database cannot be opened: {0}")]
    Open(#[from] sqlx::Error),
    /// Its tables cannot be brought up to date.
    #[error("the tables of the database cannot be brought up to date: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// The folder of a SQLite file cannot be made.
    #[error("the folder of the database cannot be made: {0}")]
    Folder(std::io::Error),
}

impl Db {
    /// Opens the database, makes it if it is not there, and runs the migrations that it lacks.
    ///
    /// # Errors
    /// [`ConnectError`] says what could not be done.
    pub async fn connect(config: &DatabaseConfig, migrations: &Migrator) -> Result<Self, ConnectError> {
        Self::connect_with(config, |_| migrations).await
    }

    /// [`connect`](Self::connect), with migrations by dialect.
    ///
    /// # Errors
    /// [`ConnectError`] says what could not be done.
    pub async fn connect_with<'m>(
        config: &DatabaseConfig,
        migrations: impl FnOnce(Dialect) -> &'m Migrator,
    ) -> Result<Self, ConnectError> {
        install_drivers();
        let url = config.url.expose();
        let dialect = dialect_of(url).ok_or(ConnectError::Scheme)?;
        create(url, dialect).await?;
        // Statements are spans; a second record of each would only cost.
        let options = AnyConnectOptions::from_str(&with_room(url, dialect))?.disable_statement_logging();
        let most = config.connections.unwrap_or(match dialect {
            Dialect::Sqlite => 4,
            Dialect::Postgres => 10,
        });
        let pool = AnyPoolOptions::new()
            .max_connections(most)
            .acquire_timeout(Duration::from_secs(5))
            // Not each time: that would be a second round trip for every statement. But those that a server has closed,
            // which was started again, have rested at least as long as that took.
            .test_before_acquire(false)
            .before_acquire(move |connection, rested| {
                Box::pin(async move {
                    if dialect == Dialect::Postgres && rested.idle_for >= TRUSTED_WITHOUT_USE {
                        truth::pool("ping");
                        connection.ping().await?;
                    }
                    Ok(true)
                })
            })
            .after_connect(move |connection, _| {
                Box::pin(async move {
                    truth::pool("connect");
                    if dialect == Dialect::Sqlite {
                        connection.execute(SQLITE_PRAGMAS).await?;
                    }
                    Ok(())
                })
            })
            .connect_with(options)
            .await?;
        migrations(dialect).run(&pool).await?;
        let database = describe(url, dialect);
        observe(&database, &pool, most);
        let writer = (dialect == Dialect::Sqlite).then(|| Arc::new(Semaphore::new(1)));
        Ok(Self { inner: Arc::new(Inner { pool, dialect, database, writer }) })
    }
}

/// In scoring runs each text comes with several slots, and all of them are to stay prepared as the one does in life.
fn with_room(url: &str, dialect: Dialect) -> std::borrow::Cow<'_, str> {
    if !truth::is_kept() || dialect != Dialect::Postgres {
        return url.into();
    }
    let joint = if url.contains('?') { '&' } else { '?' };
    format!("{url}{joint}statement-cache-capacity=2000").into()
}

/// Lets `Any` find both drivers.
pub fn install_drivers() {
    // Guarded, since the library's own function prints an error the second time.
    static ONCE: Once = Once::new();
    ONCE.call_once(sqlx::any::install_default_drivers);
}

fn dialect_of(url: &str) -> Option<Dialect> {
    match url.split_once(':')?.0 {
        "sqlite" => Some(Dialect::Sqlite),
        "postgres" | "postgresql" => Some(Dialect::Postgres),
        _ => None,
    }
}

async fn create(url: &str, dialect: Dialect) -> Result<(), ConnectError> {
    if dialect == Dialect::Sqlite
        && let Some(folder) = Path::new(sqlite_file(url)).parent()
    {
        std::fs::create_dir_all(folder).map_err(ConnectError::Folder)?;
    }
    if !sqlx::Any::database_exists(url).await? {
        match sqlx::Any::create_database(url).await {
            Ok(()) => {}
            // Another instance was first.
            Err(_) if sqlx::Any::database_exists(url).await? => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

fn sqlite_file(url: &str) -> &str {
    let path = url.strip_prefix("sqlite:").unwrap_or(url);
    let path = path.strip_prefix("//").unwrap_or(path);
    path.split('?').next().unwrap_or(path)
}

/// What telemetry says of the database.
fn describe(url: &str, dialect: Dialect) -> sql::Database {
    match dialect {
        Dialect::Sqlite => {
            let file = Path::new(sqlite_file(url)).file_name();
            sql::Database {
                system: System::Sqlite,
                namespace: file.map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
                server_address: None,
                server_port: None,
            }
        }
        Dialect::Postgres => {
            let options = sqlx::postgres::PgConnectOptions::from_str(url).unwrap_or_default();
            sql::Database {
                system: System::Postgresql,
                namespace: options.get_database().unwrap_or_default().to_owned(),
                server_address: Some(options.get_host().to_owned()),
                server_port: Some(options.get_port()),
            }
        }
    }
}

fn observe(database: &sql::Database, pool: &AnyPool, max: u32) {
    let pool = pool.clone();
    sql::observe_pool(database, move || {
        let idle = u32::try_from(pool.num_idle()).unwrap_or(u32::MAX);
        PoolState { used: pool.size().saturating_sub(idle), idle, max, pending: None }
    });
}
