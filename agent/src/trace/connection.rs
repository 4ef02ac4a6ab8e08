//! A connection of a process: which protocol is spoken on it, who is the client, and what was said.

use std::net::SocketAddr;

use crate::event::Data;
use crate::wire::http1::{self, Http1};
use crate::wire::http2::{self, Http2};
use crate::wire::postgres::{self, Postgres};
use crate::wire::{Direction, Event, Piece, Place};

use super::Side;

/// Pieces that may pass before a protocol is recognised; after them nobody looks any more.
const PATIENCE: usize = 16;

/// Bytes of a direction that are looked at to recognise a protocol.
const LOOKED_AT: usize = 1_024;

/// The syscall that moved a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) time: u64,
    pub(crate) task: u64,
    pub(crate) thread: u32,
    /// TCP's sequence number of the piece's first byte.
    pub(crate) sequence: u32,
}

/// What is spoken.
pub(crate) enum Protocol {
    /// Not known yet.
    Unknown(Box<Unknown>),
    Http1(Http1<Stamp>),
    Http2(Http2<Stamp>),
    Postgres(Postgres<Stamp>),
    /// Nothing that is understood, or nothing more.
    Opaque,
}

/// What came before it was known what is spoken.
#[derive(Default)]
pub(crate) struct Unknown {
    pieces: Vec<Early>,
    /// The first bytes that were read, and that were written: servers read the first few apart, to find out themselves.
    read: Vec<u8>,
    written: Vec<u8>,
}

struct Early {
    reads: bool,
    bytes: Box<[u8]>,
    missing: usize,
    stamp: Stamp,
}

/// A connection.
pub(crate) struct Connection {
    pub(crate) local: SocketAddr,
    pub(crate) remote: SocketAddr,
    pub(crate) protocol: Protocol,
    /// Whether this process is the server; known with the protocol.
    pub(crate) side: Side,
    /// TCP's number of the byte that comes next, of those that are written and of those that are read.
    next: [Option<u32>; 2],
}

impl Connection {
    pub(crate) fn new(data: &Data) -> Self {
        Self {
            local: data.local,
            remote: data.remote,
            protocol: Protocol::Unknown(Box::default()),
            side: Side::Client,
            next: [None; 2],
        }
    }

    /// Whether bytes went by unseen before a piece: their event was lost, or they were moved by something that is not seen.
    pub(crate) fn has_gap(&self, data: &Data, reads: bool) -> bool {
        data.moved > 0 && self.next[usize::from(reads)].is_some_and(|next| next != data.sequence)
    }

    /// How many they were.
    fn gap(&mut self, data: &Data, reads: bool) -> usize {
        let next = &mut self.next[usize::from(reads)];
        let gap = next.map_or(0, |next| data.sequence.wrapping_sub(next));
        *next = u32::try_from(data.moved).ok().map(|moved| data.sequence.wrapping_add(moved));
        gap.try_into().unwrap_or(usize::MAX)
    }

    /// What the piece completes. Gives false where nobody need look at this connection again.
    pub(crate) fn push(&mut self, data: &Data, reads: bool, stamp: Stamp, events: &mut Vec<Event<Stamp>>) -> bool {
        let missing = data.moved.saturating_sub(data.bytes.len());
        if data.moved == 0 {
            return !matches!(self.protocol, Protocol::Opaque);
        }
        let gap = self.gap(data, reads);
        let Protocol::Unknown(unknown) = &mut self.protocol else {
            return (gap == 0 || self.parse(&[], gap, reads, stamp, events))
                && self.parse(&data.bytes, missing, reads, stamp, events);
        };
        if gap > 0 {
            unknown.pieces.push(Early { reads, bytes: Box::default(), missing: gap, stamp });
        }
        // A copy of its own: this may wait for long, and the event's lie among those of others.
        unknown.pieces.push(Early { reads, bytes: data.bytes[..].into(), missing, stamp });
        let begun = if reads { &mut unknown.read } else { &mut unknown.written };
        let room = LOOKED_AT.saturating_sub(begun.len());
        begun.extend_from_slice(data.bytes.get(..room).unwrap_or(&data.bytes));
        let Some((protocol, direction)) = recognise(begun).or_else(|| recognise(&data.bytes)) else {
            if unknown.pieces.len() >= PATIENCE {
                self.protocol = Protocol::Opaque;
            }
            return !matches!(self.protocol, Protocol::Opaque);
        };
        let early = std::mem::take(&mut unknown.pieces);
        self.protocol = protocol;
        self.side = if reads == (direction == Direction::ToServer) { Side::Server } else { Side::Client };
        early.into_iter().all(|it| self.parse(&it.bytes, it.missing, it.reads, it.stamp, events))
    }

    fn parse(
        &mut self,
        bytes: &[u8],
        missing: usize,
        reads: bool,
        stamp: Stamp,
        events: &mut Vec<Event<Stamp>>,
    ) -> bool {
        let to_server = reads == (self.side == Side::Server);
        let direction = if to_server { Direction::ToServer } else { Direction::ToClient };
        let piece = Piece { bytes, missing, stamp };
        let understood = match &mut self.protocol {
            Protocol::Http1(parser) => parser.push(direction, piece, events),
            Protocol::Http2(parser) => parser.push(direction, piece, events),
            Protocol::Postgres(parser) => parser.push(direction, piece, events),
            Protocol::Unknown(_) | Protocol::Opaque => return false,
        };
        if understood.is_err() {
            self.protocol = Protocol::Opaque;
        }
        understood.is_ok()
    }

    /// The connection is closed: what lasts until then ends.
    pub(crate) fn close(&mut self, stamp: Stamp, events: &mut Vec<Event<Stamp>>) {
        if let Protocol::Http1(parser) = &mut self.protocol {
            parser.closed(Place { stamp, offset: 0 }, events);
        }
    }

    /// How often a parser lost its place, and found it again.
    pub(crate) fn resynchronised(&self) -> u64 {
        match &self.protocol {
            Protocol::Http1(parser) => parser.resynchronised(),
            Protocol::Http2(parser) => parser.resynchronised(),
            Protocol::Postgres(parser) => parser.resynchronised(),
            Protocol::Unknown(_) | Protocol::Opaque => 0,
        }
    }
}

/// The protocol of a piece by what is in it, and which way the piece goes. First what begins a connection, which is
/// certain; then what may be the middle of one that is older than the agent.
fn recognise(bytes: &[u8]) -> Option<(Protocol, Direction)> {
    use Direction::{ToClient, ToServer};
    if http2::looks_like_preface(bytes) == Some(true) {
        return Some((Protocol::Http2(Http2::new(true)), ToServer));
    }
    if http1::looks_like_request(bytes) == Some(true) {
        return Some((Protocol::Http1(Http1::new()), ToServer));
    }
    if postgres::looks_like_startup(bytes) == Some(true) {
        return Some((Protocol::Postgres(Postgres::new(true)), ToServer));
    }
    if http1::looks_like_response(bytes) == Some(true) {
        return Some((Protocol::Http1(Http1::new()), ToClient));
    }
    if let Some(direction) = frames_direction(bytes) {
        return Some((Protocol::Http2(Http2::new(false)), direction));
    }
    for direction in [ToServer, ToClient] {
        if postgres::looks_like_messages(bytes, direction) {
            return Some((Protocol::Postgres(Postgres::new(false)), direction));
        }
    }
    None
}

/// Which way frames of HTTP/2 go, by the first head among them: a request's begins with a pseudo-header of requests, an
/// answer's with `:status` (RFC 9113, 8.3), and most of these are in the static table (RFC 7541, appendix A).
fn frames_direction(bytes: &[u8]) -> Option<Direction> {
    const HEADERS: u8 = 1;
    const PADDED: u8 = 0x8;
    const PRIORITY: u8 = 0x20;
    if !http2::looks_like_frames(bytes) {
        return None;
    }
    let mut rest = bytes;
    while let [a, b, c, kind, flags, _, _, _, _, payload @ ..] = rest {
        let length = usize::from(*a) << 16 | usize::from(*b) << 8 | usize::from(*c);
        if *kind == HEADERS {
            let before = usize::from(flags & PADDED != 0) + if flags & PRIORITY != 0 { 5 } else { 0 };
            return match payload.get(before)? {
                0x82..=0x87 => Some(Direction::ToServer),
                0x88..=0x8e | 0x48 => Some(Direction::ToClient),
                _ => None,
            };
        }
        rest = payload.get(length..)?;
    }
    None
}
