//! One start and one end: [`init`] and [`Telemetry::shutdown`].

use std::sync::Arc;
use std::time::Duration;

use opentelemetry::logs::LoggerProvider;
use opentelemetry::metrics::MeterProvider as _;
use opentelemetry::trace::{TraceContextExt as _, TracerProvider as _};
use opentelemetry::{Context, InstrumentationScope};
use opentelemetry_appender_tracing::layer::OpenTelemetryTracingBridge;
use opentelemetry_sdk::logs::{SdkLogger, SdkLoggerProvider};
use opentelemetry_sdk::trace::SdkTracer;
use tokio::sync::oneshot;
use tracing::Dispatch;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::{Layer as _, Registry};

use crate::apart::Discreet;
use crate::config::Config;
use crate::instruments::Instruments;
use crate::live::{self, Live};
use crate::outputs::Outputs;
use crate::propagation::Propagator;
use crate::providers::{Lost, Providers};
use crate::terminal::{self, Terminal};
use crate::{InitError, Settings, background, resource, runtime_metrics, self_metrics, sensitive};

/// How long shutdown waits for collectors that answer.
const FLUSH: Duration = Duration::from_secs(5);

/// How long it waits when all are known to be down.
const FLUSH_TO_NOBODY: Duration = Duration::from_secs(1);

/// Sets up logging, tracing and metrics of this process, by the environment's `OTEL_*` names and `RUST_LOG`. Called
/// once, inside the async runtime.
///
/// # Errors
/// When it was called before, or an exporter cannot be built. A variable's value that cannot be used is no error: it
/// is warned of, and the default holds.
pub fn init(settings: Settings) -> Result<Telemetry, InitError> {
    init_from(settings, |name| std::env::var(name).ok())
}

/// [`init`] with the environment handed in.
///
/// # Errors
/// As [`init`].
pub fn init_from(settings: Settings, env: impl Fn(&str) -> Option<String>) -> Result<Telemetry, InitError> {
    let (config, mut warnings) = Config::read(&env);
    let (targets, warning) = terminal::targets(env("RUST_LOG"));
    warnings.extend(warning);

    let service = resource::service_name(&settings, &config);
    let terminal = Terminal::new(settings.log_format, service, current_ids);
    let mut outputs = Outputs { targets, terminal, records: None, spans: None };

    let telemetry = if config.disabled {
        install(outputs)?;
        Telemetry { providers: None }
    } else {
        let providers = Providers::build(&config, &resource::of(&settings, &config))?;
        let tracer = providers.tracer.tracer_with_scope(crate::scope());
        let spans = tracing_opentelemetry::layer()
            .with_tracer(tracer.clone())
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_level(false)
            .with_tracked_inactivity(false);
        outputs.spans = Some(spans);
        outputs.records =
            providers.logger.as_ref().map(|logger| OpenTelemetryTracingBridge::new(&Scoped(logger.clone())).boxed());
        install(outputs)?;
        let live = live(&settings, &config, &providers, tracer);
        if !live::set(live) {
            return Err(InitError::AlreadySetUp);
        }
        Telemetry { providers: Some(Arc::new(providers)) }
    };
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    if sensitive::redaction_is_off() {
        tracing::warn!("BOOKSTORE_REDACTION=off: SECRETS ARE SHOWN in logs and traces; for tests only");
    }
    Ok(telemetry)
}

/// Listens to the whole process.
fn install(outputs: Outputs<Registry>) -> Result<(), InitError> {
    let subscriber = Discreet(tracing_subscriber::registry().with(outputs));
    let listener = Dispatch::new(subscriber);
    tracing::dispatcher::set_global_default(listener.clone()).map_err(|_| InitError::AlreadySetUp)?;
    background::let_speak(listener);
    Ok(())
}

fn live(settings: &Settings, config: &Config, providers: &Providers, tracer: SdkTracer) -> Live {
    let meter = match &providers.meter {
        Some(provider) => provider.meter_with_scope(crate::scope()),
        None => opentelemetry::metrics::noop::NoopMeterProvider::new().meter_with_scope(crate::scope()),
    };
    self_metrics::register(&meter, providers, config.traces.as_ref(), config.logs.as_ref());
    runtime_metrics::register(&meter);
    Live {
        tracer,
        propagator: Propagator::new(config),
        instruments: Instruments::new(&meter),
        meter,
        captured_headers: config.captured_headers.iter().filter_map(|name| name.parse().ok()).collect(),
        record_calls: settings.record_calls,
    }
}

/// A logger provider whose loggers have our scope: the bridge would give them its own, without a schema.
struct Scoped(SdkLoggerProvider);

impl LoggerProvider for Scoped {
    type Logger = SdkLogger;

    fn logger_with_scope(&self, _: InstrumentationScope) -> SdkLogger {
        self.0.logger_with_scope(crate::scope())
    }
}

fn current_ids() -> Option<(String, String)> {
    let context = Context::current();
    let span = context.span();
    let span = span.span_context();
    span.is_valid().then(|| (span.trace_id().to_string(), span.span_id().to_string()))
}

/// What [`init`] set up. Shut it down before the process ends: dropping it loses what was not yet sent.
#[derive(Debug)]
#[must_use = "shut it down before the process ends, or the last telemetry is lost"]
pub struct Telemetry {
    providers: Option<Arc<Providers>>,
}

impl Telemetry {
    /// Sends what is left of all three signals, within 5 seconds. Loses nothing when the collector answers; says what
    /// was lost otherwise.
    pub async fn shutdown(self) {
        let Some(providers) = self.providers else { return };
        live::unset();
        let nobody = providers.collectors.iter().all(|collector| collector.is_known_down());
        let patience = if nobody { FLUSH_TO_NOBODY } else { FLUSH };
        let (done, flushed) = oneshot::channel();
        let worker = Arc::clone(&providers);
        // A thread of its own: flushing blocks, and the runtime would wait for a blocking task of its own to end.
        let started = std::thread::Builder::new().name("telemetry-flush".to_owned()).spawn(move || {
            worker.shut_down(patience);
            // Nobody waits any more when it took too long.
            let _late = done.send(());
        });
        let in_time = match started {
            Ok(_) => tokio::time::timeout(patience, flushed).await.is_ok(),
            Err(_) => false,
        };
        let Lost { spans, log_records } = providers.lost();
        if spans + log_records > 0 {
            tracing::warn!(spans, log_records, in_time, "telemetry was dropped in this process's life");
        }
    }
}
