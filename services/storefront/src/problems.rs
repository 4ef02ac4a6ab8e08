//! The storefront's kinds of problem (RFC 9457), in one place.
//!
//! | type | status | meaning |
//! | --- | --- | --- |
//! | `/problems/invalid` | 422 | the request makes no sense; `errors` names each field |
//! | `/problems/not-logged-in` | 401 | no session token, or one that is unknown or expired |
//! | `/problems/wrong-credentials` | 401 | no account has this e-mail address and password |
//! | `/problems/email-taken` | 409 | the e-mail address has an account |
//! | `/problems/too-often` | 429 | too many tries; `Retry-After` says when |
//! | `/problems/basket-empty` | 422 | there is nothing to buy |
//! | `/problems/basket-full` | 422 | a basket holds at most 50 different books |
//! | `/problems/card-declined` | 402 | the issuer declined; `reason` says why |
//! | `/problems/out-of-stock` | 409 | not enough copies; `books` says of which |
//! | `/problems/idempotency-key-missing` | 422 | an order needs an `Idempotency-Key` |
//! | `/problems/idempotency-key-reused` | 422 | the key was used with another card |
//! | `/problems/order-in-progress` | 409 | the order of this key is still under way |
//! | `/problems/order-undecided` | 503, 504 | the order goes on after the answer; the same key asks again |
//! | `/problems/order-failed` | 503 | the order came to nothing; nothing was charged |
//! | `/problems/service-unavailable` | 503 | something that is needed does not answer |
//! | `about:blank` | 400, 404, 405, 413, 415, 500 | the status says it all |

use axum::http::StatusCode;
use bookstore_runtime::Problem;
use serde_json::json;

use crate::model::{Order, OrderStatus};

/// A field that is wrong, and what would be right.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Wrong {
    /// The field's name, as the caller knows it.
    pub(crate) field: &'static str,
    /// What it must be.
    pub(crate) must: &'static str,
}

/// 422 that names each field.
pub(crate) fn invalid(wrong: &[Wrong]) -> Problem {
    let detail: Vec<_> = wrong.iter().map(|Wrong { field, must }| format!("{field} {must}")).collect();
    let errors: Vec<_> = wrong.iter().map(|Wrong { field, must }| json!({ "field": field, "detail": must })).collect();
    Problem::invalid(format!("{}.", detail.join("; "))).with("errors", errors)
}

pub(crate) fn not_logged_in() -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, "not-logged-in", "Not logged in")
        .detail("Log in, and send the token as `Authorization: Bearer <token>`.")
}

pub(crate) fn wrong_credentials() -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, "wrong-credentials", "Wrong e-mail address or password")
        .detail("No account has this e-mail address and password.")
}

pub(crate) fn email_taken() -> Problem {
    Problem::new(StatusCode::CONFLICT, "email-taken", "The e-mail address is taken")
        .detail("There is an account with this e-mail address already. Log in instead.")
}

pub(crate) fn too_often(retry_after_s: u64) -> Problem {
    Problem::new(StatusCode::TOO_MANY_REQUESTS, "too-often", "Too many tries")
        .detail(format!("Try again in {retry_after_s} s."))
        .retry_after(retry_after_s)
}

pub(crate) fn no_such_book() -> Problem {
    Problem::not_found("There is no such book.")
}

pub(crate) fn no_such_order() -> Problem {
    Problem::not_found("You have no such order.")
}

pub(crate) fn basket_empty() -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "basket-empty", "The basket is empty")
        .detail("Put a book into the basket first: PUT /api/v1/basket/items/{book_id}.")
}

pub(crate) fn basket_full() -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "basket-full", "The basket is full")
        .detail("A basket holds at most 50 different books.")
}

pub(crate) fn idempotency_key_malformed() -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "idempotency-key-missing", "An order needs an Idempotency-Key")
        .detail("Send the header Idempotency-Key with 1 to 255 visible ASCII characters of your own choice, a new UUID for each new order, and the same again when you repeat a request.")
}

pub(crate) fn idempotency_key_reused() -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "idempotency-key-reused", "The Idempotency-Key was used before")
        .detail("An order was placed under this key with another card. Choose a new key for a new order.")
}

pub(crate) fn order_in_progress(order_id: &str) -> Problem {
    Problem::new(StatusCode::CONFLICT, "order-in-progress", "The order is still under way")
        .detail("The first request with this Idempotency-Key has not ended yet. Ask again with the same key.")
        .with("order_id", order_id)
        .retry_after(1)
}

/// The order goes on, but this answer can wait for it no longer: the time is over (504), or something does not answer (503).
pub(crate) fn order_undecided(status: StatusCode, order_id: &str) -> Problem {
    Problem::new(status, "order-undecided", "The order has not ended yet")
        .detail("The order is being finished or undone as a whole. Ask again with the same Idempotency-Key to learn how it ended.")
        .with("order_id", order_id)
        .retry_after(1)
}

/// Why an order that has come to nothing did so.
pub(crate) fn order_came_to_nothing(order: &Order) -> Problem {
    let reason = order.reason.as_deref().unwrap_or_default();
    let problem = match order.status {
        OrderStatus::Declined => {
            let detail = match reason {
                "insufficient_funds" => "The card has not enough funds. Nothing was charged.",
                "expired_card" => "The card has expired. Nothing was charged.",
                _ => "The issuer declined the card. Nothing was charged.",
            };
            Problem::new(StatusCode::PAYMENT_REQUIRED, "card-declined", "The card was declined").detail(detail)
        }
        OrderStatus::OutOfStock => {
            let books: Vec<_> = order
                .lines
                .iter()
                .filter_map(|line| Some((line, line.available?)))
                .map(|(line, available)| {
                    json!({ "book_id": line.book_id, "title": line.title, "requested": line.quantity, "available": available })
                })
                .collect();
            Problem::new(StatusCode::CONFLICT, "out-of-stock", "Not enough copies")
                .detail("There are not enough copies of a book in the basket. Nothing was charged.")
                .with("books", books)
        }
        OrderStatus::Pending | OrderStatus::Confirmed | OrderStatus::Failed => {
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "order-failed", "The order could not be completed")
                .detail("Something that is needed did not answer. Nothing was charged and nothing is reserved. Try again with the same Idempotency-Key.")
                .retry_after(1)
        }
    };
    let problem = problem.with("order_id", order.id.as_str());
    if reason.is_empty() { problem } else { problem.with("reason", reason) }
}

/// Something that is needed does not answer.
pub(crate) fn unavailable(retry_after_s: u64) -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "service-unavailable", "A part of the shop does not answer")
        .detail("Something that is needed for this does not answer. Try again in a moment.")
        .retry_after(retry_after_s)
}

/// The shop is about to stop.
pub(crate) fn closing() -> Problem {
    unavailable(2)
}
