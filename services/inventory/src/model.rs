//! What the service is about: copies of books, and reservations of them. A value of these types has been validated.

use std::fmt;

use uuid::Uuid;

use crate::error::Error;

/// The most lines a reservation has.
pub(crate) const MOST_LINES: usize = 50;
/// The most copies one line of a reservation asks for.
pub(crate) const MOST_COPIES_A_LINE: i64 = 99;
/// The most copies one restocking adds.
pub(crate) const MOST_COPIES_A_RESTOCK: i64 = 100_000;

/// Where the copies of one book are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::FromRow)]
pub(crate) struct Level {
    pub(crate) book_id: i64,
    pub(crate) on_hand: i64,
    pub(crate) reserved: i64,
    pub(crate) sold: i64,
    /// Grows with every change: of two levels of one book the one with the higher version is the newer.
    pub(crate) version: i64,
}

impl Level {
    /// The level of a book that was never restocked.
    pub(crate) fn none(book_id: i64) -> Self {
        Self { book_id, on_hand: 0, reserved: 0, sold: 0, version: 0 }
    }
}

/// The id that a caller chose for a reservation or a restocking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct CallerId(Uuid);

impl CallerId {
    /// Reads a UUID in any of its usual forms; `field` is named when it is none.
    pub(crate) fn parse(field: &'static str, text: &str) -> Result<Self, Error> {
        Uuid::try_parse(text).map(Self).map_err(|_| Error::Invalid(format!("{field} is not a UUID")))
    }

    /// Reads what the database holds.
    pub(crate) fn stored(text: &str) -> Result<Self, sqlx::Error> {
        Uuid::try_parse(text).map(Self).map_err(|error| sqlx::Error::Decode(error.into()))
    }
}

// The form in which it is stored and answered: lower case with hyphens.
impl fmt::Display for CallerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

/// So many copies of one book.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::FromRow)]
pub(crate) struct Line {
    pub(crate) book_id: i64,
    pub(crate) quantity: i64,
}

/// The lines of a reservation in ascending order of book id: the order in which rows of `stock` are locked, so that
/// two reservations of the same books cannot wait for each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Lines(Vec<Line>);

impl Lines {
    /// Sorts and checks what a caller asked for.
    pub(crate) fn parse(mut lines: Vec<Line>) -> Result<Self, Error> {
        if !(1..=MOST_LINES).contains(&lines.len()) {
            let count = lines.len();
            return Err(Error::Invalid(format!("a reservation has 1 to {MOST_LINES} lines, this one {count}")));
        }
        for &Line { book_id, quantity } in &lines {
            check_book_id(book_id)?;
            if !(1..=MOST_COPIES_A_LINE).contains(&quantity) {
                return Err(Error::Invalid(format!(
                    "a line has 1 to {MOST_COPIES_A_LINE} copies, that of book {book_id} has {quantity}"
                )));
            }
        }
        lines.sort_unstable_by_key(|line| line.book_id);
        match lines.windows(2).find(|two| two[0].book_id == two[1].book_id) {
            Some(two) => Err(Error::Invalid(format!("book {} has more than one line", two[0].book_id))),
            None => Ok(Self(lines)),
        }
    }

    /// Lines that the database holds, read in ascending order of book id.
    pub(crate) fn stored(lines: Vec<Line>) -> Self {
        Self(lines)
    }

    pub(crate) fn as_slice(&self) -> &[Line] {
        &self.0
    }

    /// How many there are, as attributes have it: unsigned numbers would be exported as text.
    pub(crate) fn count(&self) -> i64 {
        i64::try_from(self.0.len()).unwrap_or(i64::MAX)
    }
}

/// Refuses what cannot be the id of a book.
pub(crate) fn check_book_id(book_id: i64) -> Result<(), Error> {
    if book_id < 1 {
        return Err(Error::Invalid(format!("the id of a book is positive, {book_id} is not")));
    }
    Ok(())
}

/// Refuses a restocking of nothing, and one that must be a mistake.
pub(crate) fn check_restock(line: Line) -> Result<(), Error> {
    check_book_id(line.book_id)?;
    if !(1..=MOST_COPIES_A_RESTOCK).contains(&line.quantity) {
        return Err(Error::Invalid(format!(
            "a restocking adds 1 to {MOST_COPIES_A_RESTOCK} copies, this one {}",
            line.quantity
        )));
    }
    Ok(())
}

/// How far a reservation has come. `Committed`, `Released` and `Expired` are ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// Set aside until then, in milliseconds since the Unix epoch.
    Held { expires_at_ms: i64 },
    /// Set aside without end.
    Pinned,
    /// Sold.
    Committed,
    /// Put back because the caller asked.
    Released,
    /// Put back because its time was up.
    Expired,
}

impl Status {
    /// As it is stored; none when the database holds something else.
    pub(crate) fn stored(name: &str, expires_at_ms: Option<i64>) -> Option<Self> {
        match (name, expires_at_ms) {
            ("held", Some(expires_at_ms)) => Some(Self::Held { expires_at_ms }),
            ("pinned", None) => Some(Self::Pinned),
            ("committed", None) => Some(Self::Committed),
            ("released", None) => Some(Self::Released),
            ("expired", None) => Some(Self::Expired),
            _ => None,
        }
    }

    /// Its name in spans and messages, and in the database.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Held { .. } => "held",
            Self::Pinned => "pinned",
            Self::Committed => "committed",
            Self::Released => "released",
            Self::Expired => "expired",
        }
    }

    /// Whether its time is up although nobody has put the copies back yet.
    pub(crate) fn is_due(self, now_ms: i64) -> bool {
        matches!(self, Self::Held { expires_at_ms } if expires_at_ms <= now_ms)
    }
}

/// Copies set aside under an id of the caller's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reservation {
    pub(crate) id: CallerId,
    pub(crate) status: Status,
    /// Empty when it was released before it was made.
    pub(crate) lines: Lines,
}

/// What became of a wish to reserve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reserved {
    /// Every line was set aside, now or by an earlier call with the same id.
    Reservation(Reservation),
    /// Nothing was set aside.
    OutOfStock(Vec<Shortage>),
}

/// A line that could not be filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shortage {
    pub(crate) book_id: i64,
    pub(crate) requested: i64,
    pub(crate) available: i64,
}
