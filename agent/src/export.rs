//! Sends spans: OTLP over gRPC, from a thread of its own, so that a slow collector holds nobody up.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context as _;
use bookstore_otlp::codec::Codec;
use bookstore_otlp::collector::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use http::uri::PathAndQuery;
use tonic::Request;
use tonic::client::Grpc;
use tonic::transport::{Channel, Endpoint};

/// The method that takes spans (opentelemetry-proto).
const EXPORT: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

/// Batches that wait; more are dropped, and counted.
const WAITING: usize = 64;

/// How long one batch may take.
const PATIENCE: Duration = Duration::from_secs(10);

type Messages = Codec<ExportTraceServiceRequest, ExportTraceServiceResponse>;

/// What the thread is told.
enum Order {
    Send(ExportTraceServiceRequest),
    /// Everything before is to be sent; then this is.
    Tell(SyncSender<()>),
}

/// The sender.
pub struct Exporter {
    orders: Option<SyncSender<Order>>,
    thread: Option<JoinHandle<()>>,
    lost: Arc<AtomicU64>,
}

impl Exporter {
    /// Sends to `http://host:port`. It connects when there is something to send.
    ///
    /// # Errors
    /// When that is no address, or no thread can be had.
    pub fn new(endpoint: &str) -> anyhow::Result<Self> {
        let endpoint = Endpoint::from_shared(endpoint.to_owned())
            .with_context(|| format!("{endpoint} is no address of a collector"))?
            .timeout(PATIENCE);
        let (orders, received) = sync_channel(WAITING);
        let lost = Arc::new(AtomicU64::new(0));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let counter = Arc::clone(&lost);
        let thread = std::thread::Builder::new()
            .name("export".to_owned())
            .spawn(move || runtime.block_on(async { send_all(endpoint.connect_lazy(), &received, &counter).await }))?;
        Ok(Self { orders: Some(orders), thread: Some(thread), lost })
    }

    /// Hands a batch over. Does not wait: if too many wait already it is dropped.
    pub fn send(&self, batch: ExportTraceServiceRequest) {
        let Some(orders) = &self.orders else { return };
        if let Err(TrySendError::Full(Order::Send(batch)) | TrySendError::Disconnected(Order::Send(batch))) =
            orders.try_send(Order::Send(batch))
        {
            self.lost.fetch_add(count(&batch), Ordering::Relaxed);
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

    /// Waits until what was handed over is sent. Gives how many spans were lost in all.
    #[must_use]
    pub fn finish(mut self) -> u64 {
        self.orders = None;
        if let Some(thread) = self.thread.take() {
            // It does not panic; if it did, what it had is lost anyway.
            let _ended = thread.join();
        }
        self.lost.load(Ordering::Relaxed)
    }
}

async fn send_all(channel: Channel, orders: &Receiver<Order>, lost: &AtomicU64) {
    let mut client = Grpc::new(channel);
    let mut silent = false;
    while let Ok(order) = orders.recv() {
        let batch = match order {
            Order::Send(batch) => batch,
            Order::Tell(told) => {
                // Whoever asked may have given up.
                let _gone = told.send(());
                continue;
            }
        };
        let spans = count(&batch);
        match send(&mut client, batch).await {
            Ok(()) => silent = false,
            Err(status) => {
                lost.fetch_add(spans, Ordering::Relaxed);
                // Once, not for each batch.
                if !std::mem::replace(&mut silent, true) {
                    tracing::warn!(code = ?status.code(), message = status.message(), "the collector does not take spans");
                }
            }
        }
    }
}

async fn send(client: &mut Grpc<Channel>, batch: ExportTraceServiceRequest) -> Result<(), tonic::Status> {
    client.ready().await.map_err(|error| tonic::Status::unavailable(error.to_string()))?;
    let path = PathAndQuery::from_static(EXPORT);
    client.unary(Request::new(batch), path, Messages::default()).await.map(drop)
}

fn count(batch: &ExportTraceServiceRequest) -> u64 {
    let scopes = batch.resource_spans.iter().flat_map(|resource| &resource.scope_spans);
    scopes.map(|scope| scope.spans.len() as u64).sum()
}
