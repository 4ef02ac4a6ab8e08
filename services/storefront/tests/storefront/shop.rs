//! A storefront in a runtime of its own, so that it can be killed, and customers who ask it.

use std::time::Duration;

use bookstore_runtime::testing::TestDatabase;
use bookstore_runtime::{Call, Db};
use bookstore_storefront::config::{Config, SagaConfig, ServiceUrls};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::upstreams::Upstreams;

/// A card that every issuer likes.
pub(crate) const CARD: &str = "4242424242424242";
/// Another one.
pub(crate) const OTHER_CARD: &str = "5555555555554444";
/// A card without funds.
pub(crate) const POOR_CARD: &str = "4000000000009995";

/// The longest that anything here may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A storefront with its services and its database.
pub(crate) struct Shop {
    pub(crate) upstreams: Upstreams,
    pub(crate) url: String,
    urls: ServiceUrls,
    settings: Settings,
    database: TestDatabase,
    folder: TempDir,
    http: reqwest::Client,
    process: Option<Process>,
}

/// What a story may want otherwise.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    pub(crate) request_limit: Duration,
    pub(crate) lease: Duration,
    pub(crate) step_limit: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        let lease = Duration::from_secs(10);
        Self { request_limit: Duration::from_secs(10), lease, step_limit: Duration::from_secs(8) }
    }
}

/// What would be a process.
struct Process {
    runtime: Runtime,
    shutdown: Option<oneshot::Sender<()>>,
    ended: JoinHandle<()>,
}

impl Shop {
    pub(crate) async fn open(database: TestDatabase) -> Self {
        Self::open_with(database, Settings::default()).await
    }

    pub(crate) async fn open_with(database: TestDatabase, settings: Settings) -> Self {
        let (upstreams, urls) = Upstreams::start().await;
        let folder = tempfile::tempdir().unwrap();
        let http = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().unwrap();
        let (url, process) = (String::new(), None);
        let mut shop = Self { upstreams, url, urls, settings, database, folder, http, process };
        shop.start().await;
        shop
    }

    /// Starts the storefront; again, after it was killed.
    pub(crate) async fn start(&mut self) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        self.url = format!("http://{}", listener.local_addr().unwrap());
        let listener = listener.into_std().unwrap();
        let Settings { request_limit, lease, step_limit } = self.settings;
        let config = Config {
            database: self.database.config.clone(),
            services: self.urls.clone(),
            secret_file: self.folder.path().join("secret"),
            request_limit,
            saga: SagaConfig { lease, step_limit, sweep_interval: Duration::from_millis(50) },
            compare_url: None,
            secure_cookies: false,
        };
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let (shutdown, signal) = oneshot::channel::<()>();
        let ended = runtime.spawn(async move {
            let listener = TcpListener::from_std(listener).unwrap();
            let shutdown = async { drop(signal.await) };
            bookstore_storefront::run(listener, config, shutdown).await.unwrap();
        });
        self.process = Some(Process { runtime, shutdown: Some(shutdown), ended });
        self.until(async || {
            self.ask(Method::GET, "/readyz").send().await.is_ok_and(|answer| answer.status().is_success())
        })
        .await;
    }

    /// Ends it as `kill -9` would: nothing that was under way goes on.
    pub(crate) fn kill(&mut self) {
        self.process.take().unwrap().runtime.shutdown_background();
    }

    /// Asks it to end, as SIGTERM does.
    pub(crate) fn terminate(&mut self) {
        let shutdown = self.process.as_mut().unwrap().shutdown.take().unwrap();
        shutdown.send(()).unwrap();
    }

    /// Whether it has ended.
    pub(crate) fn has_ended(&self) -> bool {
        self.process.as_ref().unwrap().ended.is_finished()
    }

    /// Waits for a condition.
    pub(crate) async fn until(&self, condition: impl AsyncFn() -> bool) {
        let asked = async {
            while !condition().await {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, asked).await.expect("what a story waits for should come");
    }

    pub(crate) fn ask(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url))
    }

    /// A customer who has registered and logged in.
    pub(crate) async fn customer(&self, name: &str) -> Customer {
        let body = json!({ "email": format!("{name}@example.org"), "password": "correct horse", "name": name });
        let answer = self.ask(Method::POST, "/api/v1/users").json(&body).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::CREATED);
        let answer = self.ask(Method::POST, "/api/v1/sessions").json(&body).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::CREATED);
        let session: Value = answer.json().await.unwrap();
        Customer { token: session["token"].as_str().unwrap().to_owned() }
    }

    /// The only saga's recorded step.
    pub(crate) async fn step(&self) -> String {
        self.rows("SELECT step FROM sagas").await.remove(0)
    }

    /// The first column of a query's rows.
    pub(crate) async fn rows(&self, sql: &'static str) -> Vec<String> {
        let db = self.db().await;
        let call = Call::new_root(PATIENCE);
        let rows: Vec<(String,)> = sqlx::query_as(sql).fetch_all(db.run(&call)).await.unwrap();
        db.close().await;
        rows.into_iter().map(|(value,)| value).collect()
    }

    async fn db(&self) -> Db {
        Db::connect(&self.database.config, &bookstore_storefront::MIGRATIONS).await.unwrap()
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        if let Some(process) = self.process.take() {
            process.runtime.shutdown_background();
        }
    }
}

/// Somebody with a session.
#[derive(Clone, Debug)]
pub(crate) struct Customer {
    pub(crate) token: String,
}

/// An answer, read.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) async fn of(request: RequestBuilder) -> Self {
        let answer = request.send().await.unwrap();
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let body = answer.bytes().await.unwrap();
        Self { status, headers, body: serde_json::from_slice(&body).unwrap_or_default() }
    }

    /// Status and kind of problem.
    pub(crate) fn problem(&self) -> (u16, &str) {
        (self.status, self.body["type"].as_str().unwrap_or_default())
    }
}

impl Customer {
    pub(crate) fn ask(&self, shop: &Shop, method: Method, path: &str) -> RequestBuilder {
        shop.ask(method, path).bearer_auth(&self.token)
    }

    pub(crate) async fn get(&self, shop: &Shop, path: &str) -> Answer {
        Answer::of(self.ask(shop, Method::GET, path)).await
    }

    pub(crate) async fn put(&self, shop: &Shop, book: i64, quantity: i64) -> Answer {
        let request = self.ask(shop, Method::PUT, &format!("/api/v1/basket/items/{book}"));
        Answer::of(request.json(&json!({ "quantity": quantity }))).await
    }

    /// A request to buy, not sent yet.
    pub(crate) fn order(&self, shop: &Shop, key: &str, card: &str) -> RequestBuilder {
        let body = json!({ "card": { "number": card, "expiry": "04/2035", "cvc": "123" } });
        self.ask(shop, Method::POST, "/api/v1/orders").header("idempotency-key", key).json(&body)
    }

    pub(crate) async fn buy(&self, shop: &Shop, key: &str, card: &str) -> Answer {
        Answer::of(self.order(shop, key, card)).await
    }

    /// Buys, and asks again with the same key for as long as the order is under way.
    pub(crate) async fn buy_in_the_end(&self, shop: &Shop, key: &str, card: &str) -> Answer {
        let asked = async {
            loop {
                let answer = self.buy(shop, key, card).await;
                match answer.problem().1 {
                    "/problems/order-in-progress" | "/problems/order-undecided" => {
                        tokio::time::sleep(Duration::from_millis(20)).await;
                    }
                    _ => return answer,
                }
            }
        };
        tokio::time::timeout(PATIENCE, asked).await.expect("an order should end")
    }

    pub(crate) async fn copies_in_basket(&self, shop: &Shop) -> i64 {
        let basket = self.get(shop, "/api/v1/basket").await.body;
        basket["lines"].as_array().unwrap().iter().map(|line| line["quantity"].as_i64().unwrap()).sum()
    }
}
