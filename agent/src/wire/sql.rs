//! What may be said of a statement: its text without what may be secret, what it does and to which tables.
//!
//! PostgreSQL's lexical rules (its manual, chapter "SQL Syntax", section "Lexical Structure") decide what is a literal and
//! what a comment. They are those of `squawk-lexer`: made after the server's own scanner, kept, without dependencies,
//! and it tells of each token whether it has its end. `sqlparser`, the other candidate, knows many dialects, is
//! nearly a hundred times as much code, and copies each token. What the lexer is not certain of ends what is taken of a text.

mod clean;
mod summary;
#[cfg(test)]
mod tests;

use squawk_lexer::{LiteralKind, TokenKind};

use crate::redaction;

/// What may be said of a statement.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Statement {
    /// `db.query.text`: without comments; without literals too, unless its values are apart from it. Empty if nothing is left.
    pub text: String,
    /// `db.query.summary`: operations and tables in their order, as in "INSERT orders SELECT basket". Empty if there are none.
    pub summary: String,
    /// `db.operation.name`: the first operation.
    pub operation: Option<String>,
    /// `db.collection.name`: the table, where there is only one.
    pub collection: Option<String>,
}

/// How a text came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// By the extended query protocol, which can hold values apart from the text.
    pub extended: bool,
    /// It is the begin of a longer one.
    pub cut: bool,
}

/// A token: its kind and its text.
type Token<'a> = (TokenKind, &'a str);

impl Statement {
    /// Reads a text. None where it cannot be told for certain what in it is a literal.
    ///
    /// The extended protocol alone does not keep literals: a text without a parameter may have been put together of values as
    /// well as any other.
    #[must_use]
    pub fn read(sql: &str, sent: Sent) -> Option<Self> {
        if redaction::is_off() {
            return Some(Self { text: sql.to_owned(), ..Self::default() });
        }
        let tokens = tokens(sql, sent.cut)?;
        let has_parameters = tokens.iter().any(|(kind, _)| matches!(kind, TokenKind::PositionalParam { .. }));
        let text = clean::text(&tokens, sent.extended && has_parameters);
        let summary::Words { text: summary, operation, collection } = summary::read(sql, &tokens);
        Some(Self { text, summary, operation, collection })
    }

    /// Bytes that it takes.
    #[must_use]
    pub fn size(&self) -> usize {
        let words = [&self.operation, &self.collection];
        let words: usize = words.into_iter().flatten().map(String::len).sum();
        size_of::<Self>() + self.text.len() + self.summary.len() + words
    }
}

/// About as many bytes of a text are one token, with the space after it.
const BYTES_OF_A_TOKEN: usize = 4;

/// The tokens of a text, as far as they are certain: to its end, or of one that was cut until that.
fn tokens(sql: &str, cut: bool) -> Option<Vec<Token<'_>>> {
    let mut tokens = Vec::with_capacity(sql.len() / BYTES_OF_A_TOKEN);
    let mut rest = sql;
    for token in squawk_lexer::tokenize(sql) {
        let (text, after) = rest.split_at_checked(usize::try_from(token.len).ok()?)?;
        if !is_certain(token.kind, text) {
            return cut.then_some(tokens);
        }
        tokens.push((token.kind, text));
        rest = after;
    }
    rest.is_empty().then_some(tokens)
}

/// Whether the server cannot see something else in it.
fn is_certain(kind: TokenKind, text: &str) -> bool {
    match kind {
        TokenKind::Literal { kind } => match kind {
            LiteralKind::Int { .. } | LiteralKind::Numeric { .. } => true,
            LiteralKind::EscStr { terminated } | LiteralKind::DollarQuotedString { terminated } => terminated,
            // Where `standard_conforming_strings` is off, and where a string goes on from an escape string in the line
            // before, a backslash makes a quote a part of it.
            LiteralKind::Str { terminated }
            | LiteralKind::NationalStr { terminated }
            | LiteralKind::ByteStr { terminated }
            | LiteralKind::BitStr { terminated }
            | LiteralKind::UnicodeEscStr { terminated } => terminated && !text.contains("\\'"),
        },
        TokenKind::QuotedIdent { terminated, .. } | TokenKind::BlockComment { terminated } => terminated,
        // Else it is the begin of a string in dollars that has no end.
        TokenKind::PositionalParam { .. } => text.len() > 1 && text.bytes().skip(1).all(|byte| byte.is_ascii_digit()),
        TokenKind::Unknown | TokenKind::Backtick | TokenKind::Eof => false,
        _ => true,
    }
}
