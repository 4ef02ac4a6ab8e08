//! Where messages begin and end in one direction, whatever pieces they come in.

use super::super::{Piece, Place};
use super::messages::{self, Rule};
use super::{backend, frontend};

/// A tag and a length (section "Message Formats").
const HEAD: usize = 5;

/// What is left of a piece.
#[derive(Debug)]
pub(super) struct Input<'p, S> {
    bytes: &'p [u8],
    missing: usize,
    offset: usize,
    stamp: S,
}

impl<'p, S: Copy> Input<'p, S> {
    pub(super) fn new(piece: Piece<'p, S>) -> Self {
        Self { bytes: piece.bytes, missing: piece.missing, offset: 0, stamp: piece.stamp }
    }

    /// Where it goes on.
    fn place(&self) -> Place<S> {
        Place { stamp: self.stamp, offset: self.offset }
    }

    /// Bytes that are left, seen or not.
    fn left(&self) -> usize {
        self.bytes.len().saturating_add(self.missing)
    }

    /// The next bytes, `most` or as many as there are.
    pub(super) fn peek(&self, most: usize) -> &'p [u8] {
        self.bytes.get(..most).unwrap_or(self.bytes)
    }

    /// Goes past bytes, seen or not.
    pub(super) fn skip(&mut self, count: usize) {
        let seen = count.min(self.bytes.len());
        self.bytes = self.bytes.get(seen..).unwrap_or_default();
        self.missing = self.missing.saturating_sub(count.saturating_sub(seen));
        self.offset = self.offset.saturating_add(count);
    }

    fn take(&mut self) -> Option<u8> {
        let byte = *self.bytes.first()?;
        self.skip(1);
        Some(byte)
    }
}

/// Which rules the messages follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The client's packets without a tag. They are given the tag 0.
    Startup,
    /// The client's messages.
    Frontend,
    /// The server's messages.
    Backend,
}

impl Kind {
    fn rule(self, tag: u8) -> Option<Rule> {
        match self {
            Self::Startup => Some(messages::STARTUP),
            Self::Frontend => frontend::rule_of(tag),
            Self::Backend => backend::rule_of(tag),
        }
    }
}

/// A message that came to its end.
#[derive(Debug)]
pub(super) struct Message<'a, S> {
    pub(super) tag: u8,
    /// The start of its body, as far as its rule keeps it and it was captured.
    pub(super) body: &'a [u8],
    /// Its first byte.
    pub(super) start: Place<S>,
    /// The byte after its last.
    pub(super) end: Place<S>,
}

/// What the next bytes are.
#[derive(Debug)]
pub(super) enum Step<'a, S> {
    /// The end of a message.
    Message(Message<'a, S>),
    /// A part of one; the rest comes in a later piece.
    More,
    /// The head of a message is among bytes that nobody saw.
    Hole,
    /// No message of this kind.
    Nonsense,
}

/// One direction.
#[derive(Debug)]
pub(super) struct Frames<S> {
    kind: Kind,
    state: State<S>,
    /// What is kept of a message that began in an earlier piece; not above the largest [`Rule::keep`].
    kept: Vec<u8>,
}

#[derive(Debug)]
enum State<S> {
    Head { bytes: [u8; HEAD], have: usize, start: Option<Place<S>> },
    Body { tag: u8, start: Place<S>, keep: usize, rest: usize },
    Lost,
}

impl<S: Copy> Frames<S> {
    /// A direction whose next byte begins a message.
    pub(super) fn new(kind: Kind) -> Self {
        Self { kind, state: State::between(kind), kept: Vec::new() }
    }

    /// A direction of which nobody knows where its next message begins.
    pub(super) fn lost(kind: Kind) -> Self {
        Self { kind, state: State::Lost, kept: Vec::new() }
    }

    pub(super) fn lose(&mut self) {
        self.state = State::Lost;
    }

    pub(super) fn is_lost(&self) -> bool {
        matches!(self.state, State::Lost)
    }

    /// The next byte begins a message.
    pub(super) fn restart(&mut self) {
        self.state = State::between(self.kind);
    }

    /// Whether the next byte begins a message.
    pub(super) fn at_boundary(&self) -> bool {
        matches!(self.state, State::Head { start: None, .. })
    }

    /// Goes to the end of the message, or of the input.
    pub(super) fn next<'a, 'p: 'a>(&'a mut self, input: &mut Input<'p, S>) -> Step<'a, S> {
        match self.read_head(input) {
            Some(stop) => stop,
            None => self.read_body(input),
        }
    }

    /// None: the head is read. Else why it is not.
    fn read_head<'a>(&mut self, input: &mut Input<'_, S>) -> Option<Step<'a, S>> {
        let State::Head { bytes, have, start } = &mut self.state else { return None };
        while *have < HEAD {
            let place = input.place();
            let Some(byte) = input.take() else {
                return Some(if input.missing == 0 { Step::More } else { Step::Hole });
            };
            start.get_or_insert(place);
            if let Some(slot) = bytes.get_mut(*have) {
                *slot = byte;
            }
            *have = have.saturating_add(1);
        }
        let [tag, length @ ..] = *bytes;
        let length = u32::from_be_bytes(length);
        let (Some(start), Some(rule)) = (*start, self.kind.rule(tag).filter(|rule| rule.allows(length))) else {
            return Some(Step::Nonsense);
        };
        let rest = messages::body_length(length);
        self.kept.clear();
        self.state = State::Body { tag, start, keep: rule.keep.min(rest), rest };
        None
    }

    fn read_body<'a, 'p: 'a>(&'a mut self, input: &mut Input<'p, S>) -> Step<'a, S> {
        let State::Body { tag, start, keep, rest } = &mut self.state else { return Step::More };
        let useful = input.peek(*keep);
        let left = input.left();
        if left < *rest {
            self.kept.extend_from_slice(useful);
            // What comes after a hole does not belong to what came before it.
            *keep = if input.missing > 0 { 0 } else { keep.saturating_sub(useful.len()) };
            *rest = rest.saturating_sub(left);
            input.skip(left);
            return Step::More;
        }
        let (tag, start) = (*tag, *start);
        input.skip(*rest);
        self.state = State::between(self.kind);
        // The usual case: all of it lies in this piece, and nothing is copied.
        let body = if self.kept.is_empty() {
            useful
        } else {
            self.kept.extend_from_slice(useful);
            &self.kept
        };
        Step::Message(Message { tag, body, start, end: input.place() })
    }
}

impl<S> State<S> {
    fn between(kind: Kind) -> Self {
        Self::Head { bytes: [0; HEAD], have: usize::from(kind == Kind::Startup), start: None }
    }
}
