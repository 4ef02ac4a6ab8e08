//! One server for HTTP/1 and HTTP/2, for pages, JSON and gRPC alike.
//!
//! A request passes, from the outside in: connection limits (hyper) → [`call`](layers::call): what it carries, and the
//! request id on its answer → telemetry → [`admit`](layers::admit): load shedding, its deadline, and the request id in
//! its problem → the handler.
//! `/livez` and `/readyz` pass none of these but the first, so that they answer under load and leave no trace.

mod connections;
mod layers;
mod spin;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::middleware;
use axum::routing::get;
use tokio::net::TcpListener;
use tonic_health::ServingStatus;
use tonic_health::pb::health_server::HealthServer;
use tonic_health::server::{HealthReporter, HealthService};

use crate::call::Edge;
use crate::drain::Drain;
pub use spin::SPIN;

/// What a server lets through.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How many requests may be in their handlers at once; more are shed with 503 or `UNAVAILABLE`.
    pub in_flight: usize,
    /// How many connections may be open at once; more wait in the backlog.
    pub connections: usize,
    /// How long a handler may take, where the caller does not allow less.
    pub time: Duration,
    /// The largest request body over HTTP, in bytes.
    pub body_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { in_flight: 512, connections: 4_096, time: Duration::from_secs(10), body_bytes: 64 * 1024 }
    }
}

type Check = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = bool> + Send>> + Send + Sync>;

/// A server that is not listening yet.
pub struct Server {
    router: Router,
    protocol: Protocol,
    edge: Edge,
    limits: Limits,
    ready: Check,
}

enum Protocol {
    Http,
    /// With the full names of the services to report health for.
    Grpc(Vec<&'static str>),
}

impl Server {
    /// A server of pages and JSON.
    #[must_use]
    pub fn http(router: Router) -> Self {
        Self {
            router,
            protocol: Protocol::Http,
            edge: Edge::Internal,
            limits: Limits::default(),
            ready: Arc::new(|| Box::pin(async { true })),
        }
    }

    /// A server of gRPC. `services` are the full names to report health for.
    #[must_use]
    pub fn grpc(routes: tonic::service::Routes, services: Vec<&'static str>) -> Self {
        Self { protocol: Protocol::Grpc(services), ..Self::http(routes.prepare().into_axum_router()) }
    }

    /// Who may call. [`Edge::Internal`] unless said.
    #[must_use]
    pub fn edge(mut self, edge: Edge) -> Self {
        self.edge = edge;
        self
    }

    /// What it lets through.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// What `/readyz` asks. It is not ready once it drains, whatever this says.
    #[must_use]
    pub fn ready_when<F, Fut>(mut self, check: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = bool> + Send + 'static,
    {
        self.ready = Arc::new(move || Box::pin(check()));
        self
    }

    /// Serves until `drain` begins, then lets requests under way finish, for at most
    /// [`DRAIN_LIMIT`](crate::drain::DRAIN_LIMIT).
    pub async fn serve(self, listener: TcpListener, drain: Drain) {
        let admission = layers::Admission::new(self.limits);
        let arrival = layers::Arrival { edge: self.edge, limit: self.limits.time, spin: spin::planted(self.edge) };
        // The last layer is the outermost.
        let app = self
            .router
            .layer(DefaultBodyLimit::max(self.limits.body_bytes))
            .layer(middleware::from_fn_with_state(admission, layers::admit));
        let app = match self.protocol {
            Protocol::Http => app.layer(bookstore_telemetry::http::ServerLayer::new()),
            Protocol::Grpc(_) => app.layer(bookstore_telemetry::grpc::ServerLayer::new()),
        };
        let app = app.layer(middleware::from_fn_with_state(arrival, layers::call));
        // Routes that are added after a layer do not pass it.
        let app = with_health(app, &self.ready, &self.protocol, &drain);
        connections::serve(listener, app, drain, self.limits.connections).await;
    }
}

fn with_health(app: Router, ready: &Check, protocol: &Protocol, drain: &Drain) -> Router {
    let (ready, draining) = (Arc::clone(ready), drain.clone());
    let readyz = move || {
        let (ready, draining) = (Arc::clone(&ready), draining.clone());
        async move {
            if !draining.has_begun() && ready().await {
                (StatusCode::OK, "ready\n")
            } else {
                (StatusCode::SERVICE_UNAVAILABLE, "not ready\n")
            }
        }
    };
    let app = app.route("/livez", get(|| async { "ok\n" })).route("/readyz", get(readyz));
    match protocol {
        Protocol::Http => app,
        Protocol::Grpc(services) => app.route_service("/grpc.health.v1.Health/{method}", grpc_health(services, drain)),
    }
}

/// The gRPC health service (`grpc.health.v1`): serving until it drains.
fn grpc_health(services: &[&'static str], drain: &Drain) -> HealthServer<HealthService> {
    let reporter = HealthReporter::new();
    let service = HealthServer::new(HealthService::from_health_reporter(reporter.clone()));
    // The empty name is the server as a whole.
    let names: Vec<_> = services.iter().copied().chain([""]).collect();
    let drain = drain.clone();
    tokio::spawn(async move {
        for status in [ServingStatus::Serving, ServingStatus::NotServing] {
            for name in &names {
                reporter.set_service_status(*name, status).await;
            }
            drain.begun().await;
        }
    });
    service
}
