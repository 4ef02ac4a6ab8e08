//! Stock, as the shop shows it.

use serde::Serialize;

/// How many copies of a book can be bought.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub struct StockLevel {
    /// The book's number in the catalog.
    pub book_id: i64,
    /// Copies on hand.
    pub available: i64,
}
