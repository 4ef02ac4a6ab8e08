//! The streams of HTTP/2 of a client's connection that are over: an answer's body may be read, or dropped, a moment after
//! the last of it came.

use std::collections::VecDeque;

use crate::wire::Exchange;

/// Streams that are remembered.
const MOST: usize = 256;

/// The last streams of one connection, with the times of their requests.
#[derive(Debug, Default)]
pub(crate) struct Streams(VecDeque<(Exchange, u64)>);

impl Streams {
    /// A stream was handed on, which was opened at this time.
    pub(crate) fn ended(&mut self, stream: Exchange, start: u64) {
        if self.0.len() == MOST {
            self.0.pop_front();
        }
        self.0.push_back((stream, start));
    }

    /// When a stream was opened, if it is one of them.
    pub(crate) fn start(&self, stream: Exchange) -> Option<u64> {
        self.0.iter().find(|(it, _)| *it == stream).map(|(_, start)| *start)
    }
}
