//! Header blocks out of frames (RFC 9113, section 4.3).

use super::frame::{BLOCK_TOO_LONG, END_HEADERS, END_STREAM, Frame, Kind, MAX_BLOCK};
use crate::wire::{Invalid, Place};

/// The header block of a HEADERS or a PUSH_PROMISE frame and of the CONTINUATION frames after it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Block<'f, S> {
    pub(super) first: First<S>,
    /// In HPACK.
    pub(super) bytes: &'f [u8],
    /// After the last of its frames.
    pub(super) end: Place<S>,
}

/// What the first of its frames says.
#[derive(Clone, Copy, Debug)]
pub(super) struct First<S> {
    pub(super) stream: u32,
    pub(super) ends_stream: bool,
    /// It is of a request that the server makes up (PUSH_PROMISE): of no use but to HPACK.
    pub(super) is_promise: bool,
    pub(super) start: Place<S>,
}

/// One direction's header blocks.
#[derive(Debug)]
pub(super) struct Blocks<S> {
    /// The one that is not at its end.
    first: Option<First<S>>,
    bytes: Vec<u8>,
}

impl<S: Copy> Blocks<S> {
    pub(super) fn new() -> Self {
        Self { first: None, bytes: Vec::new() }
    }

    /// Takes the next frame, of whatever type: nothing may come between the frames of a block. The block, if this one
    /// ends it.
    pub(super) fn push<'f>(&'f mut self, frame: &Frame<'f, S>) -> Result<Option<Block<'f, S>>, Invalid> {
        let last = frame.header.has(END_HEADERS);
        match (frame.header.kind, self.first) {
            (Kind::Continuation, Some(first)) if first.stream == frame.header.stream => {
                self.append(frame)?;
                if !last {
                    return Ok(None);
                }
                self.first = None;
                Ok(Some(Block { first, bytes: &self.bytes, end: frame.end }))
            }
            (Kind::Continuation, _) | (_, Some(_)) => Err(Invalid("HTTP/2: a header block that is broken up")),
            (Kind::Headers | Kind::PushPromise, None) => {
                let is_promise = frame.header.kind == Kind::PushPromise;
                let first = First {
                    stream: frame.header.stream,
                    ends_stream: !is_promise && frame.header.has(END_STREAM),
                    is_promise,
                    start: frame.start,
                };
                if last {
                    return Ok(Some(Block { first, bytes: frame.fragment()?, end: frame.end }));
                }
                self.bytes.clear();
                self.append(frame)?;
                self.first = Some(first);
                Ok(None)
            }
            _ => Ok(None),
        }
    }

    fn append(&mut self, frame: &Frame<'_, S>) -> Result<(), Invalid> {
        let fragment = frame.fragment()?;
        if self.bytes.len() + fragment.len() > MAX_BLOCK {
            return Err(BLOCK_TOO_LONG);
        }
        self.bytes.extend_from_slice(fragment);
        Ok(())
    }
}
