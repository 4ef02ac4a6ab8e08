//! Stock as it changes.

use std::time::Duration;

use bookstore_proto::inventory::StockLevel;
use bookstore_runtime::testing::{TestDatabase, on_each_database};
use tokio_stream::StreamExt as _;
use tonic::{Code, Streaming};

use crate::shop::{Shop, code, config, copies, eventually, new_id};

/// Reads on until the level is this one: those in between may be missing.
async fn until(stream: &mut Streaming<StockLevel>, wanted: (i64, i64, i64)) {
    let patience = tokio::time::timeout(Duration::from_secs(30), async {
        while copies(&stream.next().await.unwrap().unwrap()) != wanted {}
    });
    patience.await.expect("the level never came");
}

#[tokio::test]
async fn a_watcher_sees_every_kind_of_change() {
    on_each_database(|database| async move {
        let shop = Shop::on(&database.config).await;
        shop.restock(2, 1).await;
        let mut stream = shop.watch(1).await.unwrap();
        // Nobody knows the book yet: no copies.
        until(&mut stream, (0, 0, 0)).await;
        shop.restock(1, 10).await;
        until(&mut stream, (10, 0, 0)).await;
        let (sold, released) = (new_id(), new_id());
        shop.held(&sold, &[(1, 2), (2, 1)]).await;
        until(&mut stream, (8, 2, 0)).await;
        shop.commit(&sold).await.unwrap();
        until(&mut stream, (8, 0, 2)).await;
        shop.held(&released, &[(1, 3)]).await;
        until(&mut stream, (5, 3, 2)).await;
        shop.release(&released).await.unwrap();
        until(&mut stream, (8, 0, 2)).await;
        shop.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_watcher_sees_that_time_is_up() {
    on_each_database(|database| async move {
        let mut short_lived = config(&database.config);
        short_lived.reservation_ttl = Duration::from_millis(200);
        let shop = Shop::open(short_lived).await;
        shop.restock(1, 10).await;
        let mut stream = shop.watch(1).await.unwrap();
        until(&mut stream, (10, 0, 0)).await;
        shop.held(&new_id(), &[(1, 1)]).await;
        // A change in any case, also for a watcher that was too slow to see the copy aside.
        until(&mut stream, (10, 0, 0)).await;
        shop.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_begins_to_watch_amid_changes_ends_with_the_last_level() {
    on_each_database(|database| async move {
        let shop = Shop::on(&database.config).await;
        shop.restock(1, 1).await;
        let restocks = async {
            for _ in 0..60 {
                shop.restock(1, 1).await;
            }
        };
        let watchers = async {
            let mut streams = Vec::new();
            for _ in 0..30 {
                streams.push(shop.watch(1).await.unwrap());
            }
            streams
        };
        let ((), streams) = tokio::join!(restocks, watchers);
        for mut stream in streams {
            until(&mut stream, (61, 0, 0)).await;
        }
        shop.close().await;
    })
    .await;
}

#[tokio::test]
async fn levels_never_go_back() {
    let database = TestDatabase::sqlite();
    let shop = Shop::on(&database.config).await;
    let mut stream = shop.watch(1).await.unwrap();
    let restocks = async {
        let (one, two) = (new_id(), new_id());
        for n in 0..50 {
            // At once, so that their transactions may end in either order.
            let (a, b) = tokio::join!(shop.restock(1, 1), shop.restock(1, 1));
            assert_ne!(a, b);
            if n % 10 == 0 {
                shop.restock_as(&one, 1, 1).await.unwrap();
                shop.restock_as(&two, 1, 1).await.unwrap();
            }
        }
    };
    let rising = async {
        let mut last = -1;
        while last < 102 {
            let level = stream.next().await.unwrap().unwrap();
            assert!(level.on_hand > last, "{} after {last}", level.on_hand);
            last = level.on_hand;
        }
    };
    tokio::join!(restocks, rising);
    shop.close().await;
}

#[tokio::test]
async fn what_another_instance_changes_is_seen_a_little_later() {
    on_each_database(|database| async move {
        let mut attentive = config(&database.config);
        attentive.refresh_interval = Duration::from_millis(50);
        let here = Shop::open(attentive).await;
        here.restock(1, 3).await;
        let there = Shop::on(&database.config).await;
        let mut stream = here.watch(1).await.unwrap();
        until(&mut stream, (3, 0, 0)).await;
        there.held(&new_id(), &[(1, 1)]).await;
        until(&mut stream, (2, 1, 0)).await;
        here.close().await;
        there.close().await;
    })
    .await;
}

#[tokio::test]
async fn the_end_of_the_service_is_the_end_of_its_streams() {
    let database = TestDatabase::sqlite();
    let shop = Shop::on(&database.config).await;
    let mut streams = Vec::new();
    for book_id in [1, 1, 2] {
        let mut stream = shop.watch(book_id).await.unwrap();
        until(&mut stream, (0, 0, 0)).await;
        streams.push(stream);
    }
    let served = shop.begin_to_close();
    for mut stream in streams {
        let last = stream.next().await.unwrap().unwrap_err();
        assert_eq!(last.code(), Code::Unavailable);
        assert!(stream.next().await.is_none());
    }
    served.await.unwrap().unwrap();
}

#[tokio::test]
async fn there_is_room_for_so_many_watchers_and_again_when_one_goes() {
    let database = TestDatabase::sqlite();
    let mut narrow = config(&database.config);
    narrow.most_watchers = 2;
    let shop = Shop::open(narrow).await;
    let first = shop.watch(1).await.unwrap();
    let _second = shop.watch(2).await.unwrap();
    assert_eq!(code(shop.watch(1).await), Code::ResourceExhausted);
    drop(first);
    eventually(async || shop.watch(1).await.is_ok()).await;
    shop.close().await;
}
