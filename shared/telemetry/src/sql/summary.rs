//! What a statement does and to which tables: the words that name its span.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

/// The words of one statement.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Summary {
    /// `db.query.summary`: operations and tables in their order, as in "INSERT orders SELECT basket".
    pub(super) text: Arc<str>,
    /// `db.operation.name`: the first operation.
    pub(super) operation: Option<Arc<str>>,
    /// `db.collection.name`: the table, when there is only one.
    pub(super) collection: Option<Arc<str>>,
}

/// Most characters of a summary, as the conventions have it.
const LONGEST: usize = 255;

/// A program has some dozens of statements. Were texts made at run time, the cache would stop to grow here.
const MOST: usize = 1_024;

/// The summary of a statement; read once for each text.
pub(super) fn of(sql: &str) -> Arc<Summary> {
    static KNOWN: LazyLock<RwLock<HashMap<Box<str>, Arc<Summary>>>> = LazyLock::new(RwLock::default);
    if let Some(summary) = KNOWN.read().unwrap_or_else(PoisonError::into_inner).get(sql) {
        return Arc::clone(summary);
    }
    let summary = Arc::new(read(sql));
    let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
    if known.len() < MOST {
        known.insert(sql.into(), Arc::clone(&summary));
    }
    summary
}

fn read(sql: &str) -> Summary {
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
        [only] => Some(Arc::from(only.as_str())),
        _ => None,
    };
    Summary { text: text.into(), operation: operation.map(Arc::from), collection }
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
