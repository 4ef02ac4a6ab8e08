//! What the storefront counts.

use bookstore_telemetry::metrics::{Counter, UpDownCounter};

/// Orders that have come to their end, by `bookstore.order.outcome`: `confirmed`, `declined`, `out_of_stock`, `failed`.
pub(crate) static ORDERS: Counter =
    Counter::new("bookstore.orders", "{order}", "Orders that have come to their end, by outcome.");

/// Money captured for confirmed orders, in minor units, by `bookstore.currency`.
pub(crate) static REVENUE: Counter =
    Counter::new("bookstore.revenue", "{minor_unit}", "Money captured for confirmed orders, in minor units.");

/// Books that an order asked more copies of than there were.
pub(crate) static STOCK_OUTS: Counter =
    Counter::new("bookstore.stock_outs", "{book}", "Books that an order asked more copies of than there were.");

/// Steps of sagas, by `bookstore.saga.step` and `bookstore.saga.reply`: `done`, `refused`, `silent`.
pub(crate) static SAGA_STEPS: Counter =
    Counter::new("bookstore.saga.steps", "{step}", "Steps of checkout sagas, by step and what came of it.");

/// Steps that undid another, by `bookstore.saga.step`.
pub(crate) static SAGA_COMPENSATIONS: Counter =
    Counter::new("bookstore.saga.compensations", "{step}", "Compensations of checkout sagas that were done, by step.");

/// Sagas under way in this process.
pub(crate) static SAGAS_ACTIVE: UpDownCounter =
    UpDownCounter::new("bookstore.saga.active", "{saga}", "Checkout sagas under way in this process.");

/// Sagas taken over from an owner that was gone or had given up, by `bookstore.saga.step`.
pub(crate) static SAGAS_RECOVERED: Counter =
    Counter::new("bookstore.saga.recovered", "{saga}", "Checkout sagas taken over, by the step they were found at.");
