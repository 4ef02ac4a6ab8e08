//! Statements whose number of parameters varies. Only numbered placeholders are ever put into a text.

use std::fmt::Write as _;
use std::sync::{Arc, LazyLock};

use sqlx::AssertSqlSafe;
use sqlx::any::AnyArguments;
use sqlx::query::QueryAs;

use crate::model::Level;

/// The lengths that a list of ids is padded to. Few texts mean that each is prepared once for a connection, and that
/// telemetry sees few different statements.
const LENGTHS: [usize; 6] = [1, 8, 24, 50, 100, 200];

/// The longest list that [`levels`] takes.
pub(crate) const LONGEST: usize = LENGTHS[LENGTHS.len() - 1];

static LEVELS: LazyLock<[Arc<str>; LENGTHS.len()]> = LazyLock::new(|| {
    LENGTHS.map(|length| {
        let ids = placeholders(1, length);
        Arc::from(format!("SELECT book_id, on_hand, reserved, sold, version FROM stock WHERE book_id IN ({ids})"))
    })
});

/// The levels of these books, in any order; a book that was never restocked has no row. At most [`LONGEST`] ids and
/// at least one; an id that comes twice is found once.
pub(crate) fn levels(book_ids: &[i64]) -> QueryAs<'static, sqlx::Any, Level, AnyArguments> {
    let shape = LENGTHS.iter().position(|length| *length >= book_ids.len()).unwrap_or(LENGTHS.len() - 1);
    let mut query = sqlx::query_as(AssertSqlSafe(Arc::clone(&LEVELS[shape])));
    for id in padded(book_ids, LENGTHS[shape]) {
        query = query.bind(id);
    }
    query
}

/// The ids, and the last of them again until there are `length`.
pub(crate) fn padded(ids: &[i64], length: usize) -> impl Iterator<Item = i64> {
    let last = ids.last().copied().unwrap_or_default();
    ids.iter().copied().chain(std::iter::repeat(last)).take(length)
}

/// `$3, $4, $5` for `placeholders(3, 3)`.
pub(crate) fn placeholders(first: usize, count: usize) -> String {
    let mut text = String::with_capacity(count * 6);
    for number in first..first + count {
        let separator = if number == first { "" } else { ", " };
        // Writing to a String cannot fail.
        let _ = write!(text, "{separator}${number}");
    }
    text
}

/// `($1, $2), ($3, $4)` for `rows(1, 2, 2)`.
pub(crate) fn rows(first: usize, columns: usize, count: usize) -> String {
    let rows: Vec<_> = (0..count).map(|row| format!("({})", placeholders(first + row * columns, columns))).collect();
    rows.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_numbered_on() {
        assert_eq!(placeholders(3, 3), "$3, $4, $5");
        assert_eq!(rows(2, 2, 2), "($2, $3), ($4, $5)");
    }

    #[test]
    fn padding_asks_for_nothing_new() {
        assert_eq!(padded(&[4, 9], 4).collect::<Vec<_>>(), [4, 9, 9, 9]);
    }
}
