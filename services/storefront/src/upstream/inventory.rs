//! The inventory service.

use std::sync::Arc;

use bookstore_proto::inventory as stock;
use bookstore_runtime::{Call, Problem};
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use tonic::Status;

use super::{Upstreams, grpc_problem};
use crate::model::StockLevel;
use crate::problems;

const SERVICE: &str = "inventory";
/// When somebody may have stopped watching, in seconds.
const WATCH_AGAIN_S: u64 = 5;

impl Upstreams {
    /// The stock of these books, in this order.
    pub(crate) async fn stock(&self, call: &Call, ids: &[i64]) -> Result<Vec<StockLevel>, Status> {
        let message = stock::GetStockRequest { book_ids: ids.to_vec() };
        let get = |mut client: Client| {
            let request = call.grpc(message.clone());
            async move { client.get_stock(request).await }
        };
        let response = self.inventory.idempotent(call, get).await?;
        Ok(response.levels.iter().map(level).collect())
    }

    pub(crate) async fn reserve(
        &self,
        call: &Call,
        message: stock::ReserveRequest,
    ) -> Result<stock::ReserveResponse, Status> {
        let reserve = |mut client: Client| {
            let request = call.grpc(message.clone());
            async move { client.reserve(request).await }
        };
        self.inventory.idempotent(call, reserve).await
    }

    pub(crate) async fn pin(&self, call: &Call, id: &str) -> Result<stock::Reservation, Status> {
        let pin = |mut client: Client| {
            let request = call.grpc(stock::PinRequest { reservation_id: id.to_owned() });
            async move { client.pin(request).await }
        };
        self.inventory.idempotent(call, pin).await
    }

    pub(crate) async fn commit(&self, call: &Call, id: &str) -> Result<stock::Reservation, Status> {
        let commit = |mut client: Client| {
            let request = call.grpc(stock::CommitRequest { reservation_id: id.to_owned() });
            async move { client.commit(request).await }
        };
        self.inventory.idempotent(call, commit).await
    }

    pub(crate) async fn release(&self, call: &Call, id: &str) -> Result<stock::Reservation, Status> {
        let release = |mut client: Client| {
            let request = call.grpc(stock::ReleaseRequest { reservation_id: id.to_owned() });
            async move { client.release(request).await }
        };
        self.inventory.idempotent(call, release).await
    }

    /// The stock of a book now, then each change of it. 503 at once while too many watch already.
    pub(crate) async fn watch(
        &self,
        call: &Call,
        book_id: i64,
    ) -> Result<BoxStream<'static, Result<StockLevel, Problem>>, Problem> {
        let Ok(place) = Arc::clone(&self.watch_places).try_acquire_owned() else {
            return Err(problems::unavailable(WATCH_AGAIN_S));
        };
        let mut client = self.watches.clone();
        let begin = client.watch_stock(call.grpc_stream(stock::WatchStockRequest { book_id }));
        // Only its beginning has a deadline.
        let begun = tokio::time::timeout_at(call.deadline().into(), begin).await;
        let stream = begun
            .unwrap_or_else(|_| Err(Status::deadline_exceeded("no answer in time")))
            .map_err(|status| grpc_problem(SERVICE, &status))?
            .into_inner();
        let item = move |item: Result<stock::StockLevel, Status>| {
            // Kept for as long as the stream is.
            let _place = &place;
            item.map(|found| level(&found)).map_err(|status| grpc_problem(SERVICE, &status))
        };
        Ok(stream.map(item).boxed())
    }
}

type Client = stock::inventory_client::InventoryClient<bookstore_runtime::grpc_client::Channel>;

fn level(level: &stock::StockLevel) -> StockLevel {
    StockLevel { book_id: level.book_id, available: level.on_hand }
}
