use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The one currency the shop sells in (ISO 4217).
pub const CURRENCY: &str = "EUR";

/// An amount of money.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct Money {
    /// Minor units: 1299 is € 12.99.
    #[schema(example = 1299)]
    pub amount: i64,
    /// ISO 4217.
    #[schema(example = "EUR")]
    pub currency: String,
}

impl Money {
    /// `amount` minor units of the shop's currency.
    #[must_use]
    pub fn new(amount: i64) -> Self {
        Self { amount, currency: CURRENCY.to_owned() }
    }
}
