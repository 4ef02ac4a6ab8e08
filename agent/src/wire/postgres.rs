//! PostgreSQL: which statements one connection ran, from the bytes of both directions.
//!
//! Source: PostgreSQL's manual, chapter "Frontend/Backend Protocol", versions 3.0 and 3.2 (which differ in nothing that
//! is read here but the length of a secret key).
//!
//! ```text
//! bytes ──► frames (where messages begin and end) ──► session: requests  (what the client asked)
//!                                                              replies   (what the server owes for it)
//!                                                              answers   (what it said) ──► Event
//! ```
//!
//! * `startup`: the packets without a tag, before the messages.
//! * `frontend`, `backend`: the tags, how long each message may be, and how much of it is of use.
//! * `messages`: the limits, and the few fields that are read.
//! * `shape`: whether bytes are a chain of messages, for connections that are older than the agent.
//! * `names`: the texts behind the names of prepared statements and portals.
//!
//! One execution of a statement is one exchange: a simple `Query`, however many statements its text holds, or an
//! `Execute` of the extended query protocol.
//!
//! Nothing is kept but names, statements without what may be secret in them, and SQLSTATEs: no values, no rows, no passwords.

mod answers;
mod backend;
mod frames;
mod frontend;
mod messages;
mod names;
mod replies;
mod requests;
mod session;
mod shape;
mod startup;
#[cfg(test)]
mod tests;

use super::{Direction, Event, Invalid, Piece};
use frames::{Frames, Input, Kind, Step};
use session::Session;
use startup::Packet;

pub use shape::looks_like_messages;
pub use startup::looks_like_startup;

/// A passive reader of one connection.
#[derive(Debug)]
pub struct Postgres<S> {
    phase: Phase,
    client: Frames<S>,
    server: Frames<S>,
    session: Session<S>,
    user: Option<String>,
    database: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The client's next packet has no tag. `asked`: it asked for encryption, and the server's next byte is its answer.
    Startup { asked: bool },
    /// Tagged messages in both directions.
    Messages,
    /// TLS or GSSAPI: nothing can be read any more.
    Encrypted,
    /// A connection for one `CancelRequest`, or not PostgreSQL: nothing is to be read any more.
    Over,
}

impl<S: Copy> Postgres<S> {
    /// A reader of a connection from its first byte (`from_start`), or of one that is already past authentication.
    #[must_use]
    pub fn new(from_start: bool) -> Self {
        let (phase, client, server) = if from_start {
            (Phase::Startup { asked: false }, Frames::new(Kind::Startup), Frames::new(Kind::Backend))
        } else {
            (Phase::Messages, Frames::lost(Kind::Frontend), Frames::lost(Kind::Backend))
        };
        Self { phase, client, server, session: Session::new(from_start), user: None, database: None }
    }

    /// Reads a piece. The events that it completes are added to `events`.
    ///
    /// # Errors
    /// The start of the connection is none of PostgreSQL's. All later pieces are ignored. What is wrong later only makes
    /// it look for the next message that it can read: see [`resynchronised`](Self::resynchronised).
    pub fn push(
        &mut self,
        direction: Direction,
        piece: Piece<'_, S>,
        events: &mut Vec<Event<S>>,
    ) -> Result<(), Invalid> {
        if piece.bytes.is_empty() && piece.missing == 0 {
            return Ok(());
        }
        let mut input = Input::new(piece);
        match (self.phase, direction) {
            (Phase::Startup { asked }, Direction::ToServer) => self.read_startup(asked, &mut input)?,
            (Phase::Startup { asked: true }, Direction::ToClient) => self.read_encryption_answer(&mut input),
            _ => {}
        }
        match (self.phase, direction) {
            (Phase::Encrypted | Phase::Over, _) | (Phase::Startup { .. }, Direction::ToServer) => {}
            _ => self.read_messages(direction, piece.bytes, &mut input, events),
        }
        Ok(())
    }

    /// The connection went over to TLS or GSSAPI encryption: no more events will come of it.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        self.phase == Phase::Encrypted
    }

    /// The user and the database of the start-up packet. A database that was not named is the user's name, as it is for
    /// the server.
    #[must_use]
    pub fn user_and_database(&self) -> (Option<&str>, Option<&str>) {
        (self.user.as_deref(), self.database.as_deref())
    }

    /// How often requests and answers could not be paired any more, so that the exchanges that were open then have no
    /// [`End`](Event::End).
    #[must_use]
    pub fn resynchronised(&self) -> u64 {
        self.session.given_up()
    }

    /// The client's packets up to the start-up packet.
    fn read_startup(&mut self, mut asked: bool, input: &mut Input<'_, S>) -> Result<(), Invalid> {
        loop {
            // The first byte of a packet is the highest of its length, and 0. A client that asked for encryption goes on
            // with a TLS record, which begins with another one.
            if asked && self.client.at_boundary() && input.peek(1).first().is_some_and(|byte| *byte != 0) {
                self.phase = Phase::Encrypted;
                return Ok(());
            }
            match self.client.next(input) {
                Step::More => return Ok(()),
                Step::Hole => {
                    self.phase = Phase::Messages;
                    self.client = Frames::lost(Kind::Frontend);
                    self.session.lose(Direction::ToServer);
                    return Ok(());
                }
                Step::Nonsense => return Err(self.refuse("not a start-up packet")),
                Step::Message(message) => match startup::read(message.body) {
                    Some(Packet::Encryption) => {
                        asked = true;
                        self.phase = Phase::Startup { asked };
                    }
                    Some(Packet::Cancel) => {
                        self.phase = Phase::Over;
                        return Ok(());
                    }
                    Some(Packet::Start { user, database }) => {
                        let named = |name: &String| !name.is_empty();
                        let user = user.filter(named);
                        self.database = database.filter(named).or_else(|| user.clone());
                        self.user = user;
                        self.phase = Phase::Messages;
                        self.client = Frames::new(Kind::Frontend);
                        self.session.started(self.database.as_deref());
                        return Ok(());
                    }
                    None => return Err(self.refuse("an unknown version of the protocol")),
                },
            }
        }
    }

    /// The one byte that answers SSLRequest or GSSENCRequest. A server that knows neither, or has no room for the
    /// connection, sends an ErrorResponse in its place (sections "SSL Session Encryption", "GSSAPI Session Encryption").
    fn read_encryption_answer(&mut self, input: &mut Input<'_, S>) {
        match input.peek(1) {
            [b'S' | b'G'] => self.phase = Phase::Encrypted,
            [b'N'] => {
                input.skip(1);
                self.phase = Phase::Startup { asked: false };
            }
            _ => self.phase = Phase::Startup { asked: false },
        }
    }

    fn read_messages(
        &mut self,
        direction: Direction,
        bytes: &[u8],
        input: &mut Input<'_, S>,
        events: &mut Vec<Event<S>>,
    ) {
        let frames = match direction {
            Direction::ToServer => &mut self.client,
            Direction::ToClient => &mut self.server,
        };
        if frames.is_lost() {
            if !looks_like_messages(bytes, direction) {
                return self.session.lose(direction);
            }
            frames.restart();
        }
        if direction == Direction::ToServer && frames.at_boundary() {
            self.session.client_piece_begins();
        }
        loop {
            match (frames.next(input), direction) {
                (Step::Message(message), Direction::ToServer) => self.session.request(&message, events),
                (Step::Message(message), Direction::ToClient) => self.session.answer(&message, events),
                (Step::More, _) => return,
                (Step::Hole | Step::Nonsense, _) => {
                    frames.lose();
                    return self.session.lose(direction);
                }
            }
        }
    }

    fn refuse(&mut self, why: &'static str) -> Invalid {
        self.phase = Phase::Over;
        Invalid(why)
    }
}
