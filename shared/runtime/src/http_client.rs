//! Calls to another service over HTTP.

use std::borrow::Cow;
use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use reqwest::Url;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Call;
use crate::problem::Problem;
use crate::retry::{Retry, Transient};
use crate::truth::{self, Operation};

/// The largest answer that is read, in bytes.
const MAX_ANSWER: usize = 1024 * 1024;

/// A client of one service. Cheap to clone; clones share connections and the retry budget.
#[derive(Clone, Debug)]
pub struct HttpClient {
    http: reqwest::Client,
    base: Url,
    retry: Retry,
}

/// A call that brought no answer that can be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HttpError {
    /// It cannot be reached, or broke off.
    #[error("no answer: {}", with_causes(.0))]
    Unreachable(reqwest::Error),
    /// The time was over.
    #[error("no answer in time")]
    Timeout,
    /// It answered with an error.
    #[error("answered {status}")]
    Status {
        /// The HTTP status.
        status: StatusCode,
        /// What it said, if it said a problem.
        problem: Option<Box<Problem>>,
        /// `Retry-After`, in seconds.
        retry_after_s: Option<u64>,
    },
    /// It answered something else than was agreed.
    #[error("answered something else than was agreed: {0}")]
    Body(String),
    /// The request itself could not be made.
    #[error("the request cannot be made: {0}")]
    Request(String),
}

impl HttpError {
    /// The status that it answered with, if it did.
    #[must_use]
    pub fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Status { status, .. } => Some(*status),
            _ => None,
        }
    }
}

impl Transient for HttpError {
    fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable(_) => true,
            Self::Status { status, .. } => {
                matches!(*status, StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE)
            }
            _ => false,
        }
    }
}

impl HttpClient {
    /// A client of the service at `base` (`http://host:port`).
    ///
    /// # Errors
    /// When `base` is no such URL.
    pub fn new(base: &str) -> Result<Self, HttpError> {
        let base: Url = base.parse().map_err(|_| HttpError::Request(format!("{base:?} is no URL")))?;
        if base.cannot_be_a_base() {
            return Err(HttpError::Request(format!("{base} is no base URL")));
        }
        let http = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(2))
            // Less than the ten seconds that our servers keep an idle connection; else requests would meet closed ones.
            .pool_idle_timeout(Duration::from_secs(5))
            .tcp_nodelay(true)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .map_err(|error| HttpError::Request(error.to_string()))?;
        Ok(Self { http, base, retry: Retry::default() })
    }

    /// A request. `template` is the path with its parameters in braces (`/users/{id}/billing`), filled from
    /// `parameters` in their order.
    #[must_use]
    pub fn request<'a>(&'a self, method: Method, template: &'static str, parameters: &'a [&'a str]) -> HttpRequest<'a> {
        HttpRequest { client: self, method, template, parameters, query: Vec::new(), headers: Vec::new(), body: None }
    }

    /// [`request`](Self::request) with `GET`.
    #[must_use]
    pub fn get<'a>(&'a self, template: &'static str, parameters: &'a [&'a str]) -> HttpRequest<'a> {
        self.request(Method::GET, template, parameters)
    }
}

/// A request that is being put together.
#[derive(Clone, Debug)]
pub struct HttpRequest<'a> {
    client: &'a HttpClient,
    method: Method,
    template: &'static str,
    parameters: &'a [&'a str],
    query: Vec<(&'static str, Cow<'a, str>)>,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Option<Result<Vec<u8>, String>>,
}

impl<'a> HttpRequest<'a> {
    /// Adds to the query string.
    #[must_use]
    pub fn query(mut self, name: &'static str, value: impl Into<Cow<'a, str>>) -> Self {
        self.query.push((name, value.into()));
        self
    }

    /// Sends this token as `Authorization: Bearer`.
    #[must_use]
    pub fn bearer(self, token: &str) -> Self {
        match HeaderValue::from_str(&format!("Bearer {token}")) {
            Ok(mut value) => {
                value.set_sensitive(true);
                self.header(header::AUTHORIZATION, value)
            }
            // Such a token was never given out; without it the answer is 401, as it should be.
            Err(_) => self,
        }
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Sends a JSON body.
    #[must_use]
    pub fn json(mut self, body: &impl Serialize) -> Self {
        self.body = Some(serde_json::to_vec(body).map_err(|error| error.to_string()));
        self
    }

    /// Makes the call once. An answer that is no success is an error.
    ///
    /// # Errors
    /// [`HttpError`] says what came instead.
    pub async fn send(&self, call: &Call) -> Result<reqwest::Response, HttpError> {
        let remaining = call.remaining();
        if remaining.is_zero() {
            return Err(HttpError::Timeout);
        }
        let child = call.child();
        let request = self.build(&child, remaining)?;
        let operation = self.observe(&child, &request);
        let sent = bookstore_telemetry::http::send(&self.client.http, request, self.template, child.attributes());
        let answered = sent.await;
        if let Some(operation) = operation {
            operation.end();
        }
        let response = answered.map_err(broken)?;
        let status = response.status();
        if status.is_success() || status == StatusCode::NOT_MODIFIED {
            return Ok(response);
        }
        let retry_after_s =
            response.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        let problem = read(response).await.ok().and_then(|body| serde_json::from_slice(&body).ok()).map(Box::new);
        Err(HttpError::Status { status, problem, retry_after_s })
    }

    /// [`send`](Self::send), and the JSON in the answer.
    ///
    /// # Errors
    /// [`HttpError`] says what came instead.
    pub async fn fetch<T: DeserializeOwned>(&self, call: &Call) -> Result<T, HttpError> {
        let body = read(self.send(call).await?).await?;
        serde_json::from_slice(&body).map_err(|error| HttpError::Body(error.to_string()))
    }

    /// [`fetch`](Self::fetch) for a call that may safely be made more than once.
    ///
    /// # Errors
    /// [`HttpError`] says what came instead, the last time.
    pub async fn fetch_idempotent<T: DeserializeOwned>(&self, call: &Call) -> Result<T, HttpError> {
        self.client.retry.idempotent(call, || self.fetch(call)).await
    }

    /// [`send`](Self::send) for a call that may safely be made more than once.
    ///
    /// # Errors
    /// [`HttpError`] says what came instead, the last time.
    pub async fn send_idempotent(&self, call: &Call) -> Result<reqwest::Response, HttpError> {
        self.client.retry.idempotent(call, || self.send(call)).await
    }

    /// The call for the truth log, where one is kept.
    fn observe(&self, call: &Call, request: &reqwest::Request) -> Option<Operation> {
        if !truth::is_kept() {
            return None;
        }
        let peer = request.url().host_str().zip(request.url().port_or_known_default());
        let peer = peer.map(|(host, port)| format!("{host}:{port}"));
        Operation::called(call, "http", format!("{} {}", self.method, self.template), peer)
    }

    fn build(&self, call: &Call, remaining: Duration) -> Result<reqwest::Request, HttpError> {
        let mut url = self.client.base.clone();
        let mut parameters = self.parameters.iter();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty();
            for segment in self.template.split('/').skip(1) {
                // `push` escapes what would end a segment.
                path.push(if segment.starts_with('{') {
                    parameters.next().copied().unwrap_or_default()
                } else {
                    segment
                });
            }
        }
        if !self.query.is_empty() {
            url.query_pairs_mut().extend_pairs(self.query.iter().map(|(name, value)| (*name, &**value)));
        }
        let mut request = reqwest::Request::new(self.method.clone(), url);
        *request.timeout_mut() = Some(remaining);
        let headers = request.headers_mut();
        headers.extend(self.headers.iter().cloned());
        call.write_headers(headers);
        if let Some(body) = &self.body {
            let body = body.clone().map_err(HttpError::Request)?;
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            *request.body_mut() = Some(body.into());
        }
        Ok(request)
    }
}

/// Without the URL: what a customer looks for stands in its query, and errors go to the log.
fn broken(error: reqwest::Error) -> HttpError {
    if error.is_timeout() && !error.is_connect() {
        HttpError::Timeout
    } else {
        HttpError::Unreachable(error.without_url())
    }
}

/// What went wrong, and why: the first text alone never says that a connection was refused.
fn with_causes(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// The answer's body, up to a limit.
async fn read(mut response: reqwest::Response) -> Result<Vec<u8>, HttpError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(broken)? {
        if body.len() + chunk.len() > MAX_ANSWER {
            return Err(HttpError::Body(format!("more than {MAX_ANSWER} bytes")));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
