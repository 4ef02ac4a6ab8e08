//! Baskets.

use bookstore_proto::Money;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How many different books a basket may hold. Inventory reserves no more at once.
pub const MOST_BOOKS: usize = 50;
/// How many copies of one book a basket may hold.
pub const MOST_COPIES: i64 = 99;

/// What somebody is about to buy, at the prices of now.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
pub struct Basket {
    /// The books, in the order in which they were put in. At most 50.
    pub lines: Vec<BasketLine>,
    /// What they cost together.
    pub total: Money,
}

impl Basket {
    /// How many copies it holds.
    #[must_use]
    pub fn copies(&self) -> i64 {
        self.lines.iter().map(|line| line.quantity).sum()
    }
}

/// One book in a basket.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
pub struct BasketLine {
    /// The book's number in the catalog.
    #[schema(example = 1)]
    pub book_id: i64,
    /// Its title.
    #[schema(example = "Middlemarch")]
    pub title: String,
    /// Who wrote it.
    #[schema(example = "George Eliot")]
    pub author: String,
    /// How many copies.
    #[schema(minimum = 1, maximum = 99, example = 1)]
    pub quantity: i64,
    /// What one copy costs.
    pub price: Money,
    /// What the line costs.
    pub subtotal: Money,
    /// Copies on hand. Absent where stock could not be had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = 7)]
    pub available: Option<i64>,
}
