//! The way in: an order is placed, or one that was placed before is answered again.

use std::time::{Duration, Instant};

use axum::http::StatusCode;
use bookstore_runtime::{Call, Problem};
use bookstore_telemetry as telemetry;
use tracing::{Instrument as _, debug, error, info_span};
use uuid::Uuid;

use super::Checkout;
use super::runner::End;
use crate::model::{Card, CardInput, IdempotencyKey, Order, OrderStatus, Owner};
use crate::problems;
use crate::store::{NewOrder, Placed, Saga};
use crate::upstream::database_problem;

/// The purpose of the key's use for the bodies of orders.
const PURPOSE: &str = "order body";
/// The most of the caller's time that is kept to answer in.
const ANSWER_TIME: Duration = Duration::from_millis(250);

impl Checkout {
    /// Buys what is in the user's basket, or answers what came of it when it was bought before.
    pub(crate) async fn place(
        &self,
        call: &Call,
        user_id: &str,
        key: &IdempotencyKey,
        input: &CardInput,
    ) -> Result<Order, Problem> {
        debug!(card_number = ?input.number, card_cvc = ?input.cvc, "an order was received");
        let card = Card::parse(input).map_err(|wrong| problems::invalid(&wrong))?;
        if let Some(placed) = self.placed(call, user_id, key).await? {
            return self.repeat(call, user_id, &placed, &card).await;
        }
        if self.drain.has_begun() {
            return Err(problems::closing());
        }
        let why_not = match self.begin(call, user_id, key, &card).await? {
            Ok(saga) => return self.buy(call, saga, card).await,
            Err(problem) => problem,
        };
        // Another request with the same key may have been faster: it has taken the key, or even emptied the basket.
        match self.placed(call, user_id, key).await? {
            Some(placed) => self.repeat(call, user_id, &placed, &card).await,
            None => Err(why_not),
        }
    }

    async fn placed(&self, call: &Call, user_id: &str, key: &IdempotencyKey) -> Result<Option<Placed>, Problem> {
        self.store.placed(call, user_id, key.as_str()).await.map_err(|error| database_problem(&error))
    }

    /// The order that was placed under this key before.
    async fn repeat(&self, call: &Call, user_id: &str, placed: &Placed, card: &Card) -> Result<Order, Problem> {
        let mac = hex::decode(&placed.body_mac).unwrap_or_default();
        if !self.secret.verify(PURPOSE, &body(card), &mac) {
            return Err(problems::idempotency_key_reused());
        }
        let order = self.order(call, user_id, &placed.order_id).await?;
        if order.status == OrderStatus::Pending {
            return Err(problems::order_in_progress(&order.id));
        }
        answer(order)
    }

    /// Records the order with its saga, or says why there is none.
    async fn begin(
        &self,
        call: &Call,
        user_id: &str,
        key: &IdempotencyKey,
        card: &Card,
    ) -> Result<Result<Saga, Problem>, Problem> {
        let owner = Owner::User(user_id.to_owned());
        let items = self.store.items(call, &owner).await.map_err(|error| database_problem(&error))?;
        if items.is_empty() {
            return Ok(Err(problems::basket_empty()));
        }
        let new = NewOrder {
            id: &Uuid::now_v7().to_string(),
            user_id,
            key: key.as_str(),
            body_mac: &hex::encode(self.secret.mac(PURPOSE, &body(card))),
            items: &items,
            owner: &self.owner,
            lease_until_ms: self.lease_until_ms(),
        };
        let saga = self.store.place(call, new).await.map_err(|error| database_problem(&error))?;
        // Where the key was taken, its order is found next; it is not only when that has failed and freed the key again.
        Ok(saga.ok_or_else(|| problems::unavailable(1)))
    }

    /// Runs the saga in a task of its own, which goes on when the caller hangs up, and waits for it as long as the caller
    /// does.
    async fn buy(&self, call: &Call, saga: Saga, card: Card) -> Result<Order, Problem> {
        let (id, user_id) = (saga.order_id.clone(), saga.user_id.clone());
        let span = info_span!(
            "checkout",
            bookstore.request.id = call.id_on_spans(),
            bookstore.hop = call.hop_on_spans(),
            bookstore.order.id = id,
            bookstore.user.id = user_id,
            // Unsigned numbers would be exported as text.
            bookstore.order.lines = i64::try_from(saga.lines.len()).unwrap_or(i64::MAX)
        );
        let (checkout, of_saga) = (self.clone(), call.clone());
        let run = async move { checkout.run(&of_saga, saga, Some(card)).await }.instrument(span);
        let task = telemetry::spawn(self.running.track_future(run));
        let kept = ANSWER_TIME.min(call.remaining() / 10);
        let until = call.deadline().checked_sub(kept).unwrap_or_else(Instant::now);
        match tokio::time::timeout_at(until.into(), task).await {
            Ok(Ok(End::Settled)) => answer(self.order(call, &user_id, &id).await?),
            Ok(Ok(End::Left)) => self.left(call, &user_id, &id).await,
            Ok(Err(error)) => {
                error!(bookstore.order.id = id, %error, "the task of a saga has ended badly");
                Err(problems::order_undecided(StatusCode::SERVICE_UNAVAILABLE, &id))
            }
            Err(_) => Err(problems::order_undecided(StatusCode::GATEWAY_TIMEOUT, &id)),
        }
    }

    /// The saga is not ours any more; whoever took it over may have ended it already.
    async fn left(&self, call: &Call, user_id: &str, id: &str) -> Result<Order, Problem> {
        let order = self.order(call, user_id, id).await?;
        if order.status == OrderStatus::Pending {
            return Err(problems::order_undecided(StatusCode::SERVICE_UNAVAILABLE, id));
        }
        answer(order)
    }

    /// One of a user's orders.
    pub(crate) async fn order(&self, call: &Call, user_id: &str, id: &str) -> Result<Order, Problem> {
        let order = self.store.order(call, user_id, id).await.map_err(|error| database_problem(&error))?;
        order.ok_or_else(problems::no_such_order)
    }
}

/// What makes a body the same one again: the card, but for its verification code.
fn body(card: &Card) -> [&[u8]; 2] {
    [card.number.expose().as_bytes(), card.expiry.expose().as_bytes()]
}

/// What the buyer is told of an order that has come to its end.
fn answer(order: Order) -> Result<Order, Problem> {
    if order.status == OrderStatus::Confirmed { Ok(order) } else { Err(problems::order_came_to_nothing(&order)) }
}
