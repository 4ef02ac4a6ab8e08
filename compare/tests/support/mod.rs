//! A running compare, and a builder of spans to send to it.
#![allow(
    dead_code,
    clippy::allow_attributes,
    clippy::unwrap_used,
    reason = "for tests; each uses a part of it, so no expectation holds in all"
)]

use std::net::SocketAddr;

use bookstore_compare::Config;
use bookstore_otlp::Message;
use bookstore_otlp::collector::ExportTraceServiceRequest;
use bookstore_otlp::common::{AnyValue, InstrumentationScope, KeyValue, Resource};
use bookstore_otlp::trace::{ResourceSpans, ScopeSpans, Span, Status, kind, status_code};
use reqwest::{Response, StatusCode};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A compare of its own, on a free port.
pub(crate) struct Compare {
    pub(crate) address: SocketAddr,
    pub(crate) http: reqwest::Client,
    stop: oneshot::Sender<()>,
    running: JoinHandle<()>,
}

impl Compare {
    pub(crate) async fn start() -> Self {
        Self::with(Config::default()).await
    }

    pub(crate) async fn with(config: Config) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let running = tokio::spawn(bookstore_compare::serve(vec![listener], config, async move {
            let _ = stopped.await;
        }));
        Self { address, http: reqwest::Client::new(), stop, running }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.http.get(self.url(path)).send().await.unwrap()
    }

    pub(crate) async fn json(&self, path: &str) -> Value {
        let response = self.get(path).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        response.json().await.unwrap()
    }

    pub(crate) async fn text(&self, path: &str) -> String {
        let response = self.get(path).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        response.text().await.unwrap()
    }

    pub(crate) async fn post(&self, path: &str, content_type: &str, body: Vec<u8>) -> Response {
        let request = self.http.post(self.url(path)).header("content-type", content_type);
        request.body(body).send().await.unwrap()
    }

    /// Sends spans of one service, and expects them to be taken.
    pub(crate) async fn send(&self, service: &str, spans: Vec<Span>) {
        self.send_request(&request(service, spans)).await;
    }

    pub(crate) async fn send_request(&self, request: &ExportTraceServiceRequest) {
        let response = self.post("/v1/traces", "application/x-protobuf", request.encode_to_vec()).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert!(response.bytes().await.unwrap().is_empty(), "no partial success");
    }

    /// The ids on the list, in its order.
    pub(crate) async fn listed(&self, query: &str) -> Vec<String> {
        let list = self.json(&format!("/api/v1/traces?{query}")).await;
        list["traces"].as_array().unwrap().iter().map(|it| it["trace_id"].as_str().unwrap().to_owned()).collect()
    }

    pub(crate) async fn stop(self) {
        self.stop.send(()).unwrap();
        self.running.await.unwrap();
    }
}

/// A trace id of which only the number matters.
pub(crate) fn trace_id(number: u128) -> String {
    format!("{number:032x}")
}

pub(crate) fn resource(service: &str) -> Resource {
    let attributes = vec![KeyValue::new("service.name", service), KeyValue::new("service.version", "1.2.3")];
    Resource { attributes, ..Resource::default() }
}

pub(crate) fn request(service: &str, spans: Vec<Span>) -> ExportTraceServiceRequest {
    let scope = InstrumentationScope { name: "shop".to_owned(), ..InstrumentationScope::default() };
    let scope_spans = vec![ScopeSpans { scope: Some(scope), spans, ..ScopeSpans::default() }];
    let resource_spans =
        vec![ResourceSpans { resource: Some(resource(service)), scope_spans, ..ResourceSpans::default() }];
    ExportTraceServiceRequest { resource_spans }
}

/// When the spans of tests happen, if they do not say: nanoseconds since the Unix epoch.
pub(crate) const START: u64 = 1_700_000_000_000_000_000;
pub(crate) const MS: u64 = 1_000_000;

/// A span of a trace, both by number.
pub(crate) fn span(trace: u128, id: u64, name: &str) -> Span {
    Span {
        trace_id: trace.to_be_bytes().to_vec(),
        span_id: id.to_be_bytes().to_vec(),
        name: name.to_owned(),
        kind: kind::INTERNAL,
        start_time_unix_nano: START,
        end_time_unix_nano: START + 10 * MS,
        ..Span::default()
    }
}

/// What a test says of a span.
pub(crate) trait Said: Sized {
    fn under(self, parent: u64) -> Self;
    /// Milliseconds after [`START`].
    fn at(self, from: u64, to: u64) -> Self;
    fn kind(self, kind: i32) -> Self;
    fn with(self, key: &str, value: impl Into<AnyValue>) -> Self;
    fn failed(self, message: &str) -> Self;
}

impl Said for Span {
    fn under(mut self, parent: u64) -> Self {
        self.parent_span_id = parent.to_be_bytes().to_vec();
        self
    }

    fn at(mut self, from: u64, to: u64) -> Self {
        self.start_time_unix_nano = START + from * MS;
        self.end_time_unix_nano = START + to * MS;
        self
    }

    fn kind(mut self, kind: i32) -> Self {
        self.kind = kind;
        self
    }

    fn with(mut self, key: &str, value: impl Into<AnyValue>) -> Self {
        self.attributes.push(KeyValue::new(key, value));
        self
    }

    fn failed(mut self, message: &str) -> Self {
        self.status = Some(Status { code: status_code::ERROR, message: message.to_owned() });
        self
    }
}
