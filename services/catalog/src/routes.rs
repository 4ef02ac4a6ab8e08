//! The routes, as `bookstore_proto::catalog` lists them.

use axum::extract::{Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use bookstore_proto::catalog::{Book, BookPage, Subject};
use bookstore_runtime::extract::{Path, Query};
use bookstore_runtime::{Call, Problem};
use sha2::{Digest as _, Sha256};
use tracing::{Span, instrument};

use crate::cover::{self, Facts};
use crate::error::Error;
use crate::listing::{Listing, MAX_PER_PAGE, Page, Parameters};
use crate::metrics;
use crate::stock::Stock;
use crate::store::Store;

/// A day; after that, a look whether it has changed. A new release may draw better covers.
const COVER_CACHE: HeaderValue = HeaderValue::from_static("public, max-age=86400, stale-while-revalidate=604800");
/// A cover needs nothing but itself, also when it is opened as a page.
const COVER_POLICY: HeaderValue = HeaderValue::from_static("default-src 'none'");

/// What the handlers share.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) store: Store,
    pub(crate) stock: Stock,
}

pub(crate) fn router(app: App) -> Router {
    Router::new()
        .route("/books", get(list))
        .route("/books/{id}", get(book))
        .route("/books/{id}/cover.svg", get(draw_cover))
        .route("/subjects", get(subjects))
        .fallback(|_: Request| async { Problem::not_found("There is nothing at this path.") })
        .with_state(app)
}

async fn book(State(app): State<App>, call: Call, Path(id): Path<i64>) -> Result<Json<Book>, Error> {
    app.store.book(&call, id).await?.map(Json).ok_or(Error::NoBook)
}

async fn list(
    State(app): State<App>,
    call: Call,
    Query(parameters): Query<Parameters>,
) -> Result<Json<BookPage>, Error> {
    match parameters.try_into()? {
        Listing::Ids(ids) => {
            let items = app.store.books(&call, &ids).await?;
            Ok(Json(BookPage { page: 1, per_page: MAX_PER_PAGE, total: items.len() as u64, items }))
        }
        Listing::Page(page) => {
            let (mut items, total) = find(&app, &call, &page).await?;
            app.stock.fill(&call, &mut items).await;
            Ok(Json(BookPage { items, page: page.number, per_page: page.size, total }))
        }
    }
}

/// What is searched for is in no span: it is the customer's own.
#[instrument(
    name = "find books",
    skip_all,
    fields(
        bookstore.request.id = call.id_on_spans(),
        bookstore.hop = call.hop_on_spans(),
        bookstore.search = page.search.is_some(),
        bookstore.subject = page.subject,
        bookstore.page = page.number,
        bookstore.books.found
    )
)]
async fn find(app: &App, call: &Call, page: &Page) -> Result<(Vec<Book>, u64), Error> {
    let (items, total) = app.store.page(call, page).await?;
    Span::current().record("bookstore.books.found", total);
    if page.search.is_some() {
        metrics::searched(total > 0);
    }
    Ok((items, total))
}

async fn subjects(State(app): State<App>, call: Call) -> Result<Json<Vec<Subject>>, Error> {
    Ok(Json(app.store.subjects(&call).await?))
}

async fn draw_cover(
    State(app): State<App>,
    call: Call,
    Path(id): Path<i64>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let book = app.store.book(&call, id).await?.ok_or(Error::NoBook)?;
    let svg = cover::svg(&Facts { title: &book.title, author: &book.author, year: book.year, subject: &book.subject });
    // 128 bits of the content's hash: the same cover has the same tag from every instance and after every start.
    let tag = format!("\"{}\"", hex::encode(&Sha256::digest(&svg)[..16]));
    let unchanged = has(&headers, &tag);
    metrics::cover(unchanged);
    let mut response = if unchanged {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let mut response = svg.into_response();
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("image/svg+xml"));
        response.headers_mut().insert(CONTENT_SECURITY_POLICY, COVER_POLICY);
        response.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        response
    };
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        response.headers_mut().insert(ETAG, tag);
    }
    response.headers_mut().insert(CACHE_CONTROL, COVER_CACHE);
    Ok(response)
}

/// Whether `If-None-Match` names this tag (RFC 9110, section 13.1.2: compared weakly).
fn has(headers: &HeaderMap, tag: &str) -> bool {
    headers
        .get_all(IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|held| held == "*" || held.strip_prefix("W/").unwrap_or(held) == tag)
}
