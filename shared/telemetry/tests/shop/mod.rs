//! Two HTTP services and a gRPC service on real sockets, wired as the real ones are.
#![allow(clippy::allow_attributes, reason = "`expect` would fail in the binaries that use all of it")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]
#![allow(dead_code, unreachable_pub, reason = "each test binary is a crate of its own and uses its part")]

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::routing::get;
use bookstore_proto::inventory::inventory_client::InventoryClient;
use bookstore_proto::inventory::inventory_server::{Inventory, InventoryServer};
use bookstore_proto::inventory::{
    CommitRequest, GetStockRequest, GetStockResponse, PinRequest, ReleaseRequest, Reservation, ReserveRequest,
    ReserveResponse, RestockRequest, RestockResponse, StockLevel, WatchStockRequest,
};
use bookstore_telemetry::sql::{Database, ErrorInfo, Statement, System};
use bookstore_telemetry::{CallAttributes, grpc, http};
use futures_util::{Stream, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tonic::{Request, Response, Status};
use tower::ServiceBuilder;

pub type StockClient = InventoryClient<grpc::ClientService<tonic::transport::Channel>>;

/// The back: answers with the baggage that came.
pub async fn back() -> String {
    async fn echo(Path(id): Path<u64>) -> Json<Value> {
        tracing::info!(book_id = id, "echoed");
        Json(json!({ "id": id, "baggage": bookstore_telemetry::baggage("shop") }))
    }
    async fn fails() -> ::http::StatusCode {
        ::http::StatusCode::SERVICE_UNAVAILABLE
    }
    let endless = || async {
        let parts = futures_util::stream::repeat_with(|| Ok::<_, std::io::Error>("part")).take(1);
        Body::from_stream(parts.chain(futures_util::stream::pending()))
    };
    serve(
        axum::Router::new()
            .route("/echo/{id}", get(echo))
            .route("/fails", get(fails))
            .route("/slow", get(std::future::pending::<()>))
            .route("/endless", get(endless))
            .route("/livez", get(|| async {}))
            .route("/readyz", get(|| async {}))
            .layer(http::ServerLayer::new()),
    )
    .await
}

/// The front: asks the back three times in different ways, the stock twice, and a database.
pub async fn front(back: String, stock: StockClient) -> String {
    #[tracing::instrument(skip_all, fields(bookstore.book.id = id))]
    async fn price(back: &str, id: u64) -> Value {
        tracing::info!("priced");
        call(&format!("{back}/echo/{id}?token=hunter2"), "/echo/{id}").await.unwrap().json().await.unwrap()
    }
    async fn show(State((back, mut stock)): State<(String, StockClient)>, Path(id): Path<u64>) -> Json<Value> {
        let priced = price(&back, id).await;
        let url = format!("{back}/echo/{id}");
        let spawned = bookstore_telemetry::spawn(async move { call(&url, "/echo/{id}").await.unwrap().text().await });
        spawned.await.unwrap().unwrap();
        let request = GetStockRequest { book_ids: vec![1] };
        let levels = stock.get_stock(request).await.unwrap().into_inner().levels.len();
        let watched = stock.watch_stock(WatchStockRequest::default()).await.unwrap().into_inner();
        let watched = watched.count().await;
        let statement = Statement::start(&database(), "SELECT id FROM books WHERE id = $1", None);
        bookstore_telemetry::apart(async {}).await;
        statement.finish(Ok(1));
        let failed = Statement::start(&database(), "INSERT INTO books (id) VALUES ($1)", None);
        failed.finish(Err(&ErrorInfo { kind: "unique_violation", code: Some("2067".to_owned()) }));
        Json(
            json!({ "levels": levels, "watched": watched, "priced": priced, "trace": bookstore_telemetry::trace_id() }),
        )
    }
    serve(axum::Router::new().route("/show/{id}", get(show)).with_state((back, stock)).layer(http::ServerLayer::new()))
        .await
}

pub fn database() -> Database {
    Database { system: System::Sqlite, namespace: "catalog.db".to_owned(), server_address: None, server_port: None }
}

/// A request in a client span.
pub async fn call(url: &str, template: &'static str) -> Result<reqwest::Response, reqwest::Error> {
    let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(10)).build().unwrap();
    let request = client.get(url).build().unwrap();
    http::send(&client, request, template, CallAttributes::default()).await
}

/// The stock service: one level, and for each watcher the levels that the test sends, or two and the end.
#[derive(Clone, Default)]
pub struct Stock {
    pub feed: Arc<Mutex<Option<mpsc::Receiver<StockLevel>>>>,
}

impl Stock {
    /// Serves it, with health, and connects to it.
    pub async fn serve(self) -> (StockClient, tonic::transport::Channel) {
        let (_, health) = tonic_health::server::health_reporter();
        let routes = tonic::service::Routes::new(InventoryServer::new(self)).add_service(health).prepare();
        let url = serve(routes.into_axum_router().layer(grpc::ServerLayer::new())).await;
        let uri: ::http::Uri = url.parse().unwrap();
        let channel = tonic::transport::Endpoint::from(uri.clone()).connect_lazy();
        let traced = ServiceBuilder::new().layer(grpc::ClientLayer::new(&uri)).service(channel.clone());
        (InventoryClient::new(traced), channel)
    }
}

type Levels = Pin<Box<dyn Stream<Item = Result<StockLevel, Status>> + Send>>;

#[tonic::async_trait]
impl Inventory for Stock {
    type WatchStockStream = Levels;

    async fn get_stock(&self, request: Request<GetStockRequest>) -> Result<Response<GetStockResponse>, Status> {
        match request.into_inner().book_ids[..] {
            [] => Err(Status::invalid_argument("no book")),
            [0, ..] => Err(Status::internal("the shelf broke")),
            _ => Ok(Response::new(GetStockResponse { levels: vec![StockLevel::default()] })),
        }
    }

    async fn watch_stock(&self, _: Request<WatchStockRequest>) -> Result<Response<Levels>, Status> {
        let feed = self.feed.lock().unwrap().take();
        Ok(Response::new(match feed {
            Some(feed) => Box::pin(tokio_stream::wrappers::ReceiverStream::new(feed).map(Ok)),
            None => Box::pin(futures_util::stream::iter([Ok(StockLevel::default()), Ok(StockLevel::default())])),
        }))
    }

    async fn reserve(&self, _: Request<ReserveRequest>) -> Result<Response<ReserveResponse>, Status> {
        Err(Status::unimplemented("not here"))
    }

    async fn pin(&self, _: Request<PinRequest>) -> Result<Response<Reservation>, Status> {
        Err(Status::unimplemented("not here"))
    }

    async fn commit(&self, _: Request<CommitRequest>) -> Result<Response<Reservation>, Status> {
        std::future::pending().await
    }

    async fn release(&self, _: Request<ReleaseRequest>) -> Result<Response<Reservation>, Status> {
        Err(Status::unimplemented("not here"))
    }

    async fn restock(&self, _: Request<RestockRequest>) -> Result<Response<RestockResponse>, Status> {
        Err(Status::unimplemented("not here"))
    }
}

async fn serve(router: axum::Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    url
}
