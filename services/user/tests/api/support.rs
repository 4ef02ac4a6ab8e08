//! A user service on a port of its own, and somebody who calls it.

use std::sync::atomic::{AtomicU64, Ordering};

use bookstore_runtime::problem::Problem;
use bookstore_runtime::testing::TestDatabase;
use bookstore_user::{Config, run};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A password that is long enough.
pub(crate) const PASSWORD: &str = "correct horse battery staple";

/// A user service that runs.
pub(crate) struct Service {
    url: String,
    http: reqwest::Client,
    stop: oneshot::Sender<()>,
    server: JoinHandle<()>,
}

impl Service {
    /// Starts one on this database, with cheap passwords.
    pub(crate) async fn start(database: &TestDatabase) -> Self {
        Self::start_with(database, &[]).await
    }

    /// Starts one with further settings.
    pub(crate) async fn start_with(database: &TestDatabase, settings: &[(&str, &str)]) -> Self {
        let mut source = std::collections::HashMap::from([
            ("DATABASE_URL".to_owned(), database.config.url.expose().clone()),
            ("BOOKSTORE_ARGON2_MEMORY_KIB".to_owned(), "1024".to_owned()),
            ("BOOKSTORE_ARGON2_PASSES".to_owned(), "1".to_owned()),
        ]);
        source.extend(settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let config = Config::from_source(&source).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel();
        let server = tokio::spawn(async move {
            run(listener, config, async { _ = stopped.await }).await.unwrap();
        });
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { url, http, stop, server }
    }

    /// Lets it drain and end.
    pub(crate) async fn stop(self) {
        drop(self.http);
        self.stop.send(()).unwrap();
        self.server.await.unwrap();
    }

    /// A request that is yet to be sent.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url))
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.request(Method::GET, path).send().await.unwrap()
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Response {
        self.request(Method::POST, path).json(body).send().await.unwrap()
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> Response {
        self.request(Method::PUT, path).json(body).send().await.unwrap()
    }

    /// Asks with a session's token.
    pub(crate) async fn with_token(&self, method: Method, path: &str, token: &str) -> Response {
        self.request(method, path).bearer_auth(token).send().await.unwrap()
    }

    /// Registers somebody, and gives the id.
    pub(crate) async fn register(&self, email: &str) -> String {
        let response = self.post("/users", &new_user(email)).await;
        assert_eq!(response.status(), StatusCode::CREATED);
        string(&json_of(response).await, "id")
    }

    pub(crate) async fn log_in(&self, email: &str, password: &str) -> Response {
        self.post("/sessions", &json!({ "email": email, "password": password })).await
    }

    /// Logs somebody in who is registered, and gives the token.
    pub(crate) async fn token(&self, email: &str) -> String {
        let response = self.log_in(email, PASSWORD).await;
        assert_eq!(response.status(), StatusCode::CREATED);
        string(&json_of(response).await, "token")
    }
}

/// A registration that is right.
pub(crate) fn new_user(email: &str) -> Value {
    json!({ "email": email, "password": PASSWORD, "name": "Ada" })
}

/// An address that nobody has used.
pub(crate) fn new_email() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    format!("ada{}@example.org", COUNT.fetch_add(1, Ordering::Relaxed))
}

pub(crate) async fn json_of(response: Response) -> Value {
    serde_json::from_slice(&response.bytes().await.unwrap()).unwrap()
}

/// The problem in an answer, which must say that it is one.
pub(crate) async fn problem_of(response: Response) -> Problem {
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    let request_id = response.headers()["x-request-id"].to_str().unwrap().to_owned();
    let status = response.status();
    let body = json_of(response).await;
    assert_eq!(body["request_id"], request_id);
    let problem: Problem = serde_json::from_value(body).unwrap();
    assert_eq!(problem.status(), status);
    problem
}

pub(crate) fn string(body: &Value, field: &str) -> String {
    body[field].as_str().unwrap().to_owned()
}
