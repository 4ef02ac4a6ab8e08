//! A tonic server that asks others itself: PostgreSQL, and the tide by HTTP.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream, StreamExt as _};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tonic::codegen::{Body, Service, StdError};
use tonic::server::{ClientStreamingService, Grpc, NamedService, ServerStreamingService, UnaryService};
use tonic::transport::Server;
use tonic::{Request, Response, Status, Streaming};

use crate::http1::Tide;
use crate::rpc::Raw;
use crate::truth::{Call, Operation};
use crate::{db::Db, db::Sharing};

#[cfg(feature = "tonic012")]
type Answer = http::Response<tonic::body::BoxBody>;
#[cfg(not(feature = "tonic012"))]
type Answer = http::Response<tonic::body::Body>;

struct Shared {
    db: Option<Db>,
    tide: Tide,
}

impl Shared {
    /// Asks the database, or else the tide.
    async fn query(&self, call: &Call) {
        match &self.db {
            Some(db) => db.query(call).await,
            None => self.tide.level(call, 0).await,
        }
    }
}

#[derive(Clone)]
struct Ledger(Arc<Shared>);

/// What serves one request.
struct Handler(Arc<Shared>, Call, &'static str);

impl UnaryService<Bytes> for Handler {
    type Response = Bytes;
    type Future = BoxFuture<'static, Result<Response<Bytes>, Status>>;

    fn call(&mut self, _: Request<Bytes>) -> Self::Future {
        let (shared, call, method) = (Arc::clone(&self.0), self.1.clone(), self.2);
        Box::pin(async move {
            let operation = Operation::received(&call, "grpc");
            if method == "Fan" {
                let (for_tide, tide) = (call.clone(), Arc::clone(&shared));
                let tide = tokio::spawn(async move { tide.tide.level(&for_tide, 0).await });
                let (for_db, db) = (call.clone(), shared);
                let db = tokio::spawn(async move { db.query(&for_db).await });
                tide.await.expect("no panic");
                db.await.expect("no panic");
            } else {
                shared.query(&call).await;
            }
            operation.end();
            Ok(Response::new(Bytes::from_static(b"!")))
        })
    }
}

impl ServerStreamingService<Bytes> for Handler {
    type Response = Bytes;
    type ResponseStream = BoxStream<'static, Result<Bytes, Status>>;
    type Future = BoxFuture<'static, Result<Response<Self::ResponseStream>, Status>>;

    fn call(&mut self, _: Request<Bytes>) -> Self::Future {
        let (shared, call) = (Arc::clone(&self.0), self.1.clone());
        Box::pin(async move {
            let operation = Operation::received(&call, "grpc");
            let (sender, receiver) = mpsc::channel(1);
            tokio::spawn(async move {
                for number in 0..3 {
                    if number == 1 {
                        shared.tide.level(&call, 0).await;
                    } else {
                        shared.query(&call).await;
                    }
                    if sender.send(Ok(Bytes::from_static(b"!"))).await.is_err() {
                        return;
                    }
                }
                operation.end();
            });
            let messages = stream::unfold(receiver, |mut receiver| async move {
                receiver.recv().await.map(|message| (message, receiver))
            });
            Ok(Response::new(messages.boxed()))
        })
    }
}

impl ClientStreamingService<Bytes> for Handler {
    type Response = Bytes;
    type Future = BoxFuture<'static, Result<Response<Bytes>, Status>>;

    fn call(&mut self, request: Request<Streaming<Bytes>>) -> Self::Future {
        let (shared, call) = (Arc::clone(&self.0), self.1.clone());
        Box::pin(async move {
            let operation = Operation::received(&call, "grpc");
            let mut messages = request.into_inner();
            while messages.message().await?.is_some() {
                shared.query(&call).await;
            }
            operation.end();
            Ok(Response::new(Bytes::from_static(b"!")))
        })
    }
}

impl NamedService for Ledger {
    const NAME: &'static str = "harbour.Ledger";
}

impl<B> Service<http::Request<B>> for Ledger
where
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<StdError> + Send + 'static,
{
    type Response = Answer;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Answer, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        let call = Call::of(request.headers()).expect("a request id and a hop");
        let shared = Arc::clone(&self.0);
        Box::pin(async move {
            let mut grpc = Grpc::new(Raw);
            Ok(match request.uri().path() {
                "/harbour.Ledger/Watch" => grpc.server_streaming(Handler(shared, call, "Watch"), request).await,
                "/harbour.Ledger/Sum" => grpc.client_streaming(Handler(shared, call, "Sum"), request).await,
                "/harbour.Ledger/Fan" => grpc.unary(Handler(shared, call, "Fan"), request).await,
                _ => grpc.unary(Handler(shared, call, "Post"), request).await,
            })
        })
    }
}

pub async fn serve(listener: TcpListener) {
    let shared = Shared { db: Db::from_env("ledger", Sharing::Pooled).await, tide: Tide::from_env("TIDE_URL") };
    let incoming = stream::unfold(listener, |listener| async move {
        let accepted = listener.accept().await.map(|(stream, _)| {
            let _ = stream.set_nodelay(true);
            stream
        });
        Some((accepted, listener))
    });
    let service = Ledger(Arc::new(shared));
    Server::builder().add_service(service).serve_with_incoming(incoming).await.expect("the ledger serves");
}
