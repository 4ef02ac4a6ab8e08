//! Orders and their idempotency keys.

use std::collections::HashMap;

use bookstore_proto::{CURRENCY, Money};
use bookstore_runtime::Call;
use bookstore_runtime::time::unix_ms;
use sqlx::AssertSqlSafe;

use super::{Item, Saga, SagaLine, Store, decode_error, placeholders};
use crate::checkout::machine::Step;
use crate::model::{Order, OrderLine, OrderStatus};

/// How many orders a list holds.
const MOST_LISTED: i64 = 100;

const INSERT_ORDER: &str = "INSERT INTO orders (id, user_id, idempotency_key, status, currency, placed_at_ms, \
    updated_at_ms) VALUES ($1, $2, $3, 'pending', $4, $5, $5)";
const INSERT_KEY: &str = "INSERT INTO idempotency_keys (user_id, key, order_id, body_mac, created_at_ms) \
    VALUES ($1, $2, $3, $4, $5) ON CONFLICT (user_id, key) DO NOTHING";
const INSERT_SAGA: &str = "INSERT INTO sagas (order_id, step, owner, lease_until_ms, request_id, started_at_ms, \
    updated_at_ms) VALUES ($1, $2, $3, $4, $5, $6, $6)";
const FIND_KEY: &str = "SELECT order_id, body_mac FROM idempotency_keys WHERE user_id = $1 AND key = $2";
const ORDER: &str =
    "SELECT id, status, reason, total, currency, placed_at_ms FROM orders WHERE id = $1 AND user_id = $2";
const LINES: &str = "SELECT order_id, book_id, title, quantity, unit_price, available FROM order_lines \
    WHERE order_id = $1 ORDER BY book_id";
const ORDERS: &str = "SELECT id, status, reason, total, currency, placed_at_ms FROM orders WHERE user_id = $1 \
    ORDER BY placed_at_ms DESC, id DESC LIMIT $2";
const LINES_OF_ORDERS: &str = "SELECT order_id, book_id, title, quantity, unit_price, available FROM order_lines \
    WHERE order_id IN (SELECT id FROM orders WHERE user_id = $1 ORDER BY placed_at_ms DESC, id DESC LIMIT $2) \
    ORDER BY order_id, book_id";

/// An order about to be placed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NewOrder<'a> {
    pub(crate) id: &'a str,
    pub(crate) user_id: &'a str,
    pub(crate) key: &'a str,
    pub(crate) body_mac: &'a str,
    /// What it buys.
    pub(crate) items: &'a [Item],
    /// Who will run its saga.
    pub(crate) owner: &'a str,
    /// Until when the saga is left to its owner.
    pub(crate) lease_until_ms: i64,
}

/// The order that a key stands for.
#[derive(Clone, Debug)]
pub(crate) struct Placed {
    pub(crate) order_id: String,
    pub(crate) body_mac: String,
}

type OrderRow = (String, String, Option<String>, i64, String, i64);
type LineRow = (String, i64, String, i64, i64, Option<i64>);

impl Store {
    /// The order that a user's key stands for, if any.
    pub(crate) async fn placed(&self, call: &Call, user_id: &str, key: &str) -> sqlx::Result<Option<Placed>> {
        let row = sqlx::query_as(FIND_KEY).bind(user_id).bind(key).fetch_optional(self.db.run(call)).await?;
        Ok(row.map(|(order_id, body_mac)| Placed { order_id, body_mac }))
    }

    /// Records an order with its saga, about to be priced. Nothing when another request with the same key was first.
    pub(crate) async fn place(&self, call: &Call, new: NewOrder<'_>) -> sqlx::Result<Option<Saga>> {
        let now_ms = unix_ms();
        let mut tx = self.db.begin(call).await?;
        let (id, user_id, key) = (new.id, new.user_id, new.key);
        sqlx::query(INSERT_ORDER)
            .bind(id)
            .bind(user_id)
            .bind(key)
            .bind(CURRENCY)
            .bind(now_ms)
            .execute(tx.run())
            .await?;
        let insert = sqlx::query(INSERT_KEY).bind(user_id).bind(key).bind(id).bind(new.body_mac).bind(now_ms);
        if insert.execute(tx.run()).await?.rows_affected() == 0 {
            tx.rollback().await?;
            return Ok(None);
        }
        // At most as many different texts as a basket has books.
        let rows = placeholders(1, 3, new.items.len());
        let lines = AssertSqlSafe(format!("INSERT INTO order_lines (order_id, book_id, quantity) VALUES {rows}"));
        let mut insert = sqlx::query(lines);
        for item in new.items {
            insert = insert.bind(id).bind(item.book_id).bind(item.quantity);
        }
        insert.execute(tx.run()).await?;
        sqlx::query(INSERT_SAGA)
            .bind(id)
            .bind(Step::Price.as_str())
            .bind(new.owner)
            .bind(new.lease_until_ms)
            .bind(call.request_id())
            .bind(now_ms)
            .execute(tx.run())
            .await?;
        tx.commit().await?;
        let line = |item: &Item| SagaLine { book_id: item.book_id, quantity: item.quantity };
        Ok(Some(Saga {
            order_id: id.to_owned(),
            user_id: user_id.to_owned(),
            lines: new.items.iter().map(line).collect(),
            total: 0,
            step: Step::Price,
            outcome: None,
            version: 0,
            attempts: 0,
            owner: new.owner.to_owned(),
        }))
    }

    /// One of a user's orders.
    pub(crate) async fn order(&self, call: &Call, user_id: &str, id: &str) -> sqlx::Result<Option<Order>> {
        let row: Option<OrderRow> =
            sqlx::query_as(ORDER).bind(id).bind(user_id).fetch_optional(self.db.run(call)).await?;
        let Some(row) = row else { return Ok(None) };
        let lines: Vec<LineRow> = sqlx::query_as(LINES).bind(id).fetch_all(self.db.run(call)).await?;
        let mut by_order = group(lines, &row.4);
        let lines = by_order.remove(&row.0).unwrap_or_default();
        order(row, lines).map(Some)
    }

    /// A user's orders, the latest first.
    pub(crate) async fn orders(&self, call: &Call, user_id: &str) -> sqlx::Result<Vec<Order>> {
        let rows: Vec<OrderRow> =
            sqlx::query_as(ORDERS).bind(user_id).bind(MOST_LISTED).fetch_all(self.db.run(call)).await?;
        let lines: Vec<LineRow> =
            sqlx::query_as(LINES_OF_ORDERS).bind(user_id).bind(MOST_LISTED).fetch_all(self.db.run(call)).await?;
        // The shop sells in one currency.
        let mut by_order = group(lines, CURRENCY);
        rows.into_iter()
            .map(|row| {
                let lines = by_order.remove(&row.0).unwrap_or_default();
                order(row, lines)
            })
            .collect()
    }
}

fn group(rows: Vec<LineRow>, currency: &str) -> HashMap<String, Vec<OrderLine>> {
    let mut by_order: HashMap<String, Vec<OrderLine>> = HashMap::new();
    for (order_id, book_id, title, quantity, unit_price, available) in rows {
        let price = Money { amount: unit_price, currency: currency.to_owned() };
        by_order.entry(order_id).or_default().push(OrderLine { book_id, title, quantity, price, available });
    }
    by_order
}

fn order(row: OrderRow, lines: Vec<OrderLine>) -> sqlx::Result<Order> {
    let (id, status, reason, total, currency, placed_at_ms) = row;
    let status = OrderStatus::stored(&status).ok_or_else(|| decode_error("status of an order", &status))?;
    // A saga that is being undone knows why before the order does; until then the order is open.
    let reason = reason.filter(|_| status != OrderStatus::Pending);
    let placed_at =
        jiff::Timestamp::from_millisecond(placed_at_ms).map_err(|error| sqlx::Error::Decode(error.into()))?;
    Ok(Order { id, status, total: Money { amount: total, currency }, lines, placed_at: placed_at.to_string(), reason })
}
