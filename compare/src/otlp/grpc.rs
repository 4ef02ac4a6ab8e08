//! OTLP/gRPC: the three `Export` methods.
//!
//! They are served by hand, on `tonic`'s server of one call, since the services generated from the messages would
//! decode a request whole.

use std::future::{Ready, ready};
use std::marker::PhantomData;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::routing::post;
use bookstore_otlp::codec::RawCodec;
use bytes::Bytes;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use tonic::codec::CompressionEncoding::Gzip;
use tonic::server::{Grpc, UnaryService};
use tonic::{Code, Request, Response, Status};

use super::{Logs, Metrics, Signal, Traces, take_protobuf};
use crate::App;

/// The routes of the three methods.
pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/opentelemetry.proto.collector.trace.v1.TraceService/Export", post(export::<Traces>))
        .route("/opentelemetry.proto.collector.metrics.v1.MetricsService/Export", post(export::<Metrics>))
        .route("/opentelemetry.proto.collector.logs.v1.LogsService/Export", post(export::<Logs>))
}

/// Whether a request is gRPC.
pub(crate) fn is_grpc(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(b"application/grpc"))
}

/// What OTLP says by a code where `tonic` says another: a message that is too large or broken will be so again, and
/// OTLP's senders retry `OUT_OF_RANGE` and cannot tell `INTERNAL` from our mistake. No handler here answers either.
pub(crate) fn otlp_code(code: Code) -> Code {
    match code {
        Code::OutOfRange => Code::ResourceExhausted,
        Code::Internal => Code::InvalidArgument,
        code => code,
    }
}

async fn export<S: Signal>(State(app): State<App>, request: http::Request<Body>) -> http::Response<tonic::body::Body> {
    // Answers are not compressed: they are a few bytes.
    let mut grpc = Grpc::new(RawCodec::<S::Answer>::default())
        .accept_compressed(Gzip)
        .max_decoding_message_size(app.intake.request_bytes);
    grpc.unary(Export::<S>(app, PhantomData), request).await
}

/// One call.
struct Export<S>(App, PhantomData<fn() -> S>);

impl<S: Signal> UnaryService<Bytes> for Export<S> {
    type Response = S::Answer;
    type Future = Ready<Result<Response<S::Answer>, Status>>;

    fn call(&mut self, request: Request<Bytes>) -> Self::Future {
        let answer = take_protobuf::<S>(&self.0, request.get_ref());
        ready(
            answer
                .map(Response::new)
                .map_err(|error| Status::invalid_argument(format!("not a valid message: {error}"))),
        )
    }
}
