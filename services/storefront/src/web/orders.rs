//! Orders of who is signed in.

use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use bookstore_runtime::extract::Path;
use serde::Deserialize;

use super::asked::Asked;
use super::stop::Stop;
use super::view::{self, Line, OrderPage, OrdersPage, Status};
use super::visitor::Visiting;
use super::words::{When, copies, money};
use super::{Web, gate};
use crate::model::{Order, OrderLine, OrderStatus};

/// Makes the browser ask again: an order that is under way ends within seconds.
const REFRESH: HeaderName = HeaderName::from_static("refresh");

/// What the page of an order was opened with.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Parameters {
    /// There if it was placed just now: the id of the trace in which it was.
    thanks: Option<String>,
}

/// `GET /orders`.
pub(super) async fn list(State(web): State<Web>, visiting: Visiting) -> Result<Response, Stop> {
    let user = visiting.visitor.user_or_sign_in("/orders")?;
    let (orders, frame) = tokio::join!(web.shop.orders(&visiting.call, user), visiting.frame(&web, "Your orders"));
    let page = OrdersPage { frame, orders: orders?.iter().map(order).collect() };
    Ok(gate::html(StatusCode::OK, &page)?)
}

/// `GET /orders/{id}`.
pub(super) async fn show(
    State(web): State<Web>,
    visiting: Visiting,
    Path(id): Path<String>,
    Asked(parameters): Asked<Parameters>,
) -> Result<Response, Stop> {
    let user = visiting.visitor.user_or_sign_in(&format!("/orders/{id}"))?;
    let found = web.shop.order(&visiting.call, user, &id).await?;
    let order = order(&found);
    let page = OrderPage {
        frame: visiting.frame(&web, format!("Order {}", order.reference)).await,
        thanks: parameters.thanks.is_some() && found.status == OrderStatus::Confirmed,
        purchase: purchase(&web, parameters.thanks.as_deref()),
        order,
        lines: found.lines.iter().map(line).collect(),
    };
    let mut response = gate::html(StatusCode::OK, &page)?;
    if found.status == OrderStatus::Pending {
        response.headers_mut().insert(REFRESH, HeaderValue::from_static("2"));
    }
    Ok(response)
}

fn order(order: &Order) -> view::Order {
    view::Order {
        reference: reference(&order.id),
        summary: summary(&order.lines),
        when: When::from_rfc3339(&order.placed_at),
        status: status(order),
        total: money(&order.total),
        id: order.id.clone(),
    }
}

/// Where the trace of the purchase can be seen.
fn purchase(web: &Web, trace: Option<&str>) -> Option<String> {
    let trace = trace.filter(|id| id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    Some(format!("{}/traces/{trace}", web.settings.compare_url.as_deref()?))
}

/// The random end of the id in a form that can be read to somebody.
fn reference(id: &str) -> String {
    let digits: Vec<char> = id.chars().filter(char::is_ascii_hexdigit).collect();
    let [first, second] = [8, 4].map(|from_end| {
        let start = digits.len().saturating_sub(from_end);
        digits.iter().skip(start).take(4).collect::<String>().to_ascii_uppercase()
    });
    format!("{first}-{second}")
}

fn summary(lines: &[OrderLine]) -> String {
    let named = lines.iter().find(|line| !line.title.is_empty()).map(|line| line.title.as_str());
    match (named, lines.len()) {
        (None, _) => copies(lines.iter().map(|line| line.quantity).sum()),
        (Some(title), 1) => title.to_owned(),
        (Some(title), number) => format!("{title} and {} more", number - 1),
    }
}

fn status(order: &Order) -> Status {
    let (kind, word, sentence) = match order.status {
        OrderStatus::Pending => {
            ("open", "Under way", "It is being paid and packed. This page looks again every two seconds.")
        }
        OrderStatus::Confirmed => ("good", "Confirmed", "Paid and confirmed. Keep this page, or print it."),
        OrderStatus::Declined => ("bad", "Declined", declined(order.reason.as_deref())),
        OrderStatus::OutOfStock => {
            ("bad", "Sold out", "There were not enough copies left. Nothing was charged, and the basket is as it was.")
        }
        OrderStatus::Failed => {
            ("bad", "Failed", "A part of the shop did not answer. Nothing was charged, and the basket is as it was.")
        }
    };
    Status { kind, word, sentence }
}

fn declined(reason: Option<&str>) -> &'static str {
    match reason {
        Some("insufficient_funds") => "The card had not enough funds. Nothing was charged; try another card.",
        Some("expired_card") => "The card had expired. Nothing was charged; try another card.",
        _ => "The card was declined. Nothing was charged; try another card.",
    }
}

fn line(line: &OrderLine) -> Line {
    Line {
        id: line.book_id,
        title: if line.title.is_empty() { format!("Book {}", line.book_id) } else { line.title.clone() },
        author: String::new(),
        price: money(&line.price),
        quantity: line.quantity,
        total: money(&line.subtotal()),
        stock: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bookstore_proto::Money;

    fn bought(title: &str, quantity: i64) -> OrderLine {
        OrderLine { book_id: 7, title: title.to_owned(), quantity, price: Money::new(100), available: None }
    }

    #[test]
    fn an_order_is_named_by_its_first_book() {
        assert_eq!(summary(&[bought("Emma", 3)]), "Emma");
        assert_eq!(summary(&[bought("Emma", 1), bought("Walden", 1), bought("Hamlet", 1)]), "Emma and 2 more");
        assert_eq!(summary(&[bought("", 2), bought("", 1)]), "3 copies");
    }

    #[test]
    fn a_reference_is_short() {
        assert_eq!(reference("0192f3a0-7c1e-7bb3-9d55-2f6c3b1a9e10"), "3B1A-9E10");
        assert_eq!(reference("x"), "-");
    }
}
