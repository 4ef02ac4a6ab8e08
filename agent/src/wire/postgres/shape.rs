//! Whether bytes are a chain of messages: how a reader finds its way into a connection whose start it did not see.

use super::super::Direction;
use super::messages::body_length;
use super::{backend, frontend};

/// A longer message is possible, and yet four random bytes are a likelier reason for such a length. Text is always above:
/// four of its characters make more than 2²⁷.
const PLAUSIBLE: u32 = 64 << 20;

/// Whether a piece looks like whole messages of that direction, of which the last may be cut.
///
/// Fields are looked at as far as the bytes go, so that hardly anything else is taken for messages. Those that are not
/// sent after authentication, and FunctionCall, which is obsolete, are refused: a reader can wait for the next piece.
#[must_use]
pub fn looks_like_messages(bytes: &[u8], direction: Direction) -> bool {
    let rule_of = match direction {
        Direction::ToServer => frontend::rule_of,
        Direction::ToClient => backend::rule_of,
    };
    let mut rest = bytes;
    let mut whole = false;
    while let Some(([tag, length @ ..], after)) = rest.split_first_chunk::<5>() {
        let length = u32::from_be_bytes(*length);
        if length > PLAUSIBLE || !rule_of(*tag).is_some_and(|rule| rule.allows(length)) {
            return false;
        }
        let left = body_length(length);
        let mut body = Body { bytes: after.get(..left).unwrap_or(after), left };
        let seen = !body.bytes.is_empty();
        let shape = match direction {
            Direction::ToServer => body.of_client(*tag),
            Direction::ToClient => body.of_server(*tag),
        };
        match shape {
            Ok(()) => {}
            // A head alone says too little, and so does the start of anything at all.
            Err(Stop::Cut) => return whole || (seen && *tag != frontend::COPY_DATA),
            Err(Stop::Wrong) => return false,
        }
        whole = true;
        rest = after.get(left..).unwrap_or_default();
    }
    // What is left is the start of a head.
    whole && rest.first().is_none_or(|tag| rule_of(*tag).is_some())
}

/// Why a body's fields cannot be read to their end.
enum Stop {
    /// The bytes end before.
    Cut,
    /// They are no such fields.
    Wrong,
}

/// What is left of a message's body.
struct Body<'a> {
    /// As far as it is there.
    bytes: &'a [u8],
    /// As the message's length has it.
    left: usize,
}

impl Body<'_> {
    /// Section "Message Formats", those with (F).
    fn of_client(&mut self, tag: u8) -> Result<(), Stop> {
        match tag {
            frontend::QUERY | frontend::COPY_FAIL => self.string()?,
            frontend::PARSE => {
                self.string()?;
                self.string()?;
                let types = self.count()?;
                self.skip(types.saturating_mul(4))?;
            }
            frontend::BIND => {
                self.string()?;
                self.string()?;
                self.formats()?;
                self.values()?;
                self.formats()?;
            }
            frontend::DESCRIBE | frontend::CLOSE => {
                self.one_of(b"SP")?;
                self.string()?;
            }
            frontend::EXECUTE => {
                self.string()?;
                self.skip(4)?;
            }
            frontend::COPY_DATA => self.skip(self.left)?,
            frontend::SYNC | frontend::FLUSH | frontend::TERMINATE | frontend::COPY_DONE => {}
            _ => return Err(Stop::Wrong),
        }
        self.end()
    }

    /// Section "Message Formats", those with (B).
    fn of_server(&mut self, tag: u8) -> Result<(), Stop> {
        match tag {
            backend::PARSE_COMPLETE
            | backend::BIND_COMPLETE
            | backend::CLOSE_COMPLETE
            | backend::NO_DATA
            | backend::EMPTY_QUERY_RESPONSE
            | backend::PORTAL_SUSPENDED
            | backend::COPY_DONE => {}
            backend::READY_FOR_QUERY => self.one_of(b"ITE")?,
            backend::COMMAND_COMPLETE => self.string()?,
            backend::PARAMETER_STATUS => {
                self.string()?;
                self.string()?;
            }
            backend::NOTIFICATION_RESPONSE => {
                self.skip(4)?;
                self.string()?;
                self.string()?;
            }
            backend::ERROR_RESPONSE | backend::NOTICE_RESPONSE => while self.error_field()? {},
            backend::DATA_ROW => self.values()?,
            backend::ROW_DESCRIPTION => {
                for _ in 0..self.count()? {
                    self.string()?;
                    self.skip(18)?;
                }
            }
            backend::PARAMETER_DESCRIPTION => {
                let types = self.count()?;
                self.skip(types.saturating_mul(4))?;
            }
            backend::COPY_IN_RESPONSE | backend::COPY_OUT_RESPONSE | backend::COPY_BOTH_RESPONSE => {
                self.one_of(&[0, 1])?;
                self.formats()?;
            }
            backend::FUNCTION_CALL_RESPONSE => self.value()?,
            backend::COPY_DATA => self.skip(self.left)?,
            _ => return Err(Stop::Wrong),
        }
        self.end()
    }

    /// A C string: UTF-8, as nearly every client asks for, and no control characters but those of a text.
    fn string(&mut self) -> Result<(), Stop> {
        let end = self.bytes.iter().position(|byte| *byte == 0);
        let string = end.map_or(Some(self.bytes), |end| self.bytes.get(..end)).ok_or(Stop::Wrong)?;
        if string.iter().any(|byte| byte.is_ascii_control() && !byte.is_ascii_whitespace()) {
            return Err(Stop::Wrong);
        }
        if let Err(error) = str::from_utf8(string)
            && (error.error_len().is_some() || end.is_some())
        {
            return Err(Stop::Wrong);
        }
        match end {
            Some(end) => self.skip(end.saturating_add(1)),
            None if self.left > self.bytes.len() => Err(Stop::Cut),
            None => Err(Stop::Wrong),
        }
    }

    fn skip(&mut self, count: usize) -> Result<(), Stop> {
        self.left = self.left.checked_sub(count).ok_or(Stop::Wrong)?;
        self.bytes = self.bytes.get(count..).ok_or(Stop::Cut)?;
        Ok(())
    }

    fn integer<const SIZE: usize>(&mut self) -> Result<[u8; SIZE], Stop> {
        let integer = self.bytes.first_chunk().copied();
        self.skip(SIZE)?;
        integer.ok_or(Stop::Cut)
    }

    fn one_of(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        let [byte] = self.integer()?;
        if bytes.contains(&byte) { Ok(()) } else { Err(Stop::Wrong) }
    }

    fn count(&mut self) -> Result<usize, Stop> {
        Ok(usize::from(u16::from_be_bytes(self.integer()?)))
    }

    /// Format codes: text is 0, binary is 1.
    fn formats(&mut self) -> Result<(), Stop> {
        for _ in 0..self.count()? {
            if u16::from_be_bytes(self.integer()?) > 1 {
                return Err(Stop::Wrong);
            }
        }
        Ok(())
    }

    fn values(&mut self) -> Result<(), Stop> {
        for _ in 0..self.count()? {
            self.value()?;
        }
        Ok(())
    }

    /// A length, which is −1 for null, and so many bytes.
    fn value(&mut self) -> Result<(), Stop> {
        match i32::from_be_bytes(self.integer()?) {
            -1 => Ok(()),
            length => self.skip(usize::try_from(length).map_err(|_| Stop::Wrong)?),
        }
    }

    /// False: the zero after the last field.
    fn error_field(&mut self) -> Result<bool, Stop> {
        let [kind] = self.integer()?;
        if kind == 0 {
            return Ok(false);
        }
        if !kind.is_ascii_alphabetic() {
            return Err(Stop::Wrong);
        }
        self.string()?;
        Ok(true)
    }

    fn end(&self) -> Result<(), Stop> {
        if self.left == 0 { Ok(()) } else { Err(Stop::Wrong) }
    }
}
