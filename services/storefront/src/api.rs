//! The JSON API, under `/api/v1`.
//!
//! Layout: `books`, `users`, `basket`, `orders`: a module a subject; `customer`: who has logged in; `problem`: errors as
//! the document describes them; `document`: the OpenAPI document, made from the routes; `docs`: a page to read it.
//!
//! A route is made from its description (`#[utoipa::path]`), so there is none that the document does not have.

mod basket;
mod books;
mod customer;
mod docs;
mod document;
mod orders;
mod problem;
mod users;

use axum::Router;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::map_response;
use axum::response::Response;
use axum::routing::get;
use bookstore_runtime::Problem;
use bytes::Bytes;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Shop;

/// Where the API is.
pub(crate) const BASE: &str = "/api/v1";

/// The routes of the API, the document that describes them, and a page to read it.
pub fn router(shop: Shop) -> Router {
    let (routes, document) = described().split_for_parts();
    let document = document::complete(&document);
    let json = Bytes::from(format!("{document:#}\n"));
    let page = Bytes::from(docs::page(&document));
    let served = |body: Bytes, kind: &'static str| {
        let headers =
            [(CONTENT_TYPE, kind), (CACHE_CONTROL, "public, max-age=300"), (CONTENT_SECURITY_POLICY, docs::POLICY)];
        get(move || async move { (headers, body) })
    };
    routes
        .with_state(shop)
        .layer(map_response(private))
        .route(&format!("{BASE}/openapi.json"), served(json, "application/json"))
        .route(&format!("{BASE}/docs"), served(page, "text/html; charset=utf-8"))
        .route(&format!("{BASE}/{{*path}}"), axum::routing::any(nothing_here))
        .method_not_allowed_fallback(wrong_method)
        .layer(map_response(challenge))
}

/// The document that describes the API.
#[must_use]
pub fn document() -> serde_json::Value {
    document::complete(&described().split_for_parts().1)
}

fn described() -> OpenApiRouter<Shop> {
    OpenApiRouter::with_openapi(document::frame()).nest(
        BASE,
        OpenApiRouter::new()
            .routes(routes!(users::register))
            .routes(routes!(users::log_in, users::log_out))
            .routes(routes!(books::list))
            .routes(routes!(books::one))
            .routes(routes!(books::subjects))
            .routes(routes!(basket::show))
            .routes(routes!(basket::put, basket::remove))
            .routes(routes!(orders::place, orders::list))
            .routes(routes!(orders::one)),
    )
}

async fn nothing_here() -> Problem {
    Problem::not_found("There is nothing at this path. /api/v1/docs says what there is.")
}

async fn wrong_method() -> Problem {
    Problem::of(StatusCode::METHOD_NOT_ALLOWED)
        .detail("This path does not take this method. The header Allow says which it takes.")
}

/// A 401 says how to log in (RFC 9110, section 15.5.2).
async fn challenge(mut response: Response) -> Response {
    if response.status() == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

/// Answers are made for one caller at one time.
async fn private(mut response: Response) -> Response {
    response.headers_mut().entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}
