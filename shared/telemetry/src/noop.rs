//! The same interface without OpenTelemetry: layers pass through, instruments do nothing, the terminal log stays.

use tracing::Metadata;
use tracing::level_filters::LevelFilter;
use tracing::subscriber::Interest;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Context, Filter, SubscriberExt as _};

use crate::settings::{InitError, Settings};
use crate::terminal::{self, Terminal};

/// Sets the terminal log up.
///
/// # Errors
/// When a tracing subscriber is installed already.
pub fn init(settings: Settings) -> Result<Telemetry, InitError> {
    init_from(settings, |name| std::env::var(name).ok())
}

/// [`init`], with the environment handed in.
///
/// # Errors
/// When a tracing subscriber is installed already.
pub fn init_from(settings: Settings, env: impl Fn(&str) -> Option<String>) -> Result<Telemetry, InitError> {
    let (targets, warning) = terminal::targets(env("RUST_LOG"));
    let lines = Terminal::new(settings.log_format, settings.service_name, || None).with_filter(EventsOnly(targets));
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(lines))
        .map_err(|_| InitError::AlreadySetUp)?;
    if let Some(warning) = warning {
        tracing::warn!("{warning}");
    }
    if crate::sensitive::redaction_is_off() {
        tracing::warn!("BOOKSTORE_REDACTION=off: SECRETS ARE SHOWN in logs; for tests only");
    }
    Ok(Telemetry { _private: () })
}

/// Lets the events through that are asked for, and no span: log lines carry their own fields, and spans cost nothing
/// here.
#[derive(Clone, Debug)]
struct EventsOnly(Targets);

impl EventsOnly {
    fn wants(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event() && self.0.would_enable(metadata.target(), metadata.level())
    }
}

impl<S> Filter<S> for EventsOnly {
    fn enabled(&self, metadata: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        self.wants(metadata)
    }

    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.wants(metadata) { Interest::always() } else { Interest::never() }
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Filter::<S>::max_level_hint(&self.0)
    }
}

/// What [`init`] set up.
#[derive(Debug)]
pub struct Telemetry {
    _private: (),
}

impl Telemetry {
    /// Flushes what is left.
    #[expect(clippy::unused_async, reason = "the same interface as with the feature `otel`")]
    pub async fn shutdown(self) {}
}

/// The future as it is: there is no span that it could take along.
pub fn apart<F: Future>(future: F) -> F {
    future
}

/// Whether spans are made and exported.
pub fn enabled() -> bool {
    false
}

/// The trace id of the current span: 32 hex digits; none when telemetry is off or the trace is not sampled.
pub fn trace_id() -> Option<String> {
    None
}

/// Whether layers record the request id and hop.
pub fn records_calls() -> bool {
    false
}

/// A value of the baggage that came with the request.
pub fn baggage(_key: &str) -> Option<String> {
    None
}

/// HTTP.
pub mod http {
    use crate::CallAttributes;

    /// Server spans and metrics of an axum router.
    #[derive(Clone, Copy, Debug, Default)]
    pub struct ServerLayer {
        _private: (),
    }

    impl ServerLayer {
        /// The layer, for `router.layer(…)`.
        pub fn new() -> Self {
            Self::default()
        }
    }

    impl<S> tower_layer::Layer<S> for ServerLayer {
        type Service = S;

        fn layer(&self, inner: S) -> S {
            inner
        }
    }

    /// Sends a request in a client span with the context injected. `template` is the low-cardinality path.
    ///
    /// # Errors
    /// Those of [`reqwest::Client::execute`].
    pub async fn send(
        client: &reqwest::Client,
        request: reqwest::Request,
        _template: &'static str,
        _attributes: CallAttributes,
    ) -> Result<reqwest::Response, reqwest::Error> {
        client.execute(request).await
    }
}

/// gRPC.
pub mod grpc {
    /// Server spans and metrics of a tonic router.
    #[derive(Clone, Copy, Debug, Default)]
    pub struct ServerLayer {
        _private: (),
    }

    impl ServerLayer {
        /// The layer, for the router that serves gRPC.
        pub fn new() -> Self {
            Self::default()
        }
    }

    impl<S> tower_layer::Layer<S> for ServerLayer {
        type Service = S;

        fn layer(&self, inner: S) -> S {
            inner
        }
    }

    /// Client spans, context and metrics around a `tonic` channel.
    #[derive(Clone, Debug)]
    pub struct ClientLayer {
        _private: (),
    }

    impl ClientLayer {
        /// The layer for calls to the server at `target` (`server.address`, `server.port`).
        pub fn new(_target: &http::Uri) -> Self {
            Self { _private: () }
        }
    }

    impl<S> tower_layer::Layer<S> for ClientLayer {
        type Service = S;

        fn layer(&self, inner: S) -> S {
            inner
        }
    }
}

/// SQL.
pub mod sql {
    use crate::CallAttributes;
    pub use crate::database::{Database, ErrorInfo, PoolState, System};

    /// One statement under way. Dropping it unfinished means that it was cancelled.
    #[derive(Debug)]
    pub struct Statement {
        _private: (),
    }

    impl Statement {
        /// Starts the client span of a statement.
        pub fn start(_database: &Database, _sql: &str, _call: Option<&CallAttributes>) -> Self {
            Self { _private: () }
        }

        /// Ends the span, with the number of rows returned or the error.
        pub fn finish(self, _outcome: Result<u64, &ErrorInfo>) {}
    }

    /// Exports the state of a pool, read at every collection.
    pub fn observe_pool(_database: &Database, _read: impl Fn() -> PoolState + Send + Sync + 'static) {}

    /// Records how long a connection was waited for.
    pub fn record_pool_wait(_database: &Database, _wait: std::time::Duration) {}
}

/// Named instruments.
pub mod metrics {
    macro_rules! instrument {
        ($(#[$doc:meta])* $name:ident, $method:ident, $value:ty) => {
            $(#[$doc])*
            #[derive(Debug)]
            pub struct $name {
                _private: (),
            }

            impl $name {
                /// An instrument of this name, unit (UCUM) and help text.
                pub const fn new(_name: &'static str, _unit: &'static str, _help: &'static str) -> Self {
                    Self { _private: () }
                }

                /// Records a value.
                pub fn $method(&self, _value: $value, _attributes: &[(&'static str, &str)]) {}
            }
        };
    }

    instrument!(
        /// A sum that only grows.
        Counter, add, u64
    );
    instrument!(
        /// A distribution.
        Histogram, record, f64
    );
    instrument!(
        /// A sum that grows and shrinks.
        UpDownCounter, add, i64
    );
    instrument!(
        /// A value that is what it was last set to.
        Gauge, record, i64
    );

    impl Histogram {
        /// The same with bucket boundaries of its own.
        #[must_use]
        pub const fn with_boundaries(self, _boundaries: &'static [f64]) -> Self {
            self
        }
    }
}
