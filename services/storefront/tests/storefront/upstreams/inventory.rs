//! Stock and reservations.

use std::pin::Pin;
use std::time::Duration;

use bookstore_proto::inventory as stock;
use bookstore_proto::inventory::inventory_server::{Inventory, InventoryServer};
use bookstore_proto::inventory::reserve_response::Outcome;
use tonic::service::Routes;
use tonic::{Request, Response, Status};

use super::{Upstreams, World};

/// A reservation.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Held {
    pub(crate) status: stock::ReservationStatus,
    lines: Vec<(i64, i64)>,
}

impl World {
    /// Lets the time of every held reservation run out.
    pub(crate) fn expire_reservations(&mut self) {
        let held: Vec<_> =
            self.reservations.iter().filter(|(_, held)| is_held(held)).map(|(id, _)| id.clone()).collect();
        for id in held {
            self.put_back(&id, stock::ReservationStatus::Expired);
        }
    }

    fn put_back(&mut self, id: &str, status: stock::ReservationStatus) {
        let Some(held) = self.reservations.get_mut(id) else { return };
        held.status = status;
        for (book, quantity) in held.lines.clone() {
            *self.stock.entry(book).or_default() += quantity;
        }
    }
}

fn is_held(held: &Held) -> bool {
    held.status == stock::ReservationStatus::Held
}

pub(super) fn routes(upstreams: Upstreams) -> Routes {
    Routes::new(InventoryServer::new(Service(upstreams)))
}

struct Service(Upstreams);

type Answer<T> = Result<Response<T>, Status>;

fn message(id: &str, held: &Held) -> Response<stock::Reservation> {
    Response::new(stock::Reservation {
        reservation_id: id.to_owned(),
        status: held.status.into(),
        lines: Vec::new(),
        expires_at_unix_ms: None,
    })
}

#[tonic::async_trait]
impl Inventory for Service {
    async fn get_stock(&self, request: Request<stock::GetStockRequest>) -> Answer<stock::GetStockResponse> {
        let ids = request.into_inner().book_ids;
        let levels = self.0.answer("stock", move |world| {
            let level = |book_id| stock::StockLevel {
                book_id,
                on_hand: world.stock.get(&book_id).copied().unwrap_or(0),
                reserved: 0,
                sold: 0,
            };
            ids.into_iter().map(level).collect()
        });
        Ok(Response::new(stock::GetStockResponse { levels: levels.await? }))
    }

    async fn reserve(&self, request: Request<stock::ReserveRequest>) -> Answer<stock::ReserveResponse> {
        let stock::ReserveRequest { reservation_id: id, lines } = request.into_inner();
        let outcome = self.0.answer("reserve", move |world| {
            if let Some(held) = world.reservations.get(&id) {
                return Outcome::Reservation(message(&id, held).into_inner());
            }
            let on_hand = |book: i64| world.stock.get(&book).copied().unwrap_or(0);
            let short = lines.iter().filter(|line| on_hand(line.book_id) < line.quantity).map(|line| stock::Shortage {
                book_id: line.book_id,
                requested: line.quantity,
                available: on_hand(line.book_id),
            });
            let shortages: Vec<_> = short.collect();
            if !shortages.is_empty() {
                return Outcome::OutOfStock(stock::OutOfStock { shortages });
            }
            let lines: Vec<_> = lines.iter().map(|line| (line.book_id, line.quantity)).collect();
            for (book, quantity) in &lines {
                *world.stock.entry(*book).or_default() -= quantity;
            }
            let held = Held { status: stock::ReservationStatus::Held, lines };
            let answer = message(&id, &held).into_inner();
            world.reservations.insert(id, held);
            Outcome::Reservation(answer)
        });
        Ok(Response::new(stock::ReserveResponse { outcome: Some(outcome.await?) }))
    }

    async fn pin(&self, request: Request<stock::PinRequest>) -> Answer<stock::Reservation> {
        use stock::ReservationStatus::{Committed, Held, Pinned};
        let id = request.into_inner().reservation_id;
        let pinned = self.0.answer("pin", move |world| {
            let held = world.reservations.get_mut(&id).ok_or_else(|| Status::not_found(""))?;
            match held.status {
                Held => held.status = Pinned,
                Pinned | Committed => {}
                _ => return Err(Status::failed_precondition("")),
            }
            Ok(message(&id, held))
        });
        pinned.await?
    }

    async fn commit(&self, request: Request<stock::CommitRequest>) -> Answer<stock::Reservation> {
        use stock::ReservationStatus::{Committed, Held, Pinned};
        let id = request.into_inner().reservation_id;
        let committed = self.0.answer("commit", move |world| {
            let held = world.reservations.get_mut(&id).ok_or_else(|| Status::not_found(""))?;
            match held.status {
                Held | Pinned | Committed => held.status = Committed,
                _ => return Err(Status::failed_precondition("")),
            }
            Ok(message(&id, held))
        });
        committed.await?
    }

    async fn release(&self, request: Request<stock::ReleaseRequest>) -> Answer<stock::Reservation> {
        use stock::ReservationStatus::{Committed, Held, Pinned, Released};
        let id = request.into_inner().reservation_id;
        let released = self.0.answer("release", move |world| {
            match world.reservations.get(&id).map(|held| held.status) {
                None => {
                    drop(world.reservations.insert(id.clone(), super::Held { status: Released, lines: Vec::new() }))
                }
                Some(Held | Pinned) => world.put_back(&id, Released),
                Some(Committed) => return Err(Status::failed_precondition("")),
                Some(_) => {}
            }
            Ok(message(&id, &world.reservations[&id]))
        });
        released.await?
    }

    async fn restock(&self, _: Request<stock::RestockRequest>) -> Answer<stock::RestockResponse> {
        Err(Status::unimplemented("the storefront does not restock"))
    }

    type WatchStockStream = Pin<Box<dyn tokio_stream::Stream<Item = Result<stock::StockLevel, Status>> + Send>>;

    async fn watch_stock(&self, request: Request<stock::WatchStockRequest>) -> Answer<Self::WatchStockStream> {
        let book_id = request.into_inner().book_id;
        let levels = futures_util::stream::unfold((self.0.clone(), None), move |(upstreams, last)| async move {
            loop {
                let on_hand = upstreams.world().stock.get(&book_id).copied().unwrap_or(0);
                if last != Some(on_hand) {
                    let level = stock::StockLevel { book_id, on_hand, reserved: 0, sold: 0 };
                    return Some((Ok(level), (upstreams, Some(on_hand))));
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
        Ok(Response::new(Box::pin(levels)))
    }
}
