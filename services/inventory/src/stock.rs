//! How many copies there are, and the only way in which they become more.

use std::collections::HashMap;

use bookstore_runtime::Call;
use tracing::instrument;

use crate::error::Error;
use crate::inventory::Inventory;
use crate::model::{CallerId, Level, Line};
use crate::sql;

const ADD_BOOK: &str = "INSERT INTO stock (book_id) VALUES ($1) ON CONFLICT (book_id) DO NOTHING";
const ADD_TO_LEDGER: &str = "INSERT INTO restocks (restock_id, book_id, quantity, restocked_at_ms) \
    VALUES ($1, $2, $3, $4) ON CONFLICT (restock_id) DO NOTHING";
const ADD_COPIES: &str = "UPDATE stock SET on_hand = on_hand + $1, version = version + 1 WHERE book_id = $2 \
    RETURNING book_id, on_hand, reserved, sold, version";
const IN_LEDGER: &str = "SELECT book_id, quantity FROM restocks WHERE restock_id = $1";

impl Inventory {
    /// The levels of these books in the order asked, with one statement for every [`sql::LONGEST`] of them.
    pub(crate) async fn levels(&self, call: &Call, book_ids: &[i64]) -> Result<Vec<Level>, Error> {
        let mut found = HashMap::with_capacity(book_ids.len());
        for some in book_ids.chunks(sql::LONGEST) {
            let levels = sql::levels(some).fetch_all(self.db.run(call)).await?;
            found.extend(levels.into_iter().map(|level| (level.book_id, level)));
        }
        Ok(book_ids.iter().map(|id| found.get(id).copied().unwrap_or_else(|| Level::none(*id))).collect())
    }

    /// The level of one book.
    pub(crate) async fn level(&self, call: &Call, book_id: i64) -> Result<Level, Error> {
        let found = sql::levels(&[book_id]).fetch_optional(self.db.run(call)).await?;
        Ok(found.unwrap_or_else(|| Level::none(book_id)))
    }

    /// Adds copies, once for each id. A book that was not known is from now on.
    #[instrument(skip_all, fields(bookstore.request.id = call.id_on_spans(), bookstore.hop = call.hop_on_spans(), bookstore.restock.id = %id, bookstore.book.id = line.book_id, bookstore.quantity = line.quantity))]
    pub(crate) async fn restock(&self, call: &Call, id: CallerId, line: Line) -> Result<Level, Error> {
        let mut tx = self.db.begin(call).await?;
        sqlx::query(ADD_BOOK).bind(line.book_id).execute(tx.run()).await?;
        let new = sqlx::query(ADD_TO_LEDGER)
            .bind(id.to_string())
            .bind(line.book_id)
            .bind(line.quantity)
            .bind(self.clock.now_ms())
            .execute(tx.run())
            .await?;
        if new.rows_affected() == 0 {
            tx.rollback().await?;
            return self.restocked_before(call, id, line).await;
        }
        let level: Level =
            sqlx::query_as(ADD_COPIES).bind(line.quantity).bind(line.book_id).fetch_one(tx.run()).await?;
        tx.commit().await?;
        self.watched.publish(&[level]);
        Ok(level)
    }

    /// The level now, if the same restocking was done before.
    async fn restocked_before(&self, call: &Call, id: CallerId, line: Line) -> Result<Level, Error> {
        let before: Line = sqlx::query_as(IN_LEDGER).bind(id.to_string()).fetch_one(self.db.run(call)).await?;
        if before != line {
            return Err(Error::AlreadyExists { what: "restocking", id });
        }
        self.level(call, line.book_id).await
    }
}
