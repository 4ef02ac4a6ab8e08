//! Sends spans and metrics: OTLP over gRPC, from a thread of its own, so that a slow collector holds nobody up.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use anyhow::Context as _;
use bookstore_otlp::codec::Codec;
use bookstore_otlp::collector::{ExportMetricsServiceRequest, ExportTraceServiceRequest};
use http::uri::PathAndQuery;
use tonic::client::Grpc;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};

/// The methods that take spans and metrics (opentelemetry-proto).
const SPANS: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
const METRICS: &str = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export";

/// Messages that wait; more are dropped, and counted. One has some 0.5 MB at most.
const WAITING: usize = 64;

/// How long one message may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long the last ones may take together.
const LAST_PATIENCE: Duration = Duration::from_secs(5);

/// What is sent.
#[derive(Clone, Debug, PartialEq)]
pub enum Message {
    /// Spans.
    Spans(ExportTraceServiceRequest),
    /// What the agent says of itself.
    Metrics(ExportMetricsServiceRequest),
}

/// What the thread is told.
enum Order {
    Send(Message),
    /// Everything before is to be sent; then this is.
    Tell(SyncSender<()>),
}

/// The sender.
pub struct Exporter {
    orders: Option<SyncSender<Order>>,
    /// Is closed when the thread has ended.
    ended: Receiver<()>,
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
        let (orders, received) = sync_channel(WAITING);
        let counted = Arc::new(Counted::default());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let counts = Arc::clone(&counted);
        let (end, ended) = sync_channel(0);
        std::thread::Builder::new().name("export".to_owned()).spawn(move || {
            crate::priority::raise();
            let _until_the_end = end;
            runtime.block_on(async { send_all(endpoint.connect_lazy(), &received, &counts).await });
        })?;
        Ok(Self { orders: Some(orders), ended, counted })
    }

    /// Hands a message over. Does not wait: if too many wait already it is dropped.
    pub fn send(&self, message: Message) {
        let Some(orders) = &self.orders else { return };
        let spans = message.spans();
        self.counted.waiting.fetch_add(spans, Ordering::Relaxed);
        if let Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) = orders.try_send(Order::Send(message)) {
            self.counted.waiting.fetch_sub(spans, Ordering::Relaxed);
            self.counted.lost.fetch_add(spans, Ordering::Relaxed);
        }
    }

    /// Waits until what was handed over is sent, or given up.
    pub fn flush(&self) {
        let (tell, told) = sync_channel(1);
        if let Some(orders) = &self.orders
            && orders.send(Order::Tell(tell)).is_ok()
        {
            // An error is the thread's end: nothing more will be sent.
            let _sent = told.recv();
        }
    }

    /// Spans that were dropped, or refused.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.counted.lost.load(Ordering::Relaxed)
    }

    /// Waits until what was handed over is sent, for a few seconds. Gives how many spans were lost in all.
    #[must_use]
    pub fn finish(mut self) -> u64 {
        self.orders = None;
        // Closed, or late: nothing is ever sent through it.
        let _closed = self.ended.recv_timeout(LAST_PATIENCE);
        self.dropped() + self.counted.waiting.load(Ordering::Relaxed)
    }
}

impl Message {
    fn spans(&self) -> u64 {
        let Self::Spans(request) = self else { return 0 };
        let scopes = request.resource_spans.iter().flat_map(|resource| &resource.scope_spans);
        scopes.map(|scope| scope.spans.len() as u64).sum()
    }

    fn what(&self) -> &'static str {
        match self {
            Self::Spans(_) => "spans",
            Self::Metrics(_) => "metrics",
        }
    }
}

async fn send_all(channel: Channel, orders: &Receiver<Order>, counted: &Counted) {
    let mut client = Grpc::new(channel);
    // A collector may take the one and not the other.
    let mut silent = [false; 2];
    while let Ok(order) = orders.recv() {
        let message = match order {
            Order::Send(message) => message,
            Order::Tell(told) => {
                // Whoever asked may have given up.
                let _gone = told.send(());
                continue;
            }
        };
        let (spans, what) = (message.spans(), message.what());
        let silent = &mut silent[usize::from(matches!(message, Message::Metrics(_)))];
        let sent = send(&mut client, message).await;
        counted.waiting.fetch_sub(spans, Ordering::Relaxed);
        match sent {
            Ok(()) => {
                if std::mem::take(silent) {
                    tracing::info!("the collector takes {what} again");
                }
            }
            Err(status) => {
                counted.lost.fetch_add(spans, Ordering::Relaxed);
                // Once, not for each message.
                if !std::mem::replace(silent, true) {
                    tracing::warn!(
                        code = ?status.code(),
                        message = status.message(),
                        "the collector does not take {what}"
                    );
                }
            }
        }
    }
}

async fn send(client: &mut Grpc<Channel>, message: Message) -> Result<(), Status> {
    client.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
    match message {
        Message::Spans(request) => {
            let codec = Codec::<_, bookstore_otlp::collector::ExportTraceServiceResponse>::default();
            client.unary(Request::new(request), PathAndQuery::from_static(SPANS), codec).await.map(drop)
        }
        Message::Metrics(request) => {
            let codec = Codec::<_, bookstore_otlp::collector::ExportMetricsServiceResponse>::default();
            client.unary(Request::new(request), PathAndQuery::from_static(METRICS), codec).await.map(drop)
        }
    }
}
