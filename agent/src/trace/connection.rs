//! A connection of a process: which protocol is spoken on it, who is the client, and what was said.

use std::net::SocketAddr;

use crate::event::Data;
use crate::wire::http1::{self, Http1};
use crate::wire::http2::{self, Http2};
use crate::wire::postgres::{self, Postgres};
use crate::wire::{Direction, Event, Piece, Place};

use super::Side;

/// Pieces that may pass before a protocol is recognised; after them nobody looks any more.
const PATIENCE: u32 = 16;

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
    /// Not known yet, after so many pieces.
    Unknown(u32),
    Http1(Http1<Stamp>),
    Http2(Http2<Stamp>),
    Postgres(Postgres<Stamp>),
    /// Nothing that is understood, or nothing more.
    Opaque,
}

/// A connection.
pub(crate) struct Connection {
    pub(crate) local: SocketAddr,
    pub(crate) remote: SocketAddr,
    pub(crate) protocol: Protocol,
    /// Whether this process is the server; known with the protocol.
    pub(crate) side: Side,
}

impl Connection {
    pub(crate) fn new(data: &Data) -> Self {
        Self { local: data.local, remote: data.remote, protocol: Protocol::Unknown(0), side: Side::Client }
    }

    /// What the piece completes. Gives false where nobody need look at this connection again.
    pub(crate) fn push(&mut self, data: &Data, reads: bool, stamp: Stamp, events: &mut Vec<Event<Stamp>>) -> bool {
        if let Protocol::Unknown(seen) = self.protocol {
            if data.moved == 0 {
                return true;
            }
            match recognise(&data.bytes) {
                Some((protocol, direction)) => {
                    self.protocol = protocol;
                    self.side = if reads == (direction == Direction::ToServer) { Side::Server } else { Side::Client };
                }
                None if seen == PATIENCE => self.protocol = Protocol::Opaque,
                None => self.protocol = Protocol::Unknown(seen + 1),
            }
        }
        let direction =
            if reads == (self.side == Side::Server) { Direction::ToServer } else { Direction::ToClient };
        let piece = Piece { bytes: &data.bytes, missing: data.moved.saturating_sub(data.bytes.len()), stamp };
        let understood = match &mut self.protocol {
            Protocol::Unknown(_) => return true,
            Protocol::Http1(_) if data.moved == 0 => return true,
            Protocol::Http1(parser) => parser.push(direction, piece, events),
            Protocol::Http2(parser) => parser.push(direction, piece, events),
            Protocol::Postgres(parser) => parser.push(direction, piece, events),
            Protocol::Opaque => return false,
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
    for direction in [ToServer, ToClient] {
        if postgres::looks_like_messages(bytes, direction) {
            return Some((Protocol::Postgres(Postgres::new(false)), direction));
        }
    }
    None
}
