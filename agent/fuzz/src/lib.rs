//! What the targets share: how a file of the fuzzer is read as a conversation, and what must hold of any.

pub mod memory;
pub mod talk;

use bookstore_agent::wire::{Direction, Event, Invalid, Piece};

/// A parser of one connection.
pub trait Parser {
    /// Takes the next piece.
    ///
    /// # Errors
    /// What the parser says.
    fn push(
        &mut self,
        direction: Direction,
        piece: Piece<'_, usize>,
        events: &mut Vec<Event<usize>>,
    ) -> Result<(), Invalid>;

    /// Whether it lost its place, or has not found it yet.
    fn lost(&self) -> bool;
}

macro_rules! parser {
    ($parser:ty, $lost:expr) => {
        impl Parser for $parser {
            fn push(
                &mut self,
                direction: Direction,
                piece: Piece<'_, usize>,
                events: &mut Vec<Event<usize>>,
            ) -> Result<(), Invalid> {
                <$parser>::push(self, direction, piece, events)
            }

            fn lost(&self) -> bool {
                let lost: fn(&Self) -> bool = $lost;
                lost(self)
            }
        }
    };
}

parser!(bookstore_agent::wire::http1::Http1<usize>, |it| it.resynchronised() > 0 || it.passed_over());
parser!(bookstore_agent::wire::http2::Http2<usize>, |it| it.resynchronised() > 0);
parser!(bookstore_agent::wire::postgres::Postgres<usize>, |it| it.resynchronised() > 0);
