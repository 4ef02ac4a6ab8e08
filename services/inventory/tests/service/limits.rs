//! What is refused, and what is said about it.

use bookstore_runtime::testing::{TestDatabase, on_each_database};
use tonic::Code;

use crate::shop::{Shop, code, copies, new_id};

#[tokio::test]
async fn what_breaks_the_contract_is_refused_with_the_reason() {
    let database = TestDatabase::sqlite();
    let shop = Shop::on(&database.config).await;
    let id = new_id();
    let many: Vec<_> = (1..=51).map(|book_id| (book_id, 1)).collect();
    let lines: [(&[(i64, i64)], &str); 8] = [
        (&[], "1 to 50 lines"),
        (&many, "1 to 50 lines"),
        (&[(1, 0)], "1 to 99 copies"),
        (&[(1, 100)], "1 to 99 copies"),
        (&[(1, -1)], "1 to 99 copies"),
        (&[(0, 1)], "positive"),
        (&[(i64::MIN, 1)], "positive"),
        (&[(1, 1), (2, 1), (1, 1)], "book 1 has more than one line"),
    ];
    for (lines, reason) in lines {
        let refused = shop.reserve(&id, lines).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument);
        assert!(refused.message().contains(reason), "{}", refused.message());
    }
    for (book_id, quantity, reason) in [(1, 0, "1 to 100000"), (1, 100_001, "1 to 100000"), (0, 1, "positive")] {
        let refused = shop.restock_as(&id, book_id, quantity).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument);
        assert!(refused.message().contains(reason), "{}", refused.message());
    }
    for bad in ["", "7", "not-a-uuid", &"a".repeat(2_000)] {
        for outcome in [
            shop.reserve(bad, &[(1, 1)]).await.map(|_| ()),
            shop.pin(bad).await.map(|_| ()),
            shop.commit(bad).await.map(|_| ()),
            shop.release(bad).await.map(|_| ()),
            shop.restock_as(bad, 1, 1).await.map(|_| ()),
        ] {
            let refused = outcome.unwrap_err();
            assert_eq!(refused.code(), Code::InvalidArgument);
            assert!(refused.message().contains("_id is not a UUID"), "{}", refused.message());
        }
    }
    assert_eq!(code(shop.watch(0).await), Code::InvalidArgument);
    shop.close().await;
}

#[tokio::test]
async fn the_largest_reservation_is_taken() {
    on_each_database(|database| async move {
        let shop = Shop::on(&database.config).await;
        let lines: Vec<_> = (1..=50).map(|book_id| (book_id, 99)).collect();
        for (book_id, _) in &lines {
            shop.restock(*book_id, 99).await;
        }
        let id = new_id();
        assert_eq!(shop.held(&id, &lines).await.lines.len(), 50);
        shop.commit(&id).await.unwrap();
        assert_eq!(shop.copies(50).await, (0, 0, 99));
        shop.close().await;
    })
    .await;
}

#[tokio::test]
async fn stock_is_answered_in_the_order_asked() {
    on_each_database(|database| async move {
        let shop = Shop::on(&database.config).await;
        for book_id in 1..=200 {
            shop.restock(book_id, book_id).await;
        }
        // Every length, so every padding; some known and some not, some twice, and what can be no book.
        for length in [0, 1, 2, 8, 9, 24, 25, 50, 51, 100, 101, 199, 200] {
            let asked: Vec<i64> = (0..length).map(|n| (n * 71) % 210 - 3).collect();
            let levels = shop.stock(&asked).await.unwrap();
            let answered: Vec<_> = levels.iter().map(|level| level.book_id).collect();
            assert_eq!(answered, asked);
            for level in levels {
                let on_hand = if (1..=200).contains(&level.book_id) { level.book_id } else { 0 };
                assert_eq!(copies(&level), (on_hand, 0, 0));
            }
        }
        let levels = shop.stock(&[5, 5, 9, 5]).await.unwrap();
        assert_eq!(levels.iter().map(|level| level.on_hand).collect::<Vec<_>>(), [5, 5, 9, 5]);
        assert_eq!(code(shop.stock(&[1; 201]).await), Code::InvalidArgument);
        shop.close().await;
    })
    .await;
}
