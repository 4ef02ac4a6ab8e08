//! The gRPC service: checks what is asked, asks [`Inventory`], answers.

use std::pin::Pin;
use std::sync::Arc;

use bookstore_proto::inventory as proto;
use bookstore_proto::inventory::inventory_server::Inventory as Contract;
use bookstore_runtime::Call;
use futures_util::{Stream, stream};
use tonic::{Request, Response, Status};

use crate::error::Error;
use crate::inventory::Inventory;
use crate::model::{CallerId, Line, Lines, check_book_id, check_restock};
use crate::watched::Watcher;
use crate::{sql, wire};

/// Implements the contract.
pub(crate) struct Service {
    inventory: Arc<Inventory>,
}

impl Service {
    pub(crate) fn new(inventory: Arc<Inventory>) -> Self {
        Self { inventory }
    }
}

#[tonic::async_trait]
impl Contract for Service {
    async fn get_stock(
        &self,
        request: Request<proto::GetStockRequest>,
    ) -> Result<Response<proto::GetStockResponse>, Status> {
        let call = Call::of(&request)?;
        let book_ids = request.into_inner().book_ids;
        if book_ids.len() > sql::LONGEST {
            let (most, count) = (sql::LONGEST, book_ids.len());
            let text = format!("the stock of at most {most} books can be asked for, not {count}");
            return Err(Error::Invalid(text).into());
        }
        let levels = self.inventory.levels(&call, &book_ids).await?;
        Ok(Response::new(proto::GetStockResponse { levels: levels.into_iter().map(Into::into).collect() }))
    }

    async fn reserve(
        &self,
        request: Request<proto::ReserveRequest>,
    ) -> Result<Response<proto::ReserveResponse>, Status> {
        let call = Call::of(&request)?;
        let asked = request.into_inner();
        let id = CallerId::parse("reservation_id", &asked.reservation_id)?;
        let lines = Lines::parse(wire::lines(asked.lines))?;
        let reserved = self.inventory.reserve(&call, id, &lines).await?;
        Ok(Response::new(reserved.into()))
    }

    async fn pin(&self, request: Request<proto::PinRequest>) -> Result<Response<proto::Reservation>, Status> {
        let call = Call::of(&request)?;
        let id = CallerId::parse("reservation_id", &request.into_inner().reservation_id)?;
        let reservation = self.inventory.pin(&call, id).await?;
        Ok(Response::new(reservation.into()))
    }

    async fn commit(&self, request: Request<proto::CommitRequest>) -> Result<Response<proto::Reservation>, Status> {
        let call = Call::of(&request)?;
        let id = CallerId::parse("reservation_id", &request.into_inner().reservation_id)?;
        let reservation = self.inventory.commit(&call, id).await?;
        Ok(Response::new(reservation.into()))
    }

    async fn release(&self, request: Request<proto::ReleaseRequest>) -> Result<Response<proto::Reservation>, Status> {
        let call = Call::of(&request)?;
        let id = CallerId::parse("reservation_id", &request.into_inner().reservation_id)?;
        let reservation = self.inventory.release(&call, id).await?;
        Ok(Response::new(reservation.into()))
    }

    async fn restock(
        &self,
        request: Request<proto::RestockRequest>,
    ) -> Result<Response<proto::RestockResponse>, Status> {
        let call = Call::of(&request)?;
        let asked = request.into_inner();
        let id = CallerId::parse("restock_id", &asked.restock_id)?;
        let line = Line { book_id: asked.book_id, quantity: asked.quantity };
        check_restock(line)?;
        let level = self.inventory.restock(&call, id, line).await?;
        Ok(Response::new(proto::RestockResponse { level: Some(level.into()) }))
    }

    type WatchStockStream = Pin<Box<dyn Stream<Item = Result<proto::StockLevel, Status>> + Send>>;

    async fn watch_stock(
        &self,
        request: Request<proto::WatchStockRequest>,
    ) -> Result<Response<Self::WatchStockStream>, Status> {
        let call = Call::of(&request)?;
        let book_id = request.into_inner().book_id;
        check_book_id(book_id)?;
        // In this order: a change between the two is published to the watcher, not lost.
        let watcher = self.inventory.watched.subscribe(book_id)?;
        let level = self.inventory.level(&call, book_id).await?;
        self.inventory.watched.publish(&[level]);
        Ok(Response::new(Box::pin(levels(watcher))))
    }
}

/// What a watcher sees, and `UNAVAILABLE` as the last word when the service is being stopped: the caller should ask
/// again, here or elsewhere.
fn levels(watcher: Watcher) -> impl Stream<Item = Result<proto::StockLevel, Status>> + Send {
    stream::unfold(Some(watcher), |watcher| async move {
        let mut watcher = watcher?;
        Some(match watcher.next().await {
            Some(level) => (Ok(level.into()), Some(watcher)),
            None => (Err(Error::ShuttingDown.into()), None),
        })
    })
}
