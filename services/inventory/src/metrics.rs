//! What the service counts of its own business. The conventional metrics of gRPC and SQL come from the layers beneath.

use bookstore_telemetry::metrics::{Counter, UpDownCounter};

use crate::model::Status;

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

/// A wish to reserve could not be fulfilled, for want of copies in so many lines.
pub(crate) fn out_of_stock(lines: usize) {
    STOCK_OUTS.add(lines as u64, &[]);
    RESERVATIONS.add(1, &[("bookstore.outcome", "out_of_stock")]);
}

/// A reservation was made, or has taken a step.
pub(crate) fn became(status: Status) {
    RESERVATIONS.add(1, &[("bookstore.outcome", status.name())]);
}

/// Streams were opened or closed.
pub(crate) fn watchers(change: i64) {
    WATCHERS.add(change, &[]);
}
