//! SQL: a client span and a duration for each statement, and the state of connection pools.

mod pool;
mod summary;

use std::sync::Arc;
use std::time::Instant;

use opentelemetry::KeyValue;
use opentelemetry_semantic_conventions::attribute as name;
use tracing::Span;
use tracing::field::Empty;

pub use crate::database::{Database, ErrorInfo, PoolState, System};
pub use pool::{observe_pool, record_pool_wait};

use crate::live::{self, Live};
use crate::{CallAttributes, exchange, instruments};
use summary::Summary;

/// One statement under way. Dropping it unfinished means that it was cancelled; its span ends all the same.
#[derive(Debug)]
pub struct Statement {
    span: Span,
    timing: Option<Timing>,
}

/// What is there when telemetry is on.
#[derive(Debug)]
struct Timing {
    live: &'static Live,
    started: Instant,
    system: &'static str,
    namespace: String,
    address: Option<String>,
    port: Option<i64>,
    summary: Arc<Summary>,
}

impl Statement {
    /// Starts the span of a statement. The text must hold no values: those are bound, not written into it. `call` stands for
    /// the statement itself, and is recorded when that is asked for.
    pub fn start(database: &Database, sql: &str, call: Option<&CallAttributes>) -> Self {
        let Some(live) = live::get() else { return Self { span: Span::none(), timing: None } };
        let started = Instant::now();
        let summary = summary::of(sql);
        let system = database.system.name();
        let port = database.server_port.map(i64::from);
        let span_name = if summary.text.is_empty() { database.namespace.as_str() } else { &summary.text };
        let span = tracing::info_span!(
            "sql",
            otel.kind = "client",
            otel.name = span_name,
            otel.status_code = Empty,
            db.system.name = system,
            db.namespace = database.namespace,
            db.query.text = sql,
            db.query.summary = (!summary.text.is_empty()).then_some(&*summary.text),
            db.operation.name = summary.operation.as_deref(),
            db.collection.name = summary.collection.as_deref(),
            db.response.returned_rows = Empty,
            db.response.status_code = Empty,
            server.address = database.server_address.as_deref(),
            server.port = port,
            "error.type" = Empty,
            bookstore.cancelled = Empty,
            bookstore.request.id = Empty,
            bookstore.hop = Empty,
        );
        if live.record_calls {
            CallAttributes::record(call, &span);
        }
        let timing = Timing {
            live,
            started,
            system,
            namespace: database.namespace.clone(),
            address: database.server_address.clone(),
            port,
            summary,
        };
        Self { span, timing: Some(timing) }
    }

    /// The span, to run the statement in.
    pub fn span(&self) -> &Span {
        &self.span
    }

    /// Ends the span, with the number of rows returned or the error.
    pub fn finish(mut self, outcome: Result<u64, &ErrorInfo>) {
        let Some(timing) = self.timing.take() else { return };
        self.span.in_scope(|| match &outcome {
            Ok(rows) => {
                self.span.record(name::DB_RESPONSE_RETURNED_ROWS, i64::try_from(*rows).unwrap_or(i64::MAX));
            }
            Err(error) => {
                self.fail(error.kind);
                if let Some(code) = &error.code {
                    self.span.record(name::DB_RESPONSE_STATUS_CODE, code.as_str());
                }
            }
        });
        timing.record(outcome.err());
    }

    fn fail(&self, kind: &'static str) {
        self.span.record(name::ERROR_TYPE, kind);
        self.span.record("otel.status_code", "error");
    }
}

impl Drop for Statement {
    fn drop(&mut self) {
        let Some(timing) = self.timing.take() else { return };
        self.span.in_scope(|| {
            self.fail("cancelled");
            self.span.record(exchange::CANCELLED, true);
        });
        timing.record(Some(&ErrorInfo { kind: "cancelled", code: None }));
    }
}

impl Timing {
    fn record(self, error: Option<&ErrorInfo>) {
        let elapsed = self.started.elapsed();
        let summary = &self.summary;
        instruments::record(
            &self.live.instruments.database,
            elapsed,
            [
                Some(KeyValue::new(name::DB_SYSTEM_NAME, self.system)),
                Some(KeyValue::new(name::DB_NAMESPACE, self.namespace)),
                (!summary.text.is_empty()).then(|| KeyValue::new(name::DB_QUERY_SUMMARY, Arc::clone(&summary.text))),
                summary.operation.clone().map(|operation| KeyValue::new(name::DB_OPERATION_NAME, operation)),
                summary.collection.clone().map(|collection| KeyValue::new(name::DB_COLLECTION_NAME, collection)),
                self.address.map(|address| KeyValue::new(name::SERVER_ADDRESS, address)),
                self.port.map(|port| KeyValue::new(name::SERVER_PORT, port)),
                error.map(|error| KeyValue::new(name::ERROR_TYPE, error.kind)),
                error
                    .and_then(|error| error.code.clone())
                    .map(|code| KeyValue::new(name::DB_RESPONSE_STATUS_CODE, code)),
            ],
        );
    }
}
