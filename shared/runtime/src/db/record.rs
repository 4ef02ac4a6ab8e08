//! One statement, as telemetry and the truth log have it.

use bookstore_telemetry::sql::Statement;
use sqlx::{AssertSqlSafe, SqlSafeStr as _, SqlStr};

use super::{Db, error_info};
use crate::Call;
use crate::truth::Operation;

/// A statement under way. Dropped unfinished it was cancelled.
#[derive(Debug)]
pub(super) struct Recorded {
    span: Statement,
    truth: Option<Operation>,
}

impl Recorded {
    /// A statement with this text, for this call.
    pub(super) fn start(db: &Db, call: &Call, sql: &str) -> Self {
        Self::of(db, sql, Operation::statement(call, sql))
    }

    /// The same for a statement that is the driver's own.
    pub(super) fn start_bare(db: &Db, call: &Call, sql: &str) -> Self {
        Self::of(db, sql, Operation::bare_statement(call, sql))
    }

    fn of(db: &Db, sql: &str, truth: Option<Operation>) -> Self {
        let attributes = truth.as_ref().map(|operation| operation.call().attributes());
        Self { span: Statement::start(&db.inner.database, sql, attributes.as_ref()), truth }
    }

    /// The text to send, where it is not the one that was given.
    pub(super) fn text(&self) -> Option<SqlStr> {
        // Safe: the statement's own text and a comment made here.
        self.truth.as_ref()?.text().map(|text| AssertSqlSafe(text).into_sql_str())
    }

    /// Ends it by how it came out.
    pub(super) fn finish<T>(self, outcome: &Result<T, sqlx::Error>, rows: impl FnOnce(&T) -> u64) {
        if let Some(truth) = self.truth {
            truth.end();
        }
        match outcome {
            Ok(value) => self.span.finish(Ok(rows(value))),
            Err(error) => self.span.finish(Err(&error_info(error))),
        }
    }
}
