//! The copies that the shop opens with.

use bookstore_inventory::{Config, InitialCopies};
use bookstore_runtime::db::DatabaseConfig;
use bookstore_runtime::testing::{TestDatabase, on_each_database};

use crate::shop::{Shop, config, new_id};

fn with_books(database: &DatabaseConfig, books: u32, copies: InitialCopies) -> Config {
    let mut config = config(database);
    config.initial_books = books;
    config.initial_copies = copies;
    config
}

async fn on_hand(shop: &Shop, book_ids: std::ops::RangeInclusive<i64>) -> Vec<i64> {
    let book_ids: Vec<_> = book_ids.collect();
    let mut on_hand = Vec::new();
    for some in book_ids.chunks(200) {
        on_hand.extend(shop.stock(some).await.unwrap().iter().map(|level| level.on_hand));
    }
    on_hand
}

#[tokio::test]
async fn every_book_is_restocked_once() {
    on_each_database(|database| async move {
        let shop = Shop::open(with_books(&database.config, 130, InitialCopies::Varied)).await;
        let first = on_hand(&shop, 1..=130).await;
        assert!(first.iter().any(|copies| *copies > 20), "{first:?}");
        let plenty = first.iter().position(|copies| *copies > 20).unwrap() as i64 + 1;
        let id = new_id();
        shop.held(&id, &[(plenty, 2)]).await;
        shop.commit(&id).await.unwrap();
        let after_sale = on_hand(&shop, 1..=130).await;
        shop.close().await;

        // Again, and with other wishes: what was restocked is not restocked again.
        for copies in [InitialCopies::Varied, InitialCopies::Uniform(9)] {
            let shop = Shop::open(with_books(&database.config, 130, copies)).await;
            let now = on_hand(&shop, 1..=130).await;
            // A book that opened with no copies has no restocking yet, and may get one.
            for (before, now) in after_sale.iter().zip(now) {
                assert!(*before == now || *before == 0 && now == 9, "{before} became {now}");
            }
            shop.close().await;
        }
    })
    .await;
}

#[tokio::test]
async fn books_that_the_catalogue_gains_are_added() {
    on_each_database(|database| async move {
        let shop = Shop::open(with_books(&database.config, 3, InitialCopies::Uniform(50))).await;
        assert_eq!(on_hand(&shop, 1..=4).await, [50, 50, 50, 0]);
        // Somebody was faster than the catalogue.
        shop.restock(4, 1).await;
        shop.close().await;

        let shop = Shop::open(with_books(&database.config, 250, InitialCopies::Uniform(50))).await;
        let mut expected = vec![50; 250];
        expected[3] = 51;
        assert_eq!(on_hand(&shop, 1..=250).await, expected);
        assert_eq!(shop.copies(251).await, (0, 0, 0));
        shop.close().await;
    })
    .await;
}

#[tokio::test]
async fn no_copies_is_a_number_too() {
    on_each_database(|database| async move {
        let shop = Shop::open(with_books(&database.config, 5, InitialCopies::Uniform(0))).await;
        assert_eq!(on_hand(&shop, 1..=5).await, [0; 5]);
        assert_eq!(shop.restock(5, 2).await, (2, 0, 0));
        shop.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_that_start_at_once_restock_once() {
    // Not on SQLite: there one process has the file, and migrations of two at once take no notice of each other.
    let Some(database) = TestDatabase::postgres().await else { return };
    let config = with_books(&database.config, 300, InitialCopies::Uniform(7));
    let (first, second) = tokio::join!(Shop::open(config.clone()), Shop::open(config));
    assert_eq!(on_hand(&first, 1..=300).await, [7; 300]);
    assert_eq!(on_hand(&second, 1..=300).await, [7; 300]);
    first.close().await;
    second.close().await;
}
