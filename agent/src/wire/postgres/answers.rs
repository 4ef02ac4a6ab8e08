//! What the server answers.

use super::super::{End, Event, Place, Response};
use super::backend;
use super::frames::Message;
use super::messages::{rows, sql_state};
use super::replies::{Asked, Execution, Reply, To};
use super::session::Session;

impl<S: Copy> Session<S> {
    /// A message of the server.
    pub(super) fn answer(&mut self, message: &Message<'_, S>, events: &mut Vec<Event<S>>) {
        let tag = message.tag;
        if backend::answers_nothing(tag) {
            return;
        }
        if !self.is_paired() {
            return self.overheard(tag == backend::READY_FOR_QUERY);
        }
        if tag == backend::ERROR_RESPONSE {
            return self.fail(message, events);
        }
        let Some(Reply { run, to }) = self.replies.front_mut() else {
            // It answers what was asked before we came.
            if tag != backend::READY_FOR_QUERY {
                self.give_up();
            }
            return;
        };
        let first = |described: &mut Option<(u64, Place<S>)>| {
            described.take_if(|(of, _)| of == run).map_or(message.start, |(_, place)| place)
        };
        match (to, tag) {
            (To::Parse(_), backend::PARSE_COMPLETE)
            | (To::Bind(_), backend::BIND_COMPLETE)
            | (To::Describe(_), backend::NO_DATA)
            | (To::Close, backend::CLOSE_COMPLETE)
            | (To::Sync | To::Ready, backend::READY_FOR_QUERY) => {
                self.replies.pop();
            }
            (To::Describe(_), backend::PARAMETER_DESCRIPTION) | (To::Ready, backend::FUNCTION_CALL_RESPONSE) => {}
            (To::Describe(_), backend::ROW_DESCRIPTION) => {
                if self.described.is_none_or(|(of, _)| of != *run) {
                    self.described = Some((*run, message.start));
                }
                self.replies.pop();
            }
            (To::Execute(execution) | To::Query(execution), _) if is_part(tag) => {
                execution.respond(|| first(&mut self.described), events);
                if tag == backend::COPY_IN_RESPONSE {
                    self.copy_in();
                }
            }
            (To::Execute(execution), _) if is_end(tag) => {
                execution.respond(|| first(&mut self.described), events);
                let end = End { rows: rows_of(message), ..End::default() };
                events.push(Event::End(execution.exchange, end, message.end));
                self.copying = false;
                self.replies.pop();
            }
            // More statements of the same text may follow.
            (To::Query(execution), backend::COMMAND_COMPLETE | backend::EMPTY_QUERY_RESPONSE) => {
                execution.respond(|| message.start, events);
                execution.end = Some(message.end);
                execution.rows = match (execution.rows, rows_of(message)) {
                    (Some(before), Some(now)) => Some(before.saturating_add(now)),
                    (before, now) => before.or(now),
                };
                self.copying = false;
            }
            (To::Query(execution), backend::READY_FOR_QUERY) => {
                let end = End { rows: execution.rows, ..End::default() };
                events.push(Event::End(execution.exchange, end, execution.end.unwrap_or(message.start)));
                self.replies.pop();
            }
            _ => self.give_up(),
        }
    }

    /// The server takes data from the client now, and ignores the Syncs that the client sent before it knew (section
    /// "COPY Operations").
    fn copy_in(&mut self) {
        self.copying = true;
        self.replies.drop_syncs_behind_front();
    }

    /// What the front asked failed. The text of a Query ends there, and its ReadyForQuery follows. After a message of the
    /// extended protocol nothing up to the next Sync runs (section "Extended Query").
    fn fail(&mut self, message: &Message<'_, S>, events: &mut Vec<Event<S>>) {
        let error = End { sql_error: Some(sql_state(message.body)), ..End::default() };
        let Some(Reply { run, to }) = self.replies.front_mut() else {
            // The server ends the connection.
            return;
        };
        let run = *run;
        match to {
            // The start-up failed, or the transaction at its end, after all of its statements were answered.
            To::Sync | To::Ready => return,
            To::Query(execution) => {
                execution.respond(|| message.start, events);
                events.push(Event::End(execution.exchange, error, message.end));
                *to = To::Ready;
                self.copying = false;
                return;
            }
            _ => {}
        }
        self.copying = false;
        self.fail_run(run, error, message, events);
        let mut synced = false;
        while let Some(reply) = self.replies.pop_if(|reply| {
            synced = matches!(reply.to, To::Sync);
            !synced
        }) {
            if let To::Execute(never_ran) | To::Query(never_ran) = reply.to {
                events.push(Event::End(never_ran.exchange, End::default(), message.end));
            }
        }
        self.skipping = !synced;
    }

    /// Takes the run of messages out of which one failed. Its execution is what failed; if it has none, since the client
    /// only prepared it, then it is an exchange all the same: its user sees a statement fail.
    fn fail_run(&mut self, run: u64, error: End, message: &Message<'_, S>, events: &mut Vec<Event<S>>) {
        let first = self.described.take_if(|(of, _)| *of == run).map_or(message.start, |(_, place)| place);
        let mut failed: Option<Asked<S>> = None;
        while let Some(reply) = self.replies.pop_if(|reply| reply.run == run && !matches!(reply.to, To::Sync)) {
            match reply.to {
                To::Execute(mut execution) => {
                    execution.respond(|| first, events);
                    events.push(Event::End(execution.exchange, error, message.end));
                    return;
                }
                // The first of them is the one that failed.
                To::Parse(asked) | To::Bind(asked) | To::Describe(asked) => failed = failed.or(Some(asked)),
                _ => {}
            }
        }
        if let Some(Asked { start, statement }) = failed {
            let exchange = self.begin(statement, start, events);
            events.push(Event::Response(exchange, Response::Sql, message.start));
            events.push(Event::End(exchange, error, message.end));
        }
    }
}

impl<S: Copy> Execution<S> {
    /// The first thing of its answer is there.
    fn respond(&mut self, place: impl FnOnce() -> Place<S>, events: &mut Vec<Event<S>>) {
        if !self.responded {
            self.responded = true;
            events.push(Event::Response(self.exchange, Response::Sql, place()));
        }
    }
}

/// A part of a statement's answer, after which more follows.
fn is_part(tag: u8) -> bool {
    matches!(
        tag,
        backend::ROW_DESCRIPTION
            | backend::DATA_ROW
            | backend::COPY_IN_RESPONSE
            | backend::COPY_OUT_RESPONSE
            | backend::COPY_BOTH_RESPONSE
            | backend::COPY_DATA
            | backend::COPY_DONE
    )
}

/// The end of an execution's answer.
fn is_end(tag: u8) -> bool {
    matches!(tag, backend::COMMAND_COMPLETE | backend::EMPTY_QUERY_RESPONSE | backend::PORTAL_SUSPENDED)
}

fn rows_of<S>(message: &Message<'_, S>) -> Option<u64> {
    if message.tag == backend::COMMAND_COMPLETE { rows(message.body) } else { None }
}
