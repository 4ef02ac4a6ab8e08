//! A server made of hyper alone, whose connections may carry several requests at once (pipelining).

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, body::Incoming};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tonic::transport::Channel;

use crate::truth::{Call, Operation};
use crate::{db::Db, db::Sharing, rpc};

struct Shared {
    db: Option<Db>,
    ledger: Option<Channel>,
}

impl Shared {
    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let call = Call::of(request.headers()).expect("a request id and a hop");
        let operation = Operation::received(&call, "http");
        let path = request.uri().path();
        if let Some(milliseconds) = path.strip_prefix("/level/") {
            match milliseconds.parse() {
                Ok(0) | Err(_) => tokio::task::yield_now().await,
                Ok(milliseconds) => tokio::time::sleep(Duration::from_millis(milliseconds)).await,
            }
        } else {
            if let Some(db) = &self.db {
                db.query(&call).await;
            }
            if let (Some(ledger), "/relay") = (&self.ledger, path) {
                rpc::unary(ledger, &call, "/harbour.Ledger/Post").await;
            }
        }
        operation.end();
        Response::new(Full::from("3.4 m"))
    }
}

pub async fn serve(listener: TcpListener, service: &'static str) {
    let ledger = std::env::var("LEDGER_URL").ok().filter(|url| !url.is_empty());
    let shared = Arc::new(Shared {
        db: Db::from_env(service, Sharing::Shared).await,
        ledger: ledger.map(|url| Channel::from_shared(url).expect("a URL").connect_lazy()),
    });
    loop {
        let (stream, _) = listener.accept().await.expect("a connection");
        let _ = stream.set_nodelay(true);
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            let service = service_fn(move |request| {
                let shared = Arc::clone(&shared);
                async move { Ok::<_, Infallible>(shared.answer(request).await) }
            });
            // A client that goes away is no fault.
            let _gone =
                http1::Builder::new().pipeline_flush(true).serve_connection(TokioIo::new(stream), service).await;
        });
    }
}
