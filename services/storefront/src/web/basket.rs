//! The basket.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use bookstore_proto::Money;
use bookstore_runtime::Problem;
use bookstore_runtime::extract::Path;
use serde::Deserialize;

use super::asked::Asked;
use super::forms::Posted;
use super::stop::{Stop, see};
use super::view::{BasketPage, Line};
use super::visitor::Visiting;
use super::words::{Stock, copies, money};
use super::{Web, gate, links};
use crate::model::{Basket, BasketLine, MOST_COPIES};

/// What the page was opened with.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Parameters {
    /// The book that was put in just now.
    added: Option<i64>,
}

/// `GET /basket`.
pub(super) async fn show(
    State(web): State<Web>,
    visiting: Visiting,
    Asked(parameters): Asked<Parameters>,
) -> Result<Response, Stop> {
    page(&web, &visiting, parameters.added, None).await
}

/// `POST /basket/items`: so many copies more of a book.
pub(super) async fn add(State(web): State<Web>, posted: Posted) -> Result<Response, Stop> {
    let visiting = &posted.visiting;
    let id = posted.number("book_id").ok_or_else(|| Problem::not_found("There is no such book."))?;
    let more = posted.number("quantity").filter(|more| (1..=MOST_COPIES).contains(more));
    let Some(more) = more else { return page(&web, visiting, None, Some(TOO_MANY.to_owned())).await };
    let owner = visiting.visitor.owner()?;
    let basket = web.shop.basket(&visiting.call, &owner).await?;
    let already = basket.lines.iter().find(|line| line.book_id == id).map_or(0, |line| line.quantity);
    let put = web.shop.put_in_basket(&visiting.call, &owner, id, (already + more).min(MOST_COPIES)).await;
    match put {
        Ok(_) => Ok(see(&links::with_query("/basket", &[("added", &id.to_string())]))),
        Err(problem) => refused(&web, visiting, problem).await,
    }
}

/// `POST /basket/items/{id}`: this many copies of a book from now on.
pub(super) async fn change(State(web): State<Web>, Path(id): Path<i64>, posted: Posted) -> Result<Response, Stop> {
    let visiting = &posted.visiting;
    let owner = visiting.visitor.owner()?;
    let changed = match posted.number("quantity") {
        Some(0) => web.shop.remove_from_basket(&visiting.call, &owner, id).await,
        Some(quantity @ 1..=MOST_COPIES) => web.shop.put_in_basket(&visiting.call, &owner, id, quantity).await,
        _ => return page(&web, visiting, None, Some(TOO_MANY.to_owned())).await,
    };
    match changed {
        Ok(_) => Ok(see("/basket")),
        Err(problem) => refused(&web, visiting, problem).await,
    }
}

/// `POST /basket/items/{id}/remove`.
pub(super) async fn remove(State(web): State<Web>, Path(id): Path<i64>, posted: Posted) -> Result<Response, Stop> {
    let owner = posted.visiting.visitor.owner()?;
    web.shop.remove_from_basket(&posted.visiting.call, &owner, id).await?;
    Ok(see("/basket"))
}

const TOO_MANY: &str = "Choose between 1 and 99 copies of a book. Nothing was changed.";

/// What cannot be put in is said on the basket's page; anything else is a page of its own.
async fn refused(web: &Web, visiting: &Visiting, problem: Problem) -> Result<Response, Stop> {
    if problem.status() != StatusCode::UNPROCESSABLE_ENTITY {
        return Err(problem.into());
    }
    let text = match problem.kind() {
        "/problems/basket-full" => "A basket holds 50 different books at the most. Take one out first, or buy these.",
        _ => TOO_MANY,
    };
    page(web, visiting, None, Some(text.to_owned())).await
}

async fn page(web: &Web, visiting: &Visiting, added: Option<i64>, error: Option<String>) -> Result<Response, Stop> {
    let basket = if visiting.visitor.is_new() {
        Basket { lines: Vec::new(), total: Money::new(0) }
    } else {
        web.shop.basket(&visiting.call, &visiting.visitor.owner()?).await?
    };
    let status = if error.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let page = BasketPage {
        frame: visiting.frame(web, "Your basket").await,
        notice: added.and_then(|id| {
            let line = basket.lines.iter().find(|line| line.book_id == id)?;
            Some(format!("“{}” is in your basket.", line.title))
        }),
        error,
        copies: copies(basket.copies()),
        total: money(&basket.total),
        lines: basket.lines.into_iter().map(line).collect(),
    };
    Ok(gate::html(status, &page)?)
}

/// A line of the basket, with its stock where that may stand in the way.
pub(super) fn line(line: BasketLine) -> Line {
    let scarce = |available: &i64| *available < line.quantity || Stock(Some(*available)).state() != "in";
    Line {
        id: line.book_id,
        price: money(&line.price),
        quantity: line.quantity,
        total: money(&line.subtotal),
        stock: line.available.filter(scarce).map(|available| Stock(Some(available))),
        title: line.title,
        author: line.author,
    }
}
