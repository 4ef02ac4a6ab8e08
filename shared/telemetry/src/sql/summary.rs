//! The words that name a statement's span, and what was recorded for it.

use std::sync::LazyLock;

use opentelemetry::Value;

use super::ErrorInfo;
use super::pool::Served;
use super::words::{self, Words};
use crate::series::{self, Known, Series};

/// The words of one statement, and what was recorded for it.
#[derive(Debug, Default)]
pub(super) struct Summary {
    /// The statement.
    sql: &'static str,
    /// `db.query.summary`: operations and tables in their order, as in "INSERT orders SELECT basket".
    pub(super) text: &'static str,
    /// `db.operation.name`: the first operation.
    pub(super) operation: Option<&'static str>,
    /// `db.collection.name`: the table, when there is only one.
    pub(super) collection: Option<&'static str>,
    /// Durations, by database and error.
    pub(super) series: Series<(&'static Served, Option<ErrorInfo>)>,
}

/// A statement's text, with its words.
#[derive(Debug)]
pub(super) enum Text {
    /// One of those that the program has.
    Known(&'static Summary),
    /// One beyond the number that is remembered, as if texts were made at run time: it has no words.
    Other(String),
}

impl Text {
    /// Its words.
    pub(super) fn summary(&self) -> &'static Summary {
        static NONE: LazyLock<Summary> = LazyLock::new(Summary::default);
        match self {
            Self::Known(summary) => summary,
            Self::Other(_) => &NONE,
        }
    }

    /// The statement.
    pub(super) fn sql(&self) -> Value {
        match self {
            Self::Known(summary) => summary.sql.into(),
            Self::Other(sql) => sql.clone().into(),
        }
    }
}

/// The words of a statement; read once for each text.
pub(super) fn of(sql: &str) -> Text {
    static KNOWN: LazyLock<Known<Summary>> = LazyLock::new(Known::default);
    KNOWN.get_or_make(sql, summary).map_or_else(|| Text::Other(sql.to_owned()), Text::Known)
}

fn summary(sql: &'static str) -> Summary {
    let Words { text, operation, collection } = words::read(sql);
    let [operation, collection] = [operation, collection].map(|word| word.map(series::for_good));
    Summary { sql, text: series::for_good(text), operation, collection, series: Series::default() }
}

#[cfg(test)]
mod tests {
    use crate::sql::words::{LONGEST, read};

    #[test]
    fn a_summary_names_operations_and_tables() {
        for (sql, text, collection) in [
            ("SELECT id FROM books WHERE id = $1", "SELECT books", Some("books")),
            ("select * from orders o join lines l on l.order_id = o.id", "SELECT orders lines", None),
            ("INSERT INTO users (id) VALUES ($1) ON CONFLICT DO UPDATE SET id = $1", "INSERT users", Some("users")),
            ("INSERT INTO a (x) SELECT x FROM b", "INSERT a SELECT b", None),
            ("UPDATE stock SET held = held + $1 WHERE id = $2", "UPDATE stock", Some("stock")),
            ("SELECT id FROM sagas FOR UPDATE SKIP LOCKED", "SELECT sagas", Some("sagas")),
            ("DELETE FROM sessions WHERE expires_at < $1", "DELETE sessions", Some("sessions")),
            ("WITH due AS (SELECT id FROM sagas) SELECT id FROM due", "SELECT sagas SELECT", Some("sagas")),
            ("SELECT 'FROM nowhere' FROM books -- FROM here\n", "SELECT books", Some("books")),
            ("BEGIN IMMEDIATE", "BEGIN", None),
            ("CREATE TABLE IF NOT EXISTS books (id BIGINT)", "CREATE books", Some("books")),
            ("", "", None),
        ] {
            let summary = read(sql);
            assert_eq!((&*summary.text, summary.collection.as_deref()), (text, collection), "{sql}");
        }
    }

    #[test]
    fn a_summary_is_bounded_and_nothing_panics() {
        let long = "SELECT x FROM a_rather_long_name_of_a_table_that_repeats ".repeat(50);
        assert!(read(&long).text.len() <= LONGEST);
        for odd in ["'", "--", "/*", "FROM", "UPDATE", "é FROM ü", "\"", "AS (", "''''"] {
            let _summary = read(odd);
        }
    }
}
