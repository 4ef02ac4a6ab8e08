//! What the client asks.

use super::super::{Event, SqlRequest};
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
        let text = name(message.body).map(|(name, rest)| {
            let text: Arc<str> = text(rest).into();
            self.statements.set(name, Some(Arc::clone(&text)));
            text
        });
        self.prepare(To::Parse, message, text);
    }

    /// The portal's name, the statement's name, values.
    fn bind(&mut self, message: &Message<'_, S>) {
        let portal = name(message.body);
        let statement = portal.and_then(|(_, rest)| name(rest));
        let text = statement.and_then(|(statement, _)| self.statements.get(statement));
        if let Some((portal, _)) = portal {
            self.portals.set(portal, text.clone());
        }
        self.prepare(To::Bind, message, text);
    }

    /// `S` and a statement's name, or `P` and a portal's.
    fn describe(&mut self, message: &Message<'_, S>) {
        let text = match message.body.split_first() {
            Some((b'S', rest)) => name(rest).and_then(|(name, _)| self.statements.get(name)),
            Some((b'P', rest)) => name(rest).and_then(|(name, _)| self.portals.get(name)),
            _ => None,
        };
        self.prepare(To::Describe, message, text);
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
            let text = name(message.body).and_then(|(portal, _)| self.portals.get(portal));
            let request = SqlRequest { text: text.map(|text| text.to_string()), parameterised: true };
            let exchange = self.begin(request, self.run.start.unwrap_or(message.start), events);
            self.expect(To::Execute(Execution::new(exchange)));
        }
        self.run.end();
    }

    /// The text of one or more statements.
    fn query(&mut self, message: &Message<'_, S>, events: &mut Vec<Event<S>>) {
        self.run.end();
        if self.is_paired() {
            let request = SqlRequest { text: Some(text(message.body)), parameterised: false };
            let exchange = self.begin(request, message.start, events);
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

    fn prepare(&mut self, to: fn(Asked<S>) -> To<S>, message: &Message<'_, S>, text: Option<Arc<str>>) {
        self.run.start.get_or_insert(message.start);
        self.expect(to(Asked { start: message.start, text }));
    }
}
