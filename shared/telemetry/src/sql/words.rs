//! What a statement does and to which tables. Of text alone: the agent's tests hold its own names of statements against these.

/// Most characters of a summary, as the conventions have it.
pub(super) const LONGEST: usize = 255;

/// What [`read`] finds.
#[derive(Debug)]
pub(super) struct Words {
    pub(super) text: String,
    pub(super) operation: Option<String>,
    pub(super) collection: Option<String>,
}

pub(super) fn read(sql: &str) -> Words {
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
