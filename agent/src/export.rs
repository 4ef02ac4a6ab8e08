//! Sends spans and metrics: OTLP over gRPC, from a thread of its own, so that a slow collector holds nobody up.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use anyhow::Context as _;
use bookstore_otlp::codec::Codec;
use bookstore_otlp::collector::ExportMetricsServiceRequest;
use http::uri::PathAndQuery;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::JoinSet;
use tonic::client::Grpc;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};

use crate::otlp::Batch;

/// The methods that take spans and metrics (opentelemetry-proto).
const SPANS: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
const METRICS: &str = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export";

/// Messages that wait; more are dropped, and counted. One has some 0.5 MB at most.
const WAITING: usize = 64;

/// Messages that are on their way at once: a collector's answer takes its time, the more so where everything is busy.
const AT_ONCE: usize = 4;

/// How long one message may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long the last ones may take together.
const LAST_PATIENCE: Duration = Duration::from_secs(5);

/// What is sent.
#[derive(Clone, Debug, PartialEq)]
pub enum Message {
    /// Spans.
    Spans(Batch),
    /// What the agent says of itself.
    Metrics(ExportMetricsServiceRequest),
}

/// The sender.
pub struct Exporter {
    messages: Option<Sender<Message>>,
    /// Is closed when the thread has ended.
    ended: mpsc::Receiver<()>,
    counted: Arc<Counted>,
}

/// Spans by what became of them.
#[derive(Default)]
struct Counted {
    waiting: AtomicU64,
    lost: AtomicU64,
}

impl Exporter {
    /// Sends to `http://host:port`. It connects when there is something to send.
    ///
    /// # Errors
    /// When that is no address, or no thread can be had.
    pub fn new(endpoint: &str) -> anyhow::Result<Self> {
        let endpoint = Endpoint::from_shared(endpoint.to_owned())
            .with_context(|| format!("{endpoint} is no address of a collector, such as http://localhost:4317"))?
            .timeout(PATIENCE)
            .connect_timeout(PATIENCE);
        let (messages, received) = channel(WAITING);
        let counted = Arc::new(Counted::default());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let counts = Arc::clone(&counted);
        let (end, ended) = mpsc::sync_channel(0);
        std::thread::Builder::new().name("export".to_owned()).spawn(move || {
            crate::priority::raise();
            let _until_the_end = end;
            runtime.block_on(async { send_all(endpoint.connect_lazy(), received, &counts).await });
        })?;
        Ok(Self { messages: Some(messages), ended, counted })
    }

    /// Hands a message over. Does not wait: if too many wait already it is dropped.
    pub fn send(&self, message: Message) {
        let Some(messages) = &self.messages else { return };
        let spans = message.spans();
        self.counted.waiting.fetch_add(spans, Ordering::Relaxed);
        if messages.try_send(message).is_err() {
            self.counted.waiting.fetch_sub(spans, Ordering::Relaxed);
            self.counted.lost.fetch_add(spans, Ordering::Relaxed);
        }
    }

    /// Hands a message over, once there is room for it.
    pub fn send_in_time(&self, message: Message) {
        let Some(messages) = &self.messages else { return };
        self.counted.waiting.fetch_add(message.spans(), Ordering::Relaxed);
        // An error is the thread's end: what waits counts as lost.
        let _ended = messages.blocking_send(message);
    }

    /// Spans that were dropped, or refused.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.counted.lost.load(Ordering::Relaxed)
    }

    /// Waits until what was handed over is sent, for a few seconds. Gives how many spans were lost in all.
    #[must_use]
    pub fn finish(mut self) -> u64 {
        self.messages = None;
        // Closed, or late: nothing is ever sent through it.
        let _closed = self.ended.recv_timeout(LAST_PATIENCE);
        self.dropped() + self.counted.waiting.load(Ordering::Relaxed)
    }
}

impl Message {
    fn spans(&self) -> u64 {
        if let Self::Spans(batch) = self { batch.spans() as u64 } else { 0 }
    }

    fn what(&self) -> &'static str {
        match self {
            Self::Spans(_) => "spans",
            Self::Metrics(_) => "metrics",
        }
    }
}

async fn send_all(channel: Channel, mut messages: Receiver<Message>, counted: &Counted) {
    let client = Grpc::new(channel);
    let mut refused = Refused::default();
    let mut sending = JoinSet::new();
    let mut is_open = true;
    while is_open || !sending.is_empty() {
        tokio::select! {
            Some(done) = sending.join_next() => {
                // It does not panic; if it did, its spans would count as waiting for ever, and so as lost in the end.
                let Ok((spans, what, sent)) = done else { continue };
                counted.waiting.fetch_sub(spans, Ordering::Relaxed);
                if let Err(status) = &sent {
                    counted.lost.fetch_add(spans, Ordering::Relaxed);
                    refused.add(what, status);
                } else {
                    refused.end(what);
                }
            }
            message = messages.recv(), if is_open && sending.len() < AT_ONCE => match message {
                Some(message) => {
                    let mut client = client.clone();
                    let (spans, what) = (message.spans(), message.what());
                    sending.spawn(async move { (spans, what, send(&mut client, message).await) });
                }
                // What is on its way is waited for.
                None => is_open = false,
            },
        }
    }
}

/// What the collector does not take: it may take the one and not the other. It is said once, not for each message.
#[derive(Default)]
struct Refused(HashSet<&'static str>);

impl Refused {
    fn add(&mut self, what: &'static str, status: &Status) {
        if self.0.insert(what) {
            tracing::warn!(code = ?status.code(), message = status.message(), "the collector does not take {what}");
        }
    }

    fn end(&mut self, what: &str) {
        if self.0.remove(what) {
            tracing::info!("the collector takes {what} again");
        }
    }
}

async fn send(client: &mut Grpc<Channel>, message: Message) -> Result<(), Status> {
    client.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
    match message {
        Message::Spans(batch) => {
            let codec = Codec::<_, bookstore_otlp::collector::ExportTraceServiceResponse>::default();
            client.unary(Request::new(batch), PathAndQuery::from_static(SPANS), codec).await.map(drop)
        }
        Message::Metrics(request) => {
            let codec = Codec::<_, bookstore_otlp::collector::ExportMetricsServiceResponse>::default();
            client.unary(Request::new(request), PathAndQuery::from_static(METRICS), codec).await.map(drop)
        }
    }
}
