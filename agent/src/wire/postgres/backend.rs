//! The server's messages.

use super::messages::{COMMAND_LIMIT, COUNTED, ERROR_LIMIT, LARGE, Rule, SMALL_ANSWER, rule};

pub(super) const AUTHENTICATION: u8 = b'R';
pub(super) const BACKEND_KEY_DATA: u8 = b'K';
pub(super) const BIND_COMPLETE: u8 = b'2';
pub(super) const CLOSE_COMPLETE: u8 = b'3';
pub(super) const COMMAND_COMPLETE: u8 = b'C';
pub(super) const COPY_BOTH_RESPONSE: u8 = b'W';
pub(super) const COPY_DATA: u8 = b'd';
pub(super) const COPY_DONE: u8 = b'c';
pub(super) const COPY_IN_RESPONSE: u8 = b'G';
pub(super) const COPY_OUT_RESPONSE: u8 = b'H';
pub(super) const DATA_ROW: u8 = b'D';
pub(super) const EMPTY_QUERY_RESPONSE: u8 = b'I';
pub(super) const ERROR_RESPONSE: u8 = b'E';
pub(super) const FUNCTION_CALL_RESPONSE: u8 = b'V';
pub(super) const NEGOTIATE_PROTOCOL_VERSION: u8 = b'v';
pub(super) const NOTICE_RESPONSE: u8 = b'N';
pub(super) const NOTIFICATION_RESPONSE: u8 = b'A';
pub(super) const NO_DATA: u8 = b'n';
pub(super) const PARAMETER_DESCRIPTION: u8 = b't';
pub(super) const PARAMETER_STATUS: u8 = b'S';
pub(super) const PARSE_COMPLETE: u8 = b'1';
pub(super) const PORTAL_SUSPENDED: u8 = b's';
pub(super) const READY_FOR_QUERY: u8 = b'Z';
pub(super) const ROW_DESCRIPTION: u8 = b'T';

/// None: there is no such message.
pub(super) const fn rule_of(tag: u8) -> Option<Rule> {
    Some(match tag {
        PARSE_COMPLETE | BIND_COMPLETE | CLOSE_COMPLETE | NO_DATA | EMPTY_QUERY_RESPONSE | PORTAL_SUSPENDED
        | COPY_DONE => rule(4, 4, 0),
        READY_FOR_QUERY => rule(5, 5, 0),
        COMMAND_COMPLETE => rule(5, SMALL_ANSWER, COMMAND_LIMIT),
        ERROR_RESPONSE => rule(5, LARGE, ERROR_LIMIT),
        DATA_ROW | ROW_DESCRIPTION => rule(6, LARGE, 0),
        PARAMETER_DESCRIPTION => rule(6, 6 + 4 * COUNTED, 0),
        COPY_DATA => rule(4, LARGE, 0),
        COPY_IN_RESPONSE | COPY_OUT_RESPONSE | COPY_BOTH_RESPONSE => rule(7, 7 + 2 * COUNTED, 0),
        NOTICE_RESPONSE => rule(5, LARGE, 0),
        NOTIFICATION_RESPONSE => rule(10, LARGE, 0),
        FUNCTION_CALL_RESPONSE => rule(8, LARGE, 0),
        PARAMETER_STATUS => rule(6, SMALL_ANSWER, 0),
        AUTHENTICATION => rule(8, SMALL_ANSWER, 0),
        BACKEND_KEY_DATA | NEGOTIATE_PROTOCOL_VERSION => rule(12, SMALL_ANSWER, 0),
        _ => return None,
    })
}

/// Messages that answer nothing, or nothing but the start-up, and may come between any two others (section
/// "Asynchronous Operations").
pub(super) const fn answers_nothing(tag: u8) -> bool {
    matches!(
        tag,
        NOTICE_RESPONSE
            | PARAMETER_STATUS
            | NOTIFICATION_RESPONSE
            | AUTHENTICATION
            | BACKEND_KEY_DATA
            | NEGOTIATE_PROTOCOL_VERSION
    )
}
