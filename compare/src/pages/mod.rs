//! The answers as HTML.

use axum::Router;
use axum::response::{IntoResponse, Response};
use http::HeaderMap;

use crate::App;
use crate::api::problem::Problem;
use crate::otlp::grpc;

/// The pages.
pub(crate) fn routes() -> Router<App> {
    Router::new()
}

/// Whatever has no route.
pub(crate) async fn not_found(headers: HeaderMap) -> Response {
    if grpc::is_grpc(&headers) {
        let status = tonic::Status::unimplemented("no such method");
        return status.into_http::<axum::body::Body>().into_response();
    }
    Problem::not_found("There is nothing here.").into_response()
}
