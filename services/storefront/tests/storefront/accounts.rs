//! Registering, logging in, logging out.

use bookstore_runtime::testing::{TestDatabase, on_each_database};
use reqwest::Method;
use serde_json::json;

use crate::shop::{Answer, Shop};

#[tokio::test(flavor = "multi_thread")]
async fn a_session_opens_the_basket_until_it_is_ended() {
    on_each_database(async |database| {
        let shop = Shop::open(database).await;
        let ada = shop.customer("ada").await;
        assert_eq!(ada.get(&shop, "/api/v1/basket").await.status, 200);
        for _ in 0..2 {
            assert_eq!(Answer::of(ada.ask(&shop, Method::DELETE, "/api/v1/sessions")).await.status, 204);
        }
        assert_eq!(ada.get(&shop, "/api/v1/basket").await.problem(), (401, "/problems/not-logged-in"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_user_service_refuses_is_said_in_our_words() {
    let shop = Shop::open(TestDatabase::sqlite()).await;
    shop.customer("ada").await;
    let register = |email: &str, password: &str| {
        let body = json!({ "email": email, "password": password, "name": "Ada" });
        Answer::of(shop.ask(Method::POST, "/api/v1/users").json(&body))
    };
    assert_eq!(register("ada@example.org", "correct horse").await.problem(), (409, "/problems/email-taken"));

    let short = register("bob@example.org", "short").await;
    assert_eq!(short.problem(), (422, "/problems/invalid"));
    assert_eq!(short.body["errors"][0]["field"], "password");

    let often = register("often@example.org", "correct horse").await;
    assert_eq!(often.problem(), (429, "/problems/too-often"));
    assert_eq!(often.headers["retry-after"], "17");

    let body = json!({ "email": "ada@example.org", "password": "wrong" });
    let wrong = Answer::of(shop.ask(Method::POST, "/api/v1/sessions").json(&body)).await;
    assert_eq!(wrong.problem(), (401, "/problems/wrong-credentials"));
    assert_eq!(wrong.headers["www-authenticate"], "Bearer");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_needs_a_session_says_so() {
    let shop = Shop::open(TestDatabase::sqlite()).await;
    for (method, path) in [
        (Method::GET, "/api/v1/basket"),
        (Method::PUT, "/api/v1/basket/items/1"),
        (Method::DELETE, "/api/v1/basket/items/1"),
        (Method::GET, "/api/v1/orders"),
        (Method::POST, "/api/v1/orders"),
        (Method::GET, "/api/v1/orders/0199d1a0-7b1e-7c43-9f5e-3f1c2b0a4d5e"),
        (Method::DELETE, "/api/v1/sessions"),
    ] {
        let without = Answer::of(shop.ask(method.clone(), path)).await;
        let basic = Answer::of(shop.ask(method.clone(), path).basic_auth("ada", Some("x"))).await;
        for answer in [without, basic] {
            assert_eq!(answer.problem(), (401, "/problems/not-logged-in"), "{method} {path}");
            assert_eq!(answer.headers["www-authenticate"], "Bearer");
        }
    }
    let unknown = shop.ask(Method::GET, "/api/v1/basket").bearer_auth("nobody");
    assert_eq!(Answer::of(unknown).await.problem(), (401, "/problems/not-logged-in"));
}
