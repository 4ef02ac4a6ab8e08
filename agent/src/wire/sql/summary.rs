//! What a statement does and to which tables: the words that name its span. By the rules of the services' own telemetry, so
//! that a statement has one name on both sides.

use squawk_lexer::TokenKind;

use super::Token;

/// Most bytes of a summary, as the conventions have it.
const LONGEST: usize = 255;

/// What a summary is made of, and what else the same words tell.
#[derive(Debug, Default)]
pub(super) struct Words {
    pub(super) text: String,
    pub(super) operation: Option<String>,
    pub(super) collection: Option<String>,
}

/// Goes through the words of a statement.
pub(super) fn read(tokens: &[Token<'_>]) -> Words {
    let words = words(tokens);
    let mut found = Found::default();
    for (at, word) in words.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|at| words.get(at)).map_or("", String::as_str);
        let after = words.get(at + 1..).unwrap_or_default();
        let first_after = after.first().map_or("", String::as_str);
        match word.to_ascii_uppercase().as_str() {
            // "FOR UPDATE", "DO UPDATE" and "ON UPDATE" belong to the statement before.
            "UPDATE" if is_one_of(before, &["FOR", "DO", "ON"]) => {}
            operation @ ("UPDATE" | "COPY") => {
                found.operation(operation);
                found.table(first_after);
            }
            // The word before a parenthesis after "AS" is the name of a common table expression.
            "AS" if first_after == "(" => found.named_here.push(before.to_owned()),
            operation if is_one_of(operation, &OPERATIONS) => found.operation(operation),
            place if is_one_of(place, &["FROM", "JOIN", "INTO", "TABLE"]) => {
                let mut names = after.iter().skip_while(|word| is_one_of(word, &BEFORE_TABLES));
                let name = names.next().map_or("", String::as_str);
                // A function in a table's place ("FROM unnest(…)") is not a table.
                let is_call = is_one_of(place, &["FROM", "JOIN"]) && names.next().is_some_and(|word| word == "(");
                if !is_call {
                    found.table(name);
                }
            }
            _ => {}
        }
    }
    found.words()
}

const OPERATIONS: [&str; 14] = [
    "SELECT",
    "INSERT",
    "DELETE",
    "BEGIN",
    "COMMIT",
    "ROLLBACK",
    "SAVEPOINT",
    "RELEASE",
    "PRAGMA",
    "CREATE",
    "ALTER",
    "DROP",
    "VACUUM",
    "ANALYZE",
];

/// What may stand before a table's name.
const BEFORE_TABLES: [&str; 5] = ["IF", "NOT", "EXISTS", "ONLY", "LATERAL"];

/// What may stand in the place of a table, and is none.
const NO_TABLES: [&str; 4] = ["SELECT", "STDIN", "STDOUT", "PROGRAM"];

#[derive(Debug, Default)]
struct Found {
    parts: Vec<String>,
    tables: Vec<String>,
    operation: Option<String>,
    named_here: Vec<String>,
}

impl Found {
    fn operation(&mut self, operation: &str) {
        self.operation.get_or_insert_with(|| operation.to_owned());
        self.parts.push(operation.to_owned());
    }

    fn table(&mut self, word: &str) {
        let table = word.trim_matches('"');
        let is_name = table.starts_with(|first: char| first.is_alphabetic() || first == '_');
        if is_name && !is_one_of(table, &NO_TABLES) && !self.named_here.iter().any(|name| name == word) {
            self.parts.push(table.to_owned());
            self.tables.push(table.to_owned());
        }
    }

    fn words(mut self) -> Words {
        let mut text = String::new();
        for part in self.parts {
            if text.len() + part.len() + 1 > LONGEST {
                break;
            }
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(&part);
        }
        self.tables.dedup();
        let collection = if self.tables.len() == 1 { self.tables.pop() } else { None };
        Words { text, operation: self.operation, collection }
    }
}

/// Words, and opening parentheses. A name with its schema (`public."Books"`) is one word; literals, comments and operators
/// are none.
fn words(tokens: &[Token<'_>]) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut within = false;
    for (kind, text) in tokens {
        let is_part = matches!(
            kind,
            TokenKind::Ident | TokenKind::QuotedIdent { .. } | TokenKind::Dot | TokenKind::PositionalParam { .. }
        );
        match words.last_mut() {
            Some(word) if is_part && within => word.push_str(text),
            _ if is_part || *kind == TokenKind::OpenParen => words.push((*text).to_owned()),
            _ => {}
        }
        within = is_part;
    }
    words
}

fn is_one_of(word: &str, list: &[&str]) -> bool {
    list.iter().any(|it| word.eq_ignore_ascii_case(it))
}
