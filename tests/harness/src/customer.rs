//! A customer of the shop, over its JSON API.

use reqwest::{Method, Response, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::wait;

/// A test card that is accepted.
pub const GOOD_CARD: &str = "4242424242424242";
/// A test card that is declined.
pub const DECLINED_CARD: &str = "4000000000000002";

/// What the shop answers to a purchase, as far as tests look at it.
#[derive(Clone, Debug, Deserialize)]
pub struct Order {
    /// A UUID.
    pub id: String,
    /// `confirmed` and so on.
    pub status: String,
    /// What it cost.
    pub total: Total,
}

/// An amount.
#[derive(Clone, Debug, Deserialize)]
pub struct Total {
    /// In minor units.
    pub amount: i64,
}

/// Somebody with an account, logged in.
#[derive(Clone, Debug)]
pub struct Customer {
    http: reqwest::Client,
    api: String,
    /// The e-mail address.
    pub email: String,
    /// The password.
    pub password: String,
    /// The session's token.
    pub token: String,
}

impl Customer {
    /// Registers and logs in somebody new at the shop at `storefront`.
    ///
    /// # Panics
    /// When the shop does not let them.
    pub async fn new(http: &reqwest::Client, storefront: &str) -> Self {
        let email = format!("{}@example.org", uuid::Uuid::new_v4().simple());
        Self::with(http, storefront, &email, "correct horse battery staple", "Ada").await
    }

    /// [`new`](Self::new), with an e-mail address, password and name of the caller's.
    ///
    /// # Panics
    /// When the shop does not let them.
    pub async fn with(http: &reqwest::Client, storefront: &str, email: &str, password: &str, name: &str) -> Self {
        let api = format!("{storefront}/api/v1");
        let body = json!({"email": email, "password": password, "name": name});
        let registered = http.post(format!("{api}/users")).json(&body).send().await.expect("the shop answers");
        expect(registered, StatusCode::CREATED).await;
        let body = json!({"email": email, "password": password});
        let opened = http.post(format!("{api}/sessions")).json(&body).send().await.expect("the shop answers");
        let opened = expect(opened, StatusCode::CREATED).await;
        let token = opened["token"].as_str().expect("a token").to_owned();
        Self { http: http.clone(), api, email: email.to_owned(), password: password.to_owned(), token }
    }

    /// A request of this customer's, to a path below `/api/v1`.
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method, format!("{}{path}", self.api)).bearer_auth(&self.token)
    }

    /// Gets a path below `/api/v1`.
    ///
    /// # Panics
    /// When the shop cannot be reached.
    pub async fn get(&self, path: &str) -> Response {
        self.request(Method::GET, path).send().await.expect("the shop answers")
    }

    /// Puts copies of a book into the basket.
    ///
    /// # Panics
    /// When the shop cannot be reached, or refuses.
    pub async fn put(&self, book_id: i64, quantity: i64) -> Value {
        // On a machine that is busy with other things the shop may ask to wait.
        let answer = wait::until("a place in the basket", async || {
            let path = format!("/basket/items/{book_id}");
            let put = self.request(Method::PUT, &path).json(&json!({"quantity": quantity}));
            let answer = put.send().await.expect("the shop answers");
            (answer.status() != StatusCode::SERVICE_UNAVAILABLE).then_some(answer)
        })
        .await;
        expect(answer, StatusCode::OK).await
    }

    /// Buys what is in the basket, and asks again with the same key until it is decided: the last answer's status.
    ///
    /// # Panics
    /// When the shop cannot be reached, or nothing is decided in time.
    pub async fn decide(&self, key: &str, card: &str) -> StatusCode {
        wait::until("a purchase to be decided", async || {
            let answer = self.order(key, card).send().await.expect("the shop answers");
            let status = answer.status();
            let text = answer.text().await.expect("a whole answer");
            let undecided = matches!(status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT)
                || text.contains("order-in-progress");
            (!undecided).then_some(status)
        })
        .await
    }

    /// A purchase of what is in the basket, not sent yet.
    pub fn order(&self, key: &str, card: &str) -> reqwest::RequestBuilder {
        let body = json!({"card": {"number": card, "expiry": "12/39", "cvc": "123"}});
        self.request(Method::POST, "/orders").header("idempotency-key", key).json(&body)
    }

    /// Buys one copy of a book.
    ///
    /// # Panics
    /// When that does not end in an order that is confirmed.
    pub async fn buy(&self, book_id: i64) -> Order {
        self.put(book_id, 1).await;
        let answer = self.order(&uuid::Uuid::new_v4().to_string(), GOOD_CARD).send().await.expect("the shop answers");
        let order = expect(answer, StatusCode::CREATED).await;
        let order: Order = serde_json::from_value(order).expect("an order");
        assert_eq!(order.status, "confirmed");
        order
    }
}

/// The JSON of an answer that should have this status.
///
/// # Panics
/// When it has another, with what it says.
pub async fn expect(answer: Response, status: StatusCode) -> Value {
    let (got, url) = (answer.status(), answer.url().path().to_owned());
    let text = answer.text().await.expect("a whole answer");
    assert_eq!(got, status, "{url}: {text}");
    serde_json::from_str(&text).unwrap_or(Value::Null)
}
