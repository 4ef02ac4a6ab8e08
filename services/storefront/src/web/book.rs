//! One book.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use bookstore_proto::catalog::Book;
use bookstore_runtime::extract::Path;

use super::books::{card, subject_href};
use super::stop::Stop;
use super::view::{BookPage, Card};
use super::visitor::Visiting;
use super::words::year;
use super::{Web, gate, links};
use crate::shop::BookQuery;

/// How many others of the same subject are shown.
const MORE: usize = 6;

/// `GET /books/{id}`.
pub(super) async fn show(State(web): State<Web>, visiting: Visiting, Path(id): Path<i64>) -> Result<Response, Stop> {
    let book = web.shop.book(&visiting.call, id).await?;
    let (frame, more) = tokio::join!(visiting.frame(&web, book.title.as_str()), more(&web, &visiting, &book));
    let page = BookPage {
        frame,
        year: year(book.year),
        subject_href: subject_href(&book.subject),
        author_href: links::with_query("/", &[("q", &book.author)]),
        subject: book.subject.clone(),
        book: card(book),
        more,
    };
    Ok(gate::html(StatusCode::OK, &page)?)
}

/// Others of the same subject; none where they cannot be had, since the page does not need them.
async fn more(web: &Web, visiting: &Visiting, book: &Book) -> Vec<Card> {
    let query = BookQuery {
        subject: Some(book.subject.clone()),
        // Not the same few for each book: pages of a subject in turn.
        page: Some(1 + u32::try_from(book.id.rem_euclid(4)).unwrap_or_default()),
        per_page: u32::try_from(MORE + 1).ok(),
        ..BookQuery::default()
    };
    let found = web.shop.books(&visiting.call, &query).await;
    let others = found.map(|page| page.items).unwrap_or_default().into_iter().filter(|other| other.id != book.id);
    others.take(MORE).map(card).collect()
}
