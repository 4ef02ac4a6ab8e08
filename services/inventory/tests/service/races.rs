//! Many at once.

use std::time::Duration;

use bookstore_proto::inventory::ReservationStatus;
use bookstore_proto::inventory::reserve_response::Outcome;
use bookstore_runtime::testing::on_each_database;
use tokio::task::JoinSet;
use tonic::{Code, Status};

use crate::shop::{Shop, code, config, eventually, new_id, reserve, status};

/// Makes all of these reservations at the same time, on connections of their own.
async fn reserve_at_once(shop: &Shop, wanted: Vec<(String, Vec<(i64, i64)>)>) -> Vec<Result<Outcome, Status>> {
    let mut tasks = JoinSet::new();
    for (id, lines) in wanted {
        let client = shop.client();
        tasks.spawn(async move { reserve(client, &id, &lines).await });
    }
    tasks.join_all().await
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_buyers_of_the_last_fifty_copies() {
    on_each_database(|database| async move {
        let shop = Shop::on(&database.config).await;
        shop.restock(1, 50).await;
        let wanted = (0..200).map(|_| (new_id(), vec![(1, 1)])).collect();
        let (mut held, mut refused) = (0, 0);
        for outcome in reserve_at_once(&shop, wanted).await {
            match outcome.unwrap() {
                Outcome::Reservation(reservation) => {
                    assert_eq!(status(&reservation), ReservationStatus::Held);
                    held += 1;
                }
                Outcome::OutOfStock(short) => {
                    assert_eq!(short.shortages.len(), 1);
                    assert_eq!(short.shortages[0].available, 0);
                    refused += 1;
                }
            }
        }
        assert_eq!((held, refused), (50, 150));
        assert_eq!(shop.copies(1).await, (0, 50, 0));
        shop.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_id_is_one_reservation_however_often_it_is_sent_at_once() {
    on_each_database(|database| async move {
        let shop = Shop::on(&database.config).await;
        shop.restock(1, 100).await;
        for _ in 0..5 {
            let before = shop.copies(1).await;
            let id = new_id();
            let outcomes = reserve_at_once(&shop, vec![(id.clone(), vec![(1, 3)]); 16]).await;
            let first = outcomes[0].as_ref().unwrap();
            assert!(outcomes.iter().all(|outcome| outcome.as_ref().unwrap() == first));
            assert_eq!(shop.copies(1).await, (before.0 - 3, before.1 + 3, 0));
        }
        shop.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_different_wishes_under_one_id_one_wins() {
    on_each_database(|database| async move {
        let shop = Shop::on(&database.config).await;
        shop.restock(1, 100).await;
        let id = new_id();
        let wanted = (1..=16).map(|quantity| (id.clone(), vec![(1, quantity)])).collect();
        let outcomes = reserve_at_once(&shop, wanted).await;
        let won: Vec<_> = outcomes.iter().flatten().collect();
        assert_eq!(won.len(), 1);
        let Outcome::Reservation(winner) = won[0] else { panic!("there were enough copies") };
        let quantity = winner.lines[0].quantity;
        assert_eq!(shop.copies(1).await, (100 - quantity, quantity, 0));
        let refused = outcomes.into_iter().filter(Result::is_err);
        assert!(refused.map(code).all(|code| code == Code::AlreadyExists));
        shop.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_wins_over_its_reserve_whichever_comes_first() {
    on_each_database(|database| async move {
        let shop = Shop::on(&database.config).await;
        shop.restock(1, 10).await;
        for _ in 0..40 {
            let id = new_id();
            let (reserved, released) = tokio::join!(shop.reserve(&id, &[(1, 1)]), shop.release(&id));
            let Outcome::Reservation(_) = reserved.unwrap() else { panic!("there were enough copies") };
            assert_eq!(status(&released.unwrap()), ReservationStatus::Released);
            assert_eq!(code(shop.commit(&id).await), Code::FailedPrecondition);
        }
        assert_eq!(shop.copies(1).await, (10, 0, 0));
        shop.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_commit_and_release_one_wins() {
    on_each_database(|database| async move {
        let shop = Shop::on(&database.config).await;
        shop.restock(1, 40).await;
        let mut sold = 0;
        for round in 0..40 {
            let id = new_id();
            shop.held(&id, &[(1, 1)]).await;
            let (committed, released, pinned) = if round % 2 == 0 {
                tokio::join!(shop.commit(&id), shop.release(&id), shop.pin(&id))
            } else {
                let (released, pinned, committed) = tokio::join!(shop.release(&id), shop.pin(&id), shop.commit(&id));
                (committed, released, pinned)
            };
            assert_ne!(committed.is_ok(), released.is_ok());
            for refused in [committed.as_ref().err(), released.as_ref().err(), pinned.as_ref().err()] {
                assert!(refused.is_none_or(|refused| refused.code() == Code::FailedPrecondition));
            }
            sold += i64::from(committed.is_ok());
        }
        assert_eq!(shop.copies(1).await, (40 - sold, 0, sold));
        shop.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_order_of_lines_does_not_matter_to_locks() {
    on_each_database(|database| async move {
        let shop = Shop::on(&database.config).await;
        let books: Vec<i64> = (1..=6).collect();
        for book_id in &books {
            shop.restock(*book_id, 1_000).await;
        }
        let wanted = (0..60).map(|n| {
            let mut lines: Vec<_> = books.iter().map(|book_id| (*book_id, 1)).collect();
            if n % 2 == 0 {
                lines.reverse();
            }
            lines.rotate_left(n % 6);
            (new_id(), lines)
        });
        for outcome in reserve_at_once(&shop, wanted.collect()).await {
            assert!(matches!(outcome.unwrap(), Outcome::Reservation(_)));
        }
        assert_eq!(shop.copies(3).await, (940, 60, 0));
        shop.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_instances_share_a_database() {
    on_each_database(|database| async move {
        let mut short_lived = config(&database.config);
        short_lived.reservation_ttl = Duration::from_millis(300);
        let first = Shop::open(short_lived.clone()).await;
        first.restock(1, 50).await;
        let second = Shop::open(short_lived).await;
        let wanted = || (0..40).map(|_| (new_id(), vec![(1, 1)])).collect();
        let (here, there) = tokio::join!(reserve_at_once(&first, wanted()), reserve_at_once(&second, wanted()));
        let held =
            here.into_iter().chain(there).filter(|outcome| matches!(outcome, Ok(Outcome::Reservation(_)))).count();
        assert!(held >= 50, "{held}");
        eventually(async || first.copies(1).await == (50, 0, 0)).await;
        assert_eq!(second.copies(1).await, (50, 0, 0));
        first.close().await;
        second.close().await;
    })
    .await;
}
