//! Listens to telemetry, over OTLP (`http/protobuf`), and keeps all of it.

use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::StatusCode;
use axum::routing::post;
use bookstore_otlp::collector::{ExportLogsServiceRequest, ExportMetricsServiceRequest, ExportTraceServiceRequest};
use bytes::Bytes;
use prost::Message as _;
use tokio::net::TcpListener;

/// A receiver of telemetry.
#[derive(Clone, Debug)]
pub struct Sink {
    /// Its address, for `OTEL_EXPORTER_OTLP_ENDPOINT` with `OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf`.
    pub url: String,
    kept: Arc<Mutex<Kept>>,
}

/// What was received.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    /// Spans.
    pub traces: Vec<ExportTraceServiceRequest>,
    /// Metrics.
    pub metrics: Vec<ExportMetricsServiceRequest>,
    /// Log records.
    pub logs: Vec<ExportLogsServiceRequest>,
    /// Every body as it came.
    pub raw: Vec<Bytes>,
}

impl Sink {
    /// Listens on a free port, until the process ends.
    ///
    /// # Panics
    /// When no port can be had.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let kept = Arc::new(Mutex::new(Kept::default()));
        let app = Router::new()
            .route("/v1/{signal}", post(receive))
            .layer(DefaultBodyLimit::max(64 << 20))
            .with_state(Arc::clone(&kept));
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, kept }
    }

    /// The environment that lets a shop send here.
    #[must_use]
    pub fn environment(&self) -> [(&'static str, String); 3] {
        [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", self.url.clone()),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf".to_owned()),
            ("OTEL_METRIC_EXPORT_INTERVAL", "500".to_owned()),
        ]
    }

    /// What was received until now.
    #[must_use]
    pub fn kept(&self) -> Kept {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn receive(State(kept): State<Arc<Mutex<Kept>>>, Path(signal): Path<String>, body: Bytes) -> StatusCode {
    let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
    let decoded = match &*signal {
        "traces" => ExportTraceServiceRequest::decode(&*body).map(|request| kept.traces.push(request)),
        "metrics" => ExportMetricsServiceRequest::decode(&*body).map(|request| kept.metrics.push(request)),
        "logs" => ExportLogsServiceRequest::decode(&*body).map(|request| kept.logs.push(request)),
        _ => return StatusCode::NOT_FOUND,
    };
    kept.raw.push(body);
    decoded.map_or(StatusCode::BAD_REQUEST, |()| StatusCode::OK)
}

/// A span, with what its resource says.
#[derive(Clone, Debug)]
pub struct SpanSeen {
    /// `service.name`.
    pub service: String,
    /// The span itself.
    pub span: bookstore_otlp::trace::Span,
}

impl Kept {
    /// All spans.
    #[must_use]
    pub fn spans(&self) -> Vec<SpanSeen> {
        let mut seen = Vec::new();
        for resource in self.traces.iter().flat_map(|request| &request.resource_spans) {
            let service = service(resource.resource.as_ref());
            for span in resource.scope_spans.iter().flat_map(|scope| &scope.spans) {
                seen.push(SpanSeen { service: service.clone(), span: span.clone() });
            }
        }
        seen
    }

    /// The names of all metrics, by service.
    #[must_use]
    pub fn metric_names(&self) -> std::collections::BTreeSet<(String, String)> {
        let mut seen = std::collections::BTreeSet::new();
        for resource in self.metrics.iter().flat_map(|request| &request.resource_metrics) {
            let service = service(resource.resource.as_ref());
            for metric in resource.scope_metrics.iter().flat_map(|scope| &scope.metrics) {
                seen.insert((service.clone(), metric.name.clone()));
            }
        }
        seen
    }

    /// All log records, by service.
    #[must_use]
    pub fn log_records(&self) -> Vec<(String, bookstore_otlp::logs::LogRecord)> {
        let mut seen = Vec::new();
        for resource in self.logs.iter().flat_map(|request| &request.resource_logs) {
            let service = service(resource.resource.as_ref());
            for record in resource.scope_logs.iter().flat_map(|scope| &scope.log_records) {
                seen.push((service.clone(), record.clone()));
            }
        }
        seen
    }

    /// Whether this text is anywhere in what was received.
    #[must_use]
    pub fn contains(&self, text: &str) -> bool {
        self.raw.iter().any(|body| body.windows(text.len()).any(|window| window == text.as_bytes()))
    }
}

fn service(resource: Option<&bookstore_otlp::common::Resource>) -> String {
    resource.and_then(|resource| resource.attribute("service.name")).unwrap_or_default().to_owned()
}
