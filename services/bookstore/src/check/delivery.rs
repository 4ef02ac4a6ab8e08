//! A confirmed order has taken just the copies that it names from stock, and a reservation that has taken copies, or
//! keeps them without end, is that of an order. An order and its reservation have the same id.

use std::collections::BTreeMap;

use super::databases::Reader;
use super::{Broken, Finding};

const RESERVATIONS: &str = "SELECT r.id, r.status, l.book_id, l.quantity FROM reservations r \
    JOIN reservation_lines l ON l.reservation_id = r.id WHERE r.status IN ('pinned', 'committed') \
    ORDER BY r.id, l.book_id";
const ORDERS: &str = "SELECT o.id, o.status, s.step, l.book_id, l.quantity FROM orders o \
    JOIN sagas s ON s.order_id = o.id JOIN order_lines l ON l.order_id = o.id \
    WHERE o.status IN ('confirmed', 'pending') ORDER BY o.id, l.book_id";

/// Book and copies, by book.
type Lines = Vec<(i64, i64)>;

struct Reservation {
    status: String,
    lines: Lines,
}

struct Order {
    status: String,
    step: String,
    lines: Lines,
}

impl Order {
    /// Whether its reservation may be as it is.
    fn allows(&self, reservation: &str) -> bool {
        match reservation {
            // It is pinned before the capture, and let go after a capture that turned out to be impossible.
            "pinned" => matches!(self.step.as_str(), "capture" | "commit" | "confirm" | "void" | "release"),
            "committed" => matches!(self.step.as_str(), "commit" | "confirm" | "done"),
            _ => true,
        }
    }
}

pub(super) async fn check(inventory: &mut Reader, storefront: &mut Reader) -> anyhow::Result<Finding> {
    // In this order: an order that is seen confirmed has had its reservation committed, if not yet seen so.
    let reservations = reservations(inventory).await?;
    let orders = orders(storefront).await?;
    let mut broken = Vec::new();
    for (id, order) in orders.iter().filter(|(_, order)| order.status == "confirmed") {
        let wrong = match reservations.get(id) {
            None => "is confirmed, but its reservation is neither committed nor there".to_owned(),
            Some(reservation) if reservation.status != "committed" => {
                format!("is confirmed, but its reservation is {}", reservation.status)
            }
            Some(reservation) if reservation.lines != order.lines => {
                format!("names {}, but its reservation {}", show(&order.lines), show(&reservation.lines))
            }
            Some(_) => continue,
        };
        broken.push(Broken { table: "storefront.orders", id: id.clone(), what: wrong });
    }
    for (id, reservation) in &reservations {
        let wrong = match orders.get(id) {
            None => format!("is {}, but there is no order that wants it", reservation.status),
            Some(order) if !order.allows(&reservation.status) => {
                format!("is {}, but its order is {} at step {}", reservation.status, order.status, order.step)
            }
            Some(_) => continue,
        };
        broken.push(Broken { table: "inventory.reservations", id: id.clone(), what: wrong });
    }
    let invariant = "confirmed orders took just what they name from stock";
    Ok(Finding { invariant, rows: orders.len().max(reservations.len()), broken })
}

async fn reservations(inventory: &mut Reader) -> anyhow::Result<BTreeMap<String, Reservation>> {
    let mut found: BTreeMap<String, Reservation> = BTreeMap::new();
    let rows: Vec<(String, String, i64, i64)> = inventory.rows(RESERVATIONS).await?;
    for (id, status, book_id, quantity) in rows {
        let reservation = found.entry(id).or_insert_with(|| Reservation { status, lines: Vec::new() });
        reservation.lines.push((book_id, quantity));
    }
    Ok(found)
}

async fn orders(storefront: &mut Reader) -> anyhow::Result<BTreeMap<String, Order>> {
    let mut found: BTreeMap<String, Order> = BTreeMap::new();
    let rows: Vec<(String, String, String, i64, i64)> = storefront.rows(ORDERS).await?;
    for (id, status, step, book_id, quantity) in rows {
        let order = found.entry(id).or_insert_with(|| Order { status, step, lines: Vec::new() });
        order.lines.push((book_id, quantity));
    }
    Ok(found)
}

fn show(lines: &Lines) -> String {
    let lines: Vec<_> = lines.iter().map(|(book_id, quantity)| format!("{quantity} of book {book_id}")).collect();
    lines.join(", ")
}
