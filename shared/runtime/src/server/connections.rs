//! Accepts connections and serves them, HTTP/1 and HTTP/2 by what the client speaks.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::http::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::drain::{DRAIN_LIMIT, Drain};

/// The most bytes of request headers.
const HEADER_BYTES: usize = 16 * 1024;
/// The most request headers over HTTP/1.
const HEADER_COUNT: usize = 64;
/// How long a client may take to send the headers of a request, the first one of a connection included.
const HEADER_TIME: Duration = Duration::from_secs(10);
/// The most requests at once on one HTTP/2 connection.
const STREAMS: u32 = 256;
/// How long to wait after `accept` failed for want of descriptors or memory.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves `app` until `drain` begins, then drains.
pub(super) async fn serve(listener: TcpListener, app: Router, drain: Drain, most: usize) {
    let builder = builder();
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(most));
    loop {
        let accepted = tokio::select! {
            biased;
            () = drain.begun() => break,
            accepted = accept(&listener, &places) => accepted,
        };
        let Some((stream, peer, place)) = accepted else { continue };
        // Small answers must not wait for more (Nagle).
        let _ = stream.set_nodelay(true);
        let heard = Arc::new(AtomicBool::new(false));
        let hears = Arc::clone(&heard);
        let app = tower::util::MapRequest::new(app.clone(), move |mut request: Request<Incoming>| {
            hears.store(true, Ordering::Relaxed);
            request.extensions_mut().insert(ConnectInfo(peer));
            request
        });
        let service = TowerToHyperService::new(app);
        let connection = builder.serve_connection(TokioIo::new(stream), service).into_owned();
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            let _place = place;
            let mut connection = pin!(connection);
            // hyper's own limit begins once it knows HTTP/1 from HTTP/2: whoever sends less than that would keep its
            // place for ever.
            let ended = match tokio::time::timeout(HEADER_TIME, &mut connection).await {
                Ok(ended) => ended,
                Err(_) if heard.load(Ordering::Relaxed) => connection.await,
                Err(_) => return,
            };
            // A client that hangs up or talks nonsense is no event of ours.
            if let Err(error) = ended {
                tracing::debug!(%error, "connection ended");
            }
        });
    }
    drop(listener);
    if tokio::time::timeout(DRAIN_LIMIT, graceful.shutdown()).await.is_err() {
        tracing::warn!(
            limit_s = DRAIN_LIMIT.as_secs(),
            "requests were still under way when the time to drain was over"
        );
    }
}

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> Option<(tokio::net::TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, peer)) => Some((stream, peer, place)),
        Err(error) => {
            // The client may be gone again (ECONNABORTED), or we are out of descriptors: wait rather than spin.
            tracing::warn!(%error, "a connection could not be accepted");
            tokio::time::sleep(ACCEPT_PAUSE).await;
            None
        }
    }
}

fn builder() -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIME)
        .max_headers(HEADER_COUNT)
        .max_buf_size(HEADER_BYTES)
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(u32::try_from(HEADER_BYTES).unwrap_or(u32::MAX))
        .max_concurrent_streams(STREAMS)
        .keep_alive_interval(Duration::from_secs(20));
    builder
}
