//! Manual instrumentation: the one crate that knows OpenTelemetry.
//!
//! Services write `#[tracing::instrument]` and `tracing::info!`, and record metrics through named instruments; the
//! layers here do the rest. Without the feature `otel` the same interface stands, the layers pass through, and only
//! the terminal log and [`Sensitive`] remain.

mod call;
mod noop;
mod sensitive;
mod settings;

pub use call::CallAttributes;
pub use noop::{Telemetry, enabled, grpc, http, init, init_from, metrics, sql, trace_id};
pub use sensitive::Sensitive;
pub use settings::{InitError, LogFormat, Settings};

/// The version of the OpenTelemetry semantic conventions that every name here is taken from.
pub const SEMCONV_VERSION: &str = "1.42.0";

/// The `schema_url` sent with resources and scopes.
pub const SCHEMA_URL: &str = "https://opentelemetry.io/schemas/1.42.0";

/// [`tokio::spawn`], inside the current span: what is spawned stays part of the request's trace.
pub fn spawn<F>(future: F) -> tokio::task::JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    use tracing::Instrument as _;
    tokio::spawn(future.in_current_span())
}
