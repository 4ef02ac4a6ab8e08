//! The client's messages.

use super::messages::{LARGE, NAME_LIMIT, Rule, SMALL, TEXT_LIMIT, TOKEN, rule};

pub(super) const BIND: u8 = b'B';
pub(super) const CLOSE: u8 = b'C';
pub(super) const COPY_DATA: u8 = b'd';
pub(super) const COPY_DONE: u8 = b'c';
pub(super) const COPY_FAIL: u8 = b'f';
pub(super) const DESCRIBE: u8 = b'D';
pub(super) const EXECUTE: u8 = b'E';
pub(super) const FLUSH: u8 = b'H';
pub(super) const FUNCTION_CALL: u8 = b'F';
pub(super) const PARSE: u8 = b'P';
/// PasswordMessage, SASLInitialResponse, SASLResponse, GSSResponse.
pub(super) const PASSWORD: u8 = b'p';
pub(super) const QUERY: u8 = b'Q';
pub(super) const SYNC: u8 = b'S';
pub(super) const TERMINATE: u8 = b'X';

/// None: there is no such message.
pub(super) const fn rule_of(tag: u8) -> Option<Rule> {
    Some(match tag {
        PARSE => rule(8, LARGE, NAME_LIMIT + 1 + TEXT_LIMIT + 1),
        BIND => rule(12, LARGE, 2 * (NAME_LIMIT + 1)),
        DESCRIBE | CLOSE => rule(6, SMALL, 1 + NAME_LIMIT + 1),
        EXECUTE => rule(9, SMALL, NAME_LIMIT + 1),
        QUERY => rule(5, LARGE, TEXT_LIMIT + 1),
        SYNC | FLUSH | TERMINATE | COPY_DONE => rule(4, 4, 0),
        COPY_DATA => rule(4, LARGE, 0),
        COPY_FAIL => rule(5, SMALL, 0),
        FUNCTION_CALL => rule(14, LARGE, 0),
        PASSWORD => rule(4, TOKEN, 0),
        _ => return None,
    })
}
