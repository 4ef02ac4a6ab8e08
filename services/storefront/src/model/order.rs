//! Orders.

use std::fmt;

use bookstore_proto::Money;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An order, as its buyer sees it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
pub struct Order {
    /// A UUID.
    #[schema(example = "0199d1a0-7b1e-7c43-9f5e-3f1c2b0a4d5e")]
    pub id: String,
    /// How far it is.
    pub status: OrderStatus,
    /// What it costs; nothing until it is priced.
    pub total: Money,
    /// What is bought.
    pub lines: Vec<OrderLine>,
    /// When it was placed, RFC 3339, UTC.
    #[schema(format = DateTime, example = "2026-05-04T10:20:30.123Z")]
    pub placed_at: String,
    /// Why it came to nothing, when it did: `card_declined`, `insufficient_funds`, `expired_card`, `out_of_stock`,
    /// `unavailable`, `interrupted`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// How far an order is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(example = "confirmed")]
pub enum OrderStatus {
    /// Under way.
    Pending,
    /// Bought and paid.
    Confirmed,
    /// The card was declined; nothing was paid.
    Declined,
    /// There were not enough copies; nothing was paid.
    OutOfStock,
    /// Something else was in the way; nothing was paid.
    Failed,
}

impl OrderStatus {
    /// As it is stored and sent.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Confirmed => "confirmed",
            Self::Declined => "declined",
            Self::OutOfStock => "out_of_stock",
            Self::Failed => "failed",
        }
    }

    /// From what is stored.
    pub(crate) fn stored(text: &str) -> Option<Self> {
        [Self::Pending, Self::Confirmed, Self::Declined, Self::OutOfStock, Self::Failed]
            .into_iter()
            .find(|status| status.as_str() == text)
    }
}

impl fmt::Display for OrderStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One book of an order, at the price it was ordered for.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
pub struct OrderLine {
    /// The book's number in the catalog.
    #[schema(example = 1)]
    pub book_id: i64,
    /// Its title; empty until the order is priced.
    #[schema(example = "Middlemarch")]
    pub title: String,
    /// How many copies.
    #[schema(minimum = 1, maximum = 99, example = 1)]
    pub quantity: i64,
    /// What one copy costs; nothing until the order is priced.
    pub price: Money,
    /// Where this line was the reason that the order came to nothing: the copies that were there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub available: Option<i64>,
}

impl OrderLine {
    /// What the line costs.
    #[must_use]
    pub fn subtotal(&self) -> Money {
        Money { amount: self.price.amount.saturating_mul(self.quantity), currency: self.price.currency.clone() }
    }
}
