//! How many OTLP requests are worked on at once, and for how long: the bound on the memory that requests take
//! before anything of them is kept.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bookstore_otlp::Message;
use bookstore_otlp::status::Status;
use http::header::RETRY_AFTER;
use http::{HeaderValue, StatusCode};
use tokio::time::timeout;
use tonic::Code;

use super::http::Encoding;
use super::{code, grpc};
use crate::App;

/// When to come back, in seconds.
const COME_BACK: i64 = 1;

/// Requests that were not taken, since the start.
#[derive(Debug, Default)]
pub(crate) struct Refused {
    malformed: AtomicU64,
    busy: AtomicU64,
    late: AtomicU64,
}

/// The numbers of [`Refused`].
#[derive(Clone, Copy, Debug, serde::Serialize)]
pub(crate) struct RefusedCounts {
    /// Could not be read: malformed, too large, of an unknown encoding.
    malformed: u64,
    /// Came while as many as allowed were being worked on.
    busy: u64,
    /// Did not arrive in time.
    late: u64,
}

impl Refused {
    pub(crate) fn malformed(&self) {
        self.malformed.fetch_add(1, Relaxed);
    }

    pub(crate) fn counts(&self) -> RefusedCounts {
        RefusedCounts {
            malformed: self.malformed.load(Relaxed),
            busy: self.busy.load(Relaxed),
            late: self.late.load(Relaxed),
        }
    }
}

/// Lets a request through if there is room.
pub(crate) async fn pass(State(app): State<App>, request: Request, next: Next) -> Response {
    let is_grpc = grpc::is_grpc(request.headers());
    let encoding = Encoding::of(request.headers()).unwrap_or(Encoding::Json);
    let Ok(_permit) = Arc::clone(&app.in_flight).try_acquire_owned() else {
        app.refused.busy.fetch_add(1, Relaxed);
        return refuse(is_grpc, encoding, StatusCode::SERVICE_UNAVAILABLE, code::UNAVAILABLE, "busy");
    };
    let Ok(response) = timeout(app.intake.timeout, next.run(request)).await else {
        app.refused.late.fetch_add(1, Relaxed);
        let message = "the request did not arrive in time";
        return refuse(is_grpc, encoding, StatusCode::REQUEST_TIMEOUT, code::DEADLINE_EXCEEDED, message);
    };
    if is_grpc { as_otlp_says(&app, response) } else { response }
}

fn refuse(is_grpc: bool, encoding: Encoding, status: StatusCode, code: i32, message: &str) -> Response {
    let body = Status { code, message: message.to_owned(), details: Vec::new() };
    if is_grpc {
        let details = body.clone().retry_after(COME_BACK).encode_to_vec();
        let status = tonic::Status::with_details(Code::from_i32(code), message, details.into());
        return status.into_http::<axum::body::Body>().into_response();
    }
    let mut response = encoding.respond(status, &body);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(COME_BACK));
    response
}

/// Replaces the codes for which OTLP has others, and counts what was refused.
fn as_otlp_says(app: &App, mut response: Response) -> Response {
    if let Some(status) = tonic::Status::from_header_map(response.headers()) {
        let code = grpc::otlp_code(status.code());
        if code != Code::Ok {
            app.refused.malformed();
        }
        response.headers_mut().insert("grpc-status", HeaderValue::from(i32::from(code)));
    }
    response
}
