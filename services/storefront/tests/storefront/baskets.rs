//! Books and baskets.

use bookstore_runtime::testing::{TestDatabase, on_each_database};
use reqwest::Method;
use serde_json::json;

use crate::shop::{Answer, Shop};

#[tokio::test(flavor = "multi_thread")]
async fn a_basket_holds_what_was_put_into_it() {
    on_each_database(async |database| {
        let shop = Shop::open(database).await;
        let ada = shop.customer("ada").await;
        let bob = shop.customer("bob").await;
        ada.put(&shop, 2, 1).await;
        ada.put(&shop, 1, 5).await;
        let basket = ada.put(&shop, 1, 2).await;
        assert_eq!(basket.status, 200);
        assert_eq!(basket.body, ada.get(&shop, "/api/v1/basket").await.body);
        assert_eq!(
            basket.body,
            json!({
                "lines": [
                    {
                        "book_id": 2, "title": "Emma", "author": "Somebody", "quantity": 1, "available": 10,
                        "price": { "amount": 999, "currency": "EUR" }, "subtotal": { "amount": 999, "currency": "EUR" },
                    },
                    {
                        "book_id": 1, "title": "Middlemarch", "author": "Somebody", "quantity": 2, "available": 10,
                        "price": { "amount": 1299, "currency": "EUR" }, "subtotal": { "amount": 2598, "currency": "EUR" },
                    },
                ],
                "total": { "amount": 3597, "currency": "EUR" },
            })
        );
        assert_eq!(bob.copies_in_basket(&shop).await, 0);
        for _ in 0..2 {
            let removed = Answer::of(ada.ask(&shop, Method::DELETE, "/api/v1/basket/items/2")).await;
            assert_eq!((removed.status, &removed.body["total"]["amount"]), (200, &json!(2598)));
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_basket_has_limits() {
    on_each_database(async |database| {
        let shop = Shop::open(database).await;
        let ada = shop.customer("ada").await;
        for quantity in [0, -1, 100, i64::MAX] {
            let refused = ada.put(&shop, 1, quantity).await;
            assert_eq!(refused.problem(), (422, "/problems/invalid"), "{quantity}");
            assert_eq!(refused.body["errors"][0]["field"], "quantity");
        }
        for book in [0, -1, 61, i64::MAX] {
            assert_eq!(ada.put(&shop, book, 1).await.status, 404, "{book}");
        }
        // All at once: the limit holds in a race too.
        let puts = (1..=55).map(|book| {
            let put = ada.ask(&shop, Method::PUT, &format!("/api/v1/basket/items/{book}"));
            tokio::spawn(Answer::of(put.json(&json!({ "quantity": 99 }))))
        });
        let (mut put, mut full) = (0, 0);
        for answer in puts.collect::<Vec<_>>() {
            match answer.await.unwrap().problem() {
                (200, _) => put += 1,
                (422, "/problems/basket-full") => full += 1,
                other => panic!("{other:?}"),
            }
        }
        assert_eq!((put, full), (50, 5));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn books_are_the_catalogs_with_the_stock_of_inventory() {
    let shop = Shop::open(TestDatabase::sqlite()).await;
    let get = |path: &'static str| Answer::of(shop.ask(Method::GET, path));
    let list = get("/api/v1/books?q=e&page=1&per_page=20").await;
    assert_eq!((list.status, &list.body["items"][0]["available"]), (200, &json!(10)));
    assert_eq!(get("/api/v1/books/1").await.body["available"], 10);
    assert_eq!(get("/api/v1/subjects").await.body, json!([{ "subject": "Fiction", "books": 3 }]));
    for unknown in ["/api/v1/books/99", "/api/v1/books/0", "/api/v1/books/emma"] {
        assert_eq!(get(unknown).await.problem(), (404, "about:blank"), "{unknown}");
    }
    let bad = get("/api/v1/books?sort=smell").await;
    assert_eq!(bad.problem(), (422, "/problems/invalid"));
    assert_eq!(bad.body["detail"], "sort must be title or price");
    assert_eq!(get("/api/v1/books?page=two").await.problem(), (422, "/problems/invalid"));

    // A book can be looked at without its stock, but not without its row.
    shop.upstreams.down("stock");
    let book = get("/api/v1/books/1").await;
    assert_eq!((book.status, book.body.get("available")), (200, None));
    shop.upstreams.down("book");
    let away = get("/api/v1/books/1").await;
    assert_eq!(away.problem(), (503, "/problems/service-unavailable"));
    assert!(away.headers.contains_key("retry-after"));
}
