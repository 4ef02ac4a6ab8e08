//! Copies on their way between on hand, reserved and sold. Each move is one statement on one row of `stock`, answers
//! the level after it, and leaves the sum of the three as it was; [`crate::stock`] alone changes that sum.

use bookstore_runtime::db::Tx;

use crate::model::{Level, Line, Shortage};

const TAKE: &str = "UPDATE stock SET on_hand = on_hand - $1, reserved = reserved + $1, version = version + 1 \
    WHERE book_id = $2 AND on_hand >= $1 RETURNING book_id, on_hand, reserved, sold, version";
const SELL: &str = "UPDATE stock SET reserved = reserved - $1, sold = sold + $1, version = version + 1 \
    WHERE book_id = $2 RETURNING book_id, on_hand, reserved, sold, version";
const PUT_BACK: &str = "UPDATE stock SET reserved = reserved - $1, on_hand = on_hand + $1, version = version + 1 \
    WHERE book_id = $2 RETURNING book_id, on_hand, reserved, sold, version";
const LOCK: &str = "UPDATE stock SET version = version WHERE book_id = $1 RETURNING on_hand";

/// Sets the copies of a line aside, or says how many there are.
pub(crate) async fn take(tx: &mut Tx, line: Line) -> Result<Result<Level, Shortage>, sqlx::Error> {
    if let Some(level) = try_take(tx, line).await? {
        return Ok(Ok(level));
    }
    // Between two statements PostgreSQL may show what another has just put back. With the row locked, what is read
    // is what is there: an answer never says that three copies are too few for two.
    let available: Option<i64> = sqlx::query_scalar(LOCK).bind(line.book_id).fetch_optional(tx.run()).await?;
    let available = available.unwrap_or(0);
    if available >= line.quantity
        && let Some(level) = try_take(tx, line).await?
    {
        return Ok(Ok(level));
    }
    Ok(Err(Shortage { book_id: line.book_id, requested: line.quantity, available }))
}

async fn try_take(tx: &mut Tx, line: Line) -> Result<Option<Level>, sqlx::Error> {
    sqlx::query_as(TAKE).bind(line.quantity).bind(line.book_id).fetch_optional(tx.run()).await
}

/// Sells copies that were set aside.
pub(crate) async fn sell(tx: &mut Tx, lines: &[Line]) -> Result<Vec<Level>, sqlx::Error> {
    each(tx, SELL, lines).await
}

/// Puts copies that were set aside back on hand.
pub(crate) async fn put_back(tx: &mut Tx, lines: &[Line]) -> Result<Vec<Level>, sqlx::Error> {
    each(tx, PUT_BACK, lines).await
}

async fn each(tx: &mut Tx, statement: &'static str, lines: &[Line]) -> Result<Vec<Level>, sqlx::Error> {
    let mut levels = Vec::with_capacity(lines.len());
    for line in lines {
        let level = sqlx::query_as(statement).bind(line.quantity).bind(line.book_id).fetch_one(tx.run()).await?;
        levels.push(level);
    }
    Ok(levels)
}
