//! A purchase, from the catalog to the order, and everything that can be wrong with one.
#![expect(clippy::unwrap_used, reason = "a story that cannot go on has failed")]

use bookstore_harness::customer::{DECLINED_CARD, GOOD_CARD, expect};
use bookstore_harness::shop::{Options, Shop};
use bookstore_harness::{Customer, wait};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

mod common;
use common::{databases, options};

async fn problem(answer: Response, status: StatusCode) -> Value {
    assert_eq!(answer.headers()["content-type"], "application/problem+json", "{}", answer.url());
    let id = answer.headers()["x-request-id"].to_str().unwrap().to_owned();
    let problem = expect(answer, status).await;
    assert_eq!(problem["status"], status.as_u16());
    assert_eq!(problem["request_id"], id.as_str());
    for member in ["type", "title", "detail"] {
        assert!(problem[member].as_str().is_some_and(|text| !text.is_empty()), "{member}: {problem}");
    }
    problem
}

fn key() -> String {
    uuid::Uuid::new_v4().to_string()
}

async fn well(shop: &Shop) {
    let (well, said) = shop.check().await;
    assert!(well, "{said}");
}

#[tokio::test]
async fn a_customer_finds_a_book_and_buys_it() {
    for database in databases() {
        let shop = options(database).start().await;
        let ada = shop.customer().await;

        let found = expect(ada.get("/books?q=emily+bronte&per_page=5").await, StatusCode::OK).await;
        assert_eq!((&found["page"], &found["per_page"]), (&json!(1), &json!(5)));
        let book = &found["items"][0];
        assert!(book["author"].as_str().unwrap().contains("Brontë"), "{book}");
        let (id, price) = (book["id"].as_i64().unwrap(), book["price"]["amount"].as_i64().unwrap());
        let before =
            expect(ada.get(&format!("/books/{id}")).await, StatusCode::OK).await["available"].as_i64().unwrap();

        let basket = ada.put(id, 2).await;
        assert_eq!(basket["total"]["amount"], price * 2, "{basket}");
        let bought = ada.order(&key(), GOOD_CARD).send().await.unwrap();
        let order = expect(bought, StatusCode::CREATED).await;
        assert_eq!((&order["status"], &order["total"]["amount"]), (&json!("confirmed"), &json!(price * 2)));
        assert_eq!(order["lines"][0]["book_id"], id);
        assert_eq!(order["lines"][0]["quantity"], 2);

        let after = expect(ada.get(&format!("/books/{id}")).await, StatusCode::OK).await["available"].as_i64().unwrap();
        assert_eq!(after, before - 2);
        let basket = expect(ada.get("/basket").await, StatusCode::OK).await;
        assert_eq!(basket["total"]["amount"], 0, "{basket}");
        let orders = expect(ada.get("/orders").await, StatusCode::OK).await;
        assert!(orders.to_string().contains(order["id"].as_str().unwrap()), "{orders}");
        let same = expect(ada.get(&format!("/orders/{}", order["id"].as_str().unwrap())).await, StatusCode::OK).await;
        assert_eq!(same["id"], order["id"]);
        well(&shop).await;
        shop.stop().await;
    }
}

#[tokio::test]
async fn the_same_key_never_buys_twice() {
    let shop = options("sqlite").start().await;
    let ada = shop.customer().await;
    ada.put(1, 1).await;
    let key = key();
    let first = expect(ada.order(&key, GOOD_CARD).send().await.unwrap(), StatusCode::CREATED).await;
    ada.put(2, 1).await;
    let again = expect(ada.order(&key, GOOD_CARD).send().await.unwrap(), StatusCode::CREATED).await;
    assert_eq!(again["id"], first["id"]);
    let other =
        problem(ada.order(&key, "5555555555554444").send().await.unwrap(), StatusCode::UNPROCESSABLE_ENTITY).await;
    assert!(other["type"].as_str().unwrap().contains("idempotency"), "{other}");
    // The same at once: one buys, the others are told that it is under way, or get its order.
    let key = self::key();
    let tries = (0..8).map(|_| ada.order(&key, GOOD_CARD).send());
    let mut orders = std::collections::BTreeSet::new();
    for answer in futures_util::future::join_all(tries).await {
        let answer = answer.unwrap();
        if answer.status() == StatusCode::CONFLICT {
            let running = problem(answer, StatusCode::CONFLICT).await;
            assert!(running["type"].as_str().unwrap().contains("progress"), "{running}");
        } else {
            orders.insert(expect(answer, StatusCode::CREATED).await["id"].as_str().unwrap().to_owned());
        }
    }
    assert_eq!(orders.len(), 1);
    well(&shop).await;
}

#[tokio::test]
async fn every_error_says_what_is_wrong() {
    for database in databases() {
        let scarce = [("BOOKSTORE_INITIAL_COPIES", "3")];
        let shop = options(database).env(scarce).start().await;
        let (ada, bob) = (shop.customer().await, shop.customer().await);
        let api = format!("{}/api/v1", shop.ready.storefront);
        let post = |path: &str, body: Value| shop.http.post(format!("{api}{path}")).json(&body).send();

        let taken = json!({"email": ada.email, "password": "another password", "name": "Eve"});
        problem(post("/users", taken).await.unwrap(), StatusCode::CONFLICT).await;
        let nonsense = json!({"email": "nobody", "password": "short", "name": ""});
        let nonsense = problem(post("/users", nonsense).await.unwrap(), StatusCode::UNPROCESSABLE_ENTITY).await;
        assert!(nonsense.to_string().contains("email"), "{nonsense}");
        let wrong = json!({"email": ada.email, "password": "wrong password"});
        let wrong = problem(post("/sessions", wrong).await.unwrap(), StatusCode::UNAUTHORIZED).await;
        let unknown = json!({"email": "nobody@example.org", "password": "wrong password"});
        let mut unknown = problem(post("/sessions", unknown).await.unwrap(), StatusCode::UNAUTHORIZED).await;
        unknown["request_id"] = wrong["request_id"].clone();
        assert_eq!(wrong, unknown, "an answer tells whether an account exists");
        too_many_tries(&shop).await;

        problem(shop.http.get(format!("{api}/basket")).send().await.unwrap(), StatusCode::UNAUTHORIZED).await;
        problem(ada.get("/books/999999").await, StatusCode::NOT_FOUND).await;
        problem(ada.get("/books?per_page=1000").await, StatusCode::UNPROCESSABLE_ENTITY).await;
        problem(ada.get("/books?sort=colour").await, StatusCode::UNPROCESSABLE_ENTITY).await;
        problem(ada.get("/nothing").await, StatusCode::NOT_FOUND).await;
        let method = ada.request(Method::DELETE, "/books").send().await.unwrap();
        assert!(method.headers().contains_key("allow"));
        expect(method, StatusCode::METHOD_NOT_ALLOWED).await;
        let quantity = ada.request(Method::PUT, "/basket/items/1").json(&json!({"quantity": 0})).send().await.unwrap();
        problem(quantity, StatusCode::UNPROCESSABLE_ENTITY).await;
        let large = ada.request(Method::PUT, "/basket/items/1").body("x".repeat(200_000)).send().await.unwrap();
        assert!(large.status().is_client_error());

        problem(ada.order(&key(), GOOD_CARD).send().await.unwrap(), StatusCode::UNPROCESSABLE_ENTITY).await; // empty basket
        ada.put(7, 2).await;
        let keyless = ada
            .request(Method::POST, "/orders")
            .json(&json!({"card": {"number": GOOD_CARD, "expiry": "12/39", "cvc": "123"}}));
        problem(keyless.send().await.unwrap(), StatusCode::UNPROCESSABLE_ENTITY).await;
        for card in [
            json!({"number": "4242424242424241", "expiry": "12/39", "cvc": "123"}),
            json!({"number": GOOD_CARD, "expiry": "13/39", "cvc": "123"}),
            json!({"number": GOOD_CARD, "expiry": "12/39", "cvc": "12"}),
        ] {
            let order =
                ada.request(Method::POST, "/orders").header("idempotency-key", key()).json(&json!({"card": card}));
            let refused = problem(order.send().await.unwrap(), StatusCode::UNPROCESSABLE_ENTITY).await;
            assert!(!refused.to_string().contains("424242424242"), "{refused}");
        }
        let declined = key();
        for _ in 0..2 {
            problem(ada.order(&declined, DECLINED_CARD).send().await.unwrap(), StatusCode::PAYMENT_REQUIRED).await;
        }
        let poor = ada.order(&key(), "4000000000009995").send().await.unwrap();
        assert!(problem(poor, StatusCode::PAYMENT_REQUIRED).await.to_string().contains("fund"));
        let down = ada.order(&key(), "4000000000000119").send().await.unwrap();
        assert!(down.headers().contains_key("retry-after"));
        problem(down, StatusCode::SERVICE_UNAVAILABLE).await;

        // Both want two of three copies.
        bob.put(7, 2).await;
        let first = expect(bob.order(&key(), GOOD_CARD).send().await.unwrap(), StatusCode::CREATED).await;
        let short = problem(ada.order(&key(), GOOD_CARD).send().await.unwrap(), StatusCode::CONFLICT).await;
        assert!(short["type"].as_str().unwrap().contains("out-of-stock"), "{short}");
        assert_eq!((&short["books"][0]["book_id"], &short["books"][0]["available"]), (&json!(7), &json!(1)), "{short}");
        problem(ada.get(&format!("/orders/{}", first["id"].as_str().unwrap())).await, StatusCode::NOT_FOUND).await;
        problem(ada.get("/orders/no-uuid").await, StatusCode::NOT_FOUND).await;

        expect(bob.request(Method::DELETE, "/sessions").send().await.unwrap(), StatusCode::NO_CONTENT).await;
        problem(bob.get("/orders").await, StatusCode::UNAUTHORIZED).await;
        well(&shop).await;
        shop.stop().await;
    }
}

/// Guessing is slowed down, for one account and no other.
async fn too_many_tries(shop: &Shop) {
    let eve = shop.customer().await;
    let body = json!({"email": eve.email, "password": "a wrong guess"});
    let url = format!("{}/api/v1/sessions", shop.ready.storefront);
    let limited = wait::until("guessing to be slowed down", async || {
        let answer = shop.http.post(&url).json(&body).send().await.unwrap();
        (answer.status() == StatusCode::TOO_MANY_REQUESTS).then_some(answer)
    })
    .await;
    assert!(limited.headers().contains_key("retry-after"));
    problem(limited, StatusCode::TOO_MANY_REQUESTS).await;
    shop.customer().await;
}

#[tokio::test]
async fn two_hundred_want_the_last_fifty() {
    for database in databases() {
        let shop = options(database).env([("BOOKSTORE_INITIAL_COPIES", "50")]).start().await;
        let buyers = futures_util::future::join_all((0..20).map(|_| shop.customer())).await;
        // Ten purchases each: what is in a basket is bought by one key at a time, so each is a customer's turn.
        let outcomes = futures_util::future::join_all(buyers.iter().map(ten_tries)).await.concat();
        let count = |status| outcomes.iter().filter(|outcome| **outcome == status).count();
        assert_eq!((count(StatusCode::CREATED), count(StatusCode::CONFLICT)), (50, 150), "{database}");
        well(&shop).await;
        shop.stop().await;
    }
}

async fn ten_tries(buyer: &Customer) -> Vec<StatusCode> {
    let mut outcomes = Vec::new();
    for _ in 0..10 {
        buyer.put(3, 1).await;
        outcomes.push(buyer.decide(&key(), GOOD_CARD).await);
    }
    outcomes
}

#[tokio::test]
async fn the_document_describes_the_api_that_answers() {
    let shop = Options::new(common::executable()).start().await;
    let document = shop.http.get(format!("{}/api/v1/openapi.json", shop.ready.storefront)).send().await.unwrap();
    let document = expect(document, StatusCode::OK).await;
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"), "{}", document["openapi"]);
    for (path, methods) in [
        ("/users", &["post"][..]),
        ("/sessions", &["post", "delete"]),
        ("/books", &["get"]),
        ("/books/{id}", &["get"]),
        ("/basket", &["get"]),
        ("/basket/items/{book_id}", &["put", "delete"]),
        ("/orders", &["get", "post"]),
        ("/orders/{id}", &["get"]),
    ] {
        let described = document["paths"].as_object().unwrap().iter().find(|(found, _)| found.ends_with(path));
        let (_, described) = described.unwrap_or_else(|| panic!("{path} is not described"));
        for method in methods {
            assert!(described[*method]["responses"].is_object(), "{method} {path}");
        }
    }
    let page = shop.http.get(format!("{}/api/v1/docs", shop.ready.storefront)).send().await.unwrap();
    assert_eq!(page.status(), StatusCode::OK);
    let page = page.text().await.unwrap();
    for attribute in ["src=\"http", "href=\"http://cdn", "href=\"https://cdn", "@import", "url(http"] {
        assert!(!page.contains(attribute), "the page loads something from elsewhere: {attribute}");
    }
}
