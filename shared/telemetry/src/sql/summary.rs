//! What a statement does and to which tables: the words that name its span.

use std::sync::LazyLock;

use opentelemetry::Value;

use super::ErrorInfo;
use super::pool::Served;
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

/// Most characters of a summary, as the conventions have it.
const LONGEST: usize = 255;

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
    let Words { text, operation, collection } = read(sql);
    let [operation, collection] = [operation, collection].map(|word| word.map(series::for_good));
    Summary { sql, text: series::for_good(text), operation, collection, series: Series::default() }
}

/// What [`read`] finds.
#[derive(Debug)]
struct Words {
    text: String,
    operation: Option<String>,
    collection: Option<String>,
}

fn read(sql: &str) -> Words {
    let words = words(sql);
    let mut parts: Vec<String> = Vec::new();
    let mut tables: Vec<String> = Vec::new();
    // Names of common table expressions are not tables.
    let mut named_here: Vec<&str> = Vec::new();
    let mut operation = None;
    let mut index = 0;
    while index < words.len() {
        let word = words[index];
        let upper = word.to_ascii_uppercase();
        let next = |offset: usize| words.get(index + offset).copied().unwrap_or_default();
        match upper.as_str() {
            "SELECT" | "INSERT" | "DELETE" | "BEGIN" | "COMMIT" | "ROLLBACK" | "SAVEPOINT" | "RELEASE" | "PRAGMA"
            | "CREATE" | "ALTER" | "DROP" | "VACUUM" | "ANALYZE" => {
                operation.get_or_insert_with(|| upper.clone());
                parts.push(upper.clone());
            }
            // Not "FOR UPDATE", "DO UPDATE" or "ON UPDATE": those belong to the statement before.
            "UPDATE"
                if index == 0 || !matches!(words[index - 1].to_ascii_uppercase().as_str(), "FOR" | "DO" | "ON") =>
            {
                operation.get_or_insert_with(|| upper.clone());
                parts.push(upper.clone());
                push_table(next(1), &named_here, &mut parts, &mut tables);
            }
            "FROM" | "JOIN" | "INTO" | "TABLE" => {
                let mut offset = 1;
                while matches!(next(offset).to_ascii_uppercase().as_str(), "IF" | "NOT" | "EXISTS" | "ONLY" | "LATERAL")
                {
                    offset += 1;
                }
                // A function in a table's place ("FROM unnest(…)") is not a table.
                if next(offset + 1) != "(" || upper != "FROM" && upper != "JOIN" {
                    push_table(next(offset), &named_here, &mut parts, &mut tables);
                }
            }
            "AS" if next(1) == "(" && index > 0 => named_here.push(words[index - 1]),
            _ => {}
        }
        index += 1;
    }
    let mut text = String::new();
    for part in parts {
        if text.len() + part.len() + 1 > LONGEST {
            break;
        }
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(&part);
    }
    tables.dedup();
    let collection = match &tables[..] {
        [only] => Some(only.clone()),
        _ => None,
    };
    Words { text, operation, collection }
}

fn push_table(word: &str, named_here: &[&str], parts: &mut Vec<String>, tables: &mut Vec<String>) {
    let table = word.trim_matches('"');
    let is_name = table.starts_with(|first: char| first.is_alphabetic() || first == '_');
    if is_name && !table.eq_ignore_ascii_case("SELECT") && !named_here.contains(&word) {
        parts.push(table.to_owned());
        tables.push(table.to_owned());
    }
}

/// Words, and opening parentheses. Text in quotes and comments is no word.
fn words(sql: &str) -> Vec<&str> {
    let is_word =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'"' | b'$') || !byte.is_ascii();
    let bytes = sql.as_bytes();
    let mut words = Vec::new();
    let mut at = 0;
    let skip = |from: usize, until: &str| sql[from..].find(until).map_or(sql.len(), |found| from + found + until.len());
    while let Some(&byte) = bytes.get(at) {
        if byte == b'\'' {
            at = skip(at + 1, "'");
        } else if bytes[at..].starts_with(b"--") {
            at = skip(at, "\n");
        } else if bytes[at..].starts_with(b"/*") {
            at = skip(at, "*/");
        } else if byte == b'(' {
            words.push(&sql[at..=at]);
            at += 1;
        } else if is_word(byte) {
            let end = bytes[at..].iter().position(|&byte| !is_word(byte)).map_or(sql.len(), |length| at + length);
            words.push(&sql[at..end]);
            at = end;
        } else {
            at += 1;
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

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
