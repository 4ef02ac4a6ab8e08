//! Makes conversations.

use loona_hpack::Encoder;

use super::{Events, Http2};
use crate::wire::http2::frame::{END_HEADERS, END_STREAM, PREFACE};
use crate::wire::{Direction, Direction::ToClient, Direction::ToServer, Invalid, Piece};

pub(super) const DATA: u8 = 0;
pub(super) const HEADERS: u8 = 1;
pub(super) const PRIORITY: u8 = 2;
pub(super) const RST_STREAM: u8 = 3;
pub(super) const SETTINGS: u8 = 4;
pub(super) const PUSH_PROMISE: u8 = 5;
pub(super) const PING: u8 = 6;
pub(super) const GOAWAY: u8 = 7;
pub(super) const WINDOW_UPDATE: u8 = 8;
pub(super) const CONTINUATION: u8 = 9;

pub(super) type Fields<'a> = &'a [(&'a str, &'a str)];

pub(super) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// Pieces of one connection, each of them with what is missing after it.
pub(super) struct Talk {
    client: Encoder<'static>,
    server: Encoder<'static>,
    pub(super) pieces: Vec<(Direction, Vec<u8>, usize)>,
}

impl Talk {
    /// Nothing was said yet.
    pub(super) fn new() -> Self {
        Self { client: Encoder::new(), server: Encoder::new(), pieces: Vec::new() }
    }

    /// The first piece of each side was said.
    pub(super) fn started() -> Self {
        let mut talk = Self::new();
        talk.push(ToServer, [&PREFACE[..], &frame(SETTINGS, 0, 0, &[])].concat());
        talk.push(ToClient, frame(SETTINGS, 0, 0, &[0, 3, 0, 0, 0, 100]));
        talk
    }

    pub(super) fn push(&mut self, direction: Direction, bytes: Vec<u8>) -> &mut Self {
        self.pieces.push((direction, bytes, 0));
        self
    }

    pub(super) fn frame(
        &mut self,
        direction: Direction,
        kind: u8,
        flags: u8,
        stream: u32,
        payload: &[u8],
    ) -> &mut Self {
        self.push(direction, frame(kind, flags, stream, payload))
    }

    /// A header block, for a frame that is made by hand.
    pub(super) fn block(&mut self, direction: Direction, fields: Fields<'_>) -> Vec<u8> {
        let encoder = if direction == ToServer { &mut self.client } else { &mut self.server };
        encoder.encode(fields.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())))
    }

    pub(super) fn headers(&mut self, direction: Direction, stream: u32, ends: bool, fields: Fields<'_>) -> &mut Self {
        let block = self.block(direction, fields);
        self.frame(direction, HEADERS, END_HEADERS | if ends { END_STREAM } else { 0 }, stream, &block)
    }

    pub(super) fn data(&mut self, direction: Direction, stream: u32, ends: bool, length: usize) -> &mut Self {
        self.frame(direction, DATA, if ends { END_STREAM } else { 0 }, stream, &vec![b'x'; length])
    }

    pub(super) fn get(&mut self, stream: u32, target: &str) -> &mut Self {
        let fields = [(":method", "GET"), (":scheme", "http"), (":path", target), (":authority", "shop")];
        self.headers(ToServer, stream, true, &fields)
    }

    /// Joins the last pieces, which must be of one direction.
    pub(super) fn join(&mut self, count: usize) -> &mut Self {
        let first = self.pieces.len() - count;
        let joined = self.pieces.split_off(first);
        let bytes = joined.iter().flat_map(|(_, bytes, _)| bytes.clone()).collect();
        self.push(joined[0].0, bytes)
    }

    /// Of the last piece, only so many bytes are captured.
    pub(super) fn cut(&mut self, kept: usize) -> &mut Self {
        let (_, bytes, missing) = self.pieces.last_mut().unwrap();
        *missing = bytes.len() - kept;
        bytes.truncate(kept);
        self
    }
}

/// Parses: the events, and how it ended.
pub(super) fn run(parser: &mut Http2<usize>, talk: &Talk) -> (Events, Result<(), Invalid>) {
    let mut events = Events::new();
    for (stamp, (direction, bytes, missing)) in talk.pieces.iter().enumerate() {
        let read = parser.push(*direction, Piece { bytes, missing: *missing, stamp }, &mut events);
        if read.is_err() {
            return (events, read);
        }
    }
    (events, Ok(()))
}

/// The events of a connection that is seen from its start and has no errors.
pub(super) fn events(talk: &Talk) -> Events {
    let (events, read) = run(&mut Http2::new(true), talk);
    assert_eq!(read, Ok(()));
    events
}
