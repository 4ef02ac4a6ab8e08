//! A service that runs for a test, and short words for what a test asks of it.

use std::time::Duration;

use bookstore_inventory::{Config, Error, InitialCopies};
use bookstore_proto::inventory::inventory_client::InventoryClient;
use bookstore_proto::inventory::reserve_response::Outcome;
use bookstore_proto::inventory::{
    CommitRequest, GetStockRequest, Line, PinRequest, ReleaseRequest, Reservation, ReservationStatus, ReserveRequest,
    RestockRequest, StockLevel, WatchStockRequest,
};
use bookstore_runtime::db::DatabaseConfig;
use bookstore_runtime::{Call, grpc_client};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tonic::{Code, Status, Streaming};
use uuid::Uuid;

/// A running service and a client of it.
pub(crate) struct Shop {
    client: InventoryClient<grpc_client::Channel>,
    end: oneshot::Sender<()>,
    served: JoinHandle<Result<(), Error>>,
}

/// Settings for a test: no books at first, and reservations that outlive it.
pub(crate) fn config(database: &DatabaseConfig) -> Config {
    Config {
        database: database.clone(),
        initial_books: 0,
        initial_copies: InitialCopies::Varied,
        reservation_ttl: Duration::from_secs(600),
        most_watchers: 100,
        refresh_interval: Duration::from_secs(600),
    }
}

impl Shop {
    pub(crate) async fn open(config: Config) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (end, ended) = oneshot::channel::<()>();
        let shutdown = async {
            let _ = ended.await;
        };
        let served = tokio::spawn(async {
            // Said where a test that cannot reach the service shows it.
            bookstore_inventory::run(listener, config, shutdown)
                .await
                .inspect_err(|error| bookstore_runtime::testing::note(&format!("no service: {error}")))
        });
        Self { client: InventoryClient::new(grpc_client::channel(&url).unwrap()), end, served }
    }

    /// The service on an empty database with ordinary settings.
    pub(crate) async fn on(database: &DatabaseConfig) -> Self {
        Self::open(config(database)).await
    }

    /// A client of its own, to be moved into a task.
    pub(crate) fn client(&self) -> InventoryClient<grpc_client::Channel> {
        self.client.clone()
    }

    /// Ends the service and waits until it has.
    pub(crate) async fn close(self) {
        self.end.send(()).unwrap();
        self.served.await.unwrap().unwrap();
    }

    /// Tells the service to end; [`close`](Self::close) without the wait.
    pub(crate) fn begin_to_close(self) -> JoinHandle<Result<(), Error>> {
        self.end.send(()).unwrap();
        self.served
    }

    pub(crate) async fn restock(&self, book_id: i64, quantity: i64) -> (i64, i64, i64) {
        self.restock_as(&new_id(), book_id, quantity).await.unwrap()
    }

    pub(crate) async fn restock_as(&self, id: &str, book_id: i64, quantity: i64) -> Result<(i64, i64, i64), Status> {
        let message = RestockRequest { restock_id: id.to_owned(), book_id, quantity };
        let answer = self.client().restock(call().grpc(message)).await?.into_inner();
        Ok(copies(&answer.level.unwrap()))
    }

    pub(crate) async fn reserve(&self, id: &str, lines: &[(i64, i64)]) -> Result<Outcome, Status> {
        reserve(self.client(), id, lines).await
    }

    /// Reserves what is known to be there.
    pub(crate) async fn held(&self, id: &str, lines: &[(i64, i64)]) -> Reservation {
        match self.reserve(id, lines).await.unwrap() {
            Outcome::Reservation(reservation) => reservation,
            Outcome::OutOfStock(shortages) => panic!("{shortages:?}"),
        }
    }

    pub(crate) async fn pin(&self, id: &str) -> Result<Reservation, Status> {
        let message = PinRequest { reservation_id: id.to_owned() };
        Ok(self.client().pin(call().grpc(message)).await?.into_inner())
    }

    pub(crate) async fn commit(&self, id: &str) -> Result<Reservation, Status> {
        let message = CommitRequest { reservation_id: id.to_owned() };
        Ok(self.client().commit(call().grpc(message)).await?.into_inner())
    }

    pub(crate) async fn release(&self, id: &str) -> Result<Reservation, Status> {
        let message = ReleaseRequest { reservation_id: id.to_owned() };
        Ok(self.client().release(call().grpc(message)).await?.into_inner())
    }

    pub(crate) async fn stock(&self, book_ids: &[i64]) -> Result<Vec<StockLevel>, Status> {
        let message = GetStockRequest { book_ids: book_ids.to_vec() };
        Ok(self.client().get_stock(call().grpc(message)).await?.into_inner().levels)
    }

    /// On hand, reserved and sold of one book.
    pub(crate) async fn copies(&self, book_id: i64) -> (i64, i64, i64) {
        copies(&self.stock(&[book_id]).await.unwrap()[0])
    }

    pub(crate) async fn watch(&self, book_id: i64) -> Result<Streaming<StockLevel>, Status> {
        let message = call().grpc_stream(WatchStockRequest { book_id });
        Ok(self.client().watch_stock(message).await?.into_inner())
    }
}

pub(crate) async fn reserve(
    mut client: InventoryClient<grpc_client::Channel>,
    id: &str,
    lines: &[(i64, i64)],
) -> Result<Outcome, Status> {
    let lines = lines.iter().map(|&(book_id, quantity)| Line { book_id, quantity }).collect();
    let message = ReserveRequest { reservation_id: id.to_owned(), lines };
    Ok(client.reserve(call().grpc(message)).await?.into_inner().outcome.unwrap())
}

pub(crate) fn call() -> Call {
    Call::new_root(Duration::from_secs(30))
}

pub(crate) fn new_id() -> String {
    Uuid::new_v4().to_string()
}

pub(crate) fn copies(level: &StockLevel) -> (i64, i64, i64) {
    (level.on_hand, level.reserved, level.sold)
}

pub(crate) fn status(reservation: &Reservation) -> ReservationStatus {
    reservation.status()
}

/// The code of a refusal.
pub(crate) fn code<T>(outcome: Result<T, Status>) -> Code {
    outcome.err().map_or(Code::Ok, |status| status.code())
}

/// Asks again until the answer is right.
pub(crate) async fn eventually(mut condition: impl AsyncFnMut() -> bool) {
    let patience = tokio::time::timeout(Duration::from_secs(30), async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    patience.await.expect("it never came true");
}
