//! Bytes made by hand, after the sections "Message Flow" and "Message Formats" and after what sqlx 0.9 sends.

mod joining;
mod properties;
mod protocol;
mod sqlx;
mod startup;

use std::sync::Arc;

use super::super::sql::{Sent, Statement};
use super::super::{Direction, End, Event, Piece, Place, Request, Response, SqlRequest};
use super::Postgres;

pub(super) const TO_SERVER: Direction = Direction::ToServer;
pub(super) const TO_CLIENT: Direction = Direction::ToClient;

/// A message of a tag and the parts of its body.
pub(super) fn message(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    let length = u32::try_from(body.len() + 4).unwrap();
    [&[tag], length.to_be_bytes().as_slice(), &body].concat()
}

pub(super) fn query(text: &str) -> Vec<u8> {
    message(b'Q', &[text.as_bytes(), &[0]])
}

pub(super) fn parse(name: &str, text: &str) -> Vec<u8> {
    message(b'P', &[name.as_bytes(), &[0], text.as_bytes(), &[0, 0, 1, 0, 0, 0, 25]])
}

/// With one binary value, as sqlx sends it.
pub(super) fn bind(portal: &str, statement: &str, value: &[u8]) -> Vec<u8> {
    let length = u32::try_from(value.len()).unwrap().to_be_bytes();
    let formats = [0, 1, 0, 1];
    let strings = [portal.as_bytes(), &[0], statement.as_bytes(), &[0]].concat();
    message(b'B', &[&strings, &formats, &[0, 1], &length, value, &formats])
}

pub(super) fn describe(kind: u8, name: &str) -> Vec<u8> {
    message(b'D', &[&[kind], name.as_bytes(), &[0]])
}

pub(super) fn close(kind: u8, name: &str) -> Vec<u8> {
    message(b'C', &[&[kind], name.as_bytes(), &[0]])
}

pub(super) fn execute(portal: &str, most: u32) -> Vec<u8> {
    message(b'E', &[portal.as_bytes(), &[0], &most.to_be_bytes()])
}

pub(super) fn sync() -> Vec<u8> {
    message(b'S', &[])
}

pub(super) fn parse_complete() -> Vec<u8> {
    message(b'1', &[])
}

pub(super) fn bind_complete() -> Vec<u8> {
    message(b'2', &[])
}

pub(super) fn close_complete() -> Vec<u8> {
    message(b'3', &[])
}

pub(super) fn no_data() -> Vec<u8> {
    message(b'n', &[])
}

pub(super) fn parameter_description() -> Vec<u8> {
    message(b't', &[&[0, 1, 0, 0, 0, 25]])
}

pub(super) fn row_description() -> Vec<u8> {
    message(b'T', &[&[0, 1], b"id\0", &[0; 18]])
}

pub(super) fn data_row(value: &[u8]) -> Vec<u8> {
    message(b'D', &[&[0, 1], &u32::try_from(value.len()).unwrap().to_be_bytes(), value])
}

pub(super) fn complete(tag: &str) -> Vec<u8> {
    message(b'C', &[tag.as_bytes(), &[0]])
}

pub(super) fn error(state: &str) -> Vec<u8> {
    message(b'E', &[b"SERROR\0VERROR\0C", state.as_bytes(), b"\0Msomething\0\0"])
}

pub(super) fn ready() -> Vec<u8> {
    message(b'Z', &[b"I"])
}

/// `user=shop`, and whatever parameters.
pub(super) fn startup_packet(parameters: &[u8]) -> Vec<u8> {
    let length = u32::try_from(4 + 4 + 10 + parameters.len() + 1).unwrap();
    [length.to_be_bytes().as_slice(), &[0, 3, 0, 0], b"user\0shop\0", parameters, &[0]].concat()
}

/// What a server says to let a client in without a password.
pub(super) fn welcome() -> Vec<u8> {
    let status = message(b'S', &[b"server_version\x0018.1\0"]);
    [message(b'R', &[&[0; 4]]), status, message(b'K', &[&[7; 8]]), ready()].concat()
}

/// A parser, and what came of what it was given. The stamp of a piece is its number, from 0 in each talk.
pub(super) struct Talk {
    pub(super) parser: Postgres<usize>,
    pub(super) pieces: usize,
    events: Vec<Event<usize>>,
}

impl Talk {
    /// Of a connection that has just become ready.
    pub(super) fn ready() -> Self {
        let mut talk = Self::new(true);
        talk.client(&startup_packet(b""));
        talk.server(&welcome());
        talk.expect(&[]);
        talk.pieces = 0;
        talk
    }

    pub(super) fn new(from_start: bool) -> Self {
        Self { parser: Postgres::new(from_start), pieces: 0, events: Vec::new() }
    }

    pub(super) fn push(&mut self, direction: Direction, bytes: &[u8], missing: usize) {
        let piece = Piece { bytes, missing, stamp: self.pieces };
        self.parser.push(direction, piece, &mut self.events).unwrap();
        self.pieces += 1;
    }

    pub(super) fn client(&mut self, bytes: &[u8]) {
        self.push(TO_SERVER, bytes, 0);
    }

    pub(super) fn server(&mut self, bytes: &[u8]) {
        self.push(TO_CLIENT, bytes, 0);
    }

    /// The events since the last time, without the database, which is the connection's in all of them.
    #[track_caller]
    pub(super) fn expect(&mut self, events: &[Event<usize>]) {
        for event in &mut self.events {
            if let Event::Request(_, Request::Sql(request), _) = event {
                assert_eq!(request.database.take().as_deref(), self.parser.user_and_database().1);
            }
        }
        assert_eq!(self.events, events);
        self.events.clear();
    }
}

fn place((stamp, offset): (usize, usize)) -> Place<usize> {
    Place { stamp, offset }
}

fn statement(text: &str, extended: bool) -> Option<Arc<Statement>> {
    Statement::read(text, Sent { extended, cut: false }).map(Arc::new)
}

/// Of the simple protocol.
pub(super) fn simple(exchange: u64, text: &str, at: (usize, usize)) -> Event<usize> {
    let request = SqlRequest { statement: statement(text, false), database: None };
    Event::Request(exchange, Request::Sql(Box::new(request)), place(at))
}

/// Of the extended protocol.
pub(super) fn extended(exchange: u64, text: Option<&str>, at: (usize, usize)) -> Event<usize> {
    let statement = text.and_then(|text| statement(text, true));
    let request = SqlRequest { statement, database: None };
    Event::Request(exchange, Request::Sql(Box::new(request)), place(at))
}

pub(super) fn response(exchange: u64, at: (usize, usize)) -> Event<usize> {
    Event::Response(exchange, Response::Sql, place(at))
}

pub(super) fn end(exchange: u64, rows: Option<u64>, at: (usize, usize)) -> Event<usize> {
    Event::End(exchange, End { rows, ..End::default() }, place(at))
}

pub(super) fn failure(exchange: u64, state: &str, at: (usize, usize)) -> Event<usize> {
    Event::End(exchange, End { sql_error: Some(state.to_owned()), ..End::default() }, place(at))
}
