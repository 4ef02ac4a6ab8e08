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
use tracing::{Span, field, instrument};

use crate::error::Error;
use crate::inventory::Inventory;
use crate::model::{CallerId, Level, Lines, Reservation, Reserved, Shortage, Status};
use crate::rows::{COMMIT, EXPIRE, PIN, RELEASE, find, insert, insert_lines, lines_of, step};
use crate::{metrics, moves};

impl Inventory {
    /// Sets every line aside until the time to live is over, or none.
    #[instrument(skip_all, fields(bookstore.request.id = call.id_on_spans(), bookstore.hop = call.hop_on_spans(), bookstore.reservation.id = %id, bookstore.reservation.lines = lines.count(), bookstore.outcome))]
    pub(crate) async fn reserve(&self, call: &Call, id: CallerId, lines: &Lines) -> Result<Reserved, Error> {
        let mut reserved = self.try_reserve(call, id, lines).await;
        // What is due is as good as expired: a buyer is not refused for its sake. Where it could not all be expired
        // some of it may have been, and the task that sweeps says what was wrong.
        if matches!(reserved, Ok(Reserved::OutOfStock(_))) && !matches!(self.expire_due(call).await, Ok(0)) {
            reserved = self.try_reserve(call, id, lines).await;
        }
        if let Ok(Reserved::OutOfStock(shortages)) = &reserved {
            metrics::out_of_stock(shortages.len());
        }
        record(match &reserved {
            Ok(Reserved::Reservation(reservation)) => reservation.status.name(),
            Ok(Reserved::OutOfStock(_)) => "out_of_stock",
            Err(error) => error.outcome(),
        });
        reserved
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
        let reservation = Reservation { id, status, lines: lines.clone() };
        self.make_last(tx, reservation, &levels).await.map(Reserved::Reservation)
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
    #[instrument(skip_all, fields(bookstore.request.id = call.id_on_spans(), bookstore.hop = call.hop_on_spans(), bookstore.reservation.id = %id, bookstore.outcome))]
    pub(crate) async fn pin(&self, call: &Call, id: CallerId) -> Result<Reservation, Error> {
        told(loop {
            if let Some(outcome) = self.try_pin(call, id).await.transpose() {
                break outcome;
            }
        })
    }

    // This and the next two answer nothing when another's step came between two statements of theirs, so that they are
    // to be tried again. That has an end: a reservation has three steps at the most.
    async fn try_pin(&self, call: &Call, id: CallerId) -> Result<Option<Reservation>, Error> {
        let now_ms = self.clock.now_ms();
        step(self.db.run(call), PIN, id, now_ms).await?;
        let found = self.current(call, id, now_ms).await?;
        match found.status {
            Status::Pinned | Status::Committed => Ok(Some(found)),
            Status::Held { .. } => Ok(None),
            Status::Released | Status::Expired => Err(ended(&found)),
        }
    }

    /// Sells what was reserved.
    #[instrument(skip_all, fields(bookstore.request.id = call.id_on_spans(), bookstore.hop = call.hop_on_spans(), bookstore.reservation.id = %id, bookstore.outcome))]
    pub(crate) async fn commit(&self, call: &Call, id: CallerId) -> Result<Reservation, Error> {
        told(loop {
            if let Some(outcome) = self.try_commit(call, id).await.transpose() {
                break outcome;
            }
        })
    }

    async fn try_commit(&self, call: &Call, id: CallerId) -> Result<Option<Reservation>, Error> {
        let now_ms = self.clock.now_ms();
        let mut tx = self.db.begin(call).await?;
        if step(tx.run(), COMMIT, id, now_ms).await? {
            let lines = lines_of(&mut tx, id).await?;
            let levels = moves::sell(&mut tx, lines.as_slice()).await?;
            let reservation = Reservation { id, status: Status::Committed, lines };
            return self.make_last(tx, reservation, &levels).await.map(Some);
        }
        tx.rollback().await?;
        let found = self.current(call, id, now_ms).await?;
        match found.status {
            Status::Committed => Ok(Some(found)),
            Status::Held { .. } | Status::Pinned => Ok(None),
            Status::Released | Status::Expired => Err(ended(&found)),
        }
    }

    /// Puts what was reserved back on hand; an id that is not known yet is released for ever.
    #[instrument(skip_all, fields(bookstore.request.id = call.id_on_spans(), bookstore.hop = call.hop_on_spans(), bookstore.reservation.id = %id, bookstore.outcome))]
    pub(crate) async fn release(&self, call: &Call, id: CallerId) -> Result<Reservation, Error> {
        told(loop {
            if let Some(outcome) = self.try_release(call, id).await.transpose() {
                break outcome;
            }
        })
    }

    async fn try_release(&self, call: &Call, id: CallerId) -> Result<Option<Reservation>, Error> {
        let now_ms = self.clock.now_ms();
        let mut tx = self.db.begin(call).await?;
        // The insert comes first: it waits for a Reserve of the same id that is under way, and then finds it.
        let is_first = insert(&mut tx, id, Status::Released, now_ms).await?;
        if is_first || step(tx.run(), RELEASE, id, now_ms).await? {
            let lines = lines_of(&mut tx, id).await?;
            let levels = moves::put_back(&mut tx, lines.as_slice()).await?;
            let reservation = Reservation { id, status: Status::Released, lines };
            return self.make_last(tx, reservation, &levels).await.map(Some);
        }
        tx.rollback().await?;
        let found = self.current(call, id, now_ms).await?;
        match found.status {
            Status::Released | Status::Expired => Ok(Some(found)),
            Status::Held { .. } | Status::Pinned => Ok(None),
            Status::Committed => Err(ended(&found)),
        }
    }

    /// Puts the copies of one reservation back if its time is up and nobody was faster; says whether it did.
    #[instrument(skip_all, fields(bookstore.request.id = call.id_on_spans(), bookstore.hop = call.hop_on_spans(), bookstore.reservation.id = %id, bookstore.outcome))]
    pub(crate) async fn expire(&self, call: &Call, id: CallerId, now_ms: i64) -> Result<bool, Error> {
        let mut tx = self.db.begin(call).await?;
        if !step(tx.run(), EXPIRE, id, now_ms).await? {
            tx.rollback().await?;
            record("overtaken");
            return Ok(false);
        }
        let lines = lines_of(&mut tx, id).await?;
        let levels = moves::put_back(&mut tx, lines.as_slice()).await?;
        let reservation = Reservation { id, status: Status::Expired, lines };
        told(self.make_last(tx, reservation, &levels).await)?;
        Ok(true)
    }

    /// Commits what a step has done to a reservation and its books, and lets everybody know.
    async fn make_last(&self, tx: Tx, reservation: Reservation, levels: &[Level]) -> Result<Reservation, Error> {
        tx.commit().await?;
        self.watched.publish(levels);
        metrics::became(reservation.status);
        Ok(reservation)
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

/// Notes the outcome on the span of the operation.
fn told(outcome: Result<Reservation, Error>) -> Result<Reservation, Error> {
    record(match &outcome {
        Ok(reservation) => reservation.status.name(),
        Err(error) => error.outcome(),
    });
    outcome
}

fn record(outcome: &'static str) {
    Span::current().record("bookstore.outcome", field::display(outcome));
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
