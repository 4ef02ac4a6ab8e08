//! What the storefront keeps: baskets, orders, sagas. `migrations/` describes the tables.
//!
//! Whatever two could change at once is changed by a conditional update, so that one of them finds that it lost.

mod baskets;
mod orders;
mod sagas;

use bookstore_runtime::Db;

pub(crate) use baskets::Item;
pub(crate) use orders::{NewOrder, Placed};
pub(crate) use sagas::{Change, Lost, PricedLine, Saga, SagaLine};

/// The storefront's tables. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    db: Db,
}

impl Store {
    pub(crate) fn new(db: Db) -> Self {
        Self { db }
    }
}

/// `($1, $2), ($3, $4)`: placeholders of so many rows and columns, the first one being `first`.
fn placeholders(first: usize, columns: usize, rows: usize) -> String {
    let row = |row: usize| {
        let cells: Vec<_> = (0..columns).map(|column| format!("${}", first + row * columns + column)).collect();
        format!("({})", cells.join(", "))
    };
    (0..rows).map(row).collect::<Vec<_>>().join(", ")
}

/// A stored text that means nothing.
fn decode_error(what: &str, text: &str) -> sqlx::Error {
    sqlx::Error::Decode(format!("{text:?} is no {what}").into())
}

#[cfg(test)]
mod tests;
