//! A real OTLP receiver, gRPC and HTTP, on a thread of its own, and what it was sent.
#![allow(clippy::allow_attributes, reason = "`expect` would fail in the binaries that use all of it")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]
#![allow(dead_code, unreachable_pub, reason = "each test binary is a crate of its own and uses its part")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::routing::post;
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_server::{LogsService, LogsServiceServer};
use opentelemetry_proto::tonic::collector::logs::v1::{ExportLogsServiceRequest, ExportLogsServiceResponse};
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_server::{
    MetricsService, MetricsServiceServer,
};
use opentelemetry_proto::tonic::collector::metrics::v1::{ExportMetricsServiceRequest, ExportMetricsServiceResponse};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{TraceService, TraceServiceServer};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1::{metric, number_data_point};
use prost::Message;
use tokio::sync::watch;
use tonic::codec::CompressionEncoding;
use tonic::{Request, Response, Status};
use tower_http::decompression::RequestDecompressionLayer;

/// Attributes with their values as text.
pub type Attributes = BTreeMap<String, String>;

/// A span that arrived.
#[derive(Clone, Debug)]
pub struct Span {
    pub name: String,
    pub kind: i32,
    pub trace: String,
    pub id: String,
    pub parent: String,
    pub start: u64,
    pub end: u64,
    pub attributes: Attributes,
    pub status: i32,
    pub events: Vec<String>,
    pub resource: Attributes,
    pub schemas: [String; 2],
}

/// A log record that arrived.
#[derive(Clone, Debug)]
pub struct Log {
    pub body: String,
    pub severity: String,
    pub trace: String,
    pub span: String,
    pub attributes: Attributes,
}

/// A data point of a metric, the latest of its series: the value of a sum or gauge, the count of a histogram.
pub type Points = BTreeMap<(String, String), f64>;

/// Everything that arrived.
#[derive(Debug, Default)]
pub struct Seen {
    pub spans: Vec<Span>,
    pub logs: Vec<Log>,
    pub points: Points,
    pub bounds: BTreeMap<String, Vec<f64>>,
    /// The headers of each request.
    pub headers: Vec<Attributes>,
}

impl Seen {
    pub fn trace(&self, id: &str) -> Vec<Span> {
        self.spans.iter().filter(|span| span.trace == id).cloned().collect()
    }

    /// The sum over the series of a metric whose attributes contain all of these.
    pub fn sum(&self, metric: &str, with: &[&str]) -> f64 {
        let matching = self
            .points
            .iter()
            .filter(|((name, attributes), _)| name == metric && with.iter().all(|part| attributes.contains(part)));
        matching.map(|(_, value)| value).sum()
    }
}

#[derive(Clone)]
pub struct Receiver {
    pub grpc: String,
    pub http: String,
    seen: Arc<Mutex<Seen>>,
    changed: Arc<watch::Sender<()>>,
}

impl Receiver {
    pub fn start() -> Self {
        Self::start_at("127.0.0.1:0")
    }

    /// Starts with gRPC at this address.
    pub fn start_at(grpc: &str) -> Self {
        let bind = |address: &str| {
            let listener = std::net::TcpListener::bind(address).unwrap();
            listener.set_nonblocking(true).unwrap();
            let url = format!("http://{}", listener.local_addr().unwrap());
            (listener, url)
        };
        let ((grpc_listener, grpc), (http_listener, http)) = (bind(grpc), bind("127.0.0.1:0"));
        let receiver = Self { grpc, http, seen: Arc::default(), changed: Arc::new(watch::Sender::new(())) };
        let serving = receiver.clone();
        std::thread::spawn(move || {
            // The receiver stands for another process: it says nothing to this one's log.
            let _silent = tracing::dispatcher::set_default(&tracing::Dispatch::none());
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move { tokio::join!(serving.grpc(grpc_listener), serving.http(http_listener)) });
        });
        receiver
    }

    async fn grpc(&self, listener: std::net::TcpListener) {
        let listener = tokio::net::TcpListener::from_std(listener).unwrap();
        let incoming = tokio_stream::wrappers::TcpListenerStream::new(listener);
        tonic::transport::Server::builder()
            .add_service(TraceServiceServer::new(self.clone()).accept_compressed(CompressionEncoding::Gzip))
            .add_service(LogsServiceServer::new(self.clone()).accept_compressed(CompressionEncoding::Gzip))
            .add_service(MetricsServiceServer::new(self.clone()).accept_compressed(CompressionEncoding::Gzip))
            .serve_with_incoming(incoming)
            .await
            .unwrap();
    }

    async fn http(&self, listener: std::net::TcpListener) {
        async fn traces(State(receiver): State<Receiver>, headers: http::HeaderMap, body: Bytes) {
            receiver.heard(&headers);
            receiver.take_traces(ExportTraceServiceRequest::decode(body).unwrap());
        }
        async fn logs(State(receiver): State<Receiver>, headers: http::HeaderMap, body: Bytes) {
            receiver.heard(&headers);
            receiver.take_logs(ExportLogsServiceRequest::decode(body).unwrap());
        }
        async fn metrics(State(receiver): State<Receiver>, headers: http::HeaderMap, body: Bytes) {
            receiver.heard(&headers);
            receiver.take_metrics(ExportMetricsServiceRequest::decode(body).unwrap());
        }
        let router = axum::Router::new()
            .route("/v1/traces", post(traces))
            .route("/v1/logs", post(logs))
            .route("/v1/metrics", post(metrics))
            .layer(RequestDecompressionLayer::new())
            .with_state(self.clone());
        axum::serve(tokio::net::TcpListener::from_std(listener).unwrap(), router).await.unwrap();
    }

    pub fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap()
    }

    /// Waits until what arrived satisfies a condition.
    pub async fn until<T>(&self, what: &str, condition: impl Fn(&Seen) -> Option<T>) -> T {
        let mut changed = self.changed.subscribe();
        let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
        loop {
            if let Some(found) = condition(&self.seen()) {
                return found;
            }
            if tokio::time::timeout_at(deadline, changed.changed()).await.is_err() {
                panic!("never arrived: {what}; there is {:#?}", self.seen());
            }
        }
    }

    /// Waits until a trace has so many spans.
    pub async fn trace(&self, id: &str, spans: usize) -> Vec<Span> {
        self.until(&format!("{spans} spans of {id}"), |seen| Some(seen.trace(id)).filter(|found| found.len() >= spans))
            .await
    }

    fn update(&self, update: impl FnOnce(&mut Seen)) {
        update(&mut self.seen());
        self.changed.send_replace(());
    }

    fn heard(&self, headers: &http::HeaderMap) {
        let headers = headers.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap_or("").to_owned()));
        self.update(|seen| seen.headers.push(headers.collect()));
    }

    fn take_traces(&self, request: ExportTraceServiceRequest) {
        self.update(|seen| {
            for resource in request.resource_spans {
                let attributes = attributes(&resource.resource.unwrap_or_default().attributes);
                for scope in resource.scope_spans {
                    for span in scope.spans {
                        seen.spans.push(Span {
                            name: span.name,
                            kind: span.kind,
                            trace: hex::encode(span.trace_id),
                            id: hex::encode(span.span_id),
                            parent: hex::encode(span.parent_span_id),
                            start: span.start_time_unix_nano,
                            end: span.end_time_unix_nano,
                            attributes: self::attributes(&span.attributes),
                            status: span.status.unwrap_or_default().code,
                            events: span.events.into_iter().map(|event| event.name).collect(),
                            resource: attributes.clone(),
                            schemas: [resource.schema_url.clone(), scope.schema_url.clone()],
                        });
                    }
                }
            }
        });
    }

    fn take_logs(&self, request: ExportLogsServiceRequest) {
        let records = request.resource_logs.into_iter().flat_map(|logs| logs.scope_logs);
        self.update(|seen| {
            seen.logs.extend(records.flat_map(|scope| scope.log_records).map(|record| Log {
                body: record.body.as_ref().map(text).unwrap_or_default(),
                severity: record.severity_text,
                trace: hex::encode(record.trace_id),
                span: hex::encode(record.span_id),
                attributes: attributes(&record.attributes),
            }));
        });
    }

    fn take_metrics(&self, request: ExportMetricsServiceRequest) {
        let metrics = request.resource_metrics.into_iter().flat_map(|metrics| metrics.scope_metrics);
        self.update(|seen| {
            for metric in metrics.flat_map(|scope| scope.metrics) {
                let number = |value: &Option<number_data_point::Value>| match value {
                    Some(number_data_point::Value::AsInt(number)) => *number as f64,
                    Some(number_data_point::Value::AsDouble(number)) => *number,
                    None => 0.0,
                };
                let points: Vec<(String, f64)> = match metric.data {
                    Some(metric::Data::Sum(sum)) => {
                        sum.data_points.iter().map(|point| (series(&point.attributes), number(&point.value))).collect()
                    }
                    Some(metric::Data::Gauge(gauge)) => gauge
                        .data_points
                        .iter()
                        .map(|point| (series(&point.attributes), number(&point.value)))
                        .collect(),
                    Some(metric::Data::Histogram(histogram)) => {
                        if let Some(point) = histogram.data_points.first() {
                            seen.bounds.insert(metric.name.clone(), point.explicit_bounds.clone());
                        }
                        histogram
                            .data_points
                            .iter()
                            .map(|point| (series(&point.attributes), point.count as f64))
                            .collect()
                    }
                    _ => Vec::new(),
                };
                seen.points.extend(points.into_iter().map(|(series, value)| ((metric.name.clone(), series), value)));
            }
        });
    }
}

fn series(attributes: &[KeyValue]) -> String {
    let attributes = self::attributes(attributes);
    let texts: Vec<_> = attributes.iter().map(|(key, value)| format!("{key}={value};")).collect();
    texts.concat()
}

fn attributes(attributes: &[KeyValue]) -> Attributes {
    let text_of = |value: &Option<AnyValue>| value.as_ref().map(text).unwrap_or_default();
    attributes.iter().map(|attribute| (attribute.key.clone(), text_of(&attribute.value))).collect()
}

fn text(value: &AnyValue) -> String {
    match &value.value {
        Some(any_value::Value::StringValue(text)) => text.clone(),
        Some(any_value::Value::IntValue(number)) => number.to_string(),
        Some(any_value::Value::DoubleValue(number)) => number.to_string(),
        Some(any_value::Value::BoolValue(truth)) => truth.to_string(),
        Some(any_value::Value::ArrayValue(array)) => {
            let texts: Vec<_> = array.values.iter().map(text).collect();
            format!("[{}]", texts.join(","))
        }
        other => format!("{other:?}"),
    }
}

macro_rules! signal {
    ($service:ident, $request:ident, $response:ident, $take:ident) => {
        #[tonic::async_trait]
        impl $service for Receiver {
            async fn export(&self, request: Request<$request>) -> Result<Response<$response>, Status> {
                self.heard(&request.metadata().clone().into_headers());
                self.$take(request.into_inner());
                Ok(Response::new($response::default()))
            }
        }
    };
}

signal!(TraceService, ExportTraceServiceRequest, ExportTraceServiceResponse, take_traces);
signal!(LogsService, ExportLogsServiceRequest, ExportLogsServiceResponse, take_logs);
signal!(MetricsService, ExportMetricsServiceRequest, ExportMetricsServiceResponse, take_metrics);

/// An environment of these variables only.
pub fn environment(variables: &[(&str, &str)]) -> impl Fn(&str) -> Option<String> + use<> {
    let variables: BTreeMap<String, String> =
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    move |name| variables.get(name).cloned()
}

/// Makes spans and log records on several threads, shuts down at once, and finds each of them exactly once: none was
/// lost, and none was made by the exporting itself.
pub async fn nothing_is_lost_and_nothing_is_added(mut variables: Vec<(&'static str, String)>, receiver: &Receiver) {
    const THREADS: usize = 4;
    const EACH: usize = 400;
    // Everything is logged, hyper, h2 and tonic too: what the exporters do must not be in it.
    variables.push(("RUST_LOG", "trace".to_owned()));
    let variables: Vec<(&str, &str)> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let settings = bookstore_telemetry::Settings::new("till", "0.0.0");
    let telemetry = bookstore_telemetry::init_from(settings, environment(&variables)).unwrap();
    assert!(bookstore_telemetry::enabled());
    let threads: Vec<_> = (0..THREADS)
        .map(|thread| {
            std::thread::spawn(move || {
                for number in 0..EACH {
                    let span = tracing::info_span!("sale", number = thread * EACH + number);
                    let _entered = span.enter();
                    tracing::debug!(number = thread * EACH + number, "sold");
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    telemetry.shutdown().await;
    assert!(!bookstore_telemetry::enabled());

    let seen = receiver.seen();
    let numbers = |found: Vec<&String>| {
        let numbers: std::collections::BTreeSet<usize> = found.iter().map(|number| number.parse().unwrap()).collect();
        (found.len(), numbers.len())
    };
    let all = THREADS * EACH;
    assert_eq!(numbers(seen.spans.iter().map(|span| &span.attributes["number"]).collect()), (all, all));
    assert!(seen.logs.iter().all(|log| log.body == "sold"), "{:#?}", seen.logs.iter().find(|log| log.body != "sold"));
    assert_eq!(numbers(seen.logs.iter().map(|log| &log.attributes["number"]).collect()), (all, all));
    // The last metrics hold the final account.
    for signal in ["span", "log"] {
        assert_eq!(seen.sum(&format!("otel.sdk.processor.{signal}.processed"), &[]), all as f64);
        assert_eq!(seen.sum(&format!("otel.sdk.exporter.{signal}.exported"), &[]), all as f64);
        assert_eq!(seen.sum(&format!("otel.sdk.processor.{signal}.processed"), &["error.type"]), 0.0);
    }
}
