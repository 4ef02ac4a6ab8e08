//! Stock and reservations: the inventory service.
//!
//! Its contract is `bookstore/inventory/v1/inventory.proto`; its tables are in `migrations/`. For every book
//! on hand + reserved + sold is what its restocks add up to, whatever is called in whatever order, and whoever dies.
//!
//! Layout, in the order in which a request meets it:
//!
//! * [`Config`] holds the settings.
//! * `service`: the gRPC service; `wire`: its messages; `error`: what becomes of errors.
//! * `model`: what it is all about.
//! * `inventory`: what the operations share; `reservations`, `stock`, `expiry`, `refresh`: the operations and tasks.
//! * `rows`, `moves`, `sql`: the statements.
//! * `watched`: who is told of changes.
//! * `initial`: the copies that the shop opens with.
//! * `clock`, `metrics`.

pub mod config;

mod clock;
mod error;
mod expiry;
mod initial;
mod inventory;
mod metrics;
mod model;
mod moves;
mod refresh;
mod reservations;
mod rows;
mod service;
mod sql;
mod stock;
mod watched;
mod wire;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use bookstore_proto::inventory::inventory_server::{InventoryServer, SERVICE_NAME};
use bookstore_runtime::config::{ConfigError, Environment};
use bookstore_runtime::db::ConnectError;
use bookstore_runtime::process::{self, ProcessError};
use bookstore_runtime::server::Server;
use bookstore_runtime::{Call, Db, Drain};
use sqlx::migrate::Migrator;
use tokio::net::TcpListener;

pub use config::Config;
pub use initial::InitialCopies;

use crate::clock::Clock;
use crate::inventory::Inventory;
use crate::service::Service;
use crate::watched::Watched;

/// The tables of this service.
pub static MIGRATIONS: Migrator = sqlx::migrate!();

/// The port where nothing else is said.
pub const DEFAULT_PORT: u16 = 8082;

/// How long the first restocking of all books may take.
const INITIAL_STOCK_BUDGET: Duration = Duration::from_secs(60);
/// The largest message that is read, in bytes: 200 ids, or 50 lines, with room to spare.
const LARGEST_MESSAGE: usize = 16 * 1024;

/// Why the service could not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A setting cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The database cannot be opened.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The first copies cannot be restocked.
    #[error("the shop cannot be stocked: {0}")]
    InitialStock(sqlx::Error),
}

/// The service as this process: reads the environment, serves until SIGTERM or SIGINT.
///
/// # Errors
/// When the service could not start.
pub fn main() -> Result<(), ProcessError> {
    let version = env!("CARGO_PKG_VERSION");
    process::run("inventory", version, DEFAULT_PORT, |listener, shutdown| async {
        run(listener, Config::from_source(&Environment)?, shutdown).await
    })
}

/// Serves until `shutdown` resolves and the requests under way have ended.
///
/// # Errors
/// When the service could not start.
pub async fn run(
    listener: TcpListener,
    config: Config,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), Error> {
    let db = Db::connect(&config.database, &MIGRATIONS).await?;
    let clock = Clock::system();
    let call = Call::new_root(INITIAL_STOCK_BUDGET);
    let (books, copies) = (config.initial_books, config.initial_copies);
    initial::restock(&db, &call, books, copies, clock.now_ms()).await.map_err(Error::InitialStock)?;

    let watched = Arc::new(Watched::new(config.most_watchers));
    let inventory = Arc::new(Inventory::new(db.clone(), config.reservation_ttl, clock, Arc::clone(&watched)));
    let drain = Drain::when(shutdown);
    let ready = db.clone();
    let service = InventoryServer::new(Service::new(Arc::clone(&inventory))).max_decoding_message_size(LARGEST_MESSAGE);
    let server = Server::grpc(tonic::service::Routes::new(service), vec![SERVICE_NAME]).ready_when(move || {
        let db = ready.clone();
        async move { db.is_ready().await }
    });

    // A stream of WatchStock has no end of its own; and reservations expire while the last requests are served.
    let close = async {
        drain.begun().await;
        watched.close();
        std::future::pending().await
    };
    tokio::select! {
        () = server.serve(listener, drain.clone()) => {}
        () = close => {}
        () = inventory.keep_expiring() => {}
        () = inventory.keep_refreshing(config.refresh_interval) => {}
    }
    db.close().await;
    Ok(())
}
