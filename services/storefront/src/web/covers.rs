//! Covers: drawn by the catalog, handed on.

use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use bookstore_runtime::{Call, Problem};

use super::Web;
use crate::shop::Cover;

/// A cover changes only when the catalog draws differently; then a day late is soon enough.
const KEPT: HeaderValue = HeaderValue::from_static("public, max-age=86400");
/// Opened on its own, a picture may do nothing but be seen.
const POLICY: HeaderValue = HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'; sandbox");

/// `GET /covers/{id}.svg`.
pub(super) async fn show(
    State(web): State<Web>,
    call: Call,
    Path(file): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let id = file.strip_suffix(".svg").and_then(|id| id.parse().ok());
    let id = id.ok_or_else(|| Problem::not_found("There is no such cover."))?;
    let (mut response, etag) = match web.shop.cover(&call, id, headers.get(IF_NONE_MATCH)).await? {
        Cover::NotModified { etag } => (StatusCode::NOT_MODIFIED.into_response(), etag),
        Cover::Svg { bytes, etag } => {
            let described =
                [(CONTENT_TYPE, HeaderValue::from_static("image/svg+xml")), (CONTENT_SECURITY_POLICY, POLICY)];
            ((described, bytes).into_response(), etag)
        }
    };
    response.headers_mut().insert(CACHE_CONTROL, KEPT);
    if let Some(etag) = etag {
        response.headers_mut().insert(ETAG, etag);
    }
    Ok(response)
}
