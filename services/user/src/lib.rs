//! The user service: accounts, sessions, profiles, over HTTP. `bookstore_proto::user` lists its calls.
//!
//! Layout, in the order in which a request meets it:
//!
//! * [`Config`]: the settings.
//! * `routes`: one handler a call.
//! * `fields`, `countries`: what callers send, checked.
//! * `accounts`: registering and logging in; `limit`: how often that may be tried.
//! * `passwords`: Argon2id, so many at once; `memory`: what it works in.
//! * `token`: session tokens.
//! * `store`: the SQL.
//! * `sweeper`: removes expired sessions.
//! * `error`: what the caller is told when something fails, and what only the log is.

mod accounts;
mod config;
mod countries;
mod error;
mod fields;
mod limit;
mod memory;
mod passwords;
mod routes;
mod store;
mod sweeper;
mod token;

use std::sync::Arc;

use bookstore_runtime::config::{ConfigError, Environment};
use bookstore_runtime::db::{ConnectError, Db};
use bookstore_runtime::drain::Drain;
use bookstore_runtime::process::{self, ProcessError};
use bookstore_runtime::server::Server;
use tokio::net::TcpListener;

pub use config::Config;
pub use passwords::Cost;

use accounts::Accounts;
use routes::App;

/// The tables of this service.
pub static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!();

/// The port that is listened on unless `BOOKSTORE_LISTEN` names another.
pub const DEFAULT_PORT: u16 = 8084;

/// Why the service could not run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A setting cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The database cannot be opened.
    #[error(transparent)]
    Database(#[from] ConnectError),
    /// Passwords cannot be hashed as the settings say.
    #[error("passwords cannot be hashed: {0}")]
    Passwords(String),
}

/// The service as a process, with its settings from the environment, until it is told to end.
///
/// # Errors
/// [`ProcessError`] says what could not be done.
pub fn main() -> Result<(), ProcessError> {
    let version = env!("CARGO_PKG_VERSION");
    process::run("user", version, DEFAULT_PORT, |listener, shutdown| async {
        run(listener, Config::from_source(&Environment)?, shutdown).await
    })
}

/// Serves on `listener` until `shutdown` resolves, then drains.
///
/// # Errors
/// When the database cannot be opened or the settings cannot be used.
pub async fn run(
    listener: TcpListener,
    config: Config,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), Error> {
    let db = Db::connect(&config.database, &MIGRATIONS).await?;
    let accounts = Accounts::new(db.clone(), &config).map_err(|error| Error::Passwords(error.to_string()))?;
    let drain = Drain::when(shutdown);
    let sweeper = tokio::spawn(sweeper::run(accounts.store.clone(), drain.clone()));
    let router = routes::router(App { accounts: Arc::new(accounts), trust_forwarded_for: config.trust_forwarded_for });
    let ready = db.clone();
    Server::http(router)
        .ready_when(move || {
            let db = ready.clone();
            async move { db.is_ready().await }
        })
        .serve(listener, drain)
        .await;
    // It ends by itself when the drain begins; a panic in it has been logged.
    let _ = sweeper.await;
    db.close().await;
    Ok(())
}
