//! What the service counts of its own business. The conventional metrics of gRPC and SQL come from the layers beneath.

use bookstore_telemetry::metrics::{Counter, UpDownCounter};

use crate::model::{Reserved, Status};

/// Lines that could not be filled because too few copies were on hand.
static STOCK_OUTS: Counter = Counter::new(
    "bookstore.inventory.stock_outs",
    "{line}",
    "Lines that could not be filled because too few copies were on hand.",
);

/// Reservations by what became of them, `bookstore.outcome`: `held` and `out_of_stock` when they are made,
/// `committed`, `released` or `expired` when they end. A repeated call counts once.
static RESERVATIONS: Counter =
    Counter::new("bookstore.inventory.reservations", "{reservation}", "Reservations by what became of them.");

/// Open streams of WatchStock.
static WATCHERS: UpDownCounter =
    UpDownCounter::new("bookstore.inventory.watchers", "{stream}", "Open streams of WatchStock.");

/// Copies were set aside, or could not be.
pub(crate) fn reserved(outcome: &Reserved) {
    match outcome {
        Reserved::Reservation(_) => count("held"),
        Reserved::OutOfStock(shortages) => {
            STOCK_OUTS.add(shortages.len() as u64, &[]);
            count("out_of_stock");
        }
    }
}

/// A reservation has come to its end.
pub(crate) fn ended(status: Status) {
    count(status.name());
}

/// Streams were opened or closed.
pub(crate) fn watchers(change: i64) {
    WATCHERS.add(change, &[]);
}

fn count(outcome: &str) {
    RESERVATIONS.add(1, &[("bookstore.outcome", outcome)]);
}
