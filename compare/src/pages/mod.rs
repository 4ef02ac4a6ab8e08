//! The answers as HTML: rendered here, one stylesheet, one small script without which all still works.
//!
//! What is shown was sent by somebody: templates escape every value, and the content security policy lets no inline
//! script or style run. Bars are therefore SVG, whose geometry is attributes, not style.
//!
//! * `list`: recent requests
//! * `trace`: one trace as a waterfall; `span`: what one of its rows opens to
//! * `format`: numbers and times
//! * `assets`: stylesheet and script

mod assets;
mod format;
mod list;
mod span;
mod trace;

use askama::Template;
use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, HeaderValue, Uri};

use crate::App;
use crate::api::problem::Problem;
use crate::otlp::grpc;

const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The pages.
pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/", get(list::page))
        .route("/traces/{id}", get(trace::page))
        .layer(from_fn(guarded))
        .merge(assets::routes())
}

async fn guarded(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    guard(response.headers_mut());
    response
}

fn guard(headers: &mut HeaderMap) {
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
}

/// A page that says that something went wrong.
#[derive(Template)]
#[template(path = "problem.html")]
struct Trouble<'a> {
    title: &'a str,
    detail: &'a str,
    /// Whether it may be better in a moment.
    wait: bool,
}

fn trouble(problem: &Problem, wait: bool) -> Response {
    let title = if wait { "This trace is not here" } else { problem.title() };
    (problem.status, render(&Trouble { title, detail: &problem.detail, wait })).into_response()
}

fn render(template: &impl Template) -> Response {
    match template.render() {
        Ok(page) => Html(page).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page could not be rendered");
            Problem::internal("The page could not be made.").into_response()
        }
    }
}

/// Whatever has no route: said in the language of whoever asks.
pub(crate) async fn not_found(uri: Uri, headers: HeaderMap) -> Response {
    if grpc::is_grpc(&headers) {
        let status = tonic::Status::unimplemented("no such method");
        return status.into_http::<axum::body::Body>().into_response();
    }
    let problem = Problem::not_found("There is nothing here.");
    let wants_html =
        headers.get(http::header::ACCEPT).is_some_and(|it| it.to_str().is_ok_and(|it| it.contains("text/html")));
    if !wants_html || uri.path().starts_with("/v1/") {
        return problem.into_response();
    }
    let mut response = trouble(&problem, false);
    guard(response.headers_mut());
    response
}

/// A service, to show: its name and the number of its colour.
#[derive(Clone, Debug)]
struct Chip {
    name: String,
    colour: usize,
}

/// How many colours the stylesheet has.
const COLOURS: usize = 12;
