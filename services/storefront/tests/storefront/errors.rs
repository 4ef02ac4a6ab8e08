//! What is refused before anything is done.

use std::time::Duration;

use bookstore_runtime::testing::{TestDatabase, on_each_database};
use reqwest::{Method, header};
use serde_json::json;

use crate::shop::{Answer, CARD, Settings, Shop};

#[tokio::test(flavor = "multi_thread")]
async fn every_refusal_is_a_problem_that_names_its_request() {
    let shop = Shop::open(TestDatabase::sqlite()).await;
    let ada = shop.customer("ada").await;
    let post = || shop.ask(Method::POST, "/api/v1/sessions").header(header::CONTENT_TYPE, "application/json");
    let large = format!("{{\"email\": \"{}\"}}", "a".repeat(100 * 1024));
    for (status, request) in [
        (400, post().body("{")),
        (401, shop.ask(Method::GET, "/api/v1/basket")),
        (404, shop.ask(Method::GET, "/api/v1/nothing")),
        (404, shop.ask(Method::POST, "/api/v1/books/1/nothing")),
        (404, ada.ask(&shop, Method::GET, "/api/v1/orders/nothing")),
        (405, shop.ask(Method::DELETE, "/api/v1/books")),
        (413, post().body(large)),
        (415, shop.ask(Method::POST, "/api/v1/sessions").body("{}")),
        (422, post().body("{}")),
    ] {
        let answer = Answer::of(request.header("x-request-id", "story-1")).await;
        assert_eq!(answer.status, status, "{answer:?}");
        assert_eq!(answer.headers["content-type"], "application/problem+json", "{status}");
        assert_eq!(answer.headers["x-request-id"], "story-1");
        assert_eq!(answer.body["request_id"], "story-1");
        assert_eq!(answer.body["status"], status);
        assert!(answer.body["title"].is_string());
    }
    let wrong_method = Answer::of(shop.ask(Method::PATCH, "/api/v1/basket/items/1")).await;
    let mut allowed: Vec<_> = wrong_method.headers["allow"].to_str().unwrap().split(',').map(str::trim).collect();
    allowed.sort_unstable();
    assert_eq!((wrong_method.status, allowed), (405, vec!["DELETE", "PUT"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_saga_starts_for_an_order_that_makes_no_sense() {
    on_each_database(async |database| {
        let shop = Shop::open(database).await;
        let ada = shop.customer("ada").await;
        assert_eq!(ada.buy(&shop, "k", CARD).await.problem(), (422, "/problems/basket-empty"));
        ada.put(&shop, 1, 1).await;

        let card = json!({ "card": { "number": "4242424242424241", "expiry": "13/30", "cvc": "12" } });
        let malformed = ada.ask(&shop, Method::POST, "/api/v1/orders").header("idempotency-key", "k").json(&card);
        let malformed = Answer::of(malformed).await;
        assert_eq!(malformed.problem(), (422, "/problems/invalid"));
        let errors = malformed.body["errors"].as_array().unwrap();
        let fields: Vec<_> = errors.iter().map(|error| error["field"].as_str().unwrap()).collect();
        assert_eq!(fields, ["card.number", "card.expiry", "card.cvc"]);
        assert!(!malformed.body.to_string().contains("4242"), "a number is repeated: {}", malformed.body);

        let unnamed = ada.ask(&shop, Method::POST, "/api/v1/orders");
        let good = json!({ "card": { "number": CARD, "expiry": "04/35", "cvc": "123" } });
        let twice = ada.order(&shop, "k", CARD).header("idempotency-key", "l");
        let long = ada.order(&shop, &"k".repeat(256), CARD);
        for request in [unnamed.json(&good), ada.order(&shop, "a b", CARD), long, twice] {
            assert_eq!(Answer::of(request).await.problem(), (422, "/problems/idempotency-key-missing"));
        }
        assert_eq!(ada.get(&shop, "/api/v1/orders").await.body, json!({ "items": [] }));
        assert_eq!(shop.upstreams.asked("reserve"), 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_service_costs_no_more_than_the_time_there_is() {
    let settings = Settings { request_limit: Duration::from_millis(400), ..Settings::default() };
    let shop = Shop::open_with(TestDatabase::sqlite(), settings).await;
    let _closed = shop.upstreams.gate("book");
    let slow = Answer::of(shop.ask(Method::GET, "/api/v1/books/1")).await;
    assert!(matches!(slow.status, 503 | 504), "{slow:?}");
}
