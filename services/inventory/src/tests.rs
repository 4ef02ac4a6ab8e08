//! The operations beneath the gRPC service, with a clock that the tests set.

mod model;
mod quiet;
mod random;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use bookstore_runtime::testing::{TestDatabase, on_each_database};
use bookstore_runtime::{Call, Db};
use uuid::Uuid;

use crate::clock::Clock;
use crate::inventory::Inventory;
use crate::model::{CallerId, Level, Line, Lines, Reserved, Shortage, Status};
use crate::watched::Watched;

/// How long a reservation lives in these tests.
const TIME_TO_LIVE_MS: i64 = 1_000;

/// An inventory on a database of its own, and the hands of its clock.
async fn inventory(database: &TestDatabase) -> (Inventory, Arc<AtomicI64>) {
    let db = Db::connect(&database.config, &crate::MIGRATIONS).await.unwrap();
    let now_ms = Arc::new(AtomicI64::new(1_000_000));
    let inventory = Inventory::new(
        db,
        Duration::from_millis(TIME_TO_LIVE_MS as u64),
        Clock::set_by(Arc::clone(&now_ms)),
        Arc::new(Watched::new(8)),
    );
    (inventory, now_ms)
}

fn call() -> Call {
    Call::new_root(Duration::from_secs(60))
}

fn new_id() -> CallerId {
    CallerId::parse("id", &Uuid::new_v4().to_string()).unwrap()
}

fn lines(lines: &[(i64, i64)]) -> Lines {
    let lines = lines.iter().map(|&(book_id, quantity)| Line { book_id, quantity });
    Lines::parse(lines.collect()).unwrap()
}

async fn restock(inventory: &Inventory, book_id: i64, quantity: i64) {
    let line = Line { book_id, quantity };
    inventory.restock(&call(), new_id(), line).await.unwrap();
}

/// On hand, reserved and sold.
async fn copies(inventory: &Inventory, book_id: i64) -> (i64, i64, i64) {
    let Level { on_hand, reserved, sold, .. } = inventory.level(&call(), book_id).await.unwrap();
    (on_hand, reserved, sold)
}

async fn reserve(inventory: &Inventory, id: CallerId, wanted: &[(i64, i64)]) -> Reserved {
    inventory.reserve(&call(), id, &lines(wanted)).await.unwrap()
}

fn status(reserved: &Reserved) -> Option<Status> {
    match reserved {
        Reserved::Reservation(reservation) => Some(reservation.status),
        Reserved::OutOfStock(_) => None,
    }
}

#[tokio::test]
async fn what_is_due_is_expired_before_anybody_sweeps() {
    on_each_database(|database| async move {
        let (inventory, now_ms) = inventory(&database).await;
        restock(&inventory, 1, 9).await;
        let (again, pinned, committed, released) = (new_id(), new_id(), new_id(), new_id());
        for id in [again, pinned, committed, released] {
            let held = reserve(&inventory, id, &[(1, 2)]).await;
            let expires_at_ms = 1_000_000 + TIME_TO_LIVE_MS;
            assert_eq!(status(&held), Some(Status::Held { expires_at_ms }));
        }
        assert_eq!(copies(&inventory, 1).await, (1, 8, 0));

        now_ms.fetch_add(TIME_TO_LIVE_MS, Ordering::SeqCst);
        let found = reserve(&inventory, again, &[(1, 2)]).await;
        assert_eq!(status(&found), Some(Status::Expired));
        let refused = inventory.pin(&call(), pinned).await.unwrap_err();
        assert_eq!(refused.to_string(), format!("the reservation {pinned} is expired"));
        let refused = inventory.commit(&call(), committed).await.unwrap_err();
        assert_eq!(refused.to_string(), format!("the reservation {committed} is expired"));
        let found = inventory.release(&call(), released).await.unwrap();
        assert_eq!(found.status, Status::Expired);
        assert_eq!(copies(&inventory, 1).await, (9, 0, 0));
    })
    .await;
}

#[tokio::test]
async fn a_buyer_gets_what_a_due_reservation_still_holds() {
    on_each_database(|database| async move {
        let (inventory, now_ms) = inventory(&database).await;
        restock(&inventory, 1, 3).await;
        let (first, second) = (new_id(), new_id());
        reserve(&inventory, first, &[(1, 3)]).await;
        let short = Shortage { book_id: 1, requested: 1, available: 0 };
        assert_eq!(reserve(&inventory, second, &[(1, 1)]).await, Reserved::OutOfStock(vec![short]));
        now_ms.fetch_add(TIME_TO_LIVE_MS - 1, Ordering::SeqCst);
        assert_eq!(status(&reserve(&inventory, second, &[(1, 1)]).await), None);
        now_ms.fetch_add(1, Ordering::SeqCst);
        let held = reserve(&inventory, second, &[(1, 1)]).await;
        assert!(matches!(status(&held), Some(Status::Held { .. })));
        assert_eq!(copies(&inventory, 1).await, (2, 1, 0));
    })
    .await;
}

#[tokio::test]
async fn a_sweep_takes_all_that_is_due_and_nothing_else() {
    on_each_database(|database| async move {
        let (inventory, now_ms) = inventory(&database).await;
        restock(&inventory, 1, 1_000).await;
        for _ in 0..230 {
            reserve(&inventory, new_id(), &[(1, 1)]).await;
        }
        let pinned = new_id();
        reserve(&inventory, pinned, &[(1, 1)]).await;
        inventory.pin(&call(), pinned).await.unwrap();
        now_ms.fetch_add(TIME_TO_LIVE_MS, Ordering::SeqCst);
        reserve(&inventory, new_id(), &[(1, 1)]).await;

        assert_eq!(inventory.expire_due(&call()).await.unwrap(), 230);
        assert_eq!(inventory.expire_due(&call()).await.unwrap(), 0);
        assert_eq!(copies(&inventory, 1).await, (998, 2, 0));
    })
    .await;
}

#[tokio::test]
async fn one_row_that_is_broken_does_not_keep_the_others() {
    on_each_database(|database| async move {
        let (inventory, now_ms) = inventory(&database).await;
        restock(&inventory, 1, 5).await;
        restock(&inventory, 2, 5).await;
        reserve(&inventory, new_id(), &[(1, 1)]).await;
        reserve(&inventory, new_id(), &[(2, 1)]).await;
        reserve(&inventory, new_id(), &[(2, 2)]).await;
        // Somebody's hand: the copies of book 1 that are to be put back are not there.
        sqlx::query("UPDATE stock SET reserved = 0 WHERE book_id = 1")
            .execute(inventory.db.run(&call()))
            .await
            .unwrap();
        now_ms.fetch_add(TIME_TO_LIVE_MS, Ordering::SeqCst);

        inventory.expire_due(&call()).await.unwrap_err();
        assert_eq!(copies(&inventory, 1).await, (4, 0, 0));
        assert_eq!(copies(&inventory, 2).await, (5, 0, 0));
    })
    .await;
}

#[tokio::test]
async fn the_database_itself_refuses_what_must_not_be() {
    on_each_database(|database| async move {
        let (inventory, _) = inventory(&database).await;
        restock(&inventory, 1, 5).await;
        let id = new_id();
        reserve(&inventory, id, &[(1, 2)]).await;
        for forbidden in [
            "UPDATE stock SET on_hand = -1",
            "UPDATE stock SET reserved = -1",
            "UPDATE stock SET sold = -1",
            "UPDATE reservations SET status = 'lost'",
            "UPDATE reservations SET status = 'pinned'",
            "UPDATE reservations SET expires_at_ms = NULL",
            "UPDATE reservation_lines SET quantity = 0",
            "UPDATE reservation_lines SET book_id = 2",
            "UPDATE restocks SET quantity = 0",
            "DELETE FROM stock",
            "DELETE FROM reservations",
        ] {
            let outcome = sqlx::query(forbidden).execute(inventory.db.run(&call())).await;
            assert!(outcome.is_err(), "{}: {forbidden}", database.name);
        }
    })
    .await;
}
