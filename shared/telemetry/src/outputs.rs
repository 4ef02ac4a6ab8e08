//! Where `tracing` events and spans go: lines in the terminal, log records, the tracer.
//!
//! One layer for all three. As layers with a filter each, every span would ask each filter when it is made, and every
//! entering and leaving would look up which layers wanted it. Here a callsite is asked once: spans go to the tracer from
//! `info` up, and events to the terminal and the log by `RUST_LOG`, and to their span from `info` up.

use std::fmt;

use opentelemetry::trace::{Status, TraceContextExt as _};
use opentelemetry::{Context as Current, KeyValue};

use opentelemetry_sdk::trace::SdkTracer;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_opentelemetry::OpenTelemetryLayer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

use crate::terminal::Terminal;

/// The layer.
pub(crate) struct Outputs<S> {
    /// What of the events `RUST_LOG` asks for.
    pub(crate) targets: Targets,
    pub(crate) terminal: Terminal,
    pub(crate) records: Option<Box<dyn Layer<S> + Send + Sync>>,
    pub(crate) spans: Option<OpenTelemetryLayer<S, SdkTracer>>,
}

/// The least important level that is seen in traces.
const TRACED: Level = Level::INFO;

impl<S> Outputs<S> {
    fn logs(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event() && self.targets.would_enable(metadata.target(), metadata.level())
    }

    fn traces(&self, metadata: &Metadata<'_>) -> bool {
        self.spans.is_some() && *metadata.level() <= TRACED
    }
}

impl<S> Layer<S> for Outputs<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.logs(metadata) || self.traces(metadata) { Interest::always() } else { Interest::never() }
    }

    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        self.logs(metadata) || self.traces(metadata)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        let events = Layer::<S>::max_level_hint(&self.targets);
        let spans = LevelFilter::from_level(TRACED);
        // The greater is the more talkative.
        if self.spans.is_some() { events.map(|events| events.max(spans)) } else { events }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        if self.logs(event.metadata()) {
            self.terminal.on_event(event, context.clone());
            if let Some(records) = &self.records {
                records.on_event(event, context);
            }
        }
        if self.traces(event.metadata()) {
            add_to_span(event);
        }
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if let Some(spans) = &self.spans {
            spans.on_new_span(attributes, id, context);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(spans) = &self.spans {
            spans.on_record(id, values, context);
        }
    }

    fn on_follows_from(&self, id: &Id, follows: &Id, context: Context<'_, S>) {
        if let Some(spans) = &self.spans {
            spans.on_follows_from(id, follows, context);
        }
    }

    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        if let Some(spans) = &self.spans {
            spans.on_enter(id, context);
        }
    }

    fn on_exit(&self, id: &Id, context: Context<'_, S>) {
        if let Some(spans) = &self.spans {
            spans.on_exit(id, context);
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        if let Some(spans) = &self.spans {
            spans.on_close(id, context);
        }
    }
}

/// Makes a `tracing` event one of the span that is current, whoever made that. An error makes the span one, too.
fn add_to_span(event: &Event<'_>) {
    Current::map_current(|current| {
        if !current.has_active_span() {
            return;
        }
        let metadata = event.metadata();
        let mut fields = Fields {
            name: None,
            attributes: vec![
                KeyValue::new("level", metadata.level().as_str()),
                KeyValue::new("target", metadata.target()),
            ],
        };
        event.record(&mut fields);
        let span = current.span();
        if *metadata.level() == Level::ERROR {
            span.set_status(Status::error(""));
        }
        span.add_event(fields.name.unwrap_or_else(|| metadata.name().to_owned()), fields.attributes);
    });
}

/// An event's message, and its other fields as attributes.
struct Fields {
    name: Option<String>,
    attributes: Vec<KeyValue>,
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => self.name = Some(value.to_owned()),
            name => self.attributes.push(KeyValue::new(name, value.to_owned())),
        }
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.attributes.push(KeyValue::new(field.name(), value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.attributes.push(KeyValue::new(field.name(), value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        match i64::try_from(value) {
            Ok(value) => self.record_i64(field, value),
            Err(_) => self.record_debug(field, &value),
        }
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.attributes.push(KeyValue::new(field.name(), value));
    }
}
