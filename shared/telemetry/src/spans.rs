//! Spans of the protocol layers, made by the SDK's tracer.
//!
//! A request makes a few spans in its services' code and many in these layers. The former are `tracing` spans. The
//! latter would pass the subscriber with each attribute and each poll, and gain nothing: nobody else listens to them. So
//! they are the tracer's own, and a server's span becomes the parent of what happens within it by being the current
//! OpenTelemetry context.

use std::borrow::Cow;
use std::time::{Duration, Instant, SystemTime};

use opentelemetry::trace::{Span as _, SpanBuilder, SpanKind, Status, TraceContextExt as _, Tracer as _};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::SdkTracer;

use crate::quiet;

/// When something began: the time of day for the span, and a clock that nobody sets for how long it took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Began {
    at: SystemTime,
    since: Instant,
}

impl Began {
    /// It begins now.
    pub(crate) fn now() -> Self {
        Self { at: SystemTime::now(), since: Instant::now() }
    }

    /// How long ago that was.
    pub(crate) fn elapsed(&self) -> Duration {
        self.since.elapsed()
    }

    fn builder(&self, name: Cow<'static, str>, kind: SpanKind, attributes: Vec<KeyValue>) -> SpanBuilder {
        SpanBuilder::from_name(name).with_kind(kind).with_start_time(self.at).with_attributes(attributes)
    }
}

/// A span under way, in the context in which it is the current one. None in work that leaves no trace.
#[derive(Clone, Debug)]
pub(crate) struct Open(Option<Context>);

impl Open {
    /// Starts a span below the context `parent`.
    pub(crate) fn start(
        tracer: &SdkTracer,
        parent: &Context,
        name: impl Into<Cow<'static, str>>,
        kind: SpanKind,
        began: Began,
        attributes: Vec<KeyValue>,
    ) -> Self {
        if quiet::is_on() {
            return Self(None);
        }
        let span = tracer.build_with_context(began.builder(name.into(), kind, attributes), parent);
        Self(Some(parent.with_span(span)))
    }

    /// Its context.
    pub(crate) fn context(&self) -> Option<&Context> {
        self.0.as_ref()
    }

    /// Gives it another name.
    pub(crate) fn rename(&self, name: &'static str) {
        if let Some(context) = &self.0 {
            context.span().update_name(name);
        }
    }

    /// Ends it, after so long, with the attributes that are there.
    pub(crate) fn end<const N: usize>(
        &self,
        began: Began,
        elapsed: Duration,
        attributes: [Option<KeyValue>; N],
        failed: bool,
    ) {
        let Some(context) = &self.0 else { return };
        let span = context.span();
        span.set_attributes(attributes.into_iter().flatten());
        if failed {
            span.set_status(Status::error(""));
        }
        span.end_with_timestamp(began.at + elapsed);
    }
}

/// Makes a span below the context `parent` when it is over: one that nothing happened within.
#[expect(clippy::too_many_arguments, reason = "all of a span at once")]
pub(crate) fn record(
    tracer: &SdkTracer,
    parent: &Context,
    name: impl Into<Cow<'static, str>>,
    kind: SpanKind,
    began: Began,
    elapsed: Duration,
    attributes: Vec<KeyValue>,
    failed: bool,
) {
    if quiet::is_on() {
        return;
    }
    let builder = began.builder(name.into(), kind, attributes);
    let mut span = tracer.build_with_context(builder, parent);
    if failed {
        span.set_status(Status::error(""));
    }
    span.end_with_timestamp(began.at + elapsed);
}
