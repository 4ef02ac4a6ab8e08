//! Books.

use std::collections::HashMap;

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use bookstore_proto::Money;
use bookstore_proto::catalog::{Book, BookPage, Subject};
use bookstore_runtime::Problem;

use super::{Upstreams, http, http_answer};

/// Number, title, price.
pub(super) const BOOKS: [(i64, &str, i64); 3] = [(1, "Middlemarch", 1_299), (2, "Emma", 999), (3, "Walden", 450)];
/// How many further books there are.
const MORE: i64 = 60;

fn book(id: i64) -> Option<Book> {
    let named = BOOKS.iter().find(|book| book.0 == id).map(|book| (book.1.to_owned(), book.2));
    let more = || (4..=MORE).contains(&id).then(|| (format!("Volume {id}"), 100));
    let (title, price) = named.or_else(more)?;
    let (author, subject) = ("Somebody".to_owned(), "Fiction".to_owned());
    Some(Book { id, title, author, year: 1871, subject, price: Money::new(price), available: None })
}

pub(super) fn routes(upstreams: Upstreams) -> Router {
    let routes = Router::new()
        .route("/books", get(list))
        .route("/books/{id}", get(one))
        .route("/books/{id}/cover.svg", get(cover))
        .route("/subjects", get(subjects));
    http(upstreams, routes)
}

async fn list(
    State(upstreams): State<Upstreams>,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Json<BookPage>, Response> {
    if query.get("sort").is_some_and(|sort| sort == "smell") {
        return Err(Problem::invalid("sort must be title or price").into_response());
    }
    let asked = query.get("ids").map(|ids| ids.split(',').filter_map(|id| id.parse().ok()).collect::<Vec<i64>>());
    let call = if asked.is_some() { "price" } else { "books" };
    let books = upstreams.answer(call, move |world| {
        let ids = asked.clone().unwrap_or_else(|| BOOKS.iter().map(|book| book.0).collect());
        let with_stock = asked.is_none();
        let books = ids.into_iter().filter_map(book);
        books.map(|book| Book { available: with_stock.then(|| world.stock[&book.id]), ..book }).collect::<Vec<_>>()
    });
    let items = http_answer(books.await).map_err(IntoResponse::into_response)?;
    Ok(Json(BookPage { page: 1, per_page: 20, total: items.len() as u64, items }))
}

async fn one(State(upstreams): State<Upstreams>, Path(id): Path<i64>) -> Result<Json<Book>, StatusCode> {
    let found = http_answer(upstreams.answer("book", move |_| book(id)).await)?;
    found.map(Json).ok_or(StatusCode::NOT_FOUND)
}

async fn cover(Path(id): Path<i64>, headers: HeaderMap) -> Response {
    if book(id).is_none() {
        return StatusCode::NOT_FOUND.into_response();
    }
    let etag = [(header::ETAG, "\"cover\"")];
    if headers.get(header::IF_NONE_MATCH).is_some_and(|tag| tag == "\"cover\"") {
        return (StatusCode::NOT_MODIFIED, etag).into_response();
    }
    (etag, "<svg xmlns='http://www.w3.org/2000/svg'/>").into_response()
}

async fn subjects() -> Json<Vec<Subject>> {
    Json(vec![Subject { subject: "Fiction".to_owned(), books: 3 }])
}
