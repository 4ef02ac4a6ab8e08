//! The state that both directions share.

use std::sync::Arc;

use super::super::sql::Statement;
use super::super::{Direction, Event, Exchange, Place, Request, SqlRequest};
use super::names::Names;
use super::replies::{Replies, Reply, To};

/// Prepared statements whose texts are kept. Clients keep some hundreds (sqlx: 100).
pub(super) const STATEMENTS: usize = 4096;
/// Portals whose texts are kept. All but cursors live for one execution.
pub(super) const PORTALS: usize = 1024;

/// Who asked what, and what of it is answered.
#[derive(Debug)]
pub(super) struct Session<S> {
    pub(super) statements: Names,
    pub(super) portals: Names,
    pub(super) replies: Replies<S>,
    pub(super) run: Run<S>,
    /// The server reads over everything up to the next Sync, since a message of the extended protocol failed.
    pub(super) skipping: bool,
    /// The front of the queue is a COPY from the client, which has not said that it is at its end.
    pub(super) copying: bool,
    /// Where the first RowDescription of a run was, while it may be the start of an execution's answer.
    pub(super) described: Option<(u64, Place<S>)>,
    database: Option<Arc<str>>,
    pairing: Pairing,
    next: Exchange,
    given_up: u64,
}

/// The messages that lead to one execution: those after the last Execute, Query or Sync.
#[derive(Debug)]
pub(super) struct Run<S> {
    pub(super) number: u64,
    /// Its first Parse, Bind or Describe.
    pub(super) start: Option<Place<S>>,
}

/// Whether it is known which answer is to which request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pairing {
    Paired,
    /// Not: until the client begins a piece while the server owes nothing. `owed`: it may owe something, since the last
    /// thing that it said, or did not let us read, was no ReadyForQuery.
    Unpaired {
        owed: bool,
    },
}

impl<S: Copy> Session<S> {
    /// Of a connection from its start, or of one that is older than the agent.
    pub(super) fn new(from_start: bool) -> Self {
        Self {
            statements: Names::new(STATEMENTS),
            portals: Names::new(PORTALS),
            replies: Replies::new(),
            run: Run { number: 0, start: None },
            skipping: false,
            copying: false,
            described: None,
            database: None,
            pairing: if from_start { Pairing::Paired } else { Pairing::Unpaired { owed: false } },
            next: 0,
            given_up: 0,
        }
    }

    pub(super) fn given_up(&self) -> u64 {
        self.given_up
    }

    pub(super) fn is_paired(&self) -> bool {
        self.pairing == Pairing::Paired
    }

    /// The start-up packet, which names the database, is read. Its answer ends as all others do, with ReadyForQuery.
    pub(super) fn started(&mut self, database: Option<&str>) {
        self.database = database.map(Arc::from);
        self.expect(To::Ready);
    }

    /// A piece of the client's begins with a message.
    pub(super) fn client_piece_begins(&mut self) {
        if self.pairing == (Pairing::Unpaired { owed: false }) {
            self.pairing = Pairing::Paired;
            self.run.end();
        }
    }

    /// The server said something while it is not known what it answers.
    pub(super) fn overheard(&mut self, ready: bool) {
        if let Pairing::Unpaired { owed } = &mut self.pairing {
            *owed = !ready;
        }
    }

    /// A message of this direction, or more, cannot be read.
    pub(super) fn lose(&mut self, direction: Direction) {
        self.give_up();
        // What was lost may have replaced them. Named statements stay: clients count their names up.
        if direction == Direction::ToServer {
            self.portals.clear();
            self.statements.remove(b"");
        }
    }

    /// It is not known any more which answer is to which request.
    pub(super) fn give_up(&mut self) {
        if self.is_paired() {
            self.given_up = self.given_up.saturating_add(1);
        }
        self.pairing = Pairing::Unpaired { owed: true };
        self.replies.clear();
        self.run.end();
        self.skipping = false;
        self.copying = false;
        self.described = None;
    }

    /// The server is to answer this.
    pub(super) fn expect(&mut self, to: To<S>) {
        if self.is_paired() && !self.replies.push(Reply { run: self.run.number, to }) {
            self.give_up();
        }
    }

    /// A new exchange.
    pub(super) fn begin(
        &mut self,
        statement: Option<Arc<Statement>>,
        start: Place<S>,
        events: &mut Vec<Event<S>>,
    ) -> Exchange {
        let exchange = self.next;
        self.next = self.next.wrapping_add(1);
        let request = SqlRequest { statement, database: self.database.clone() };
        events.push(Event::Request(exchange, Request::Sql(Box::new(request)), start));
        exchange
    }
}

impl<S> Run<S> {
    pub(super) fn end(&mut self) {
        self.number = self.number.wrapping_add(1);
        self.start = None;
    }
}
