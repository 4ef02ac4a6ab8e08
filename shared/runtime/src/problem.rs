//! Errors over HTTP: problem details (RFC 9457).
//!
//! A [`Problem`] is the text for the caller. What only the log may know is logged where the error is handled, and never
//! put into one. The request id is filled in by the server's call layer, which knows it.

use std::borrow::Cow;

use axum::Json;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The media type of a problem.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// An error, as the caller sees it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Problem {
    /// Names the kind of problem: a URI reference such as `/problems/out-of-stock`; `about:blank` when the status says
    /// it all.
    #[serde(rename = "type")]
    kind: Cow<'static, str>,
    /// The kind of problem in a few words.
    title: Cow<'static, str>,
    /// The HTTP status.
    status: u16,
    /// What was wrong this time, and what to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// Names the request in logs and traces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
    /// Further members (RFC 9457, section 3.2).
    #[serde(flatten)]
    members: Map<String, Value>,
    #[serde(skip)]
    retry_after_s: Option<u64>,
}

impl Problem {
    /// A problem of a kind: `name` becomes `/problems/{name}`.
    #[must_use]
    pub fn new(status: StatusCode, name: &str, title: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind: Cow::Owned(format!("/problems/{name}")),
            title: title.into(),
            status: status.as_u16(),
            detail: None,
            request_id: None,
            members: Map::new(),
            retry_after_s: None,
        }
    }

    /// A problem of which the status says it all.
    #[must_use]
    pub fn of(status: StatusCode) -> Self {
        Self {
            kind: Cow::Borrowed("about:blank"),
            title: Cow::Borrowed(status.canonical_reason().unwrap_or("Error")),
            status: status.as_u16(),
            detail: None,
            request_id: None,
            members: Map::new(),
            retry_after_s: None,
        }
    }

    /// Something of ours went wrong. The cause goes to the log, by whoever makes this.
    #[must_use]
    pub fn internal() -> Self {
        Self::of(StatusCode::INTERNAL_SERVER_ERROR)
            .detail("Something went wrong on our side. The request id names it in our logs.")
    }

    /// There is nothing here.
    #[must_use]
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::of(StatusCode::NOT_FOUND).detail(detail)
    }

    /// Input that can be read and makes no sense: 422.
    #[must_use]
    pub fn invalid(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", "The request makes no sense").detail(detail)
    }

    /// Too busy, or something that is needed does not answer: 503 with `Retry-After`.
    #[must_use]
    pub fn unavailable(detail: impl Into<String>) -> Self {
        Self::of(StatusCode::SERVICE_UNAVAILABLE).detail(detail).retry_after(1)
    }

    /// What was wrong this time, and what to do.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// A further member.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.members.insert(name.to_owned(), value.into());
        self
    }

    /// Answers with `Retry-After`, in seconds.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }

    /// Names the request, unless it is named already.
    #[must_use]
    pub fn for_request(mut self, request_id: &str) -> Self {
        self.request_id.get_or_insert_with(|| request_id.to_owned());
        self
    }

    /// Its HTTP status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The URI reference that names its kind.
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// Its title.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.title
    }

    /// What was wrong this time.
    #[must_use]
    pub fn detail_text(&self) -> Option<&str> {
        self.detail.as_deref()
    }

    /// A further member.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<&Value> {
        self.members.get(name)
    }

    /// How many seconds the caller should wait.
    #[must_use]
    pub fn retry_after_seconds(&self) -> Option<u64> {
        self.retry_after_s
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.status(), Json(&self)).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        if let Some(seconds) = self.retry_after_s {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        // For the call layer, which renders it again with the request id.
        response.extensions_mut().insert(self);
        response
    }
}
