//! Processes are killed with `kill -9` in the middle of purchases. After a restart nothing is half done.
//!
//! There is no hook in the product: purchases run without pause, the kill comes at a random moment, and what the saga
//! table then shows as the last recorded step says where it hit. It is repeated until every step was hit often enough.
#![cfg(target_os = "linux")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bookstore_harness::customer::GOOD_CARD;
use bookstore_harness::shop::{self, Shop, temporary};
use bookstore_harness::{Customer, wait};
use rand::RngExt as _;
use sqlx::Row as _;
use tokio::task::JoinSet;

mod common;
use common::{executable, options};

/// The steps of a purchase, as they are recorded.
const STEPS: [&str; 6] = ["price", "reserve", "authorise", "capture", "commit", "confirm"];
/// How often each has to have been the last one recorded.
const OFTEN: usize = 5;
/// More kills than this were never needed by far.
const KILLS: usize = 150;

/// A saga is taken over at once where its owner is known to be dead, and else soon.
const SOON: [(&str, &str); 2] = [("BOOKSTORE_SAGA_LEASE_MS", "1000"), ("BOOKSTORE_SAGA_SWEEP_MS", "100")];

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_killed_nothing_is_left_half_done() {
    let home = temporary();
    let folder = home.path().join("shop");
    let mut hits: BTreeMap<String, usize> = BTreeMap::new();
    let mut kills = 0;
    while STEPS.iter().any(|step| hits.get(*step).is_none_or(|count| *count < OFTEN)) {
        kills += 1;
        assert!(kills <= KILLS, "after {KILLS} kills some steps were hardly hit: {hits:?}");
        let shop = options("sqlite").env(SOON).folder(&folder).start().await;
        settle(&shop).await;
        let purchases = Purchases::start(&shop).await;
        let pause = rand::rng().random_range(100..600);
        tokio::time::sleep(Duration::from_millis(pause)).await;
        // Everything at once, or one service, which the launcher starts again under load.
        if kills % 3 == 0 {
            for service in ["storefront", "inventory", "payment", "user", "catalog"] {
                shop.kill(service);
                tokio::time::sleep(Duration::from_millis(rand::rng().random_range(50..250))).await;
            }
            purchases.stop().await;
            settle(&shop).await;
            shop.stop().await;
        } else {
            shop.kill_all().await;
            purchases.stop().await;
            for step in unfinished(&folder).await {
                *hits.entry(step).or_default() += 1;
            }
            // Also before anything is mended: an unfinished saga counts at its recorded step.
            let (well, said) = shop::check(&executable(), &folder).await;
            assert!(well, "{said}");
        }
    }
    let shop = options("sqlite").env(SOON).folder(&folder).start().await;
    settle(&shop).await;
    shop.customer().await.buy(1).await;
    shop.stop().await;
    println!("{kills} kills; last recorded steps: {hits:?}");
}

/// Waits until no saga is unfinished and all invariants hold.
async fn settle(shop: &Shop) {
    wait::until("all sagas to be finished or undone", async || unfinished(&shop.folder).await.is_empty().then_some(()))
        .await;
    let (well, said) = shop.check().await;
    assert!(well, "{said}");
}

/// The last recorded step of each unfinished saga.
async fn unfinished(folder: &Path) -> Vec<String> {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(folder.join("storefront.db")).read_only(true);
    let Ok(mut connection) = sqlx::ConnectOptions::connect(&options).await else { return vec!["unread".to_owned()] };
    let rows =
        sqlx::query("SELECT step FROM sagas WHERE step NOT IN ('done', 'undone')").fetch_all(&mut connection).await;
    rows.map_or_else(|_| vec!["unread".to_owned()], |rows| rows.iter().map(|row| row.get("step")).collect())
}

/// Customers who buy without pause, and take failures as they come.
struct Purchases {
    stop: Arc<AtomicBool>,
    buyers: JoinSet<()>,
}

impl Purchases {
    async fn start(shop: &Shop) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let mut buyers = JoinSet::new();
        for buyer in 0..12_i64 {
            let (customer, stop) = (shop.customer().await, Arc::clone(&stop));
            buyers.spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    try_to_buy(&customer, 1 + buyer % 4).await;
                }
            });
        }
        Self { stop, buyers }
    }

    async fn stop(mut self) {
        self.stop.store(true, Ordering::Relaxed);
        while self.buyers.join_next().await.is_some() {}
    }
}

async fn try_to_buy(customer: &Customer, book_id: i64) {
    let body = serde_json::json!({"quantity": 1});
    let put = customer.request(reqwest::Method::PUT, &format!("/basket/items/{book_id}")).json(&body);
    if put.send().await.is_err() {
        // The shop is dead: no need to hurry.
        tokio::time::sleep(Duration::from_millis(20)).await;
        return;
    }
    let _ = customer.order(&uuid::Uuid::new_v4().to_string(), GOOD_CARD).send().await;
}
