//! Frames out of pieces.

use super::frame::{Frame, FrameHeader, HEADER};
use crate::wire::{Invalid, Piece, Place};

/// How far a piece is read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor<'p, S> {
    piece: Piece<'p, S>,
    /// Bytes behind it; some of them may be missing ones.
    at: usize,
}

impl<'p, S: Copy> Cursor<'p, S> {
    pub(super) fn new(piece: Piece<'p, S>) -> Self {
        Self { piece, at: 0 }
    }

    /// The bytes ahead that are there.
    pub(super) fn bytes(&self) -> &'p [u8] {
        self.piece.bytes.get(self.at..).unwrap_or_default()
    }

    /// How many are ahead with those that are missing.
    pub(super) fn left(&self) -> usize {
        self.piece.bytes.len().saturating_add(self.piece.missing).saturating_sub(self.at)
    }

    /// Skips so many bytes, or as many as there are.
    pub(super) fn skip(&mut self, length: usize) -> usize {
        let skipped = length.min(self.left());
        self.at += skipped;
        skipped
    }

    pub(super) fn place(&self) -> Place<S> {
        Place { stamp: self.piece.stamp, offset: self.at }
    }
}

/// One direction's frames.
///
/// A frame that lies in a piece as a whole is not copied. Of any other one, what is needed is collected and the rest is
/// counted.
#[derive(Debug)]
pub(super) struct Reader<S> {
    /// Where the frame in hand starts.
    start: Option<Place<S>>,
    /// Its header and what is needed of its payload: at most [`MAX_BLOCK`](super::frame::MAX_BLOCK).
    bytes: Vec<u8>,
    /// How many bytes after those were skipped.
    skipped: usize,
}

impl<S: Copy> Reader<S> {
    pub(super) fn new() -> Self {
        Self { start: None, bytes: Vec::new(), skipped: 0 }
    }

    /// The next frame, if the piece has its end. If not, all that the piece has is read, unless bytes are missing where
    /// they are needed: the cursor stands before these.
    pub(super) fn next<'f, 'p: 'f>(&'f mut self, cursor: &mut Cursor<'p, S>) -> Result<Option<Frame<'f, S>>, Invalid> {
        let start = match self.start {
            Some(start) => start,
            None => {
                if let Some(frame) = whole(cursor)? {
                    return Ok(Some(frame));
                }
                if cursor.bytes().is_empty() {
                    return Ok(None);
                }
                self.bytes.clear();
                self.skipped = 0;
                *self.start.insert(cursor.place())
            }
        };
        self.collect(cursor, HEADER);
        let Some(header) = FrameHeader::parse(&self.bytes) else { return Ok(None) };
        header.check()?;
        let needed = HEADER + header.needed();
        self.collect(cursor, needed);
        if self.bytes.len() < needed {
            return Ok(None);
        }
        let rest = header.length.saturating_sub(header.needed());
        self.skipped += cursor.skip(rest.saturating_sub(self.skipped));
        if self.skipped < rest {
            return Ok(None);
        }
        self.start = None;
        let payload = self.bytes.get(HEADER..).unwrap_or_default();
        Ok(Some(Frame { header, payload, start, end: cursor.place() }))
    }

    /// Collects until there are so many bytes, or as many as there are.
    fn collect(&mut self, cursor: &mut Cursor<'_, S>, length: usize) {
        let ahead = cursor.bytes();
        let wanted = length.saturating_sub(self.bytes.len());
        let bytes = ahead.get(..wanted).unwrap_or(ahead);
        self.bytes.extend_from_slice(bytes);
        cursor.skip(bytes.len());
    }
}

/// The next frame, if all of it is there.
fn whole<'p, S: Copy>(cursor: &mut Cursor<'p, S>) -> Result<Option<Frame<'p, S>>, Invalid> {
    let bytes = cursor.bytes();
    let Some(header) = FrameHeader::parse(bytes) else { return Ok(None) };
    header.check()?;
    let Some(payload) = bytes.get(HEADER..HEADER + header.length) else { return Ok(None) };
    let start = cursor.place();
    cursor.skip(HEADER + header.length);
    Ok(Some(Frame { header, payload, start, end: cursor.place() }))
}
