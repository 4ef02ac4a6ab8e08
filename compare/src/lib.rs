//! Receives OTLP, keeps the last traces in bounded memory, and shows them: the embedded stand-in for a collector and
//! a trace viewer. It is not instrumented itself: it would show itself.
//!
//! # Layout, in the order in which a span passes
//!
//! * [`config`]: what can be set
//! * `server`: listens; every address serves everything
//! * `otlp`: OTLP over HTTP and gRPC: read, checked, made ready to be kept
//! * [`store`]: the last traces, log records and metrics, and the questions that can be asked
//! * [`ids`]: trace and span ids
//! * `api`: the answers as JSON
//! * `pages`: the answers as HTML

pub mod config;
pub mod ids;
pub mod store;

mod api;
mod otlp;
mod pages;
mod server;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use config::Intake;
pub use config::{Config, ConfigError};
use store::Store;

/// Why it did not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An address for OTLP cannot be listened on.
    #[error("cannot listen for OTLP on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
}

/// What every handler shares.
#[derive(Clone, Debug)]
pub(crate) struct App {
    store: Arc<Store>,
    intake: Intake,
    discard: bool,
    in_flight: Arc<Semaphore>,
    refused: Arc<otlp::gate::Refused>,
    storefront_origins: Arc<[String]>,
    /// Cancelled when it is time to end, so that nobody waits on.
    stop: CancellationToken,
}

/// Serves until `shutdown`: everything on `listener` (the pages' address), and everything on the addresses for OTLP
/// too. Each address takes OTLP, gRPC and HTTP.
///
/// # Errors
/// An address for OTLP that cannot be listened on.
pub async fn run(
    listener: TcpListener,
    config: Config,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), Error> {
    let mut listeners = vec![listener];
    for address in [config.otlp_grpc, config.otlp_http].into_iter().flatten() {
        let bound = TcpListener::bind(address).await.map_err(|source| Error::Listen { address, source })?;
        listeners.push(bound);
    }
    serve(listeners, config, shutdown).await;
    Ok(())
}

/// Serves everything on each of `listeners` until `shutdown`; the addresses in `config` are not looked at.
pub async fn serve(listeners: Vec<TcpListener>, config: Config, shutdown: impl Future<Output = ()> + Send + 'static) {
    let stop = CancellationToken::new();
    let app = App {
        store: Arc::new(Store::new(config.keep)),
        intake: config.intake,
        discard: config.discard,
        in_flight: Arc::new(Semaphore::new(config.intake.in_flight)),
        refused: Arc::default(),
        storefront_origins: config.storefront_origins.into(),
        stop: stop.clone(),
    };
    let serving = server::serve(listeners, router(app), config.intake, stop.clone());
    let stopping = async move {
        shutdown.await;
        stop.cancel();
    };
    tokio::join!(serving, stopping);
}

fn router(app: App) -> Router {
    let otlp = Router::new()
        .route("/v1/traces", post(otlp::http::export::<otlp::Traces>))
        .route("/v1/metrics", post(otlp::http::export::<otlp::Metrics>))
        .route("/v1/logs", post(otlp::http::export::<otlp::Logs>))
        .merge(otlp::grpc::routes())
        .route_layer(from_fn_with_state(app.clone(), otlp::gate::pass));
    Router::new()
        .merge(otlp)
        .merge(api::routes())
        .merge(pages::routes())
        .route("/livez", get(async || "ok"))
        .route("/readyz", get(async || "ok"))
        .fallback(pages::not_found)
        .with_state(app)
}
