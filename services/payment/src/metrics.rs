//! What the service counts of its own business. The conventional metrics of gRPC, HTTP and SQL come from the layers
//! beneath.

use bookstore_telemetry::metrics::Counter;

use crate::payment::{Payment, Status};

/// Payments by what became of them, `bookstore.outcome`: `authorised`, `declined`, `captured`, `voided`, `refunded`. A
/// repeated call counts once.
static PAYMENTS: Counter = Counter::new("bookstore.payment.payments", "{payment}", "Payments by what became of them.");

/// Money taken, in minor units, by `bookstore.currency`.
static CAPTURED: Counter = Counter::new("bookstore.payment.captured", "{minor_unit}", "Money taken, in minor units.");

/// Money given back, in minor units, by `bookstore.currency`.
static REFUNDED: Counter =
    Counter::new("bookstore.payment.refunded", "{minor_unit}", "Money given back, in minor units.");

/// Questions to the issuer that brought no answer, by `error.type`: `unavailable`, `timeout`.
static ISSUER_FAILURES: Counter = Counter::new(
    "bookstore.payment.issuer_failures",
    "{question}",
    "Questions to the card's issuer that brought no answer.",
);

/// The issuer did not answer.
pub(crate) fn issuer_failed(kind: &str) {
    ISSUER_FAILURES.add(1, &[("error.type", kind)]);
}

/// A payment has come to a new status.
pub(crate) fn moved(payment: &Payment) {
    let brand = payment.asked.as_ref().map_or("none", |asked| asked.card_brand.as_str());
    let outcome = ("bookstore.outcome", payment.status.as_str());
    PAYMENTS.add(1, &[outcome, ("bookstore.payment.card_brand", brand)]);
    let money = match payment.status {
        Status::Captured => &CAPTURED,
        Status::Refunded => &REFUNDED,
        _ => return,
    };
    if let Some(asked) = &payment.asked {
        // Amounts are checked to be positive, here and by the table.
        let minor = u64::try_from(asked.amount.minor).unwrap_or(0);
        money.add(minor, &[("bookstore.currency", asked.amount.currency.as_str())]);
    }
}
