//! The catalog service: books, search, covers, over HTTP. `bookstore_proto::catalog` lists its calls.
//!
//! Layout, in the order in which a request meets it:
//!
//! * [`Config`]: the settings.
//! * `routes`: one handler a call.
//! * `listing`: what a list can be asked for, checked.
//! * `words`: how titles, names and searches become comparable.
//! * `store`: the SQL.
//! * `stock`: how many copies there are, asked of inventory.
//! * [`cover`]: covers, drawn.
//! * `shelf`: the books themselves, a file in this crate; `loading`: how they get into the database.
//! * `error`: what the caller is told when something fails, and what only the log is.
//! * `metrics`: what the service counts of its own business.

pub mod cover;

mod config;
mod error;
mod listing;
mod loading;
mod metrics;
mod routes;
mod shelf;
mod stock;
mod store;
mod words;

use bookstore_runtime::config::{ConfigError, Environment};
use bookstore_runtime::db::{ConnectError, Db, Dialect};
use bookstore_runtime::drain::Drain;
use bookstore_runtime::process::{self, ProcessError};
use bookstore_runtime::server::Server;
use sqlx::migrate::Migrator;
use tokio::net::TcpListener;

pub use config::Config;
pub use shelf::{BOOKS, ShelfError};

use routes::App;
use stock::Stock;
use store::Store;

static SQLITE: Migrator = sqlx::migrate!("migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("migrations/postgres");

/// The port that is listened on unless `BOOKSTORE_LISTEN` names another.
pub const DEFAULT_PORT: u16 = 8081;

/// Why the service could not run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A setting cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The database cannot be opened.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The list of books cannot be read.
    #[error(transparent)]
    Shelf(#[from] ShelfError),
    /// The books cannot be put into the database.
    #[error("the books cannot be put into the database: {0}")]
    Load(#[from] sqlx::Error),
}

/// The tables of this service. The two databases differ in how they search text.
#[must_use]
pub fn migrations(dialect: Dialect) -> &'static Migrator {
    match dialect {
        Dialect::Sqlite => &SQLITE,
        Dialect::Postgres => &POSTGRES,
    }
}

/// The service as a process, with its settings from the environment, until it is told to end.
///
/// # Errors
/// [`ProcessError`] says what could not be done.
pub fn main() -> Result<(), ProcessError> {
    let version = env!("CARGO_PKG_VERSION");
    process::run("catalog", version, DEFAULT_PORT, |listener, shutdown| async {
        run(listener, Config::from_source(&Environment)?, shutdown).await
    })
}

/// Serves on `listener` until `shutdown` resolves, then drains.
///
/// # Errors
/// When a setting cannot be used, the database cannot be opened, or the books cannot be put into it.
pub async fn run(
    listener: TcpListener,
    config: Config,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), Error> {
    let stock = Stock::new(&config)?;
    let db = Db::connect_with(&config.database, migrations).await?;
    loading::load(&db, &shelf::books()?).await?;
    let drain = Drain::when(shutdown);
    let router = routes::router(App { store: Store::new(db.clone()), stock });
    let ready = db.clone();
    Server::http(router)
        .ready_when(move || {
            let db = ready.clone();
            async move { db.is_ready().await }
        })
        .serve(listener, drain)
        .await;
    db.close().await;
    Ok(())
}
