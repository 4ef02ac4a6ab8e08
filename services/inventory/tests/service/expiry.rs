//! Time is up.

use std::time::Duration;

use bookstore_proto::inventory::ReservationStatus;
use bookstore_runtime::testing::on_each_database;
use tonic::Code;

use crate::shop::{Shop, code, config, eventually, new_id, status};

#[tokio::test]
async fn what_is_not_paid_in_time_is_back_on_hand() {
    on_each_database(|database| async move {
        let (left, pinned) = (new_id(), new_id());
        let shop = Shop::on(&database.config).await;
        shop.restock(1, 5).await;
        shop.held(&pinned, &[(1, 1)]).await;
        shop.pin(&pinned).await.unwrap();
        shop.close().await;

        let mut short_lived = config(&database.config);
        short_lived.reservation_ttl = Duration::from_millis(50);
        let shop = Shop::open(short_lived).await;
        shop.held(&left, &[(1, 2)]).await;
        eventually(async || shop.copies(1).await == (4, 1, 0)).await;

        let found = shop.held(&left, &[(1, 2)]).await;
        assert_eq!(status(&found), ReservationStatus::Expired);
        assert_eq!(found.expires_at_unix_ms, None);
        assert_eq!(code(shop.pin(&left).await), Code::FailedPrecondition);
        assert_eq!(code(shop.commit(&left).await), Code::FailedPrecondition);
        assert_eq!(status(&shop.release(&left).await.unwrap()), ReservationStatus::Expired);
        assert_eq!(status(&shop.commit(&pinned).await.unwrap()), ReservationStatus::Committed);
        assert_eq!(shop.copies(1).await, (4, 0, 1));
        shop.close().await;
    })
    .await;
}

#[tokio::test]
async fn what_fell_due_while_nothing_ran_is_expired_at_the_next_start() {
    on_each_database(|database| async move {
        let mut short_lived = config(&database.config);
        short_lived.reservation_ttl = Duration::from_millis(100);
        let shop = Shop::open(short_lived).await;
        shop.restock(1, 5).await;
        let held = shop.held(&new_id(), &[(1, 2)]).await;
        shop.close().await;

        let due = held.expires_at_unix_ms.unwrap();
        eventually(async || bookstore_runtime::time::unix_ms() > due).await;
        // With ten minutes to live the new process has no reason to look soon but the reservation itself.
        let shop = Shop::on(&database.config).await;
        eventually(async || shop.copies(1).await == (5, 0, 0)).await;
        shop.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pin_that_comes_when_time_is_up_either_holds_or_is_refused() {
    on_each_database(|database| async move {
        let mut short_lived = config(&database.config);
        short_lived.reservation_ttl = Duration::from_millis(60);
        let shop = Shop::open(short_lived).await;
        shop.restock(1, 100).await;
        let mut pinned = 0;
        for round in 0..40_i64 {
            let id = new_id();
            let due = shop.held(&id, &[(1, 1)]).await.expires_at_unix_ms.unwrap();
            // From just before its time is up to just after.
            let wait_ms = due - bookstore_runtime::time::unix_ms() + round % 8 - 5;
            tokio::time::sleep(Duration::from_millis(wait_ms.max(0).unsigned_abs())).await;
            match shop.pin(&id).await {
                Ok(reservation) => {
                    assert_eq!(status(&reservation), ReservationStatus::Pinned);
                    pinned += 1;
                }
                Err(refused) => assert_eq!(refused.code(), Code::FailedPrecondition),
            }
        }
        eventually(async || shop.copies(1).await == (100 - pinned, pinned, 0)).await;
        shop.close().await;
    })
    .await;
}
