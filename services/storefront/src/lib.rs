//! The shop: pages, JSON API, baskets, orders, the checkout saga.
//!
//! Layout, in the order in which a request meets it:
//!
//! * [`config`]: settings; `secret`: the storefront's own key.
//! * [`web`]: the pages; `api`: the JSON API. Both know the [`Shop`] and nothing behind it. `caller`: who asks.
//! * [`shop`]: all that can be asked for; [`model`]: what it is about; `problems`: how it can fail.
//! * `checkout`: the saga that a purchase is.
//! * `store`: what the storefront keeps itself; `upstream`: the other services.
//! * `metrics`: what is counted.
//! * `shapes`: calls in all shapes of concurrency, served where tracers are scored.

pub mod api;
pub mod config;
pub mod model;
pub mod shop;
pub mod web;

mod caller;
mod checkout;
mod metrics;
mod problems;
mod secret;
mod shapes;
mod store;
mod upstream;

use std::time::Duration;

use bookstore_runtime::call::Edge;
use bookstore_runtime::config::{ConfigError, Environment};
use bookstore_runtime::db::{ConnectError, Dialect};
use bookstore_runtime::drain::DRAIN_LIMIT;
use bookstore_runtime::process::{self, ProcessError};
use bookstore_runtime::server::{Limits, Server};
use bookstore_runtime::{Db, Drain, truth};
use sqlx::migrate::Migrator;
use tokio::net::TcpListener;
use tokio::time::Instant;

pub use caller::Caller;
pub use config::Config;
pub use secret::{Secret, SecretError};
pub use shop::Shop;
pub use upstream::UrlError;

use crate::checkout::Checkout;
use crate::config::WebSettings;
use crate::store::Store;
use crate::upstream::Upstreams;

/// The tables of this service.
pub static MIGRATIONS: Migrator = sqlx::migrate!();

/// The port where nothing else is said.
pub const DEFAULT_PORT: u16 = 8080;

/// What sagas may take longer than the last requests, once the end has come.
const SAGAS_LONGER: Duration = Duration::from_secs(1);

/// Why the storefront could not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A setting cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The database cannot be opened.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The secret cannot be had.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The URL of a service cannot be used.
    #[error(transparent)]
    Url(#[from] UrlError),
}

/// The storefront as this process: reads the environment, serves until SIGTERM or SIGINT.
///
/// # Errors
/// When the service could not start.
pub fn main() -> Result<(), ProcessError> {
    let version = env!("CARGO_PKG_VERSION");
    process::run("storefront", version, DEFAULT_PORT, |listener, shutdown| async {
        run(listener, Config::from_source(&Environment)?, shutdown).await
    })
}

/// Serves until `shutdown` resolves, and the requests and purchases under way have ended.
///
/// # Errors
/// When the service could not start.
pub async fn run(
    listener: TcpListener,
    config: Config,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), Error> {
    let secret = Secret::load_or_make(&config.secret_file)?;
    let db = Db::connect(&config.database, &MIGRATIONS).await?;
    let drain = Drain::when(shutdown);
    let store = Store::new(db.clone());
    let upstreams = Upstreams::new(&config.services)?;
    let checkout = Checkout::new(store.clone(), upstreams.clone(), secret.clone(), config.saga, drain.clone());
    if db.dialect() == Dialect::Sqlite {
        // A file has one storefront, and that is now us.
        checkout.take_all_over().await;
    }

    let shop = Shop::new(store, upstreams.clone(), checkout.clone(), drain.clone());
    let settings = WebSettings { compare_url: config.compare_url, secure_cookies: config.secure_cookies, secret };
    let mut router = web::router(shop.clone(), settings).merge(api::router(shop));
    if truth::is_kept() {
        router = router.merge(shapes::router(upstreams));
    }
    let ready = db.clone();
    let server = Server::http(router)
        .edge(Edge::Public)
        .limits(Limits { time: config.request_limit, ..Limits::default() })
        .ready_when(move || {
            let db = ready.clone();
            async move { db.is_ready().await }
        });

    let end = async {
        drain.begun().await;
        Instant::now() + DRAIN_LIMIT + SAGAS_LONGER
    };
    let ((), end, (), ()) = tokio::join!(
        server.serve(listener, drain.clone()),
        end,
        checkout.keep_sweeping(),
        checkout.keep_removing_old_baskets(),
    );
    // A buyer may have hung up while the purchase goes on.
    if tokio::time::timeout_at(end, checkout.finished()).await.is_err() {
        tracing::warn!("purchases were still under way when the time was over; the next start goes on with them");
    }
    db.close().await;
    Ok(())
}
