//! HTTP/1.x (RFC 9112), watched from the side.
//!
//! Heads are read by `httparse`; bodies are counted and skipped. Each direction is a [`Half`] with a state of its own;
//! what joins them is the queue of requests that wait for their answers, since answers come in the order of requests.

mod body;
mod half;
mod head;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use super::{Direction, End, Event, Exchange, HttpRequest, Invalid, Piece, Place, Request, Response};
use body::Body;
use half::{Half, Step};
use head::{Answer, Head, Question};

pub use head::{looks_like_request, looks_like_response};

/// Requests of one connection that wait for answers at once. Clients that pipeline send a handful.
const MOST_OPEN: usize = 256;

/// One connection.
#[derive(Debug)]
pub struct Http1<S> {
    to_server: Half<S>,
    to_client: Half<S>,
    /// Requests whose answer is not over, oldest first.
    open: VecDeque<Open>,
    next: Exchange,
    /// Bytes were lost. Nothing is paired until the server has spoken and the client begins anew.
    lost: Option<Lost>,
    upgraded: bool,
    resynchronised: u64,
    passed_over: bool,
}

#[derive(Debug)]
struct Open {
    exchange: Exchange,
    is_head: bool,
    is_connect: bool,
    answered: bool,
    end: End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lost {
    /// The server has not spoken since.
    Silence,
    /// It has: the client's next request is answered by what comes after it.
    Spoke,
}

impl<S> Default for Http1<S> {
    fn default() -> Self {
        Self {
            to_server: Half::default(),
            to_client: Half::default(),
            open: VecDeque::new(),
            next: 0,
            lost: None,
            upgraded: false,
            resynchronised: 0,
            passed_over: false,
        }
    }
}

impl<S: Copy> Http1<S> {
    /// A connection of which nothing is known. It may be older than the agent: what comes before the first request is
    /// passed over.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Another protocol has taken over (`101 Switching Protocols`, `CONNECT`): nothing more is read.
    #[must_use]
    pub fn is_upgraded(&self) -> bool {
        self.upgraded
    }

    /// How often the parser lost its place.
    #[must_use]
    pub fn resynchronised(&self) -> u64 {
        self.resynchronised
    }

    /// Whether pieces were passed over because they were of no exchange that was seen. Where pieces end matters then.
    #[must_use]
    pub fn passed_over(&self) -> bool {
        self.passed_over
    }

    /// Takes the next bytes of a direction.
    ///
    /// # Errors
    /// None so far: what is not understood is passed over until a piece begins with a message.
    pub fn push(
        &mut self,
        direction: Direction,
        piece: Piece<'_, S>,
        events: &mut Vec<Event<S>>,
    ) -> Result<(), Invalid> {
        if self.upgraded {
            return Ok(());
        }
        if !self.is_in_step(direction, &piece) {
            self.passed_over = true;
            return Ok(());
        }
        let mut offset = 0;
        while let Some(rest) = piece.bytes.get(offset..).filter(|rest| !rest.is_empty()) {
            if direction == Direction::ToClient && self.open.is_empty() {
                self.passed_over = true;
                return Ok(());
            }
            let at = Place { stamp: piece.stamp, offset };
            let half = match direction {
                Direction::ToServer => &mut self.to_server,
                Direction::ToClient => &mut self.to_client,
            };
            let (used, step) = match direction {
                Direction::ToServer => half.step(rest, at, head::question),
                Direction::ToClient => half.step(rest, at, head::answer),
            };
            offset += used;
            let end = Place { stamp: piece.stamp, offset };
            match step {
                Step::More => {}
                Step::Body { bytes, over } => self.body(direction, bytes, over, end, events),
                Step::Head(Head::Question(question), start) => self.asked(question, start, events),
                Step::Head(Head::Answer(answer), start) => self.answered(answer, start, end, events),
                Step::Lost => self.lose(),
            }
            if self.upgraded || self.lost.is_some() {
                return Ok(());
            }
        }
        if piece.missing > 0 {
            self.miss(direction, piece.missing, Place { stamp: piece.stamp, offset: piece.bytes.len() }, events);
        }
        Ok(())
    }

    /// The connection is closed: an answer that lasts until then is over.
    pub fn closed(&mut self, at: Place<S>, events: &mut Vec<Event<S>>) {
        if self.to_client.body() == Some(Body::UntilClose) && self.open.front().is_some_and(|open| open.answered) {
            self.to_client.over();
            self.end(at, events);
        }
    }

    /// Whether the piece is to be read. After a loss it is not, until a client that was answered asks anew; and an answer
    /// to nothing that was seen is not either.
    fn is_in_step(&mut self, direction: Direction, piece: &Piece<'_, S>) -> bool {
        match (self.lost, direction) {
            (Some(_), Direction::ToClient) => {
                self.lost = Some(Lost::Spoke);
                false
            }
            (Some(lost), Direction::ToServer) => {
                let anew = lost == Lost::Spoke && looks_like_request(piece.bytes) == Some(true);
                if anew {
                    self.lost = None;
                }
                anew
            }
            (None, Direction::ToClient) => !self.open.is_empty(),
            (None, Direction::ToServer) => {
                !self.to_server.is_at_start() || !self.open.is_empty() || looks_like_request(piece.bytes) != Some(false)
            }
        }
    }

    fn asked(&mut self, question: Question, start: Place<S>, events: &mut Vec<Event<S>>) {
        if self.open.len() == MOST_OPEN {
            return self.lose();
        }
        let exchange = self.next;
        self.next += 1;
        let Question { method, target, authority, version, headers, body } = question;
        self.open.push_back(Open {
            exchange,
            is_head: method == "HEAD",
            is_connect: method == "CONNECT",
            answered: false,
            end: End::default(),
        });
        self.to_server.begin(body);
        let ends = body.is_none();
        let request = HttpRequest { method, target, authority, version, headers, ends };
        events.push(Event::Request(exchange, Request::Http(Box::new(request)), start));
    }

    fn answered(&mut self, answer: Answer, start: Place<S>, end: Place<S>, events: &mut Vec<Event<S>>) {
        let Some(open) = self.open.front_mut() else { return };
        let Answer { status, headers, body } = answer;
        // An interim answer (RFC 9110, 15.2): the real one is to come.
        if (100..200).contains(&status) && status != 101 {
            return;
        }
        open.answered = true;
        events.push(Event::Response(open.exchange, Response::Http { status, headers }, start));
        self.upgraded = status == 101 || (open.is_connect && (200..300).contains(&status));
        // RFC 9112, 6.3.
        let bodiless = open.is_head || matches!(status, 204 | 304) || self.upgraded;
        let body = if bodiless { None } else { body };
        self.to_client.begin(body);
        if body.is_none() {
            self.end(end, events);
        }
    }

    fn body(&mut self, direction: Direction, bytes: u64, over: bool, end: Place<S>, events: &mut Vec<Event<S>>) {
        match direction {
            // It is of the newest request, unless that was answered already.
            Direction::ToServer => {
                let newest = self.next.checked_sub(1);
                if let Some(open) = self.open.back_mut().filter(|open| Some(open.exchange) == newest) {
                    open.end.request_body = open.end.request_body.saturating_add(bytes);
                }
            }
            Direction::ToClient => {
                if let Some(open) = self.open.front_mut() {
                    open.end.response_body = open.end.response_body.saturating_add(bytes);
                }
                if over {
                    self.end(end, events);
                }
            }
        }
    }

    fn end(&mut self, end: Place<S>, events: &mut Vec<Event<S>>) {
        if let Some(open) = self.open.pop_front() {
            events.push(Event::End(open.exchange, open.end, end));
        }
    }

    /// Bytes were moved that nobody saw: in a body of known length they do no harm.
    fn miss(&mut self, direction: Direction, missing: usize, end: Place<S>, events: &mut Vec<Event<S>>) {
        let half = match direction {
            Direction::ToServer => &mut self.to_server,
            Direction::ToClient => &mut self.to_client,
        };
        match half.skip(missing as u64) {
            Some(over) => self.body(direction, missing as u64, over, end, events),
            None => self.lose(),
        }
    }

    fn lose(&mut self) {
        self.resynchronised += 1;
        self.open.clear();
        self.to_server = Half::default();
        self.to_client = Half::default();
        self.lost = Some(Lost::Silence);
    }
}
