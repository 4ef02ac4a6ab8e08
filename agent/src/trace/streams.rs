//! The streams of HTTP/2 of a client's connection that are over: an answer's body may be read, or dropped, a moment after
//! the last of it came.

use std::collections::VecDeque;

use crate::wire::Exchange;

/// Streams that are remembered.
const MOST: usize = 256;

/// The last streams of one connection.
#[derive(Debug, Default)]
pub(crate) struct Streams(VecDeque<Exchange>);

impl Streams {
    /// A stream was handed on.
    pub(crate) fn ended(&mut self, stream: Exchange) {
        if self.0.len() == MOST {
            self.0.pop_front();
        }
        self.0.push_back(stream);
    }

    /// Whether a stream is one of them.
    pub(crate) fn contains(&self, stream: Exchange) -> bool {
        self.0.contains(&stream)
    }
}
