//! A text without what may be secret.

use squawk_lexer::TokenKind;

use super::Token;

/// What stands in the place of a literal (semantic conventions, "Sanitization of `db.query.text`").
const PLACEHOLDER: &str = "?";

/// What the server takes for white space. Others of Unicode, such as a no-break space, are letters to it.
const WHITESPACE: [char; 6] = [' ', '\t', '\n', '\r', '\u{b}', '\u{c}'];

/// The longest slot that is kept.
const LONGEST_SLOT: usize = 64;

/// The text without its comments, and without its literals unless it may keep them.
///
/// Of the pairs in a comment (sqlcommenter) the one that is kept is `slot`, by which a statement is found again in what a
/// service wrote of itself. Others hold what a program put there at run time: paths, users, traces.
pub(super) fn text(tokens: &[Token<'_>], keep_literals: bool) -> String {
    let mut clean = String::with_capacity(tokens.iter().map(|(_, text)| text.len()).sum());
    for (kind, text) in tokens {
        match kind {
            TokenKind::Literal { .. } if !keep_literals => clean.push_str(PLACEHOLDER),
            TokenKind::BlockComment { .. } | TokenKind::LineComment => {
                // It may be all that keeps two words apart.
                if !clean.is_empty() && !clean.ends_with(WHITESPACE) {
                    clean.push(' ');
                }
                if let Some(slot) = slot(text) {
                    clean.push_str("/*slot='");
                    clean.push_str(slot);
                    clean.push_str("'*/");
                }
            }
            _ => clean.push_str(text),
        }
    }
    clean.trim_matches(WHITESPACE).to_owned()
}

/// The slot in a comment: of letters, digits, dots and dashes, so that nothing else passes for one.
fn slot(comment: &str) -> Option<&str> {
    let pairs = comment.strip_prefix("/*")?.strip_suffix("*/")?;
    let mut values = pairs.split(',').filter_map(|pair| pair.trim().strip_prefix("slot='")?.strip_suffix('\''));
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    values.find(|slot| (1..=LONGEST_SLOT).contains(&slot.len()) && slot.bytes().all(is_part))
}
