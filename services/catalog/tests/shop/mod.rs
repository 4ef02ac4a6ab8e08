//! A catalog on a free port, with an inventory beside it.

use std::collections::HashMap;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bookstore_catalog::Config;
use bookstore_proto::catalog::{Book, BookPage};
use bookstore_proto::inventory::inventory_server::{Inventory, InventoryServer};
use bookstore_proto::inventory::{
    CommitRequest, GetStockRequest, GetStockResponse, PinRequest, ReleaseRequest, Reservation, ReserveRequest,
    ReserveResponse, RestockRequest, RestockResponse, StockLevel, WatchStockRequest,
};
use bookstore_runtime::Drain;
use bookstore_runtime::server::Server;
use bookstore_runtime::testing::{TestDatabase, on_each_database};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tonic::{Request, Response, Status};

/// How the inventory behaves.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Mood {
    /// As many copies of each book as its id.
    Answers,
    /// Never answers.
    Hangs,
    /// Has nothing to say.
    Fails,
}

/// An inventory that can tell its stock and nothing else.
#[derive(Debug)]
struct Shelves {
    mood: Mood,
    /// The calls of GetStock: their request id and the books they asked for.
    asked: Mutex<Vec<(String, Vec<i64>)>>,
}

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl Inventory for Shelves {
    async fn get_stock(&self, request: Request<GetStockRequest>) -> Answer<GetStockResponse> {
        let id = request.metadata().get("x-request-id").map_or("", |id| id.to_str().unwrap()).to_owned();
        let book_ids = request.into_inner().book_ids;
        self.asked.lock().unwrap().push((id, book_ids.clone()));
        match self.mood {
            Mood::Hangs => std::future::pending().await,
            Mood::Fails => Err(Status::internal("the roof leaks")),
            Mood::Answers => {
                let level = |book_id| StockLevel { book_id, on_hand: book_id, reserved: 0, sold: 0 };
                Ok(Response::new(GetStockResponse { levels: book_ids.into_iter().map(level).collect() }))
            }
        }
    }

    async fn reserve(&self, _: Request<ReserveRequest>) -> Answer<ReserveResponse> {
        Err(Status::unimplemented("only stock is told"))
    }

    async fn pin(&self, _: Request<PinRequest>) -> Answer<Reservation> {
        Err(Status::unimplemented("only stock is told"))
    }

    async fn commit(&self, _: Request<CommitRequest>) -> Answer<Reservation> {
        Err(Status::unimplemented("only stock is told"))
    }

    async fn release(&self, _: Request<ReleaseRequest>) -> Answer<Reservation> {
        Err(Status::unimplemented("only stock is told"))
    }

    async fn restock(&self, _: Request<RestockRequest>) -> Answer<RestockResponse> {
        Err(Status::unimplemented("only stock is told"))
    }

    type WatchStockStream = tokio_stream::Empty<Result<StockLevel, Status>>;

    async fn watch_stock(&self, _: Request<WatchStockRequest>) -> Answer<Self::WatchStockStream> {
        Err(Status::unimplemented("only stock is told"))
    }
}

/// A running catalog.
pub(crate) struct Shop {
    address: SocketAddr,
    http: reqwest::Client,
    shelves: Arc<Shelves>,
    drain: Drain,
    tasks: Vec<JoinHandle<()>>,
}

impl Shop {
    /// Opens on a database, with an inventory of this mood.
    pub(crate) async fn open(database: &TestDatabase, mood: Mood, stock_timeout: Duration) -> Self {
        let drain = Drain::default();
        let shelves = Arc::new(Shelves { mood, asked: Mutex::default() });
        let routes = tonic::service::Routes::new(InventoryServer::from_arc(Arc::clone(&shelves)));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let inventory_url = format!("http://{}", listener.local_addr().unwrap());
        let inventory = tokio::spawn(Server::grpc(routes, vec![]).serve(listener, drain.clone()));

        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let config = Config { database: database.config.clone(), inventory_url, stock_timeout };
        let end = drain.clone().into_begun();
        let catalog = tokio::spawn(async { bookstore_catalog::run(listener, config, end).await.unwrap() });
        Self { address, http: reqwest::Client::new(), shelves, drain, tasks: vec![inventory, catalog] }
    }

    pub(crate) async fn get(&self, path: &str) -> reqwest::Response {
        self.http.get(format!("http://{}{path}", self.address)).send().await.unwrap()
    }

    pub(crate) async fn get_with(&self, path: &str, name: &str, value: &str) -> reqwest::Response {
        self.http.get(format!("http://{}{path}", self.address)).header(name, value).send().await.unwrap()
    }

    /// A page of `/books` with these parameters.
    pub(crate) async fn page(&self, parameters: &[(&str, &str)]) -> BookPage {
        let url = reqwest::Url::parse_with_params(&format!("http://{}/books", self.address), parameters).unwrap();
        let response = self.http.get(url.clone()).send().await.unwrap();
        assert_eq!(response.status(), 200, "{url}");
        response.json().await.unwrap()
    }

    /// The titles that a search finds, best first.
    pub(crate) async fn titles(&self, q: &str) -> Vec<String> {
        self.page(&[("q", q)]).await.items.into_iter().map(|book| book.title).collect()
    }

    /// The detail of the problem that these parameters are answered with.
    pub(crate) async fn refusal(&self, query: &str) -> String {
        let response = self.get(&format!("/books?{query}")).await;
        assert_eq!(response.status(), 422, "{query}");
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        let problem: Value = response.json().await.unwrap();
        assert_eq!(problem["status"], 422);
        assert!(problem["request_id"].is_string(), "{problem}");
        problem["detail"].as_str().unwrap().to_owned()
    }

    /// What inventory was asked: request ids and books.
    pub(crate) fn asked(&self) -> Vec<(String, Vec<i64>)> {
        self.shelves.asked.lock().unwrap().clone()
    }

    pub(crate) async fn close(self) {
        self.drain.begin();
        for task in self.tasks {
            task.await.unwrap();
        }
    }
}

/// Tells the same story on each database.
pub(crate) async fn with_shop<F, Fut>(story: F)
where
    F: Fn(Arc<Shop>) -> Fut,
    Fut: Future<Output = ()>,
{
    on_each_database(async |database| {
        let shop = Arc::new(Shop::open(&database, Mood::Answers, Duration::from_secs(5)).await);
        story(Arc::clone(&shop)).await;
        Arc::into_inner(shop).expect("the story has ended").close().await;
    })
    .await;
}

pub(crate) fn ids(books: &[Book]) -> Vec<i64> {
    books.iter().map(|book| book.id).collect()
}

/// Every book of the file, by id.
pub(crate) fn file() -> HashMap<i64, Vec<String>> {
    include_str!("../../data/books.tsv")
        .lines()
        .skip(1)
        .map(|line| line.split('\t').map(str::to_owned).collect::<Vec<_>>())
        .map(|columns| (columns[0].parse().unwrap(), columns))
        .collect()
}
