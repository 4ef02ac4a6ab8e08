//! OTLP/gRPC: the three `Export` services.

use axum::Router;
use bookstore_otlp::collector::{
    ExportLogsServiceRequest, ExportLogsServiceResponse, ExportMetricsServiceRequest, ExportMetricsServiceResponse,
    ExportTraceServiceRequest, ExportTraceServiceResponse, LogsService, LogsServiceServer, MetricsService,
    MetricsServiceServer, TraceService, TraceServiceServer,
};
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use tonic::codec::CompressionEncoding::Gzip;
use tonic::{Code, Request, Response, Status};

use super::Signal;
use crate::App;

/// The routes of the three services.
pub(crate) fn routes(app: &App) -> Router<App> {
    let limit = app.intake.request_bytes;
    // `send_compressed` is not set: the answers are a few bytes.
    let traces = TraceServiceServer::new(app.clone()).accept_compressed(Gzip).max_decoding_message_size(limit);
    let metrics = MetricsServiceServer::new(app.clone()).accept_compressed(Gzip).max_decoding_message_size(limit);
    let logs = LogsServiceServer::new(app.clone()).accept_compressed(Gzip).max_decoding_message_size(limit);
    Router::new()
        .route_service("/opentelemetry.proto.collector.trace.v1.TraceService/Export", traces)
        .route_service("/opentelemetry.proto.collector.metrics.v1.MetricsService/Export", metrics)
        .route_service("/opentelemetry.proto.collector.logs.v1.LogsService/Export", logs)
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

#[tonic::async_trait]
impl TraceService for App {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        Ok(Response::new(request.into_inner().take_in(&self.store)))
    }
}

#[tonic::async_trait]
impl MetricsService for App {
    async fn export(
        &self,
        request: Request<ExportMetricsServiceRequest>,
    ) -> Result<Response<ExportMetricsServiceResponse>, Status> {
        Ok(Response::new(request.into_inner().take_in(&self.store)))
    }
}

#[tonic::async_trait]
impl LogsService for App {
    async fn export(
        &self,
        request: Request<ExportLogsServiceRequest>,
    ) -> Result<Response<ExportLogsServiceResponse>, Status> {
        Ok(Response::new(request.into_inner().take_in(&self.store)))
    }
}
