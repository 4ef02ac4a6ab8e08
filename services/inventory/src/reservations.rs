//! Reservations: made, pinned, sold, put back.
//!
//! ```text
//!             Pin            Commit
//!   held ───────────► pinned ──────► committed
//!    │ │ └──────────────────────────────▲
//!    │ └──────────────── │ ──► released      (Release)
//!    └───────────────────────► expired       (its time is up)
//! ```
//!
//! Each step is a conditional update of the reservation's row, so of two that race for it one wins and the other finds
//! what the winner made of it; the copies move in the same transaction. Locks are taken in one order, the reservation
//! before its books and the books by ascending id, so that no two transactions wait for each other.

use bookstore_runtime::Call;
use bookstore_runtime::db::Tx;
use sqlx::{Any, AssertSqlSafe, Executor};
use tracing::{Span, field, instrument};

use crate::error::Error;
use crate::inventory::Inventory;
use crate::model::{CallerId, Level, Line, Lines, Reservation, Reserved, Shortage, Status};
use crate::{metrics, moves, sql};

const INSERT: &str = "INSERT INTO reservations (id, status, expires_at_ms, created_at_ms, updated_at_ms) \
    VALUES ($1, $2, $3, $4, $4) ON CONFLICT (id) DO NOTHING";
const FIND: &str = "SELECT r.status, r.expires_at_ms, l.book_id, l.quantity FROM reservations r \
    LEFT JOIN reservation_lines l ON l.reservation_id = r.id WHERE r.id = $1 ORDER BY l.book_id";
const PIN: &str = "UPDATE reservations SET status = 'pinned', expires_at_ms = NULL, updated_at_ms = $1 \
    WHERE id = $2 AND status = 'held' AND expires_at_ms > $1";
const COMMIT: &str = "UPDATE reservations SET status = 'committed', expires_at_ms = NULL, updated_at_ms = $1 \
    WHERE id = $2 AND (status = 'pinned' OR (status = 'held' AND expires_at_ms > $1))";
const RELEASE: &str = "UPDATE reservations SET status = 'released', expires_at_ms = NULL, updated_at_ms = $1 \
    WHERE id = $2 AND (status = 'pinned' OR (status = 'held' AND expires_at_ms > $1))";
const EXPIRE: &str = "UPDATE reservations SET status = 'expired', expires_at_ms = NULL, updated_at_ms = $1 \
    WHERE id = $2 AND status = 'held' AND expires_at_ms <= $1";

impl Inventory {
    /// Sets every line aside until the time to live is over, or none.
    #[instrument(skip_all, err(level = "debug"), fields(bookstore.reservation.id = %id, bookstore.reservation.lines = lines.as_slice().len(), bookstore.outcome))]
    pub(crate) async fn reserve(&self, call: &Call, id: CallerId, lines: &Lines) -> Result<Reserved, Error> {
        let mut reserved = self.try_reserve(call, id, lines).await?;
        // What is due is as good as expired: a buyer is not refused for its sake.
        if matches!(reserved, Reserved::OutOfStock(_)) && self.expire_due(call).await? > 0 {
            reserved = self.try_reserve(call, id, lines).await?;
        }
        match &reserved {
            Reserved::Reservation(found) => record(found.status.name()),
            Reserved::OutOfStock(_) => {
                record("out_of_stock");
                metrics::reserved(&reserved);
            }
        }
        Ok(reserved)
    }

    async fn try_reserve(&self, call: &Call, id: CallerId, lines: &Lines) -> Result<Reserved, Error> {
        let now_ms = self.clock.now_ms();
        let status = Status::Held { expires_at_ms: now_ms + self.time_to_live_ms };
        let mut tx = self.db.begin(call).await?;
        if !insert(&mut tx, id, status, now_ms).await? {
            tx.rollback().await?;
            return self.reserved_before(call, id, lines, now_ms).await;
        }
        let levels = match take_all(&mut tx, lines).await? {
            Ok(levels) => levels,
            Err(shortages) => {
                tx.rollback().await?;
                return Ok(Reserved::OutOfStock(shortages));
            }
        };
        insert_lines(&mut tx, id, lines).await?;
        tx.commit().await?;
        self.watched.publish(&levels);
        let reserved = Reserved::Reservation(Reservation { id, status, lines: lines.clone() });
        metrics::reserved(&reserved);
        Ok(reserved)
    }

    /// The reservation that an earlier call made with this id.
    async fn reserved_before(&self, call: &Call, id: CallerId, lines: &Lines, now_ms: i64) -> Result<Reserved, Error> {
        let found = self.current(call, id, now_ms).await?;
        let released_before_made = found.lines.as_slice().is_empty();
        if released_before_made || found.lines == *lines {
            return Ok(Reserved::Reservation(found));
        }
        Err(Error::AlreadyExists { what: "reservation", id })
    }

    /// Takes the expiry off a held reservation.
    #[instrument(skip_all, err(level = "debug"), fields(bookstore.reservation.id = %id, bookstore.outcome))]
    pub(crate) async fn pin(&self, call: &Call, id: CallerId) -> Result<Reservation, Error> {
        let now_ms = self.clock.now_ms();
        sqlx::query(PIN).bind(now_ms).bind(id.to_string()).execute(self.db.run(call)).await?;
        let found = self.current(call, id, now_ms).await?;
        match found.status {
            Status::Pinned | Status::Committed => Ok(found),
            // It was made between the two statements: when it was to be pinned, there was none.
            Status::Held { .. } => Err(Error::NotFound(id)),
            Status::Released | Status::Expired => Err(ended(&found)),
        }
    }

    /// Sells what was reserved.
    #[instrument(skip_all, err(level = "debug"), fields(bookstore.reservation.id = %id, bookstore.outcome))]
    pub(crate) async fn commit(&self, call: &Call, id: CallerId) -> Result<Reservation, Error> {
        let now_ms = self.clock.now_ms();
        let mut tx = self.db.begin(call).await?;
        if step(&mut tx, COMMIT, id, now_ms).await? {
            let lines = lines_of(&mut tx, id).await?;
            let levels = moves::sell(&mut tx, lines.as_slice()).await?;
            return self.end(tx, id, Status::Committed, lines, &levels).await;
        }
        tx.rollback().await?;
        let found = self.current(call, id, now_ms).await?;
        match found.status {
            Status::Committed => Ok(found),
            Status::Held { .. } | Status::Pinned => Err(Error::NotFound(id)),
            Status::Released | Status::Expired => Err(ended(&found)),
        }
    }

    /// Puts what was reserved back on hand; an id that is not known yet is released for ever.
    #[instrument(skip_all, err(level = "debug"), fields(bookstore.reservation.id = %id, bookstore.outcome))]
    pub(crate) async fn release(&self, call: &Call, id: CallerId) -> Result<Reservation, Error> {
        let now_ms = self.clock.now_ms();
        let mut tx = self.db.begin(call).await?;
        // The insert comes first: it waits for a Reserve of the same id that is under way, and then finds it.
        if insert(&mut tx, id, Status::Released, now_ms).await? {
            let none = Lines::stored(Vec::new());
            return self.end(tx, id, Status::Released, none, &[]).await;
        }
        if step(&mut tx, RELEASE, id, now_ms).await? {
            let lines = lines_of(&mut tx, id).await?;
            let levels = moves::put_back(&mut tx, lines.as_slice()).await?;
            return self.end(tx, id, Status::Released, lines, &levels).await;
        }
        tx.rollback().await?;
        let found = self.current(call, id, now_ms).await?;
        match found.status {
            Status::Released | Status::Expired => Ok(found),
            Status::Held { .. } | Status::Pinned | Status::Committed => Err(ended(&found)),
        }
    }

    /// Puts the copies of one reservation back if its time is up and nobody was faster; says whether it did.
    #[instrument(skip_all, err(level = "debug"), fields(bookstore.reservation.id = %id, bookstore.outcome))]
    pub(crate) async fn expire(&self, call: &Call, id: CallerId, now_ms: i64) -> Result<bool, Error> {
        let mut tx = self.db.begin(call).await?;
        if !step(&mut tx, EXPIRE, id, now_ms).await? {
            tx.rollback().await?;
            return Ok(false);
        }
        let lines = lines_of(&mut tx, id).await?;
        let levels = moves::put_back(&mut tx, lines.as_slice()).await?;
        self.end(tx, id, Status::Expired, lines, &levels).await?;
        Ok(true)
    }

    /// Makes the end of a reservation last, and tells it.
    async fn end(
        &self,
        tx: Tx,
        id: CallerId,
        status: Status,
        lines: Lines,
        levels: &[Level],
    ) -> Result<Reservation, Error> {
        tx.commit().await?;
        self.watched.publish(levels);
        metrics::ended(status);
        record(status.name());
        Ok(Reservation { id, status, lines })
    }

    /// What has become of a reservation. One that is due is expired first, so nobody sees it held.
    async fn current(&self, call: &Call, id: CallerId, now_ms: i64) -> Result<Reservation, Error> {
        let found = find(self.db.run(call), id).await?;
        if !found.as_ref().is_some_and(|found| found.status.is_due(now_ms)) {
            return found.ok_or(Error::NotFound(id));
        }
        self.expire(call, id, now_ms).await?;
        find(self.db.run(call), id).await?.ok_or(Error::NotFound(id))
    }
}

fn ended(reservation: &Reservation) -> Error {
    Error::Ended { id: reservation.id, status: reservation.status.name() }
}

fn record(outcome: &'static str) {
    Span::current().record("bookstore.outcome", field::display(outcome));
}

/// Inserts the reservation's row; says no when there is one.
async fn insert(tx: &mut Tx, id: CallerId, status: Status, now_ms: i64) -> Result<bool, sqlx::Error> {
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

/// Takes all lines, or finds every one that is short.
async fn take_all(tx: &mut Tx, lines: &Lines) -> Result<Result<Vec<Level>, Vec<Shortage>>, sqlx::Error> {
    let (mut levels, mut shortages) = (Vec::new(), Vec::new());
    for &line in lines.as_slice() {
        match moves::take(tx, line).await? {
            Ok(level) => levels.push(level),
            Err(shortage) => shortages.push(shortage),
        }
    }
    Ok(if shortages.is_empty() { Ok(levels) } else { Err(shortages) })
}

async fn insert_lines(tx: &mut Tx, id: CallerId, lines: &Lines) -> Result<(), sqlx::Error> {
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

/// One of the conditional updates above; says whether it found the reservation in the state it wants.
async fn step(tx: &mut Tx, statement: &'static str, id: CallerId, now_ms: i64) -> Result<bool, sqlx::Error> {
    let done = sqlx::query(statement).bind(now_ms).bind(id.to_string()).execute(tx.run()).await?;
    Ok(done.rows_affected() == 1)
}

async fn lines_of(tx: &mut Tx, id: CallerId) -> Result<Lines, sqlx::Error> {
    sqlx::query_as("SELECT book_id, quantity FROM reservation_lines WHERE reservation_id = $1 ORDER BY book_id")
        .bind(id.to_string())
        .fetch_all(tx.run())
        .await
        .map(Lines::stored)
}

/// A reservation with its lines, in one statement and so as of one moment.
async fn find<'e>(run: impl Executor<'e, Database = Any>, id: CallerId) -> Result<Option<Reservation>, sqlx::Error> {
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
