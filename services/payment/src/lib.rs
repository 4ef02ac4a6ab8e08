//! The payment service: card payments against a simulated issuer, over gRPC. `payment.proto` is its specification.
//!
//! Layout, in the order in which a request meets it:
//!
//! * [`Config`]: the settings.
//! * `service`: the gRPC side: messages in, messages out, input checked.
//! * `card`, `month`: what can be a card, and what of it may be kept.
//! * `payments`: what can be done with payments; `payment`: what one is.
//! * `users`: asks the user service whom to bill.
//! * `issuer`: says yes or no; [`TEST_CARDS`] lists the numbers with a behaviour of their own.
//! * `store`: the SQL.
//! * `metrics`: what is counted.
//! * `error`: what the caller is told when something fails, and what only the log is.

mod card;
mod config;
mod error;
mod issuer;
mod metrics;
mod month;
mod payment;
mod payments;
mod service;
mod store;
mod users;

use bookstore_proto::payment::payments_server::{PaymentsServer, SERVICE_NAME};
use bookstore_runtime::config::{ConfigError, Environment};
use bookstore_runtime::db::{ConnectError, Db};
use bookstore_runtime::drain::Drain;
use bookstore_runtime::http_client::HttpError;
use bookstore_runtime::process::{self, ProcessError};
use bookstore_runtime::server::Server;
use tokio::net::TcpListener;

pub use card::Brand;
pub use config::Config;
pub use issuer::{Behaviour, SLOW, TEST_CARDS, TestCard};
pub use payment::DeclineReason;

use payments::Payments;
use service::Service;
use users::Users;

/// The tables of this service.
pub static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!();

/// The port that is listened on unless `BOOKSTORE_LISTEN` names another.
pub const DEFAULT_PORT: u16 = 8083;

/// The largest message that is read, in bytes: many times what a card and an amount need.
const LARGEST_MESSAGE: usize = 4 * 1024;

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
    /// The user service's URL is none.
    #[error("BOOKSTORE_USER_URL cannot be used: {0}")]
    UserUrl(HttpError),
}

/// The service as a process, with its settings from the environment, until it is told to end.
///
/// # Errors
/// [`ProcessError`] says what could not be done.
pub fn main() -> Result<(), ProcessError> {
    let version = env!("CARGO_PKG_VERSION");
    process::run("payment", version, DEFAULT_PORT, |listener, shutdown| async {
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
    let users = Users::new(&config.user_url).map_err(Error::UserUrl)?;
    let db = Db::connect(&config.database, &MIGRATIONS).await?;
    let service =
        PaymentsServer::new(Service::new(Payments::new(db.clone(), users))).max_decoding_message_size(LARGEST_MESSAGE);
    let ready = db.clone();
    Server::grpc(tonic::service::Routes::new(service), vec![SERVICE_NAME])
        .ready_when(move || {
            let db = ready.clone();
            async move { db.is_ready().await }
        })
        .serve(listener, Drain::when(shutdown))
        .await;
    db.close().await;
    Ok(())
}
