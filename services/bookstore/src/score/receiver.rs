//! Takes OTLP over gRPC in: spans, and what exporters say they have lost.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context as _;
use bookstore_otlp::collector::{
    ExportLogsServiceRequest, ExportLogsServiceResponse, ExportMetricsServiceRequest, ExportMetricsServiceResponse,
    ExportTraceServiceRequest, ExportTraceServiceResponse, LogsService, LogsServiceServer, MetricsService,
    MetricsServiceServer, TraceService, TraceServiceServer,
};
use bookstore_score::Spans;
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tonic::codec::CompressionEncoding;
use tonic::{Request, Response, Status};

/// The most of one request, in bytes: as much as compare takes.
const MOST_BYTES: usize = 16 << 20;

/// A receiver on a free port. It ends with this.
pub(super) struct Receiver {
    address: SocketAddr,
    kept: Kept,
    server: JoinHandle<()>,
}

#[derive(Clone)]
struct Kept(Arc<Mutex<State>>);

struct State {
    spans: Spans,
    /// Where messages are also written, as JSON lines, and the first failure to do so.
    record: Option<BufWriter<File>>,
    failure: Option<std::io::Error>,
}

impl Receiver {
    /// Listens. What comes is also written to `<record>/spans.jsonl`.
    ///
    /// # Errors
    /// When there is no port or no file to be had.
    pub(super) async fn start(record: Option<&Path>) -> anyhow::Result<Self> {
        let record = record.map(|folder| {
            let path = folder.join("spans.jsonl");
            File::create(&path).with_context(|| format!("{} cannot be written", path.display()))
        });
        let record = record.transpose()?.map(BufWriter::new);
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.context("no port to receive telemetry on")?;
        let address = listener.local_addr()?;
        let kept = Kept(Arc::new(Mutex::new(State { spans: Spans::default(), record, failure: None })));
        let traces = TraceServiceServer::new(kept.clone())
            .accept_compressed(CompressionEncoding::Gzip)
            .max_decoding_message_size(MOST_BYTES);
        let metrics = MetricsServiceServer::new(kept.clone())
            .accept_compressed(CompressionEncoding::Gzip)
            .max_decoding_message_size(MOST_BYTES);
        let logs = LogsServiceServer::new(kept.clone())
            .accept_compressed(CompressionEncoding::Gzip)
            .max_decoding_message_size(MOST_BYTES);
        let app = tonic::service::Routes::new(traces).add_service(metrics).add_service(logs);
        let app = app.prepare().into_axum_router();
        let server = tokio::spawn(async move {
            // It is never told to end, and an accept that fails is tried again by it.
            let _ = axum::serve(listener, app).await;
        });
        Ok(Self { address, kept, server })
    }

    /// `http://127.0.0.1:PORT`.
    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// All that came.
    ///
    /// # Errors
    /// When not all of it could be recorded.
    pub(super) fn finish(self) -> anyhow::Result<Spans> {
        self.server.abort();
        let mut state = self.kept.lock();
        if let Some(mut record) = state.record.take() {
            let written = record.flush();
            state.failure = state.failure.take().or(written.err());
        }
        match state.failure.take() {
            Some(error) => Err(error).context("the spans could not be recorded"),
            None => Ok(std::mem::take(&mut state.spans)),
        }
    }
}

impl Kept {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn write(&mut self, message: &impl Serialize) {
        let Some(record) = &mut self.record else { return };
        let written = serde_json::to_writer(&mut *record, message).map_err(std::io::Error::from);
        if let Err(error) = written.and_then(|()| record.write_all(b"\n")) {
            self.record = None;
            self.failure = Some(error);
        }
    }
}

#[tonic::async_trait]
impl TraceService for Kept {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let mut state = self.lock();
        state.write(request.get_ref());
        state.spans.add(request.get_ref());
        Ok(Response::new(Default::default()))
    }
}

#[tonic::async_trait]
impl MetricsService for Kept {
    async fn export(
        &self,
        request: Request<ExportMetricsServiceRequest>,
    ) -> Result<Response<ExportMetricsServiceResponse>, Status> {
        let mut state = self.lock();
        state.write(request.get_ref());
        state.spans.add_metrics(request.get_ref());
        Ok(Response::new(Default::default()))
    }
}

#[tonic::async_trait]
impl LogsService for Kept {
    async fn export(
        &self,
        _request: Request<ExportLogsServiceRequest>,
    ) -> Result<Response<ExportLogsServiceResponse>, Status> {
        Ok(Response::new(Default::default()))
    }
}
