//! Manual instrumentation: the one crate that names OpenTelemetry.
//!
//! Services write `#[tracing::instrument]` and `tracing::info!`, and record metrics through named instruments; the
//! layers here do the rest. Without the feature `otel` the same interface stands: the layers pass through, and only
//! the terminal log and [`Sensitive`] remain.
//!
//! Layout, in the order in which data flows:
//! * `settings`, `env`, `config`: what the service says, and what the `OTEL_*` names say
//! * `init`: one start and one end; `live`: what is on in this process
//! * `resource`, `providers`: who sends, and the SDK's three providers
//! * `http`, `grpc`, `sql`: spans and durations per protocol; `exchange`: a request and its answer as one span; `spans`,
//!   `series`: how those are made and recorded at little cost
//! * `outputs`: what becomes of the services' own spans and events; `apart`: libraries that leave those alone
//! * `propagation`: how context travels between processes; `call`: request id and hop on spans
//! * `metrics`, `instruments`, `runtime_metrics`, `self_metrics`: the shop's own, the conventional, tokio's, its own
//! * `accounting`: what became of each span and log record; `limits`: long values cut
//! * `encode`, `batches`, `wire`: spans as protobuf when they end, gathered, and sent over gRPC
//! * `export`, `background`: OTLP, on a thread of its own
//! * `terminal`: log lines; `sensitive`: secrets that cannot be printed
//! * `quiet`: work that leaves no trace
//! * `noop`: the interface without the feature

mod call;
mod database;
mod quiet;
mod sensitive;
mod settings;
mod terminal;

#[cfg(feature = "otel")]
mod accounting;
#[cfg(feature = "otel")]
mod apart;
#[cfg(feature = "otel")]
mod background;
#[cfg(feature = "otel")]
mod batches;
#[cfg(feature = "otel")]
mod config;
#[cfg(feature = "otel")]
mod encode;
#[cfg(feature = "otel")]
mod env;
#[cfg(feature = "otel")]
mod exchange;
#[cfg(feature = "otel")]
mod export;
#[cfg(feature = "otel")]
pub mod grpc;
#[cfg(feature = "otel")]
pub mod http;
#[cfg(feature = "otel")]
mod init;
#[cfg(feature = "otel")]
mod instruments;
#[cfg(feature = "otel")]
mod limits;
#[cfg(feature = "otel")]
mod live;
#[cfg(feature = "otel")]
pub mod metrics;
#[cfg(feature = "otel")]
mod outputs;
#[cfg(feature = "otel")]
mod propagation;
#[cfg(feature = "otel")]
mod providers;
#[cfg(feature = "otel")]
mod resource;
#[cfg(feature = "otel")]
mod runtime_metrics;
#[cfg(feature = "otel")]
mod self_metrics;
#[cfg(feature = "otel")]
mod series;
#[cfg(feature = "otel")]
mod spans;
#[cfg(feature = "otel")]
pub mod sql;
#[cfg(feature = "otel")]
mod wire;

#[cfg(not(feature = "otel"))]
mod noop;
#[cfg(not(feature = "otel"))]
pub use noop::{
    Telemetry, apart, baggage, enabled, grpc, http, init, init_from, metrics, records_calls, sql, trace_id,
};

#[cfg(feature = "otel")]
pub use apart::{Apart, apart};
#[cfg(feature = "otel")]
pub use init::{Telemetry, init, init_from};

pub use call::CallAttributes;
pub use quiet::quietly;
pub use sensitive::Sensitive;
pub use settings::{InitError, LogFormat, Settings};

/// The version of the OpenTelemetry semantic conventions that every name here is taken from.
pub const SEMCONV_VERSION: &str = "1.42.0";

/// The `schema_url` sent with resources and scopes.
pub const SCHEMA_URL: &str = "https://opentelemetry.io/schemas/1.42.0";

/// Who makes the telemetry, and by which conventions.
#[cfg(feature = "otel")]
fn scope() -> opentelemetry::InstrumentationScope {
    opentelemetry::InstrumentationScope::builder(env!("CARGO_PKG_NAME"))
        .with_version(env!("CARGO_PKG_VERSION"))
        .with_schema_url(SCHEMA_URL)
        .build()
}

/// Whether spans and metrics are made.
#[cfg(feature = "otel")]
pub fn enabled() -> bool {
    live::get().is_some()
}

/// Whether layers record [`CallAttributes`]: if not, nobody needs to make them.
#[cfg(feature = "otel")]
pub fn records_calls() -> bool {
    live::get().is_some_and(|live| live.record_calls)
}

/// The trace id of the current span: 32 hex digits. None when telemetry is off or the trace is not sampled.
#[cfg(feature = "otel")]
pub fn trace_id() -> Option<String> {
    propagation::current_trace_id()
}

/// A value of the baggage that came with the request.
#[cfg(feature = "otel")]
pub fn baggage(key: &str) -> Option<String> {
    propagation::current_baggage(key)
}

/// [`tokio::spawn`], inside the current span: what is spawned stays part of the request's trace.
pub fn spawn<F>(future: F) -> tokio::task::JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    use tracing::Instrument as _;
    let future = future.in_current_span();
    // A server's span is no `tracing` span.
    #[cfg(feature = "otel")]
    let future = opentelemetry::context::FutureExt::with_current_context(future);
    tokio::spawn(future)
}

#[cfg(all(test, feature = "otel"))]
mod tests {
    #[test]
    fn the_stated_version_is_that_of_the_names() {
        assert_eq!(super::SCHEMA_URL, opentelemetry_semantic_conventions::SCHEMA_URL);
        assert!(super::SCHEMA_URL.ends_with(super::SEMCONV_VERSION));
    }
}
