//! What is left of a statement.
#![no_main]

use bookstore_agent::wire::sql::{Sent, Statement};

/// The longest summary, by the conventions.
const LONGEST: usize = 255;

libfuzzer_sys::fuzz_target!(|file: &[u8]| {
    let Some((head, text)) = file.split_first() else { return };
    let sent = Sent { extended: head & 1 != 0, cut: head & 2 != 0 };
    let sql = String::from_utf8_lossy(text);
    let Some(statement) = Statement::read(&sql, sent) else {
        assert!(!sent.cut, "of a text that was cut there is at least its begin");
        return;
    };
    assert!(statement.summary.len() <= LONGEST);
    // What is clean stays so, and is certain.
    let again = Statement::read(&statement.text, Sent { cut: false, ..sent });
    let again = again.expect("what was left can be read");
    if sent.extended {
        // Its parameters may have been in a part that was cut off.
        return;
    }
    assert_eq!(again.text, statement.text);
    assert!(!has_literal(&statement.text), "{:?}", statement.text);
});

/// Whether a quote is left that is neither within a quoted identifier nor a slot's, by no lexer.
fn has_literal(text: &str) -> bool {
    let mut rest = text;
    while let Some(at) = rest.find(['\'', '"']) {
        let (before, after) = rest.split_at(at);
        let Some(after) = after.get(1..) else { return true };
        let close = if rest.as_bytes()[at] == b'"' {
            "\""
        } else if before.ends_with("/*slot=") {
            "'*/"
        } else {
            return true;
        };
        let Some((_, after)) = after.split_once(close) else { return true };
        rest = after;
    }
    false
}
