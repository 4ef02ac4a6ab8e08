//! One reservation after the other: every step, again, and in the wrong order.

use bookstore_proto::inventory::reserve_response::Outcome;
use bookstore_proto::inventory::{ReservationStatus, Shortage};
use bookstore_runtime::testing::on_each_database;
use tonic::Code;

use crate::shop::{Shop, code, copies, new_id, status};

#[tokio::test]
async fn a_reservation_is_held_pinned_and_sold_and_each_step_may_be_repeated() {
    on_each_database(|database| async move {
        let shop = Shop::on(&database.config).await;
        assert_eq!(shop.restock(1, 10).await, (10, 0, 0));
        shop.restock(2, 10).await;
        let id = new_id();

        let held = shop.held(&id, &[(2, 1), (1, 3)]).await;
        assert_eq!(status(&held), ReservationStatus::Held);
        assert!(held.expires_at_unix_ms.is_some());
        assert_eq!(shop.held(&id, &[(1, 3), (2, 1)]).await, held);
        for other in [&[(1, 3)][..], &[(1, 3), (2, 2)], &[(1, 3), (2, 1), (3, 1)]] {
            assert_eq!(code(shop.reserve(&id, other).await), Code::AlreadyExists);
        }
        assert_eq!(shop.copies(1).await, (7, 3, 0));

        for _ in 0..2 {
            let pinned = shop.pin(&id).await.unwrap();
            assert_eq!(status(&pinned), ReservationStatus::Pinned);
            assert_eq!(pinned.expires_at_unix_ms, None);
            assert_eq!(pinned.lines, held.lines);
        }
        assert_eq!(status(&shop.held(&id, &[(1, 3), (2, 1)]).await), ReservationStatus::Pinned);

        for _ in 0..2 {
            let committed = shop.commit(&id).await.unwrap();
            assert_eq!(status(&committed), ReservationStatus::Committed);
            assert_eq!(committed.lines, held.lines);
        }
        assert_eq!(shop.copies(1).await, (7, 0, 3));
        assert_eq!(shop.copies(2).await, (9, 0, 1));

        assert_eq!(status(&shop.pin(&id).await.unwrap()), ReservationStatus::Committed);
        assert_eq!(status(&shop.held(&id, &[(1, 3), (2, 1)]).await), ReservationStatus::Committed);
        assert_eq!(code(shop.release(&id).await), Code::FailedPrecondition);
        assert_eq!(shop.copies(1).await, (7, 0, 3));
        shop.close().await;
    })
    .await;
}

#[tokio::test]
async fn what_is_held_or_pinned_can_be_released_and_stays_so() {
    on_each_database(|database| async move {
        let shop = Shop::on(&database.config).await;
        shop.restock(1, 10).await;
        for pinned_first in [false, true] {
            let id = new_id();
            shop.held(&id, &[(1, 4)]).await;
            if pinned_first {
                shop.pin(&id).await.unwrap();
            }
            for _ in 0..2 {
                let released = shop.release(&id).await.unwrap();
                assert_eq!(status(&released), ReservationStatus::Released);
                assert_eq!(released.lines.len(), 1);
            }
            assert_eq!(shop.copies(1).await, (10, 0, 0));
            let again = shop.held(&id, &[(1, 4)]).await;
            assert_eq!(status(&again), ReservationStatus::Released);
            assert_eq!(code(shop.reserve(&id, &[(1, 5)]).await), Code::AlreadyExists);
            assert_eq!(code(shop.pin(&id).await), Code::FailedPrecondition);
            assert_eq!(code(shop.commit(&id).await), Code::FailedPrecondition);
            assert_eq!(shop.copies(1).await, (10, 0, 0));
        }
        shop.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_reserve_that_arrives_after_its_release_takes_nothing() {
    on_each_database(|database| async move {
        let shop = Shop::on(&database.config).await;
        shop.restock(1, 10).await;
        let id = new_id();
        for _ in 0..2 {
            let released = shop.release(&id).await.unwrap();
            assert_eq!(status(&released), ReservationStatus::Released);
            assert_eq!(released.lines, []);
        }
        let late = shop.held(&id, &[(1, 4)]).await;
        assert_eq!(status(&late), ReservationStatus::Released);
        assert_eq!(code(shop.pin(&id).await), Code::FailedPrecondition);
        assert_eq!(code(shop.commit(&id).await), Code::FailedPrecondition);
        assert_eq!(status(&shop.release(&id).await.unwrap()), ReservationStatus::Released);
        assert_eq!(shop.copies(1).await, (10, 0, 0));
        shop.close().await;
    })
    .await;
}

#[tokio::test]
async fn what_was_never_reserved_is_not_found() {
    on_each_database(|database| async move {
        let shop = Shop::on(&database.config).await;
        let id = new_id();
        let refused = shop.pin(&id).await.unwrap_err();
        assert_eq!(refused.code(), Code::NotFound);
        assert!(refused.message().contains(&id));
        assert_eq!(code(shop.commit(&id).await), Code::NotFound);
        shop.close().await;
    })
    .await;
}

#[tokio::test]
async fn all_lines_or_none_and_every_short_one_is_named() {
    on_each_database(|database| async move {
        let shop = Shop::on(&database.config).await;
        for (book_id, quantity) in [(1, 5), (2, 1), (3, 5)] {
            shop.restock(book_id, quantity).await;
        }
        let id = new_id();
        let wanted = [(4, 1), (3, 5), (2, 2), (1, 5)];
        let Outcome::OutOfStock(short) = shop.reserve(&id, &wanted).await.unwrap() else {
            panic!("too few copies were enough");
        };
        let expected =
            [Shortage { book_id: 2, requested: 2, available: 1 }, Shortage { book_id: 4, requested: 1, available: 0 }];
        assert_eq!(short.shortages, expected);
        let levels = shop.stock(&[1, 2, 3, 4]).await.unwrap();
        let levels: Vec<_> = levels.iter().map(copies).collect();
        assert_eq!(levels, [(5, 0, 0), (1, 0, 0), (5, 0, 0), (0, 0, 0)]);

        // Nothing was made, so the id is free to be tried again.
        shop.restock(2, 1).await;
        shop.restock(4, 1).await;
        assert_eq!(status(&shop.held(&id, &wanted).await), ReservationStatus::Held);
        assert_eq!(shop.copies(2).await, (0, 2, 0));
        shop.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_restocking_counts_once() {
    on_each_database(|database| async move {
        let shop = Shop::on(&database.config).await;
        let id = new_id();
        for _ in 0..3 {
            assert_eq!(shop.restock_as(&id, 7, 100_000).await.unwrap(), (100_000, 0, 0));
        }
        let loud = id.to_uppercase();
        assert_eq!(shop.restock_as(&loud, 7, 100_000).await.unwrap(), (100_000, 0, 0));
        assert_eq!(code(shop.restock_as(&id, 7, 99_999).await), Code::AlreadyExists);
        assert_eq!(code(shop.restock_as(&id, 8, 100_000).await), Code::AlreadyExists);
        assert_eq!(shop.copies(8).await, (0, 0, 0));
        assert_eq!(shop.restock(7, 1).await, (100_001, 0, 0));
        shop.close().await;
    })
    .await;
}

#[tokio::test]
async fn everything_is_there_again_after_a_restart() {
    on_each_database(|database| async move {
        let shop = Shop::on(&database.config).await;
        shop.restock(1, 10).await;
        let (held, pinned) = (new_id(), new_id());
        let before = shop.held(&held, &[(1, 1)]).await;
        shop.held(&pinned, &[(1, 2)]).await;
        shop.pin(&pinned).await.unwrap();
        shop.close().await;

        let shop = Shop::on(&database.config).await;
        assert_eq!(shop.held(&held, &[(1, 1)]).await, before);
        shop.commit(&pinned).await.unwrap();
        assert_eq!(shop.copies(1).await, (7, 1, 2));
        shop.close().await;
    })
    .await;
}
