//! The conventional instruments, made once.

use opentelemetry::metrics::{Histogram, Meter};
use opentelemetry_semantic_conventions::metric;

/// Bucket boundaries in seconds that the conventions advise for HTTP and RPC.
const REQUEST: [f64; 14] = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

/// Those for databases.
const DATABASE: [f64; 9] = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0];

/// Durations, in seconds.
#[derive(Debug)]
pub(crate) struct Instruments {
    pub(crate) http_server: Histogram<f64>,
    pub(crate) http_client: Histogram<f64>,
    pub(crate) rpc_server: Histogram<f64>,
    pub(crate) rpc_client: Histogram<f64>,
    pub(crate) database: Histogram<f64>,
    pub(crate) pool_wait: Histogram<f64>,
}

impl Instruments {
    /// Makes them.
    pub(crate) fn new(meter: &Meter) -> Self {
        let seconds = |name: &'static str, help: &'static str, boundaries: &[f64]| {
            meter.f64_histogram(name).with_unit("s").with_description(help).with_boundaries(boundaries.to_vec()).build()
        };
        Self {
            http_server: seconds(metric::HTTP_SERVER_REQUEST_DURATION, "Duration of HTTP server requests.", &REQUEST),
            http_client: seconds(metric::HTTP_CLIENT_REQUEST_DURATION, "Duration of HTTP client requests.", &REQUEST),
            rpc_server: seconds(metric::RPC_SERVER_CALL_DURATION, "Duration of incoming calls.", &REQUEST),
            rpc_client: seconds(metric::RPC_CLIENT_CALL_DURATION, "Duration of outgoing calls.", &REQUEST),
            database: seconds(metric::DB_CLIENT_OPERATION_DURATION, "Duration of database operations.", &DATABASE),
            pool_wait: seconds(
                metric::DB_CLIENT_CONNECTION_WAIT_TIME,
                "Time waited for a connection of the pool.",
                &DATABASE,
            ),
        }
    }
}
