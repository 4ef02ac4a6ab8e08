//! SQL: a client span and a duration for each statement, and the state of connection pools.

mod pool;
mod summary;
mod words;

use opentelemetry::trace::SpanKind;
use opentelemetry::{Context, KeyValue};
use opentelemetry_semantic_conventions::attribute as name;

pub use crate::database::{Database, ErrorInfo, PoolState, System};
pub use pool::{observe_pool, record_pool_wait};

use crate::CallAttributes;
use crate::exchange;
use crate::live::{self, Live};
use crate::spans::{self, Began};
use pool::Served;
use summary::Text;

/// One statement under way. Dropping it unfinished means that it was cancelled; its span ends all the same.
///
/// Nothing happens within a statement that others could see, so its span is made when it is over. Run it [`apart`], so
/// that a driver's thread does not take the caller's span along.
///
/// [`apart`]: crate::apart
#[derive(Debug)]
pub struct Statement {
    started: Option<Started>,
}

/// What is there when telemetry is on.
#[derive(Debug)]
struct Started {
    live: &'static Live,
    began: Began,
    database: &'static Served,
    text: Text,
    call: Option<CallAttributes>,
    /// In which it was started: when it is dropped half-way, another one is current.
    parent: Context,
}

impl Statement {
    /// Starts a statement. The text must hold no values: those are bound, not written into it. `call` stands for the
    /// statement itself, and is recorded when that is asked for.
    pub fn start(database: &Database, sql: &str, call: Option<&CallAttributes>) -> Self {
        let started = live::get().and_then(|live| {
            let database = pool::served(database)?;
            let call = call.filter(|_| live.record_calls).cloned();
            let parent = Context::current();
            Some(Started { live, began: Began::now(), database, text: summary::of(sql), call, parent })
        });
        Self { started }
    }

    /// Ends the span, with the number of rows returned or the error.
    pub fn finish(mut self, outcome: Result<u64, &ErrorInfo>) {
        if let Some(started) = self.started.take() {
            started.end(outcome, false);
        }
    }
}

impl Drop for Statement {
    fn drop(&mut self) {
        if let Some(started) = self.started.take() {
            started.end(Err(&ErrorInfo { kind: "cancelled", code: None }), true);
        }
    }
}

impl Started {
    fn end(self, outcome: Result<u64, &ErrorInfo>, cancelled: bool) {
        let elapsed = self.began.elapsed();
        let rows = outcome.ok().map(|rows| i64::try_from(rows).unwrap_or(i64::MAX));
        let error = outcome.err();
        let summary = self.text.summary();
        summary.series.record(
            &self.live.instruments.database,
            elapsed,
            |(database, known)| std::ptr::eq(*database, self.database) && known.as_ref() == error,
            || {
                let mut attributes = Vec::new();
                self.describe(error, &mut attributes);
                ((self.database, error.cloned()), attributes)
            },
        );

        let mut attributes = Vec::with_capacity(12);
        CallAttributes::push(self.call.as_ref(), &mut attributes);
        attributes.push(KeyValue::new(name::DB_QUERY_TEXT, self.text.sql()));
        self.describe(error, &mut attributes);
        attributes.extend(rows.map(|rows| KeyValue::new(name::DB_RESPONSE_RETURNED_ROWS, rows)));
        attributes.extend(cancelled.then(|| KeyValue::new(exchange::CANCELLED, true)));
        let name = if summary.text.is_empty() { self.database.namespace } else { summary.text };
        spans::record(
            &self.live.tracer,
            &self.parent,
            name,
            SpanKind::Client,
            self.began,
            elapsed,
            attributes,
            error.is_some(),
        );
    }

    /// Adds what both its span and its series say.
    fn describe(&self, error: Option<&ErrorInfo>, attributes: &mut Vec<KeyValue>) {
        let Served { database, namespace, address, .. } = self.database;
        let summary = self.text.summary();
        attributes.push(KeyValue::new(name::DB_SYSTEM_NAME, database.system.name()));
        attributes.push(KeyValue::new(name::DB_NAMESPACE, *namespace));
        if !summary.text.is_empty() {
            attributes.push(KeyValue::new(name::DB_QUERY_SUMMARY, summary.text));
        }
        attributes.extend(summary.operation.map(|operation| KeyValue::new(name::DB_OPERATION_NAME, operation)));
        attributes.extend(summary.collection.map(|collection| KeyValue::new(name::DB_COLLECTION_NAME, collection)));
        attributes.extend(address.map(|address| KeyValue::new(name::SERVER_ADDRESS, address)));
        attributes.extend(database.server_port.map(|port| KeyValue::new(name::SERVER_PORT, i64::from(port))));
        if let Some(ErrorInfo { kind, code }) = error {
            attributes.push(KeyValue::new(name::ERROR_TYPE, *kind));
            attributes.extend(code.clone().map(|code| KeyValue::new(name::DB_RESPONSE_STATUS_CODE, code)));
        }
    }
}
