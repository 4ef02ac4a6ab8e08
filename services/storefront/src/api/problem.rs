//! Errors, as the document describes them. They are made in `problems`, and written by [`bookstore_runtime::Problem`].

use serde::Serialize;
use utoipa::ToSchema;

/// An error (RFC 9457). `type` says which; the other members are for people and logs.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(super) struct ProblemBody {
    /// The kind of problem, a URI reference; `about:blank` where the status says it all.
    #[serde(rename = "type")]
    #[schema(example = "/problems/out-of-stock")]
    kind: String,
    /// The kind of problem in a few words.
    #[schema(example = "Not enough copies")]
    title: String,
    /// The HTTP status.
    #[schema(example = 409)]
    status: u16,
    /// What was wrong this time, and what to do.
    detail: Option<String>,
    /// Names the request in logs and traces; also in the header `x-request-id`.
    #[schema(example = "0199d1a07b1e7c439f5e3f1c2b0a4d5e")]
    request_id: Option<String>,
    /// Of `/problems/invalid`: each field that is wrong.
    errors: Option<Vec<FieldError>>,
    /// Of `/problems/out-of-stock`: each book that there are not enough copies of.
    books: Option<Vec<Shortage>>,
    /// Of an order that came to nothing: why. One of `card_declined`, `insufficient_funds`, `expired_card`,
    /// `out_of_stock`, `unavailable`, `interrupted`.
    #[schema(example = "out_of_stock")]
    reason: Option<String>,
    /// Of problems of an order: which.
    order_id: Option<String>,
}

/// A field that is wrong.
#[derive(Serialize, ToSchema)]
pub(super) struct FieldError {
    /// Its name.
    #[schema(example = "card.number")]
    field: String,
    /// What it must be.
    #[schema(example = "must be a card number: 12 to 19 digits, check digit right")]
    detail: String,
}

/// A book that there are not enough copies of.
#[derive(Serialize, ToSchema)]
pub(super) struct Shortage {
    /// Its number in the catalog.
    #[schema(example = 1)]
    book_id: i64,
    /// Its title.
    #[schema(example = "Middlemarch")]
    title: String,
    /// How many copies the order asked for.
    #[schema(example = 2)]
    requested: i64,
    /// How many there were.
    #[schema(example = 1)]
    available: i64,
}
