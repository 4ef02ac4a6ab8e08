//! What every page passes on its way in and out.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Request, State};
use axum::http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, RETRY_AFTER, SET_COOKIE,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bookstore_runtime::{Call, Problem};

use super::Web;
use super::failure;
use super::visitor::Visit;

const CROSS_ORIGIN_OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");

/// What a page may do (Content Security Policy Level 3): load from here, send forms here, ask compare for one trace.
pub(super) fn policy(compare_url: Option<&str>) -> HeaderValue {
    let compare = compare_url.and_then(origin).map(|origin| format!(" {origin}")).unwrap_or_default();
    let text = format!(
        "default-src 'none'; img-src 'self'; style-src 'self'; script-src 'self'; connect-src 'self'{compare}; \
         form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    );
    HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static("default-src 'none'"))
}

/// Scheme, host and port of a URL, if they are safe to be put into a policy.
fn origin(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let host = rest.split(['/', '?', '#']).next()?;
    let safe = |c: char| c.is_ascii_alphanumeric() || ".-:[]".contains(c);
    (matches!(scheme, "http" | "https") && !host.is_empty() && host.chars().all(safe))
        .then(|| format!("{scheme}://{host}"))
}

/// Puts the headers that protect a visitor on every answer that has none of its own.
pub(super) async fn headers(State(web): State<Web>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let fixed = HeaderValue::from_static;
    for (name, value) in [
        (CONTENT_SECURITY_POLICY, web.policy.clone()),
        (X_CONTENT_TYPE_OPTIONS, fixed("nosniff")),
        // Not `no-referrer`: browsers would then send `Origin: null` with our own forms.
        (REFERRER_POLICY, fixed("same-origin")),
        (X_FRAME_OPTIONS, fixed("DENY")),
        (CROSS_ORIGIN_OPENER_POLICY, fixed("same-origin")),
        (CACHE_CONTROL, fixed("no-store")),
    ] {
        headers.entry(name).or_insert(value);
    }
    response
}

/// Notes when the request came in, shows errors as pages, and keeps the visitor's cookies right.
pub(super) async fn pages(State(web): State<Web>, call: Call, mut request: Request, next: Next) -> Response {
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str()).to_owned();
    if is_api(request.uri().path()) {
        return next.run(request).await;
    }
    let visit = Arc::new(Visit::new(Instant::now(), request.headers().clone()));
    let asked = (request.method().is_safe()).then_some(path);
    request.extensions_mut().insert(Arc::clone(&visit));
    let mut response = next.run(request).await;
    if let Some(problem) = problem_of(&mut response) {
        let kept = kept(response.headers());
        response = failure::page(&web, &call, &visit, &problem, asked.as_deref()).await;
        for (name, value) in kept {
            response.headers_mut().append(name, value);
        }
    }
    // A handler that sets cookies knows better.
    if !response.headers().contains_key(SET_COOKIE) {
        for cookie in visit.cookies(&web) {
            response.headers_mut().append(SET_COOKIE, cookie);
        }
    }
    response
}

fn is_api(path: &str) -> bool {
    path == "/api" || path.starts_with("/api/")
}

/// The problem of an answer, or one in place of a bare status (axum's own 404 and 405).
fn problem_of(response: &mut Response) -> Option<Problem> {
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        return Some(problem);
    }
    let status = response.status();
    let bare = response.headers().get(CONTENT_TYPE).is_none_or(|kind| !kind.as_bytes().starts_with(b"text/html"));
    ((status.is_client_error() || status.is_server_error()) && bare).then(|| Problem::of(status))
}

/// What stays of an answer whose body is replaced.
fn kept(headers: &HeaderMap) -> Vec<(HeaderName, HeaderValue)> {
    let keeps = |name: &&HeaderName| [ALLOW, RETRY_AFTER, SET_COOKIE].contains(name);
    headers.iter().filter(|(name, _)| keeps(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// An answer that is a whole page.
pub(super) fn html(status: axum::http::StatusCode, page: &impl askama::Template) -> Result<Response, Problem> {
    match page.render() {
        Ok(text) => Ok((status, axum::response::Html(text)).into_response()),
        Err(error) => {
            tracing::error!(%error, "a page could not be rendered");
            Err(Problem::internal())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_names_compare_by_its_origin_only() {
        for (url, sources) in [
            (None, "connect-src 'self';"),
            (Some("http://127.0.0.1:8090"), "connect-src 'self' http://127.0.0.1:8090;"),
            (Some("https://compare.example/under/a?path"), "connect-src 'self' https://compare.example;"),
            (Some("http://[::1]:8090"), "connect-src 'self' http://[::1]:8090;"),
            (Some("https://a; script-src *"), "connect-src 'self';"),
            (Some("javascript:alert(1)"), "connect-src 'self';"),
        ] {
            let policy = policy(url);
            assert!(policy.to_str().unwrap().contains(sources), "{url:?}: {policy:?}");
        }
    }
}
