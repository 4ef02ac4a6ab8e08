//! What becomes of the streams that the client opened.

use std::collections::BTreeMap;

use super::block::Block;
use super::frame::{END_STREAM, Frame, FrameHeader, Kind, LARGEST_STREAM};
use super::head::Head;
use crate::wire::{Direction, End, Event, Invalid, Place, Request, Response};

/// How many open streams are kept. Servers allow a client a few hundred at once; more were left open by mistake, or their
/// ends were not seen.
pub(super) const MAX_OPEN: usize = 4096;

/// The error code with which a server says that it did nothing for a stream (RFC 9113, section 7).
const REFUSED_STREAM: u32 = 7;

/// The streams of a connection.
#[derive(Debug)]
pub(super) struct Exchanges {
    /// Those that were seen to open and whose end is still to come.
    open: BTreeMap<u32, Open>,
    /// The last one that the client was seen to use: later ones have higher numbers (RFC 9113, section 5.1.1).
    highest: u32,
    /// The last one that the server will answer, by its GOAWAY.
    last_accepted: u32,
    /// Of the streams up to this one the server may have sent something that was not seen.
    last_missed: u32,
    given_up: u64,
}

#[derive(Debug, Default)]
struct Open {
    answered: bool,
    request_body: u64,
    response_body: u64,
    grpc_status: Option<u32>,
}

impl Open {
    fn end(self, reset: Option<(u32, Direction)>) -> End {
        let Self { request_body, response_body, grpc_status, .. } = self;
        End { request_body, response_body, grpc_status, reset, ..End::default() }
    }
}

impl Exchanges {
    pub(super) fn new() -> Self {
        Self { open: BTreeMap::new(), highest: 0, last_accepted: LARGEST_STREAM, last_missed: 0, given_up: 0 }
    }

    /// How many exchanges were given up: nothing will be told of them any more.
    pub(super) fn given_up(&self) -> u64 {
        self.given_up
    }

    /// Something may be missing of each open exchange: all are given up.
    pub(super) fn give_up(&mut self, lost: Direction) {
        self.given_up += self.open.len() as u64;
        self.open.clear();
        self.missed(lost);
    }

    /// Something in this direction was not seen.
    pub(super) fn missed(&mut self, direction: Direction) {
        if direction == Direction::ToClient {
            self.last_missed = self.highest;
        }
    }

    /// Whether a header section may tell something. If not, it is decoded all the same, for the sake of those after it.
    pub(super) fn wants<S>(&self, direction: Direction, block: &Block<'_, S>) -> bool {
        let stream = block.first.stream;
        let open_or_opens = match direction {
            Direction::ToServer => stream % 2 == 1 && stream > self.highest,
            Direction::ToClient => self.open.contains_key(&stream),
        };
        open_or_opens && !block.first.is_promise
    }

    /// A header section that is wanted.
    pub(super) fn head<S: Copy>(
        &mut self,
        direction: Direction,
        block: &Block<'_, S>,
        head: Head,
        events: &mut Vec<Event<S>>,
    ) {
        match direction {
            Direction::ToServer => self.request(block, head, events),
            Direction::ToClient => self.answer(block, head, events),
        }
    }

    fn request<S: Copy>(&mut self, block: &Block<'_, S>, head: Head, events: &mut Vec<Event<S>>) {
        let stream = block.first.stream;
        self.highest = stream;
        if !head.is_request {
            // Trailers of a stream that was open before anything was seen.
            return;
        }
        let request = Request::Http(Box::new(head.into_request(block.first.ends_stream)));
        events.push(Event::Request(stream.into(), request, block.first.start));
        if stream > self.last_accepted {
            // Sent before the client knew that the server takes no more.
            events.push(refused(stream, Open::default(), block.end));
            return;
        }
        if self.open.len() >= MAX_OPEN && self.open.pop_first().is_some() {
            self.given_up += 1;
        }
        self.open.insert(stream, Open::default());
    }

    fn answer<S: Copy>(&mut self, block: &Block<'_, S>, head: Head, events: &mut Vec<Event<S>>) {
        let stream = block.first.stream;
        let Some(open) = self.open.get_mut(&stream) else { return };
        open.grpc_status = head.grpc_status.or(open.grpc_status);
        let status = match head.status {
            // More will come (RFC 9110, section 15.2).
            Some(100..=199) => None,
            Some(status) => Some(status),
            // A status that was sent in full before anything was seen. If the answer's head itself may be missing, these
            // may as well be trailers.
            None => (head.has_unknown && stream > self.last_missed).then_some(0),
        };
        if let Some(status) = status
            && !open.answered
        {
            open.answered = true;
            let response = Response::Http { status, headers: head.into_headers() };
            events.push(Event::Response(stream.into(), response, block.first.start));
        }
        if block.first.ends_stream {
            self.end(stream, None, block.end, events);
        }
    }

    /// Any frame that has no header block.
    pub(super) fn frame<S: Copy>(
        &mut self,
        direction: Direction,
        frame: &Frame<'_, S>,
        events: &mut Vec<Event<S>>,
    ) -> Result<(), Invalid> {
        let FrameHeader { kind, stream, .. } = frame.header;
        match (kind, direction) {
            (Kind::Data, _) => {
                let length = frame.data_length()? as u64;
                let Some(open) = self.open.get_mut(&stream) else { return Ok(()) };
                let body = match direction {
                    Direction::ToServer => &mut open.request_body,
                    Direction::ToClient => &mut open.response_body,
                };
                *body = body.saturating_add(length);
                // Where the client ends its side, the answer may still be under way. Where the server does, it is
                // whole, and the client has nobody to go on for.
                if direction == Direction::ToClient && frame.header.has(END_STREAM) {
                    self.end(stream, None, frame.end, events);
                }
            }
            (Kind::RstStream, _) => {
                let code = frame.number(0).unwrap_or_default();
                self.end(stream, Some((code, direction)), frame.end, events);
            }
            (Kind::Goaway, Direction::ToClient) => {
                let last = frame.number(0).unwrap_or_default() & LARGEST_STREAM;
                self.go_away(last, frame.end, events);
            }
            _ => {}
        }
        Ok(())
    }

    fn end<S>(&mut self, stream: u32, reset: Option<(u32, Direction)>, place: Place<S>, events: &mut Vec<Event<S>>) {
        if let Some(open) = self.open.remove(&stream) {
            events.push(Event::End(stream.into(), open.end(reset), place));
        }
    }

    /// The server answers no stream after this one (RFC 9113, section 6.8). It may have begun to, nevertheless: such an
    /// answer is left to end by itself.
    fn go_away<S: Copy>(&mut self, last: u32, place: Place<S>, events: &mut Vec<Event<S>>) {
        self.last_accepted = self.last_accepted.min(last);
        for (stream, open) in self.open.split_off(&last.saturating_add(1)) {
            if open.answered {
                self.open.insert(stream, open);
            } else {
                events.push(refused(stream, open, place));
            }
        }
    }
}

fn refused<S>(stream: u32, open: Open, place: Place<S>) -> Event<S> {
    Event::End(stream.into(), open.end(Some((REFUSED_STREAM, Direction::ToClient))), place)
}
