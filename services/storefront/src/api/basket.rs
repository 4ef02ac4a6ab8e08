//! The basket of the user who has logged in.

use axum::Json as Answer;
use axum::extract::State;
use bookstore_runtime::extract::{Json, Path};
use bookstore_runtime::{Call, Problem};
use serde::Deserialize;
use utoipa::ToSchema;

use super::customer::Customer;
use super::problem::ProblemBody;
use crate::Shop;
use crate::model::Basket;

/// How many copies of a book the basket should hold.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct Quantity {
    /// 1 to 99.
    #[schema(minimum = 1, maximum = 99, example = 2)]
    quantity: i64,
}

/// Get the basket
///
/// At the prices of now.
#[utoipa::path(
    get, path = "/basket", tag = "basket", operation_id = "getBasket", security(("session" = [])),
    responses((status = 200, description = "The basket.", body = Basket))
)]
pub(super) async fn show(State(shop): State<Shop>, call: Call, customer: Customer) -> Result<Answer<Basket>, Problem> {
    shop.basket(&call, &customer.owner()).await.map(Answer)
}

/// Put a book into the basket
///
/// Sets how many copies of it the basket holds. A basket holds at most 50 different books.
#[utoipa::path(
    put, path = "/basket/items/{book_id}", tag = "basket", operation_id = "putIntoBasket",
    params(("book_id" = i64, Path, description = "The book's number in the catalog.", example = 1)),
    request_body = Quantity, security(("session" = [])),
    responses(
        (status = 200, description = "The basket as it is now.", body = Basket),
        (status = 404, description = "There is no such book.",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "The quantity is wrong (`/problems/invalid`), or the basket is full (`/problems/basket-full`).",
            body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn put(
    State(shop): State<Shop>,
    call: Call,
    customer: Customer,
    Path(book_id): Path<i64>,
    Json(Quantity { quantity }): Json<Quantity>,
) -> Result<Answer<Basket>, Problem> {
    shop.put_in_basket(&call, &customer.owner(), book_id, quantity).await.map(Answer)
}

/// Take a book out of the basket
///
/// Also when it is not in it.
#[utoipa::path(
    delete, path = "/basket/items/{book_id}", tag = "basket", operation_id = "removeFromBasket",
    params(("book_id" = i64, Path, description = "The book's number in the catalog.", example = 1)),
    security(("session" = [])),
    responses(
        (status = 200, description = "The basket as it is now.", body = Basket),
        (status = 404, description = "The path holds no number.",
            body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn remove(
    State(shop): State<Shop>,
    call: Call,
    customer: Customer,
    Path(book_id): Path<i64>,
) -> Result<Answer<Basket>, Problem> {
    shop.remove_from_basket(&call, &customer.owner(), book_id).await.map(Answer)
}
