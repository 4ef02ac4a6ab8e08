//! Orders of the user who has logged in.

use axum::Json as Answer;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bookstore_runtime::extract::{Json, Path};
use bookstore_runtime::{Call, Problem};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::BASE;
use super::customer::Customer;
use super::problem::ProblemBody;
use crate::model::{CardInput, IdempotencyKey, Order};
use crate::{Shop, problems};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// How to pay.
// Has no `Debug`: the card must not be printed.
#[derive(Deserialize, ToSchema)]
pub(super) struct NewOrder {
    card: CardBody,
}

/// A card. Its number and CVC are passed on to the payment service and kept nowhere.
// Has no `Debug`: neither may be printed.
#[derive(Deserialize, ToSchema)]
#[schema(as = Card)]
pub(super) struct CardBody {
    /// 12 to 19 digits; blanks and hyphens are ignored.
    #[schema(example = "4242 4242 4242 4242")]
    number: String,
    /// `MM/YY` or `MM/YYYY`.
    #[schema(example = "04/30")]
    expiry: String,
    /// 3 or 4 digits.
    #[schema(format = Password, example = "123")]
    cvc: String,
}

/// A user's orders.
#[derive(Serialize, ToSchema)]
pub(super) struct OrderList {
    /// The latest first, at most 100.
    items: Vec<Order>,
}

/// Place an order
///
/// Buys what is in the basket: as a whole, or not at all. The same `Idempotency-Key` and card again answer the same order
/// and never buy twice; the key of an order that failed (503 `/problems/order-failed`) can be used again. The purchase
/// goes on when the caller hangs up.
#[utoipa::path(
    post, path = "/orders", tag = "orders", operation_id = "placeOrder", security(("session" = [])),
    params(("Idempotency-Key" = String, Header, description = "1 to 255 visible ASCII characters of your own choice: a new one for each new order, the same for each repetition.", example = "5f0c9a3e-2d61-4b8e-9c57-0a1b2c3d4e5f")),
    request_body = NewOrder,
    responses(
        (status = 201, description = "The order is confirmed and paid.", body = Order),
        (status = 402, description = "The card was declined (`/problems/card-declined`); `reason` says why.",
            body = ProblemBody, content_type = "application/problem+json",
            example = json!({"type": "/problems/card-declined", "title": "The card was declined", "status": 402,
                "detail": "The card has not enough funds. Nothing was charged.", "reason": "insufficient_funds",
                "order_id": "0199d1a0-7b1e-7c43-9f5e-3f1c2b0a4d5e", "request_id": "0199d1a07b1e7c439f5e3f1c2b0a4d5e"})),
        (status = 409, description = "There are not enough copies (`/problems/out-of-stock`; `books` says of which), or the first request with this key is still under way (`/problems/order-in-progress`).",
            body = ProblemBody, content_type = "application/problem+json",
            example = json!({"type": "/problems/out-of-stock", "title": "Not enough copies", "status": 409,
                "detail": "There are not enough copies of a book in the basket. Nothing was charged.", "reason": "out_of_stock",
                "books": [{"book_id": 1, "title": "Middlemarch", "requested": 2, "available": 1}],
                "order_id": "0199d1a0-7b1e-7c43-9f5e-3f1c2b0a4d5e", "request_id": "0199d1a07b1e7c439f5e3f1c2b0a4d5e"})),
        (status = 422, description = "A field of the card is wrong (`/problems/invalid`), the basket is empty (`/problems/basket-empty`), the key is missing (`/problems/idempotency-key-missing`) or was used with another card (`/problems/idempotency-key-reused`).",
            body = ProblemBody, content_type = "application/problem+json",
            example = json!({"type": "/problems/invalid", "title": "The request makes no sense", "status": 422,
                "detail": "card.expiry must be MM/YY or MM/YYYY, such as 04/30.",
                "errors": [{"field": "card.expiry", "detail": "must be MM/YY or MM/YYYY, such as 04/30"}],
                "request_id": "0199d1a07b1e7c439f5e3f1c2b0a4d5e"})),
        (status = 503, description = "The order came to nothing, since something that is needed did not answer (`/problems/order-failed`); or it goes on after this answer (`/problems/order-undecided`): ask again with the same key.",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = 504, description = "The time is over and the order goes on (`/problems/order-undecided`): ask again with the same key.",
            body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn place(
    State(shop): State<Shop>,
    call: Call,
    customer: Customer,
    headers: HeaderMap,
    Json(NewOrder { card }): Json<NewOrder>,
) -> Result<Response, Problem> {
    let key = key(&headers)?;
    let card = CardInput::new(card.number, card.expiry, card.cvc);
    let order = shop.place_order(&call, &customer.0, &key, &card).await?;
    let place = format!("{BASE}/orders/{}", order.id);
    Ok((StatusCode::CREATED, [(header::LOCATION, place)], Answer(order)).into_response())
}

/// The one `Idempotency-Key`.
fn key(headers: &HeaderMap) -> Result<IdempotencyKey, Problem> {
    let mut keys = headers.get_all(IDEMPOTENCY_KEY).iter();
    match (keys.next().map(|key| key.to_str()), keys.next()) {
        (Some(Ok(key)), None) => IdempotencyKey::parse(key),
        _ => Err(problems::idempotency_key_malformed()),
    }
}

/// List orders
///
/// One's own, the latest first, at most 100.
#[utoipa::path(
    get, path = "/orders", tag = "orders", operation_id = "listOrders", security(("session" = [])),
    responses((status = 200, description = "The orders.", body = OrderList))
)]
pub(super) async fn list(
    State(shop): State<Shop>,
    call: Call,
    customer: Customer,
) -> Result<Answer<OrderList>, Problem> {
    let items = shop.orders(&call, &customer.0).await?;
    Ok(Answer(OrderList { items }))
}

/// Get an order
///
/// One's own; another's is not there.
#[utoipa::path(
    get, path = "/orders/{id}", tag = "orders", operation_id = "getOrder", security(("session" = [])),
    params(("id" = String, Path, description = "The order's id.", example = "0199d1a0-7b1e-7c43-9f5e-3f1c2b0a4d5e")),
    responses(
        (status = 200, description = "The order.", body = Order),
        (status = 404, description = "You have no such order.",
            body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn one(
    State(shop): State<Shop>,
    call: Call,
    customer: Customer,
    Path(id): Path<String>,
) -> Result<Answer<Order>, Problem> {
    shop.order(&call, &customer.0, &id).await.map(Answer)
}
