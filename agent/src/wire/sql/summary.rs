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

/// Goes through the words of a statement: `tokens`, from the start of `sql`.
pub(super) fn read(sql: &str, tokens: &[Token<'_>]) -> Words {
    let words = words(sql, tokens);
    let mut found = Found::default();
    for (at, word) in words.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|at| words.get(at)).copied().unwrap_or_default();
        let after = words.get(at + 1..).unwrap_or_default();
        let first_after = after.first().copied().unwrap_or_default();
        match keyword(word) {
            // "FOR UPDATE", "DO UPDATE" and "ON UPDATE" belong to the statement before.
            "UPDATE" if is_one_of(before, &["FOR", "DO", "ON"]) => {}
            operation @ ("UPDATE" | "COPY") => {
                found.operation(operation);
                found.table(first_after);
            }
            // The word before a parenthesis after "AS" is the name of a common table expression.
            "AS" if first_after == "(" => found.named_here.push(before),
            place @ ("FROM" | "JOIN" | "INTO" | "TABLE") => {
                let mut names = after.iter().skip_while(|word| is_one_of(word, &BEFORE_TABLES));
                let name = names.next().copied().unwrap_or_default();
                // A function in a table's place ("FROM unnest(…)") is not a table.
                let is_call = matches!(place, "FROM" | "JOIN") && names.next().is_some_and(|word| *word == "(");
                if !is_call {
                    found.table(name);
                }
            }
            "AS" | "" => {}
            operation => found.operation(operation),
        }
    }
    found.words()
}

/// The words that a summary is made by: operations, and what stands before tables.
const KEYWORDS: [&str; 21] = [
    "SELECT",
    "INSERT",
    "UPDATE",
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
    "COPY",
    "AS",
    "FROM",
    "JOIN",
    "INTO",
    "TABLE",
];

/// Which of them a word is, in whatever case; empty for others.
fn keyword(word: &str) -> &'static str {
    KEYWORDS.into_iter().find(|it| word.eq_ignore_ascii_case(it)).unwrap_or_default()
}

/// What may stand before a table's name.
const BEFORE_TABLES: [&str; 5] = ["IF", "NOT", "EXISTS", "ONLY", "LATERAL"];

/// What may stand in the place of a table, and is none.
const NO_TABLES: [&str; 4] = ["SELECT", "STDIN", "STDOUT", "PROGRAM"];

#[derive(Debug, Default)]
struct Found<'a> {
    parts: Vec<&'a str>,
    tables: Vec<&'a str>,
    operation: Option<&'static str>,
    named_here: Vec<&'a str>,
}

impl<'a> Found<'a> {
    fn operation(&mut self, operation: &'static str) {
        self.operation.get_or_insert(operation);
        self.parts.push(operation);
    }

    fn table(&mut self, word: &'a str) {
        let table = word.trim_matches('"');
        let is_name = table.starts_with(|first: char| first.is_alphabetic() || first == '_');
        if is_name && !is_one_of(table, &NO_TABLES) && !self.named_here.contains(&word) {
            self.parts.push(table);
            self.tables.push(table);
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
            text.push_str(part);
        }
        self.tables.dedup();
        let collection = if let [table] = self.tables[..] { Some(table.to_owned()) } else { None };
        Words { text, operation: self.operation.map(str::to_owned), collection }
    }
}

/// Words, and opening parentheses. A name with its schema (`public."Books"`) is one word; literals, comments and operators
/// are none.
fn words<'a>(sql: &'a str, tokens: &[Token<'_>]) -> Vec<&'a str> {
    let mut words = Vec::new();
    // Where the word began that may go on.
    let mut began = None;
    let mut end = 0;
    for (kind, text) in tokens {
        let start = end;
        end += text.len();
        let is_part = matches!(
            kind,
            TokenKind::Ident | TokenKind::QuotedIdent { .. } | TokenKind::Dot | TokenKind::PositionalParam { .. }
        );
        if is_part {
            if began.is_some() {
                words.pop();
            }
            let from = *began.get_or_insert(start);
            words.extend(sql.get(from..end));
        } else {
            words.extend((*kind == TokenKind::OpenParen).then_some("("));
            began = None;
        }
    }
    words
}

fn is_one_of(word: &str, list: &[&str]) -> bool {
    list.iter().any(|it| word.eq_ignore_ascii_case(it))
}
