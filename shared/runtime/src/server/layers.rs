//! What every request passes on its way in, and every answer on its way out.

use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::http::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Version};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt as _;
use tokio::sync::Semaphore;

use super::{Limits, spin};
use crate::call::{Call, Edge, REQUEST_ID};
use crate::problem::Problem;
use crate::truth::{self, Operation};

/// How often, at the most, shedding is logged.
const SHED_LOG_INTERVAL_S: u64 = 5;

/// How a call arrives.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrival {
    pub(super) edge: Edge,
    pub(super) limit: Duration,
    /// Processor time to burn.
    pub(super) spin: Option<Duration>,
}

/// Reads the [`Call`] from the headers, and writes its request id on the answer.
pub(super) async fn call(State(arrival): State<Arrival>, mut request: Request, next: Next) -> Response {
    let call = Call::from_headers(request.headers(), arrival.edge, arrival.limit);
    let id = call.request_id_header();
    if let Some(time) = arrival.spin {
        spin::burn(time);
    }
    let extensions = request.extensions_mut();
    if bookstore_telemetry::records_calls() {
        extensions.insert(call.attributes());
    }
    let received = observe(&call, &request);
    request.extensions_mut().insert(call);
    let mut response = next.run(request).await;
    if let Some(received) = received {
        received.end();
    }
    response.headers_mut().insert(REQUEST_ID, id);
    response
}

/// The call for the truth log, where one is kept.
fn observe(call: &Call, request: &Request) -> Option<Operation> {
    if !truth::is_kept() {
        return None;
    }
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.to_string());
    if is_grpc(request.headers()) {
        let method = request.uri().path().trim_start_matches('/').to_owned();
        return Operation::received(call, "grpc", method, peer);
    }
    let path = request.extensions().get::<MatchedPath>().map_or_else(|| request.uri().path(), MatchedPath::as_str);
    Operation::received(call, "http", format!("{} {path}", request.method()), peer)
}

/// Writes the request id into a problem. This is inside of telemetry, which follows the body of the answer.
fn name_problem(mut response: Response, call: &Call) -> Response {
    let Some(problem) = problem_of(&mut response) else { return response };
    let mut headers = std::mem::take(response.headers_mut());
    // These describe the body that is replaced.
    headers.remove(CONTENT_TYPE);
    headers.remove(CONTENT_LENGTH);
    let mut named = problem.for_request(call.request_id()).into_response();
    for (name, value) in &headers {
        named.headers_mut().append(name, value.clone());
    }
    named
}

/// The problem to render: the one a handler made, or one in place of a bare status (axum's own 404, 405, 413).
fn problem_of(response: &mut Response) -> Option<Problem> {
    let made = response.extensions_mut().remove::<Problem>();
    if made.is_some() {
        // Rendered again, with its own headers.
        response.headers_mut().remove(RETRY_AFTER);
        return made;
    }
    let status = response.status();
    let bare = response.headers().get(CONTENT_TYPE).is_none_or(|kind| kind.as_bytes().starts_with(b"text/plain"));
    ((status.is_client_error() || status.is_server_error()) && bare).then(|| Problem::of(status))
}

/// Decides whether a request may come in, and ends it at its deadline.
#[derive(Clone, Debug)]
pub(super) struct Admission {
    places: Arc<Semaphore>,
    started: Instant,
    /// When shedding was last logged, in seconds since `started` plus one; 0 is never.
    logged_s: Arc<AtomicU64>,
}

impl Admission {
    pub(super) fn new(limits: Limits) -> Self {
        Self { places: Arc::new(Semaphore::new(limits.in_flight)), started: Instant::now(), logged_s: Arc::default() }
    }

    fn log_shedding(&self) {
        let now_s = self.started.elapsed().as_secs() + 1;
        let last_s = self.logged_s.load(Ordering::Relaxed);
        if (last_s == 0 || now_s >= last_s + SHED_LOG_INTERVAL_S)
            && self.logged_s.compare_exchange(last_s, now_s, Ordering::Relaxed, Ordering::Relaxed).is_ok()
        {
            tracing::warn!("too many requests at once: shedding load");
        }
    }
}

/// Sheds what is too much before it costs anything, and ends a handler when nobody waits for it any more.
pub(super) async fn admit(State(admission): State<Admission>, call: Call, request: Request, next: Next) -> Response {
    let version = request.version();
    let mut response = name_problem(answer(&admission, &call, request, next).await, &call);
    // Refused unread, the rest of the body would stand where the next request should begin: the connection is closed,
    // and has to be said to be, or the client's next request meets a closed one. HTTP/2 has no such header.
    let unread = matches!(response.status(), StatusCode::PAYLOAD_TOO_LARGE | StatusCode::UNSUPPORTED_MEDIA_TYPE);
    if unread && version < Version::HTTP_2 {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

async fn answer(admission: &Admission, call: &Call, request: Request, next: Next) -> Response {
    let grpc = is_grpc(request.headers());
    let Ok(_place) = admission.places.try_acquire() else {
        admission.log_shedding();
        return refuse(grpc, StatusCode::SERVICE_UNAVAILABLE, "Too busy. Try again in a moment.");
    };
    // What a handler that panics leaves behind is its own; nothing here is shared with it.
    let handler = AssertUnwindSafe(next.run(request)).catch_unwind();
    match tokio::time::timeout_at(call.deadline().into(), handler).await {
        Ok(Ok(response)) => response,
        Ok(Err(_)) => {
            // The panic itself has been printed by its hook.
            tracing::error!(request_id = call.request_id(), "a handler panicked");
            refuse(grpc, StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong on our side.")
        }
        Err(_) => refuse(grpc, StatusCode::GATEWAY_TIMEOUT, "The answer was not there in time."),
    }
}

fn is_grpc(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"))
}

fn refuse(grpc: bool, status: StatusCode, detail: &str) -> Response {
    let busy = status == StatusCode::SERVICE_UNAVAILABLE;
    if !grpc {
        let problem = Problem::of(status).detail(detail);
        return if busy { problem.retry_after(1) } else { problem }.into_response();
    }
    let status = match status {
        StatusCode::SERVICE_UNAVAILABLE => tonic::Status::unavailable(detail),
        StatusCode::GATEWAY_TIMEOUT => tonic::Status::deadline_exceeded(detail),
        _ => tonic::Status::internal(detail),
    };
    let mut response = status.into_http::<axum::body::Body>();
    if busy {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}
