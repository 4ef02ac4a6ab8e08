//! The till.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use bookstore_runtime::Problem;

use super::basket::line;
use super::forms::Posted;
use super::stop::{Stop, see};
use super::view::{CardErrors, CheckoutPage, Link, Obstacle, TestCard};
use super::visitor::Visiting;
use super::words::{copies, money};
use super::{Web, gate, links};
use crate::model::{Basket, CardInput, IdempotencyKey, Owner};

/// The payment service's test cards, and what they do.
static CARDS: [TestCard; 7] = [
    TestCard { number: "4242 4242 4242 4242", behaviour: "accepted" },
    TestCard { number: "5555 5555 5555 4444", behaviour: "accepted" },
    TestCard { number: "3782 822463 10005", behaviour: "accepted" },
    TestCard { number: "4000 0000 0000 0002", behaviour: "declined" },
    TestCard { number: "4000 0000 0000 9995", behaviour: "declined: not enough funds" },
    TestCard { number: "4000 0000 0000 0259", behaviour: "accepted after two seconds" },
    TestCard { number: "4000 0000 0000 0119", behaviour: "the issuer is down" },
];

/// `GET /checkout`.
pub(super) async fn show(State(web): State<Web>, visiting: Visiting) -> Result<Response, Stop> {
    let basket = basket(&web, &visiting).await?;
    if basket.lines.is_empty() {
        return Err(Stop::Elsewhere("/basket".to_owned()));
    }
    page(&web, &visiting, basket, Attempt::first()).await
}

/// `POST /checkout`: buys what is in the basket.
pub(super) async fn pay(State(web): State<Web>, posted: Posted) -> Result<Response, Stop> {
    let visiting = &posted.visiting;
    let user = visiting.visitor.user_or_sign_in("/checkout")?;
    let Ok(key) = IdempotencyKey::parse(posted.text("key")) else {
        return Err(Stop::Elsewhere("/checkout".to_owned()));
    };
    let basket = basket(&web, visiting).await?;
    // An empty basket was bought already, perhaps by the same form: its key will say.
    if !basket.lines.is_empty() && posted.number("seen") != Some(basket.total.amount) {
        return page(&web, visiting, basket, Attempt::changed()).await;
    }
    let card = CardInput::new(posted.text("number"), posted.text("expiry"), posted.text("cvc"));
    match web.shop.place_order(&visiting.call, user, &key, &card).await {
        Ok(order) => {
            // This answer is a redirect that nobody sees: the order's page links to the trace of the purchase.
            let trace = bookstore_telemetry::trace_id().unwrap_or_else(|| "1".to_owned());
            Ok(see(&links::with_query(&format!("/orders/{}", order.id), &[("thanks", &trace)])))
        }
        Err(problem) => match Outcome::of(&problem) {
            Outcome::Elsewhere(path) => Err(Stop::Elsewhere(path)),
            Outcome::Again(obstacle, errors) => {
                let key = if keeps_key(&problem) { key.as_str().to_owned() } else { new_key() };
                let attempt = Attempt { key, problem: Some(obstacle), errors, status: problem.status() };
                page(&web, visiting, basket, attempt).await
            }
        },
    }
}

async fn basket(web: &Web, visiting: &Visiting) -> Result<Basket, Stop> {
    let user = visiting.visitor.user_or_sign_in("/checkout")?;
    Ok(web.shop.basket(&visiting.call, &Owner::User(user.id.clone())).await?)
}

/// A form to pay with, and what was wrong with the one before.
struct Attempt {
    key: String,
    problem: Option<Obstacle>,
    errors: CardErrors,
    status: StatusCode,
}

impl Attempt {
    fn first() -> Self {
        Self { key: new_key(), problem: None, errors: CardErrors::default(), status: StatusCode::OK }
    }

    fn changed() -> Self {
        let problem = obstacle(
            "The basket has changed.",
            "It is not the one that you saw. Nothing was charged. Look at it again, then pay.",
        );
        Self { problem: Some(problem), status: StatusCode::CONFLICT, ..Self::first() }
    }
}

/// Each form has a key of its own, so sending it twice buys once.
fn new_key() -> String {
    uuid::Uuid::new_v4().to_string()
}

/// Whether the order may have begun without our knowing how it ended: then the same key has to be sent again. A new one
/// where nothing was bought for certain, since a key stands for one card.
fn keeps_key(problem: &Problem) -> bool {
    problem.status().is_server_error() && problem.kind() != "/problems/order-failed"
}

/// What to do when there is no order to show.
enum Outcome {
    Elsewhere(String),
    Again(Obstacle, CardErrors),
}

impl Outcome {
    fn of(problem: &Problem) -> Self {
        let again = |title: &str, text: &str| Self::Again(obstacle(title, text), CardErrors::default());
        match problem.kind() {
            // The order's own page says how it ends.
            "/problems/order-in-progress" | "/problems/order-undecided" => match order_id(problem) {
                Some(id) => Self::Elsewhere(format!("/orders/{id}")),
                None => Self::Elsewhere("/orders".to_owned()),
            },
            "/problems/basket-empty" => Self::Elsewhere("/basket".to_owned()),
            "/problems/card-declined" => match problem.member("reason").and_then(|reason| reason.as_str()) {
                Some("insufficient_funds") => {
                    again("The card was declined.", "It has not enough funds. Nothing was charged. Try another card.")
                }
                Some("expired_card") => {
                    again("The card was declined.", "It has expired. Nothing was charged. Try another card.")
                }
                _ => again("The card was declined.", "Nothing was charged. Try another card, or ask the bank."),
            },
            "/problems/out-of-stock" => Self::Again(sold_out(problem), CardErrors::default()),
            "/problems/idempotency-key-reused" => Self::Again(
                Obstacle {
                    link: Some(Link::new("/orders", "Look at your orders")),
                    ..obstacle(
                        "This form was sent before, with another card.",
                        "It may have bought the books already: look at your orders before you pay again.",
                    )
                },
                CardErrors::default(),
            ),
            "/problems/invalid" => {
                Self::Again(obstacle("The card cannot be read.", "Nothing was charged."), card_errors(problem))
            }
            "/problems/order-failed" => again(
                "The order came to nothing.",
                "A part of the shop did not answer. Nothing was charged. Try again in a moment.",
            ),
            _ => again(
                "The order was not taken.",
                "A part of the shop does not answer just now. Try again in a moment: paying twice buys once.",
            ),
        }
    }
}

fn obstacle(title: &str, text: &str) -> Obstacle {
    Obstacle { title: title.to_owned(), text: text.to_owned(), ..Obstacle::default() }
}

fn order_id(problem: &Problem) -> Option<&str> {
    problem.member("order_id")?.as_str().filter(|id| id.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-'))
}

fn sold_out(problem: &Problem) -> Obstacle {
    let books = problem.member("books").and_then(|books| books.as_array()).map(Vec::as_slice).unwrap_or_default();
    let point = |book: &serde_json::Value| {
        let (title, requested) = (book.get("title")?.as_str()?, book.get("requested")?.as_i64()?);
        Some(match book.get("available")?.as_i64()? {
            ..=0 => format!("{title} is sold out."),
            left => format!("{title}: you want {}, {left} left.", copies(requested)),
        })
    };
    Obstacle {
        points: books.iter().filter_map(point).collect(),
        link: Some(Link::new("/basket", "Change the basket")),
        ..obstacle("Not enough copies are left.", "Nothing was charged.")
    }
}

fn card_errors(problem: &Problem) -> CardErrors {
    let wrong = problem.member("errors").and_then(|errors| errors.as_array()).map(Vec::as_slice).unwrap_or_default();
    let text = |field: &str, text: &str| {
        let is_it = |error: &&serde_json::Value| error.get("field").and_then(|name| name.as_str()) == Some(field);
        wrong.iter().find(is_it).map(|_| text.to_owned())
    };
    CardErrors {
        number: text("card.number", "This is no card number: a digit is wrong or missing."),
        expiry: text("card.expiry", "Write month and year, such as 04/30."),
        cvc: text("card.cvc", "The 3 or 4 digits on the card."),
    }
}

async fn page(web: &Web, visiting: &Visiting, basket: Basket, attempt: Attempt) -> Result<Response, Stop> {
    let page = CheckoutPage {
        frame: visiting.frame(web, "At the till").await,
        total: money(&basket.total),
        seen: basket.total.amount,
        lines: basket.lines.into_iter().map(line).collect(),
        key: attempt.key,
        problem: attempt.problem,
        errors: attempt.errors,
        cards: &CARDS,
    };
    Ok(gate::html(attempt.status, &page)?)
}
