//! One direction: heads, and bodies between them.

use super::body::{Body, Left};
use super::head::{Head, Parsed};
use crate::wire::Place;

/// The longest head that is put together. Servers refuse far shorter ones.
const LONGEST_HEAD: usize = 32 * 1_024;

/// A direction.
#[derive(Debug)]
pub(super) struct Half<S> {
    body: Option<Body>,
    /// The begin of a head whose rest is to come, and where that began.
    partial: Vec<u8>,
    began: Option<Place<S>>,
}

/// What some bytes were.
#[derive(Debug)]
pub(super) enum Step<S> {
    /// The begin of something.
    More,
    /// A head, and where it began.
    Head(Head, Place<S>),
    /// Content of a body; `over` with its last byte.
    Body { bytes: u64, over: bool },
    /// Nothing that can be read.
    Lost,
}

impl<S> Default for Half<S> {
    fn default() -> Self {
        Self { body: None, partial: Vec::new(), began: None }
    }
}

impl<S: Copy> Half<S> {
    /// Whether a message is to begin.
    pub(super) fn is_at_start(&self) -> bool {
        self.body.is_none() && self.partial.is_empty()
    }

    pub(super) fn body(&self) -> Option<Body> {
        self.body
    }

    /// A head was read: this is what follows.
    pub(super) fn begin(&mut self, body: Option<Body>) {
        self.body = body;
    }

    /// The body is over.
    pub(super) fn over(&mut self) {
        self.body = None;
    }

    /// Takes the next bytes, which begin at a place. Gives how many of them were used, at least one, and what they were.
    pub(super) fn step(&mut self, bytes: &[u8], at: Place<S>, parse: fn(&[u8]) -> Parsed) -> (usize, Step<S>) {
        if let Some(body) = self.body {
            let (used, content, left) = body.read(bytes);
            let (body, over) = match left {
                Left::Some(body) => (Some(body), false),
                Left::Nothing => (None, true),
                Left::Malformed => return (used, Step::Lost),
            };
            self.body = body;
            return (used, Step::Body { bytes: content, over });
        }
        if self.partial.is_empty() {
            // Line breaks before a message are to be passed over (RFC 9112, 2.2).
            let breaks = bytes.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
            if breaks > 0 {
                return (breaks, Step::More);
            }
            return match parse(bytes) {
                Parsed::Head(head, length) => (length, Step::Head(head, at)),
                Parsed::Partial if bytes.len() <= LONGEST_HEAD => {
                    self.partial.extend_from_slice(bytes);
                    self.began = Some(at);
                    (bytes.len(), Step::More)
                }
                Parsed::Partial | Parsed::Malformed => (bytes.len(), Step::Lost),
            };
        }
        let before = self.partial.len();
        let room = LONGEST_HEAD.saturating_sub(before);
        let some = bytes.get(..room.min(bytes.len())).unwrap_or_default();
        self.partial.extend_from_slice(some);
        match parse(&self.partial) {
            Parsed::Head(head, length) => {
                self.partial.clear();
                self.partial.shrink_to(1_024);
                let began = self.began.take().unwrap_or(at);
                (length.saturating_sub(before), Step::Head(head, began))
            }
            Parsed::Partial if some.len() == bytes.len() => (bytes.len(), Step::More),
            Parsed::Partial | Parsed::Malformed => (bytes.len(), Step::Lost),
        }
    }

    /// Passes over bytes that nobody saw. Gives whether the body is over with them; none where they may have been
    /// anything.
    pub(super) fn skip(&mut self, missing: u64) -> Option<bool> {
        match self.body? {
            Body::UntilClose => Some(false),
            Body::Length(left) if left > missing => {
                self.body = Some(Body::Length(left - missing));
                Some(false)
            }
            Body::Length(left) if left == missing => {
                self.body = None;
                Some(true)
            }
            Body::Length(_) | Body::Chunked(_) => None,
        }
    }
}
