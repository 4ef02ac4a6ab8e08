//! Generates the client and the server of the three OTLP services. The messages are written by hand, so no
//! `.proto` file is read.

use tonic_prost_build::manual::{Builder, Method, Service};

fn main() {
    for (package, service, messages) in [
        ("trace", "TraceService", "ExportTraceService"),
        ("metrics", "MetricsService", "ExportMetricsService"),
        ("logs", "LogsService", "ExportLogsService"),
    ] {
        let export = Method::builder()
            .comment("Takes one batch.")
            .name("export")
            .route_name("Export")
            .input_type(format!("crate::collector::{messages}Request"))
            .output_type(format!("crate::collector::{messages}Response"))
            .codec_path("crate::codec::Codec")
            .build();
        Builder::new().compile(&[Service::builder()
            .comment(format!("OTLP/gRPC for the signal `{package}`."))
            .package(format!("opentelemetry.proto.collector.{package}.v1"))
            .name(service)
            .method(export)
            .build()]);
    }
}
