//! Sagas: who runs each, and how far it is.

use bookstore_runtime::Call;
use bookstore_runtime::db::Tx;
use bookstore_runtime::time::unix_ms;
use sqlx::{Any, AssertSqlSafe, Executor};

use super::{Store, baskets, decode_error, placeholders};
use crate::checkout::machine::{Outcome, Step};

const RECORD: &str = "UPDATE sagas SET step = $1, outcome = $2, owner = $3, lease_until_ms = $4, attempts = $5, \
    version = version + 1, updated_at_ms = $6 WHERE order_id = $7 AND version = $8";
const CLAIM: &str = "UPDATE sagas SET owner = $1, lease_until_ms = $2, version = version + 1, updated_at_ms = $3 \
    WHERE order_id = $4 AND version = $5";
const DUE: &str = "SELECT order_id, version FROM sagas WHERE step NOT IN ('done', 'undone') AND lease_until_ms <= $1 \
    ORDER BY lease_until_ms LIMIT $2";
const ORPHAN_ALL: &str = "UPDATE sagas SET owner = NULL, lease_until_ms = 0, version = version + 1 \
    WHERE step NOT IN ('done', 'undone')";
const FIND: &str = "SELECT o.user_id, o.total, s.step, s.outcome, s.attempts FROM sagas s \
    JOIN orders o ON o.id = s.order_id WHERE s.order_id = $1 AND s.version = $2";
const LINES: &str = "SELECT book_id, quantity FROM order_lines WHERE order_id = $1 ORDER BY book_id";
const TOTAL: &str = "UPDATE orders SET total = $1, updated_at_ms = $2 WHERE id = $3";
const REASON: &str = "UPDATE orders SET reason = $1, updated_at_ms = $2 WHERE id = $3";
const SHORT: &str = "UPDATE order_lines SET available = $1 WHERE order_id = $2 AND book_id = $3";
const END: &str = "UPDATE orders SET status = $1, updated_at_ms = $2 WHERE id = $3 AND status = 'pending'";
const FREE_KEY: &str = "DELETE FROM idempotency_keys WHERE order_id = $1";

/// A saga, as the one who runs it knows it.
#[derive(Clone, Debug)]
pub(crate) struct Saga {
    pub(crate) order_id: String,
    pub(crate) user_id: String,
    pub(crate) lines: Vec<SagaLine>,
    /// Minor units; 0 until priced.
    pub(crate) total: i64,
    pub(crate) step: Step,
    pub(crate) outcome: Option<Outcome>,
    pub(crate) version: i64,
    pub(crate) attempts: i64,
    pub(crate) owner: String,
}

/// What is bought.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct SagaLine {
    pub(crate) book_id: i64,
    pub(crate) quantity: i64,
}

/// What is bought, and for how much.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct PricedLine {
    pub(crate) book_id: i64,
    pub(crate) quantity: i64,
    pub(crate) title: String,
    pub(crate) unit_price: i64,
}

/// What else is recorded together with a step.
#[derive(Clone, Debug, Default)]
pub(crate) struct Change {
    /// The lines with their prices, once known.
    pub(crate) priced: Vec<PricedLine>,
    /// Why the order comes to nothing.
    pub(crate) reason: Option<&'static str>,
    /// Books that there were not enough of, and how many there were.
    pub(crate) short: Vec<(i64, i64)>,
}

impl Change {
    fn is_empty(&self) -> bool {
        self.priced.is_empty() && self.reason.is_none() && self.short.is_empty()
    }
}

/// Why a saga can be run no further by us.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Lost {
    /// Somebody else has taken it over.
    #[error("another owner has taken the saga over")]
    TakenOver,
    /// The database failed. Whether the change was made is not known; whoever comes next will see.
    #[error("database: {0}")]
    Database(#[from] sqlx::Error),
}

impl Store {
    /// Records that the saga has come to a step, or to its end, and extends its lease. Everything that belongs to the step
    /// is recorded with it or not at all.
    pub(crate) async fn advance(
        &self,
        call: &Call,
        saga: &mut Saga,
        step: Step,
        outcome: Option<Outcome>,
        change: Change,
        lease_until_ms: i64,
    ) -> Result<(), Lost> {
        let next = Saga { step, outcome, attempts: 0, version: saga.version + 1, ..saga.clone() };
        if !step.is_end() && change.is_empty() {
            record(self.db.run(call), &next, Some(&next.owner), lease_until_ms).await?;
            *saga = next;
            return Ok(());
        }
        let total = change.priced.iter().map(|line| line.unit_price * line.quantity).sum();
        let priced = !change.priced.is_empty();
        let mut tx = self.db.begin(call).await?;
        let owner = (!step.is_end()).then_some(next.owner.as_str());
        // First: its row is the lock that the rest stands under.
        record(tx.run(), &next, owner, lease_until_ms).await?;
        write(&mut tx, &next, change, total).await?;
        if step.is_end() {
            end(&mut tx, &next).await?;
        }
        tx.commit().await?;
        *saga = next;
        if priced {
            saga.total = total;
        }
        Ok(())
    }

    /// Leaves the saga at its step, to be tried again by anybody at `next_attempt_ms`.
    pub(crate) async fn park(&self, call: &Call, saga: &Saga, next_attempt_ms: i64) -> Result<(), Lost> {
        let next = Saga { attempts: saga.attempts + 1, version: saga.version + 1, ..saga.clone() };
        record(self.db.run(call), &next, None, next_attempt_ms).await
    }

    /// Sagas that nobody may be running: their leases have run out.
    pub(crate) async fn due(&self, call: &Call, now_ms: i64, limit: i64) -> sqlx::Result<Vec<(String, i64)>> {
        sqlx::query_as(DUE).bind(now_ms).bind(limit).fetch_all(self.db.run(call)).await
    }

    /// Takes a saga over, unless somebody else has moved it since it was seen at `version`.
    pub(crate) async fn claim(
        &self,
        call: &Call,
        order_id: &str,
        version: i64,
        owner: &str,
        lease_until_ms: i64,
    ) -> sqlx::Result<Option<Saga>> {
        let done = sqlx::query(CLAIM)
            .bind(owner)
            .bind(lease_until_ms)
            .bind(unix_ms())
            .bind(order_id)
            .bind(version)
            .execute(self.db.run(call))
            .await?;
        if done.rows_affected() == 0 {
            return Ok(None);
        }
        self.claimed(call, order_id, version + 1, owner).await
    }

    /// Ends all leases. For when no other process can be running a saga.
    pub(crate) async fn orphan_all(&self, call: &Call) -> sqlx::Result<u64> {
        Ok(sqlx::query(ORPHAN_ALL).execute(self.db.run(call)).await?.rows_affected())
    }

    async fn claimed(&self, call: &Call, order_id: &str, version: i64, owner: &str) -> sqlx::Result<Option<Saga>> {
        type Row = (String, i64, String, Option<String>, i64);
        let row: Option<Row> =
            sqlx::query_as(FIND).bind(order_id).bind(version).fetch_optional(self.db.run(call)).await?;
        let Some((user_id, total, step, outcome, attempts)) = row else { return Ok(None) };
        let lines: Vec<(i64, i64)> = sqlx::query_as(LINES).bind(order_id).fetch_all(self.db.run(call)).await?;
        let outcome = outcome
            .map(|text| Outcome::stored(&text).ok_or_else(|| decode_error("outcome of a saga", &text)))
            .transpose()?;
        Ok(Some(Saga {
            order_id: order_id.to_owned(),
            user_id,
            lines: lines.into_iter().map(|(book_id, quantity)| SagaLine { book_id, quantity }).collect(),
            total,
            step: Step::stored(&step).ok_or_else(|| decode_error("step of a saga", &step))?,
            outcome,
            version,
            attempts,
            owner: owner.to_owned(),
        }))
    }
}

/// The conditional update that all others stand behind: it follows the version before `next`, or is not made.
async fn record<'e>(
    run: impl Executor<'e, Database = Any>,
    next: &Saga,
    owner: Option<&str>,
    lease_until_ms: i64,
) -> Result<(), Lost> {
    let done = sqlx::query(RECORD)
        .bind(next.step.as_str())
        .bind(next.outcome.map(Outcome::as_str))
        .bind(owner)
        .bind(lease_until_ms)
        .bind(next.attempts)
        .bind(unix_ms())
        .bind(&next.order_id)
        .bind(next.version - 1)
        .execute(run)
        .await?;
    if done.rows_affected() == 1 { Ok(()) } else { Err(Lost::TakenOver) }
}

async fn write(tx: &mut Tx, saga: &Saga, change: Change, total: i64) -> sqlx::Result<()> {
    let (id, now_ms) = (&saga.order_id, unix_ms());
    if !change.priced.is_empty() {
        sqlx::query(TOTAL).bind(total).bind(now_ms).bind(id).execute(tx.run()).await?;
        let rows = placeholders(1, 5, change.priced.len());
        let text = format!(
            "INSERT INTO order_lines (order_id, book_id, quantity, title, unit_price) VALUES {rows} ON CONFLICT \
             (order_id, book_id) DO UPDATE SET title = excluded.title, unit_price = excluded.unit_price"
        );
        let mut update = sqlx::query(AssertSqlSafe(text));
        for line in change.priced {
            update = update.bind(id).bind(line.book_id).bind(line.quantity).bind(line.title).bind(line.unit_price);
        }
        update.execute(tx.run()).await?;
    }
    if let Some(reason) = change.reason {
        sqlx::query(REASON).bind(reason).bind(now_ms).bind(id).execute(tx.run()).await?;
    }
    for (book_id, available) in change.short {
        sqlx::query(SHORT).bind(available).bind(id).bind(book_id).execute(tx.run()).await?;
    }
    Ok(())
}

/// Gives the order its last status; empties the basket of what was bought; frees the key of an attempt that failed.
async fn end(tx: &mut Tx, saga: &Saga) -> sqlx::Result<()> {
    let outcome = saga.outcome.unwrap_or(Outcome::Failed);
    sqlx::query(END).bind(outcome.as_str()).bind(unix_ms()).bind(&saga.order_id).execute(tx.run()).await?;
    match outcome {
        Outcome::Confirmed => baskets::take_bought(tx, &saga.user_id, &saga.order_id).await,
        Outcome::Failed => {
            sqlx::query(FREE_KEY).bind(&saga.order_id).execute(tx.run()).await?;
            Ok(())
        }
        Outcome::Declined | Outcome::OutOfStock => Ok(()),
    }
}
