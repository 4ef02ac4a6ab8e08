//! Captured money is the sum of confirmed orders, payment by payment. An order and its payment have the same id.

use std::collections::BTreeMap;

use super::databases::Reader;
use super::{Broken, Finding};

const CAPTURED: &str =
    "SELECT payment_id, amount, currency FROM payments WHERE status = 'captured' ORDER BY payment_id";
const ORDERS: &str = "SELECT o.id, o.status, s.step, o.total, o.currency, \
    (SELECT CAST(COALESCE(SUM(l.quantity * l.unit_price), 0) AS BIGINT) FROM order_lines l WHERE l.order_id = o.id) \
    FROM orders o JOIN sagas s ON s.order_id = o.id WHERE o.status IN ('confirmed', 'pending') ORDER BY o.id";

struct Order {
    status: String,
    step: String,
    total: i64,
    currency: String,
    lines_total: i64,
}

impl Order {
    fn is_confirmed(&self) -> bool {
        self.status == "confirmed"
    }

    /// Whether money may have been taken for it.
    fn may_be_paid(&self) -> bool {
        self.is_confirmed() || matches!(self.step.as_str(), "capture" | "commit" | "confirm")
    }
}

/// What was taken, and for what; in minor units.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Totals {
    pub(super) captured: i64,
    pub(super) confirmed: i64,
    /// Captured for orders that are about to be confirmed.
    pub(super) under_way: i64,
}

pub(super) async fn check(payment: &mut Reader, storefront: &mut Reader) -> anyhow::Result<Finding> {
    // In this order: an order that is seen confirmed has been paid, if not yet seen so.
    let captured = captured(payment).await?;
    let orders = orders(storefront).await?;
    let mut broken = Vec::new();
    for (id, (amount, currency)) in &captured {
        let wrong = match orders.get(id) {
            None => format!("captured {amount} {currency}, but no order is or will be confirmed for it"),
            Some(order) if !order.may_be_paid() => {
                format!("captured {amount} {currency}, but its order is {} at step {}", order.status, order.step)
            }
            Some(order) if (order.total, &order.currency) != (*amount, currency) => {
                format!("captured {amount} {currency}, but its order's total is {} {}", order.total, order.currency)
            }
            Some(_) => continue,
        };
        broken.push(Broken { table: "payment.payments", id: id.clone(), what: wrong });
    }
    for (id, order) in orders.iter().filter(|(_, order)| order.is_confirmed()) {
        let wrong = if !captured.contains_key(id) {
            format!("is confirmed with total {}, but nothing is captured for it", order.total)
        } else if order.total != order.lines_total {
            format!("has total {}, but its lines add up to {}", order.total, order.lines_total)
        } else {
            continue;
        };
        broken.push(Broken { table: "storefront.orders", id: id.clone(), what: wrong });
    }
    let invariant = "money captured equals the sum of confirmed orders";
    Ok(Finding { invariant, rows: captured.len().max(orders.len()), broken })
}

pub(super) async fn totals(payment: &mut Reader, storefront: &mut Reader) -> anyhow::Result<Totals> {
    let captured = captured(payment).await?;
    let orders = orders(storefront).await?;
    let confirmed = orders.values().filter(|order| order.is_confirmed()).map(|order| order.total).sum();
    let open = |id: &String| orders.get(id).is_some_and(|order| !order.is_confirmed());
    let under_way = captured.iter().filter(|(id, _)| open(id)).map(|(_, (amount, _))| amount).sum();
    Ok(Totals { captured: captured.values().map(|(amount, _)| amount).sum(), confirmed, under_way })
}

async fn captured(payment: &mut Reader) -> anyhow::Result<BTreeMap<String, (i64, String)>> {
    let rows: Vec<(String, i64, String)> = payment.rows(CAPTURED).await?;
    Ok(rows.into_iter().map(|(id, amount, currency)| (id, (amount, currency))).collect())
}

async fn orders(storefront: &mut Reader) -> anyhow::Result<BTreeMap<String, Order>> {
    let rows: Vec<(String, String, String, i64, String, i64)> = storefront.rows(ORDERS).await?;
    let orders = rows.into_iter().map(|(id, status, step, total, currency, lines_total)| {
        (id, Order { status, step, total, currency, lines_total })
    });
    Ok(orders.collect())
}
