//! Frames (RFC 9113, sections 4 and 6): their headers, and what may be in them.

use crate::wire::{Invalid, Place};

/// What a client says first (RFC 9113, section 3.4).
pub(super) const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The length of a frame's header.
pub(super) const HEADER: usize = 9;

/// The longest header block, in its frames together. It bounds what a connection makes us hold; by default, hyper takes
/// 16 KiB and nginx 32.
pub(super) const MAX_BLOCK: usize = 64 << 10;

/// The types of frames, in the order of their numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Data,
    Headers,
    Priority,
    RstStream,
    Settings,
    PushPromise,
    Ping,
    Goaway,
    WindowUpdate,
    Continuation,
    /// To be ignored (RFC 9113, section 4.1).
    Other,
}

impl Kind {
    fn of(number: u8) -> Self {
        match number {
            0 => Self::Data,
            1 => Self::Headers,
            2 => Self::Priority,
            3 => Self::RstStream,
            4 => Self::Settings,
            5 => Self::PushPromise,
            6 => Self::Ping,
            7 => Self::Goaway,
            8 => Self::WindowUpdate,
            9 => Self::Continuation,
            _ => Self::Other,
        }
    }
}

pub(super) const END_STREAM: u8 = 0x1;
pub(super) const ACK: u8 = 0x1;
pub(super) const END_HEADERS: u8 = 0x4;
pub(super) const PADDED: u8 = 0x8;
pub(super) const PRIORITY: u8 = 0x20;

/// The nine bytes that every frame begins with.
#[derive(Clone, Copy, Debug)]
pub(super) struct FrameHeader {
    /// Of the payload.
    pub(super) length: usize,
    pub(super) kind: Kind,
    pub(super) flags: u8,
    pub(super) stream: u32,
    /// The bit before the stream's number.
    reserved: bool,
}

impl FrameHeader {
    /// None: too few bytes.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let [l0, l1, l2, kind, flags, s0, s1, s2, s3, ..] = *bytes else { return None };
        let stream = u32::from_be_bytes([s0, s1, s2, s3]);
        Some(Self {
            length: u32::from_be_bytes([0, l0, l1, l2]) as usize,
            kind: Kind::of(kind),
            flags,
            stream: stream & LARGEST_STREAM,
            reserved: stream > LARGEST_STREAM,
        })
    }

    pub(super) fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// It carries a header block, or a part of one.
    fn has_block(&self) -> bool {
        matches!(self.kind, Kind::Headers | Kind::PushPromise | Kind::Continuation)
    }

    /// Refuses what is an error of the whole connection, so that nobody who speaks HTTP/2 sends it.
    pub(super) fn check(&self) -> Result<(), Invalid> {
        let on_stream = self.stream != 0;
        let right = match self.kind {
            Kind::Data | Kind::Headers | Kind::Priority | Kind::PushPromise | Kind::Continuation => on_stream,
            Kind::RstStream => on_stream && self.length == 4,
            Kind::Settings => !on_stream && self.length.is_multiple_of(6) && !(self.has(ACK) && self.length > 0),
            Kind::Ping => !on_stream && self.length == 8,
            Kind::Goaway => !on_stream && self.length >= 8,
            Kind::WindowUpdate => self.length == 4,
            Kind::Other => true,
        };
        if !right {
            return Err(Invalid("HTTP/2: not a frame"));
        }
        if self.has_block() && self.length > MAX_BLOCK { Err(BLOCK_TOO_LONG) } else { Ok(()) }
    }

    /// It is more than right: nothing that its sender must not do, or has no reason to do.
    fn is_plausible(&self) -> bool {
        let by_client = self.stream % 2 == 1;
        let flags = match self.kind {
            Kind::Data if by_client && (self.length > 0 || self.has(END_STREAM)) => END_STREAM | PADDED,
            Kind::Headers if by_client && self.length > 0 => END_STREAM | END_HEADERS | PADDED | PRIORITY,
            Kind::PushPromise if by_client && self.length > 4 => END_HEADERS | PADDED,
            Kind::Continuation if by_client => END_HEADERS,
            Kind::Settings | Kind::Ping => ACK,
            Kind::Priority if self.length == 5 => 0,
            Kind::RstStream | Kind::Goaway | Kind::WindowUpdate => 0,
            _ => return false,
        };
        !self.reserved && self.flags & !flags == 0 && self.check().is_ok()
    }

    /// How much of the payload's beginning must be seen; the rest is skipped.
    pub(super) fn needed(&self) -> usize {
        match self.kind {
            Kind::Headers | Kind::PushPromise | Kind::Continuation | Kind::RstStream => self.length,
            Kind::Goaway => self.length.min(8),
            Kind::Data if self.has(PADDED) => self.length.min(1),
            _ => 0,
        }
    }
}

/// Streams have numbers of 31 bits.
pub(super) const LARGEST_STREAM: u32 = u32::MAX >> 1;

pub(super) const BLOCK_TOO_LONG: Invalid = Invalid("HTTP/2: a header block that is too long");

const PADDING: Invalid = Invalid("HTTP/2: more padding than payload");

/// A frame, of which at least what is needed was seen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame<'f, S> {
    pub(super) header: FrameHeader,
    /// The first [`FrameHeader::needed`] bytes of the payload, or more.
    pub(super) payload: &'f [u8],
    pub(super) start: Place<S>,
    pub(super) end: Place<S>,
}

impl<'f, S> Frame<'f, S> {
    /// How much of a DATA frame is neither padding nor its length.
    pub(super) fn data_length(&self) -> Result<usize, Invalid> {
        if !self.header.has(PADDED) {
            return Ok(self.header.length);
        }
        let padding = self.payload.first().ok_or(PADDING)?;
        self.header.length.checked_sub(1 + usize::from(*padding)).ok_or(PADDING)
    }

    /// What a frame that carries a header block has of it (RFC 9113, sections 6.2, 6.6 and 6.10).
    pub(super) fn fragment(&self) -> Result<&'f [u8], Invalid> {
        let mut payload = self.payload;
        if self.header.kind == Kind::Continuation {
            return Ok(payload);
        }
        if self.header.has(PADDED) {
            let (padding, rest) = payload.split_first().ok_or(PADDING)?;
            let length = rest.len().checked_sub((*padding).into()).ok_or(PADDING)?;
            payload = rest.get(..length).ok_or(PADDING)?;
        }
        let before = match self.header.kind {
            // The stream that is promised.
            Kind::PushPromise => 4,
            // The stream that this one depends on, and its weight.
            _ if self.header.has(PRIORITY) => 5,
            _ => 0,
        };
        payload.get(before..).ok_or(Invalid("HTTP/2: a frame that is too short"))
    }

    /// A number of 32 bits in the payload.
    pub(super) fn number(&self, at: usize) -> Option<u32> {
        self.payload.get(at..)?.first_chunk().map(|bytes| u32::from_be_bytes(*bytes))
    }
}

/// Whether the first bytes of a client begin an HTTP/2 connection. None: they are too few to say.
#[must_use]
pub fn looks_like_preface(bytes: &[u8]) -> Option<bool> {
    match bytes.get(..PREFACE.len()) {
        Some(start) => Some(start == PREFACE),
        None if PREFACE.starts_with(bytes) => None,
        None => Some(false),
    }
}

/// Whether a piece may begin with a frame: for connections of which the beginning was not seen.
///
/// It needs one whole frame at least, and everything after it must be frames too. That is strict: nothing of this is
/// lost on a connection that is HTTP/2, for one of the next pieces will do.
#[must_use]
pub fn looks_like_frames(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    // The stream of the header block that is not at its end.
    let mut block = None;
    while let Some(header) = FrameHeader::parse(rest) {
        let continues = (header.kind == Kind::Continuation).then_some(header.stream);
        if continues != block || !header.is_plausible() {
            return false;
        }
        block = (header.has_block() && !header.has(END_HEADERS)).then_some(header.stream);
        let Some(after) = rest.get(HEADER + header.length..) else { break };
        rest = after;
    }
    // Something is behind us.
    rest.len() < bytes.len()
}
