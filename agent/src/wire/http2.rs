//! HTTP/2 (RFC 9113), and with it gRPC.
//!
//! ```text
//! piece ──► reader ──► frame ──► block ──► hpack ──► head ──► exchanges ──► Event
//! ```
//!
//! Both directions of a connection are read apart from each other; what joins them is the number of the stream. A
//! connection that is older than the agent is read too: from the first piece of each direction that begins with a
//! frame, without the streams that were open by then, and without the fields that HPACK refers to from before.

mod block;
mod exchanges;
mod frame;
mod head;
mod hpack;
mod reader;
#[cfg(test)]
mod tests;

use self::block::Blocks;
use self::exchanges::Exchanges;
use self::frame::PREFACE;
pub use self::frame::{looks_like_frames, looks_like_preface};
use self::head::Head;
use self::hpack::Decoder;
use self::reader::{Cursor, Reader};
use super::{Direction, Event, Invalid, Piece};

/// A parser of one connection.
///
/// Exchanges are the streams that the client opened and that were seen to open. An answer whose status is among what
/// HPACK refers to from before has the status 0.
#[derive(Debug)]
pub struct Http2<S> {
    to_server: Side<S>,
    to_client: Side<S>,
    exchanges: Exchanges,
    resynchronised: u64,
    invalid: Option<Invalid>,
}

/// One direction.
#[derive(Debug)]
struct Side<S> {
    step: Step,
    reader: Reader<S>,
    blocks: Blocks<S>,
    decoder: Decoder,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    /// The client's preface comes, of which so many bytes were seen.
    Preface(usize),
    /// Frames come, or the rest of one.
    Frames,
    /// Anything may come. A piece that begins with a frame ends this.
    Lost,
}

impl<S: Copy> Http2<S> {
    /// A connection whose first bytes will be seen, or one that had begun before.
    #[must_use]
    pub fn new(from_start: bool) -> Self {
        let (to_server, to_client) = if from_start {
            (Side::new(Step::Preface(0), Decoder::new()), Side::new(Step::Frames, Decoder::new()))
        } else {
            (Side::lost(), Side::lost())
        };
        Self { to_server, to_client, exchanges: Exchanges::new(), resynchronised: 0, invalid: None }
    }

    /// Takes the next piece of one direction, and appends what it tells.
    ///
    /// # Errors
    ///
    /// The bytes are not HTTP/2. Every later piece is refused too.
    pub fn push(
        &mut self,
        direction: Direction,
        piece: Piece<'_, S>,
        events: &mut Vec<Event<S>>,
    ) -> Result<(), Invalid> {
        if let Some(invalid) = self.invalid {
            return Err(invalid);
        }
        let read = self.read(direction, piece, events);
        self.invalid = read.err();
        read
    }

    /// How often bytes were missing that could not be done without. Each time, the exchanges that were open were given
    /// up, and the direction was read on from the next piece that began with a frame.
    #[must_use]
    pub fn resynchronised(&self) -> u64 {
        self.resynchronised
    }

    /// How many exchanges were given up, which will have no [`Event::End`]: because bytes were missing, or because too
    /// many were open.
    #[must_use]
    pub fn given_up(&self) -> u64 {
        self.exchanges.given_up()
    }

    fn read(&mut self, direction: Direction, piece: Piece<'_, S>, events: &mut Vec<Event<S>>) -> Result<(), Invalid> {
        let side = match direction {
            Direction::ToServer => &mut self.to_server,
            Direction::ToClient => &mut self.to_client,
        };
        let mut cursor = Cursor::new(piece);
        match side.step {
            Step::Preface(seen) => side.step = preface(seen, &mut cursor)?,
            Step::Frames => {}
            Step::Lost if looks_like_frames(piece.bytes) => side.step = Step::Frames,
            Step::Lost if cursor.left() == 0 => {}
            Step::Lost => {
                self.exchanges.missed(direction);
                return Ok(());
            }
        }
        if let Step::Frames = side.step {
            side.frames(direction, &mut cursor, &mut self.exchanges, events)?;
        }
        if cursor.left() > 0 {
            *side = Side::lost();
            self.exchanges.give_up(direction);
            self.resynchronised += 1;
        }
        Ok(())
    }
}

impl<S: Copy> Side<S> {
    fn new(step: Step, decoder: Decoder) -> Self {
        Self { step, reader: Reader::new(), blocks: Blocks::new(), decoder }
    }

    fn lost() -> Self {
        Self::new(Step::Lost, Decoder::late())
    }

    fn frames(
        &mut self,
        direction: Direction,
        cursor: &mut Cursor<'_, S>,
        exchanges: &mut Exchanges,
        events: &mut Vec<Event<S>>,
    ) -> Result<(), Invalid> {
        while let Some(frame) = self.reader.next(cursor)? {
            let Some(block) = self.blocks.push(&frame)? else {
                exchanges.frame(direction, &frame, events)?;
                continue;
            };
            if exchanges.wants(direction, &block) {
                let mut head = Head::default();
                self.decoder.decode(block.bytes, &mut |name, value| head.field(name, value))?;
                exchanges.head(direction, &block, head, events);
            } else {
                self.decoder.decode(block.bytes, &mut |_, _| {})?;
            }
        }
        Ok(())
    }
}

/// Reads on in the preface, of which so many bytes were seen.
fn preface<S: Copy>(seen: usize, cursor: &mut Cursor<'_, S>) -> Result<Step, Invalid> {
    let expected = PREFACE.get(seen..).unwrap_or_default();
    let length = expected.len().min(cursor.bytes().len());
    if cursor.bytes().get(..length) != expected.get(..length) {
        return Err(Invalid("HTTP/2: not the preface"));
    }
    let seen = seen + cursor.skip(length);
    Ok(if seen == PREFACE.len() { Step::Frames } else { Step::Preface(seen) })
}
