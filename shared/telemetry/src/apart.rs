//! Libraries kept apart from the span of whoever calls them.
//!
//! A database driver and an HTTP/2 connection work on a thread or task of their own, and take the caller's `tracing` span
//! along to it: they enter it there, for each command, and may leave it after the caller has the answer and is done. That
//! costs more than the command's own span, and makes a span end later than it did. So while a future is [`apart`],
//! whoever asks for the current span is told that there is none. The OpenTelemetry context stays.

use std::cell::Cell;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Dispatch, Event, Metadata, Subscriber};
use tracing_core::span::Current;
use tracing_subscriber::filter::LevelFilter;

thread_local! {
    static APART: Cell<bool> = const { Cell::new(false) };
}

/// Runs a future of a library that must not take the current span along.
pub fn apart<F: Future>(future: F) -> Apart<F> {
    Apart { future }
}

pin_project! {
    /// What [`apart`] makes.
    #[derive(Debug)]
    pub struct Apart<F> {
        #[pin]
        future: F,
    }
}

impl<F: Future> Future for Apart<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let _apart = enter();
        self.project().future.poll(cx)
    }
}

/// [`apart`] until the guard is dropped.
pub(crate) fn enter() -> Guard {
    Guard { before: APART.replace(true) }
}

/// Ends what [`enter`] began.
#[derive(Debug)]
pub struct Guard {
    before: bool,
}

impl Drop for Guard {
    fn drop(&mut self) {
        APART.set(self.before);
    }
}

/// A subscriber that says nothing of the current span to what is apart, and else is the one within.
pub(crate) struct Discreet<S>(pub(crate) S);

impl<S: Subscriber> Subscriber for Discreet<S> {
    fn current_span(&self) -> Current {
        if APART.get() { Current::none() } else { self.0.current_span() }
    }

    fn on_register_dispatch(&self, subscriber: &Dispatch) {
        self.0.on_register_dispatch(subscriber);
    }

    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        self.0.register_callsite(metadata)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        self.0.max_level_hint()
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.0.enabled(metadata)
    }

    fn event_enabled(&self, event: &Event<'_>) -> bool {
        self.0.event_enabled(event)
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        self.0.new_span(attributes)
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        self.0.record(span, values);
    }

    fn record_follows_from(&self, span: &Id, follows: &Id) {
        self.0.record_follows_from(span, follows);
    }

    fn event(&self, event: &Event<'_>) {
        self.0.event(event);
    }

    fn enter(&self, span: &Id) {
        self.0.enter(span);
    }

    fn exit(&self, span: &Id) {
        self.0.exit(span);
    }

    fn clone_span(&self, span: &Id) -> Id {
        self.0.clone_span(span)
    }

    fn try_close(&self, span: Id) -> bool {
        self.0.try_close(span)
    }
}
