//! What the client asks.

use super::super::Event;
use super::super::sql::{Sent, Statement};
use super::frames::Message;
use super::frontend;
use super::messages::{c_string, name, text};
use super::replies::{Asked, Execution, To};
use super::session::Session;
use std::sync::Arc;

impl<S: Copy> Session<S> {
    /// A message of the client.
    pub(super) fn request(&mut self, message: &Message<'_, S>, events: &mut Vec<Event<S>>) {
        // The server reads over it, a Query too (section "Extended Query": "the backend reads and discards messages").
        if self.skipping && message.tag != frontend::SYNC {
            return;
        }
        match message.tag {
            frontend::PARSE => self.parse(message),
            frontend::BIND => self.bind(message),
            frontend::DESCRIBE => self.describe(message),
            frontend::CLOSE => self.close(message),
            frontend::EXECUTE => self.execute(message, events),
            frontend::SYNC => self.sync(),
            frontend::QUERY => self.query(message, events),
            frontend::FUNCTION_CALL => self.expect(To::Ready),
            frontend::COPY_DONE | frontend::COPY_FAIL => self.copying = false,
            // CopyData, Flush, passwords, Terminate: nothing answers them.
            _ => {}
        }
    }

    /// The statement's name, its text, types of parameters.
    fn parse(&mut self, message: &Message<'_, S>) {
        let statement = name(message.body).and_then(|(name, rest)| {
            let statement = read(rest, true);
            self.statements.set(name, statement.clone());
            statement
        });
        self.prepare(To::Parse, message, statement);
    }

    /// The portal's name, the statement's name, values.
    fn bind(&mut self, message: &Message<'_, S>) {
        let portal = name(message.body);
        let prepared = portal.and_then(|(_, rest)| name(rest));
        let statement = prepared.and_then(|(prepared, _)| self.statements.get(prepared));
        if let Some((portal, _)) = portal {
            self.portals.set(portal, statement.clone());
        }
        self.prepare(To::Bind, message, statement);
    }

    /// `S` and a statement's name, or `P` and a portal's.
    fn describe(&mut self, message: &Message<'_, S>) {
        let statement = match message.body.split_first() {
            Some((b'S', rest)) => name(rest).and_then(|(name, _)| self.statements.get(name)),
            Some((b'P', rest)) => name(rest).and_then(|(name, _)| self.portals.get(name)),
            _ => None,
        };
        self.prepare(To::Describe, message, statement);
    }

    /// Likewise.
    fn close(&mut self, message: &Message<'_, S>) {
        match message.body.split_first().map(|(kind, rest)| (kind, c_string(rest))) {
            Some((b'S', Some((name, _)))) => self.statements.remove(name),
            Some((b'P', Some((name, _)))) => self.portals.remove(name),
            _ => {}
        }
        self.expect(To::Close);
    }

    /// A portal's name, the most rows.
    fn execute(&mut self, message: &Message<'_, S>, events: &mut Vec<Event<S>>) {
        if self.is_paired() {
            let statement = name(message.body).and_then(|(portal, _)| self.portals.get(portal));
            let exchange = self.begin(statement, self.run.start.unwrap_or(message.start), events);
            self.expect(To::Execute(Execution::new(exchange)));
        }
        self.run.end();
    }

    /// The text of one or more statements.
    fn query(&mut self, message: &Message<'_, S>, events: &mut Vec<Event<S>>) {
        self.run.end();
        if self.is_paired() {
            let exchange = self.begin(read(message.body, false), message.start, events);
            self.expect(To::Query(Execution::new(exchange)));
        }
        self.run.end();
    }

    fn sync(&mut self) {
        self.skipping = false;
        // The server ignores it in the middle of a COPY (section "COPY Operations").
        if !self.copying {
            self.expect(To::Sync);
        }
        self.run.end();
    }

    fn prepare(&mut self, to: fn(Asked<S>) -> To<S>, message: &Message<'_, S>, statement: Option<Arc<Statement>>) {
        self.run.start.get_or_insert(message.start);
        self.expect(to(Asked { start: message.start, statement }));
    }
}

/// The statement at the start of a body.
fn read(body: &[u8], extended: bool) -> Option<Arc<Statement>> {
    let (text, cut) = text(body);
    Statement::read(&text, Sent { extended, cut }).map(Arc::new)
}
