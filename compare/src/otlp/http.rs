//! `POST /v1/{traces,metrics,logs}`: OTLP/HTTP, protobuf or JSON, plain or gzip.
//!
//! An error is answered by a `google.rpc.Status` in the encoding of the request, as OTLP asks.

use std::io::Read;

use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bookstore_otlp::Message;
use bookstore_otlp::status::Status;
use bytes::Bytes;
use flate2::bufread::MultiGzDecoder;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, StatusCode};
use http_body_util::LengthLimitError;
use serde::Serialize;

use super::{Batch, Signal, code, take_protobuf};
use crate::App;

/// How a request is encoded, and its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Protobuf,
    Json,
}

impl Encoding {
    /// From `content-type`; parameters such as a charset do not matter.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let value = headers.get(CONTENT_TYPE)?.to_str().ok()?;
        let kind = value.split(';').next()?.trim();
        if kind.eq_ignore_ascii_case("application/x-protobuf") {
            Some(Self::Protobuf)
        } else if kind.eq_ignore_ascii_case("application/json") {
            Some(Self::Json)
        } else {
            None
        }
    }

    fn take<S: Signal>(self, app: &App, body: &[u8]) -> Result<S::Answer, Refusal> {
        match self {
            Self::Protobuf => take_protobuf::<S>(app, body).map_err(|error| Refusal::malformed(error.to_string())),
            Self::Json if body.iter().filter(|byte| **byte == b'{').count() > MOST_OBJECTS => Err(Refusal::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                code::RESOURCE_EXHAUSTED,
                format!("more than {MOST_OBJECTS} objects in one request"),
            )),
            Self::Json => match serde_json::from_slice(body) {
                Ok(request) => {
                    app.store.count_bytes(body.len());
                    Ok(Batch::<S>::from_request(request).take_in(&app.store))
                }
                Err(error) => Err(Refusal::malformed(error.to_string())),
            },
        }
    }

    pub(crate) fn respond<T: Message + Serialize>(self, status: StatusCode, message: &T) -> Response {
        let (kind, body) = match self {
            Self::Protobuf => ("application/x-protobuf", message.encode_to_vec()),
            Self::Json => ("application/json", serde_json::to_vec(message).unwrap_or_default()),
        };
        (status, [(CONTENT_TYPE, kind)], body).into_response()
    }
}

/// JSON is read whole, and `{}` takes some 300 bytes then. A request of 16 MiB as SDKs send it has about 250,000.
const MOST_OBJECTS: usize = 400_000;

/// Why a request was not taken.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    code: i32,
    message: String,
}

impl Refusal {
    fn new(status: StatusCode, code: i32, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }

    fn malformed(message: String) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code::INVALID_ARGUMENT, message)
    }

    fn too_large(limit: usize) -> Self {
        let message = format!("more than {limit} bytes, before or after decompression");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, code::RESOURCE_EXHAUSTED, message)
    }

    fn respond(self, encoding: Encoding) -> Response {
        let body = Status { code: self.code, message: self.message, details: Vec::new() };
        encoding.respond(self.status, &body)
    }
}

/// Takes one batch.
pub(crate) async fn export<S: Signal>(State(app): State<App>, headers: HeaderMap, body: Body) -> Response {
    let Some(encoding) = Encoding::of(&headers) else {
        let message = "content-type must be application/x-protobuf or application/json";
        return Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, code::INVALID_ARGUMENT, message)
            .respond(Encoding::Json);
    };
    let limit = app.intake.request_bytes;
    match read(&headers, body, limit).await.and_then(|body| encoding.take::<S>(&app, &body)) {
        Ok(answer) => encoding.respond(StatusCode::OK, &answer),
        Err(refusal) => {
            app.refused.malformed();
            let unsupported = refusal.status == StatusCode::UNSUPPORTED_MEDIA_TYPE;
            let mut response = refusal.respond(encoding);
            if unsupported {
                response.headers_mut().insert(ACCEPT_ENCODING, http::HeaderValue::from_static("gzip"));
            }
            response
        }
    }
}

async fn read(headers: &HeaderMap, body: Body, limit: usize) -> Result<Bytes, Refusal> {
    let is_gzip = match headers.get(CONTENT_ENCODING).map(|value| value.as_bytes()) {
        None | Some(b"identity" | b"") => false,
        Some(value) if value.eq_ignore_ascii_case(b"gzip") => true,
        Some(_) => {
            let message = "content-encoding must be gzip or identity";
            return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, code::INVALID_ARGUMENT, message));
        }
    };
    let announced = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > limit) {
        return Err(Refusal::too_large(limit));
    }
    let body = to_bytes(body, limit).await.map_err(|error| {
        let is_limit = std::error::Error::source(&error).is_some_and(|source| source.is::<LengthLimitError>());
        if is_limit { Refusal::too_large(limit) } else { Refusal::malformed("the body ended early".to_owned()) }
    })?;
    if is_gzip { gunzip(&body, limit).map(Bytes::from) } else { Ok(body) }
}

/// Decompresses at most `limit` bytes: what is longer is refused once that many were made, not after.
fn gunzip(body: &[u8], limit: usize) -> Result<Vec<u8>, Refusal> {
    let mut plain = Vec::with_capacity((body.len() * 4).min(limit));
    let mut decoder = MultiGzDecoder::new(body).take(limit as u64 + 1);
    decoder.read_to_end(&mut plain).map_err(|error| Refusal::malformed(format!("not valid gzip: {error}")))?;
    if plain.len() > limit { Err(Refusal::too_large(limit)) } else { Ok(plain) }
}
