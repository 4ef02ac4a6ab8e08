//! The rows of a reservation: read and written by nobody else.

use bookstore_runtime::db::Tx;
use sqlx::{Any, AssertSqlSafe, Executor};

use crate::model::{CallerId, Line, Lines, Reservation, Status};
use crate::sql;

const INSERT: &str = "INSERT INTO reservations (id, status, expires_at_ms, created_at_ms, updated_at_ms) \
    VALUES ($1, $2, $3, $4, $4) ON CONFLICT (id) DO NOTHING";
const FIND: &str = "SELECT r.status, r.expires_at_ms, l.book_id, l.quantity FROM reservations r \
    LEFT JOIN reservation_lines l ON l.reservation_id = r.id WHERE r.id = $1 ORDER BY l.book_id";

/// A step of a reservation: a conditional update that finds it in the state it must be in, or does nothing. `$1` is the
/// time, `$2` the id.
#[derive(Clone, Copy)]
pub(crate) struct Step(&'static str);

/// Takes the expiry off what is held.
pub(crate) const PIN: Step = Step(
    "UPDATE reservations SET status = 'pinned', expires_at_ms = NULL, updated_at_ms = $1 \
    WHERE id = $2 AND status = 'held' AND expires_at_ms > $1",
);
/// Sells what is held or pinned.
pub(crate) const COMMIT: Step = Step(
    "UPDATE reservations SET status = 'committed', expires_at_ms = NULL, updated_at_ms = $1 \
    WHERE id = $2 AND (status = 'pinned' OR (status = 'held' AND expires_at_ms > $1))",
);
/// Gives up what is held or pinned.
pub(crate) const RELEASE: Step = Step(
    "UPDATE reservations SET status = 'released', expires_at_ms = NULL, updated_at_ms = $1 \
    WHERE id = $2 AND (status = 'pinned' OR (status = 'held' AND expires_at_ms > $1))",
);
/// Gives up what was held for too long.
pub(crate) const EXPIRE: Step = Step(
    "UPDATE reservations SET status = 'expired', expires_at_ms = NULL, updated_at_ms = $1 \
    WHERE id = $2 AND status = 'held' AND expires_at_ms <= $1",
);

/// Inserts the reservation's row; says no when there is one.
pub(crate) async fn insert(tx: &mut Tx, id: CallerId, status: Status, now_ms: i64) -> Result<bool, sqlx::Error> {
    let expires_at_ms = match status {
        Status::Held { expires_at_ms } => Some(expires_at_ms),
        _ => None,
    };
    let done = sqlx::query(INSERT)
        .bind(id.to_string())
        .bind(status.name())
        .bind(expires_at_ms)
        .bind(now_ms)
        .execute(tx.run())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Inserts the lines of a reservation.
pub(crate) async fn insert_lines(tx: &mut Tx, id: CallerId, lines: &Lines) -> Result<(), sqlx::Error> {
    // At most as many different texts as a reservation may have lines.
    let rows = sql::rows(1, 3, lines.as_slice().len());
    let text = format!("INSERT INTO reservation_lines (reservation_id, book_id, quantity) VALUES {rows}");
    let mut query = sqlx::query(AssertSqlSafe(text));
    for line in lines.as_slice() {
        query = query.bind(id.to_string()).bind(line.book_id).bind(line.quantity);
    }
    query.execute(tx.run()).await?;
    Ok(())
}

/// Does a step; says no when the reservation was not in the state for it, or there is none.
pub(crate) async fn step<'e>(
    run: impl Executor<'e, Database = Any>,
    step: Step,
    id: CallerId,
    now_ms: i64,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(step.0).bind(now_ms).bind(id.to_string()).execute(run).await?;
    Ok(done.rows_affected() == 1)
}

/// The lines of a reservation.
pub(crate) async fn lines_of(tx: &mut Tx, id: CallerId) -> Result<Lines, sqlx::Error> {
    sqlx::query_as("SELECT book_id, quantity FROM reservation_lines WHERE reservation_id = $1 ORDER BY book_id")
        .bind(id.to_string())
        .fetch_all(tx.run())
        .await
        .map(Lines::stored)
}

/// A reservation with its lines, in one statement and so as of one moment.
pub(crate) async fn find<'e>(
    run: impl Executor<'e, Database = Any>,
    id: CallerId,
) -> Result<Option<Reservation>, sqlx::Error> {
    type Row = (String, Option<i64>, Option<i64>, Option<i64>);
    let rows: Vec<Row> = sqlx::query_as(FIND).bind(id.to_string()).fetch_all(run).await?;
    let Some((name, expires_at_ms, ..)) = rows.first() else {
        return Ok(None);
    };
    let status = Status::stored(name, *expires_at_ms)
        .ok_or_else(|| sqlx::Error::Decode(format!("{name} is no status").into()))?;
    let lines = rows
        .iter()
        .filter_map(|(_, _, book_id, quantity)| Some(Line { book_id: (*book_id)?, quantity: (*quantity)? }))
        .collect();
    Ok(Some(Reservation { id, status, lines: Lines::stored(lines) }))
}
