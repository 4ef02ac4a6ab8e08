//! Listens and serves: one router on every address, HTTP/1 and HTTP/2 without TLS on each connection.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::config::Intake;

/// How long open requests may take to end once asked to.
const DRAIN: Duration = Duration::from_secs(3);
const HEADERS: Duration = Duration::from_secs(10);
const MOST_HEADER_BYTES: u32 = 32 << 10;
const MOST_STREAMS: u32 = 64;
const WINDOW: u32 = 512 << 10;

/// Serves `router` on all listeners until `stop`, then lets open requests end.
pub(crate) async fn serve(listeners: Vec<TcpListener>, router: Router, intake: Intake, stop: CancellationToken) {
    let connections = Arc::new(Semaphore::new(intake.connections));
    let graceful = Arc::new(GracefulShutdown::new());
    let mut tasks = JoinSet::new();
    for listener in listeners {
        let (router, connections) = (router.clone(), Arc::clone(&connections));
        let (graceful, stop) = (Arc::clone(&graceful), stop.clone());
        tasks.spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = accept(listener, router, &connections, &graceful) => {}
            }
        });
    }
    while tasks.join_next().await.is_some() {}
    if let Some(graceful) = Arc::into_inner(graceful)
        && tokio::time::timeout(DRAIN, graceful.shutdown()).await.is_err()
    {
        tracing::warn!(deadline_seconds = DRAIN.as_secs(), "requests still open at the end were cut off");
    }
}

async fn accept(listener: TcpListener, router: Router, connections: &Arc<Semaphore>, graceful: &GracefulShutdown) {
    let builder = builder();
    loop {
        // The permit first: whoever is too many waits in the kernel's queue and costs nothing here.
        let Ok(permit) = Arc::clone(connections).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => spawn(&builder, stream, router.clone(), permit, graceful),
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                // Out of file descriptors, most likely: they come back as connections end.
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

fn builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADERS).max_buf_size(64 << 10);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MOST_STREAMS)
        .max_header_list_size(MOST_HEADER_BYTES)
        // What a connection may have sent before anybody decided to read it.
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(2 * WINDOW)
        .keep_alive_interval(Duration::from_secs(30))
        .keep_alive_timeout(Duration::from_secs(10));
    builder
}

fn spawn(
    builder: &Builder<TokioExecutor>,
    stream: TcpStream,
    router: Router,
    permit: OwnedSemaphorePermit,
    graceful: &GracefulShutdown,
) {
    // Answers are small and somebody waits for them.
    let _ = stream.set_nodelay(true);
    let connection = builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router)).into_owned();
    let connection = graceful.watch(connection);
    tokio::spawn(async move {
        // An error here is the other end's: gone, or not HTTP. Nothing to do and nobody to tell.
        let _ = connection.await;
        drop(permit);
    });
}
