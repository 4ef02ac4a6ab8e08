//! Baskets.
//!
//! Whoever changes a basket by what is in it first touches its row in `baskets`, so such changes queue and the limits
//! hold.

use bookstore_runtime::Call;
use bookstore_runtime::db::Tx;
use bookstore_runtime::time::unix_ms;
use sqlx::{Any, Executor};

use super::Store;
use crate::model::{GuestId, MOST_BOOKS, MOST_COPIES, Owner};

const ITEMS: &str = "SELECT book_id, quantity FROM basket_items WHERE owner = $1 ORDER BY added_at_ms, book_id";
const TOUCH: &str = "INSERT INTO baskets (owner, updated_at_ms) VALUES ($1, $2) \
    ON CONFLICT (owner) DO UPDATE SET updated_at_ms = excluded.updated_at_ms";
const PUT: &str = "INSERT INTO basket_items (owner, book_id, quantity, added_at_ms) VALUES ($1, $2, $3, $4) \
    ON CONFLICT (owner, book_id) DO UPDATE SET quantity = excluded.quantity";
const REMOVE: &str = "DELETE FROM basket_items WHERE owner = $1 AND book_id = $2";
const REMOVE_BASKET: &str = "DELETE FROM baskets WHERE owner = $1";
const COPIES: &str = "SELECT CAST(COALESCE(SUM(quantity), 0) AS BIGINT) FROM basket_items WHERE owner = $1";
const REMOVE_OLD_GUESTS: &str = "DELETE FROM baskets WHERE owner IN (SELECT owner FROM baskets \
    WHERE updated_at_ms < $1 AND owner LIKE 'guest:%' ORDER BY updated_at_ms LIMIT $2)";
const REMOVE_ALL_BOUGHT: &str = "DELETE FROM basket_items WHERE owner = $1 AND EXISTS (SELECT 1 FROM order_lines \
    WHERE order_id = $2 AND order_lines.book_id = basket_items.book_id AND order_lines.quantity >= basket_items.quantity)";
const REDUCE_BOUGHT: &str = "UPDATE basket_items SET quantity = quantity - (SELECT order_lines.quantity FROM order_lines \
    WHERE order_id = $2 AND order_lines.book_id = basket_items.book_id) \
    WHERE owner = $1 AND book_id IN (SELECT book_id FROM order_lines WHERE order_id = $2)";

/// So many copies of a book.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Item {
    pub(crate) book_id: i64,
    pub(crate) quantity: i64,
}

impl Store {
    /// What is in a basket, in the order in which it was put in.
    pub(crate) async fn items(&self, call: &Call, owner: &Owner) -> sqlx::Result<Vec<Item>> {
        items(self.db.run(call), &owner.stored()).await
    }

    /// How many copies a basket holds.
    pub(crate) async fn copies(&self, call: &Call, owner: &Owner) -> sqlx::Result<i64> {
        let (copies,) = sqlx::query_as(COPIES).bind(owner.stored()).fetch_one(self.db.run(call)).await?;
        Ok(copies)
    }

    /// Sets the number of copies of a book. Says what is in the basket then, or nothing when it was full.
    pub(crate) async fn put(&self, call: &Call, owner: &Owner, item: Item) -> sqlx::Result<Option<Vec<Item>>> {
        let owner = owner.stored();
        let mut tx = self.db.begin(call).await?;
        touch(&mut tx, &owner).await?;
        put(&mut tx, &owner, item).await?;
        let items = items(tx.run(), &owner).await?;
        if items.len() > MOST_BOOKS {
            tx.rollback().await?;
            return Ok(None);
        }
        tx.commit().await?;
        Ok(Some(items))
    }

    /// Takes a book out.
    pub(crate) async fn remove(&self, call: &Call, owner: &Owner, book_id: i64) -> sqlx::Result<()> {
        sqlx::query(REMOVE).bind(owner.stored()).bind(book_id).execute(self.db.run(call)).await?;
        Ok(())
    }

    /// Puts all of a guest's basket into a user's, as far as that has room, and removes the guest's.
    pub(crate) async fn merge(&self, call: &Call, guest: &GuestId, user_id: &str) -> sqlx::Result<()> {
        // Nothing is written for the many who log in with an empty basket.
        if self.items(call, &Owner::Guest(guest.clone())).await?.is_empty() {
            return Ok(());
        }
        let (guest, user) = (Owner::Guest(guest.clone()).stored(), Owner::User(user_id.to_owned()).stored());
        let mut tx = self.db.begin(call).await?;
        // `guest:` comes before `user:`, for everybody.
        touch(&mut tx, &guest).await?;
        touch(&mut tx, &user).await?;
        let mut held = items(tx.run(), &user).await?;
        for item in items(tx.run(), &guest).await? {
            let quantity = match held.iter().find(|other| other.book_id == item.book_id) {
                Some(other) => (other.quantity + item.quantity).min(MOST_COPIES),
                None if held.len() < MOST_BOOKS => {
                    held.push(item);
                    item.quantity
                }
                None => continue,
            };
            put(&mut tx, &user, Item { quantity, ..item }).await?;
        }
        sqlx::query(REMOVE_BASKET).bind(&guest).execute(tx.run()).await?;
        tx.commit().await
    }

    /// Removes baskets of guests that were not changed since `before_ms`, at most `limit`, and says how many.
    pub(crate) async fn remove_old_guests(&self, call: &Call, before_ms: i64, limit: i64) -> sqlx::Result<u64> {
        let done = sqlx::query(REMOVE_OLD_GUESTS).bind(before_ms).bind(limit).execute(self.db.run(call)).await?;
        Ok(done.rows_affected())
    }
}

/// Takes what an order has bought out of its buyer's basket; what was added meanwhile stays.
pub(super) async fn take_bought(tx: &mut Tx, user_id: &str, order_id: &str) -> sqlx::Result<()> {
    let owner = Owner::User(user_id.to_owned()).stored();
    touch(tx, &owner).await?;
    for statement in [REMOVE_ALL_BOUGHT, REDUCE_BOUGHT] {
        sqlx::query(statement).bind(&owner).bind(order_id).execute(tx.run()).await?;
    }
    Ok(())
}

async fn touch(tx: &mut Tx, owner: &str) -> sqlx::Result<()> {
    sqlx::query(TOUCH).bind(owner).bind(unix_ms()).execute(tx.run()).await?;
    Ok(())
}

async fn put(tx: &mut Tx, owner: &str, item: Item) -> sqlx::Result<()> {
    let Item { book_id, quantity } = item;
    sqlx::query(PUT).bind(owner).bind(book_id).bind(quantity).bind(unix_ms()).execute(tx.run()).await?;
    Ok(())
}

async fn items<'e>(run: impl Executor<'e, Database = Any>, owner: &str) -> sqlx::Result<Vec<Item>> {
    let rows: Vec<(i64, i64)> = sqlx::query_as(ITEMS).bind(owner).fetch_all(run).await?;
    Ok(rows.into_iter().map(|(book_id, quantity)| Item { book_id, quantity }).collect())
}
