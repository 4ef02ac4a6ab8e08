//! What a request carries from hop to hop.
//!
//! A [`Call`] is an explicit argument of all code that makes calls. It is neither a task-local nor a tracing span, so it
//! works the same with telemetry off, and what it says is independent of every tracer.
//!
//! | on the wire | over HTTP | over gRPC |
//! | --- | --- | --- |
//! | request id | `x-request-id` | `x-request-id` |
//! | hop | `x-hop` | `x-hop` |
//! | time left | `x-timeout-ms` | `grpc-timeout` |
//!
//! A hop is a path: the storefront receives a request as hop `1`, its second call goes out as `1.2`, and the third that
//! the callee makes on its behalf as `1.2.3`. So a hop is unique within its request and names its parent.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use bookstore_telemetry::CallAttributes;

use crate::{Problem, truth};

/// Names a request through all services.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Names a call within its request.
pub const HOP: HeaderName = HeaderName::from_static("x-hop");

/// Headers of a request that goes out, with those that clients and telemetry add: a map that grows is made anew.
const HEADERS: usize = 12;
/// Over HTTP, the milliseconds that the caller will still wait: the counterpart of `grpc-timeout`.
pub const TIMEOUT_MS: HeaderName = HeaderName::from_static("x-timeout-ms");
/// Over gRPC, the same (gRPC over HTTP/2, "Requests": `Timeout`).
pub const GRPC_TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");

/// The longest request id that is taken over from a caller.
const MAX_REQUEST_ID: usize = 64;
/// The longest hop that is taken over from a caller.
const MAX_HOP: usize = 128;
/// gRPC allows at most eight digits in a timeout.
const MAX_GRPC_TIMEOUT_VALUE: u128 = 99_999_999;

/// What a request carries from hop to hop: its id, the hop it is on, and when its caller stops waiting.
///
/// Cheap to clone; clones count their onward calls together.
#[derive(Clone, Debug)]
pub struct Call {
    request_id: Arc<str>,
    hop: Arc<str>,
    deadline: Instant,
    /// How many calls this hop has made.
    children: Arc<AtomicU32>,
}

impl Call {
    /// A request that starts here, with so much time.
    #[must_use]
    pub fn new_root(budget: Duration) -> Self {
        Self::new(new_request_id(), Arc::from("1"), Instant::now() + budget)
    }

    fn new(request_id: Arc<str>, hop: Arc<str>, deadline: Instant) -> Self {
        Self { request_id, hop, deadline, children: Arc::default() }
    }

    /// What the headers of a request say. A request id or hop that is missing, malformed or too long is replaced; the
    /// deadline is `limit` from now or what the caller allows, whichever is sooner. At a public `edge` the hop is ours.
    #[must_use]
    pub fn from_headers(headers: &HeaderMap, edge: Edge, limit: Duration) -> Self {
        let request_id =
            text(headers, &REQUEST_ID).filter(|id| is_request_id(id)).map_or_else(new_request_id, Arc::from);
        let hop = match edge {
            Edge::Public => None,
            Edge::Internal => text(headers, &HOP).filter(|hop| is_hop(hop)),
        };
        let allowed = text(headers, &GRPC_TIMEOUT)
            .and_then(parse_grpc_timeout)
            .or_else(|| Some(Duration::from_millis(text(headers, &TIMEOUT_MS)?.parse().ok()?)))
            .map_or(limit, |asked| asked.min(limit));
        Self::new(request_id, Arc::from(hop.unwrap_or("1")), Instant::now() + allowed)
    }

    /// The call that a tonic handler was asked by.
    ///
    /// # Errors
    /// `INTERNAL` when the server was built without [`crate::server::Server`].
    pub fn of<T>(request: &tonic::Request<T>) -> Result<Self, tonic::Status> {
        request
            .extensions()
            .get::<Self>()
            .cloned()
            .ok_or_else(|| tonic::Status::internal("the request carries no call"))
    }

    /// Names the request through all services.
    #[must_use]
    pub fn request_id(&self) -> &str {
        &self.request_id
    }

    /// Names this call within its request.
    #[must_use]
    pub fn hop(&self) -> &str {
        &self.hop
    }

    /// When the caller stops waiting.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// How long the caller still waits.
    #[must_use]
    pub fn remaining(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// The next call that goes out from here.
    #[must_use]
    pub fn child(&self) -> Self {
        let number = self.children.fetch_add(1, Ordering::Relaxed) + 1;
        Self::new(Arc::clone(&self.request_id), Arc::from(format!("{}.{number}", self.hop)), self.deadline)
    }

    /// The same request and hop with a deadline of its own: for work that outlives the answer, or may take only part
    /// of the time that is left.
    #[must_use]
    pub fn with_budget(&self, budget: Duration) -> Self {
        Self { deadline: Instant::now() + budget, ..self.clone() }
    }

    /// A gRPC request for the next call from here.
    #[must_use]
    pub fn grpc<T>(&self, message: T) -> tonic::Request<T> {
        let mut request = self.grpc_stream(message);
        request.set_timeout(self.remaining());
        request
    }

    /// [`grpc`](Self::grpc) without a deadline: for a stream that runs until somebody hangs up.
    #[must_use]
    pub fn grpc_stream<T>(&self, message: T) -> tonic::Request<T> {
        let child = self.child();
        let mut request = tonic::Request::new(message);
        request.metadata_mut().reserve(HEADERS);
        for (name, value) in [("x-request-id", &child.request_id), ("x-hop", &child.hop)] {
            if let Ok(value) = value.parse() {
                request.metadata_mut().insert(name, value);
            }
        }
        request.extensions_mut().insert(child.attributes());
        if truth::is_kept() {
            request.extensions_mut().insert(child);
        }
        request
    }

    /// Writes request id, hop and the time left into the headers of an HTTP request.
    pub fn write_headers(&self, headers: &mut HeaderMap) {
        headers.reserve(HEADERS);
        for (name, value) in [(REQUEST_ID, &self.request_id), (HOP, &self.hop)] {
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.insert(name, value);
            }
        }
        let left = u64::try_from(self.remaining().as_millis()).unwrap_or(u64::MAX);
        headers.insert(TIMEOUT_MS, HeaderValue::from(left));
    }

    /// The request id as a header's value.
    #[must_use]
    pub fn request_id_header(&self) -> HeaderValue {
        // A request id is checked or made here, and always fits.
        HeaderValue::from_str(&self.request_id).unwrap_or_else(|_| HeaderValue::from_static(""))
    }

    /// The request id, where spans are to carry it: in scoring runs. For the field `bookstore.request.id`.
    #[must_use]
    pub fn id_on_spans(&self) -> Option<&str> {
        bookstore_telemetry::records_calls().then_some(&*self.request_id)
    }

    /// The hop, where spans are to carry it. For the field `bookstore.hop`.
    #[must_use]
    pub fn hop_on_spans(&self) -> Option<&str> {
        bookstore_telemetry::records_calls().then_some(&*self.hop)
    }

    /// What spans may show of it.
    #[must_use]
    pub fn attributes(&self) -> CallAttributes {
        CallAttributes { request_id: Some(Arc::clone(&self.request_id)), hop: Some(Arc::clone(&self.hop)) }
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}", self.request_id, self.hop)
    }
}

/// A handler's argument: the call that the server's layer has put there.
impl<S: Sync> FromRequestParts<S> for Call {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| {
            tracing::error!("a handler was asked without the server's call layer");
            Problem::internal()
        })
    }
}

/// Who may call a server.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Edge {
    /// Anybody: hops start here.
    Public,
    /// Our own services: hops go on.
    Internal,
}

fn new_request_id() -> Arc<str> {
    let mut buffer = uuid::Uuid::encode_buffer();
    Arc::from(&*uuid::Uuid::now_v7().as_simple().encode_lower(&mut buffer))
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn is_request_id(text: &str) -> bool {
    (1..=MAX_REQUEST_ID).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}

fn is_hop(text: &str) -> bool {
    text.len() <= MAX_HOP && text.split('.').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()))
}

/// `grpc-timeout`: at most eight digits and a unit.
fn parse_grpc_timeout(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let value: u64 = digits.parse().ok()?;
    debug_assert!(u128::from(value) <= MAX_GRPC_TIMEOUT_VALUE);
    Some(match unit {
        "H" => Duration::from_secs(value * 3600),
        "M" => Duration::from_secs(value * 60),
        "S" => Duration::from_secs(value),
        "m" => Duration::from_millis(value),
        "u" => Duration::from_micros(value),
        "n" => Duration::from_nanos(value),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(10);

    fn headers(pairs: &[(HeaderName, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), HeaderValue::from_str(value).unwrap())).collect()
    }

    #[test]
    fn a_request_id_is_taken_over_and_a_bad_one_replaced() {
        let taken = Call::from_headers(&headers(&[(REQUEST_ID, "abc-1.2_X")]), Edge::Public, LIMIT);
        assert_eq!(taken.request_id(), "abc-1.2_X");
        for bad in ["", "a b", "ä", "x\ty", &"a".repeat(65), "<script>"] {
            let mut map = HeaderMap::new();
            map.insert(REQUEST_ID, HeaderValue::from_bytes(bad.as_bytes()).unwrap());
            let made = Call::from_headers(&map, Edge::Public, LIMIT);
            assert_ne!(made.request_id(), bad);
            assert!(is_request_id(made.request_id()), "{made}");
        }
    }

    #[test]
    fn hops_count_up_and_go_on_inside_only() {
        let inside = Call::from_headers(&headers(&[(HOP, "1.2")]), Edge::Internal, LIMIT);
        assert_eq!(inside.child().hop(), "1.2.1");
        assert_eq!(inside.clone().child().hop(), "1.2.2");
        assert_eq!(inside.with_budget(LIMIT).child().hop(), "1.2.3");
        let outside = Call::from_headers(&headers(&[(HOP, "1.2")]), Edge::Public, LIMIT);
        assert_eq!(outside.hop(), "1");
        for bad in ["", ".", "1.", ".1", "1..2", "a", "1.-2"] {
            assert_eq!(Call::from_headers(&headers(&[(HOP, bad)]), Edge::Internal, LIMIT).hop(), "1", "{bad}");
        }
    }

    #[test]
    fn a_deadline_only_shrinks() {
        for (name, value, at_most_ms) in [
            (GRPC_TIMEOUT, "250m", 250),
            (GRPC_TIMEOUT, "2S", 2_000),
            (GRPC_TIMEOUT, "1H", 10_000),
            (GRPC_TIMEOUT, "123456789S", 10_000),
            (GRPC_TIMEOUT, "ä", 10_000),
            (TIMEOUT_MS, "40", 40),
            (TIMEOUT_MS, "-1", 10_000),
            (TIMEOUT_MS, "99999999999999999999999", 10_000),
        ] {
            let mut map = HeaderMap::new();
            map.insert(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
            let left = Call::from_headers(&map, Edge::Internal, LIMIT).remaining().as_millis();
            assert!(left <= at_most_ms, "{value}: {left}");
            assert!(left + 1_000 > at_most_ms, "{value}: {left}");
        }
    }
}
