//! Processes are killed with `kill -9` in the middle of purchases. After a restart nothing is half done.
//!
//! There is no hook in the product: purchases run without pause, the kill comes at a random moment, and what the saga
//! table then shows as the last recorded step says where it hit. It is repeated until every step was hit often enough.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a story that cannot go on has failed")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bookstore_harness::customer::GOOD_CARD;
use bookstore_harness::shop::{Shop, temporary};
use bookstore_harness::{Customer, wait};
use bookstore_runtime::testing::note;
use rand::RngExt as _;
use tokio::process::Command;
use tokio::task::JoinSet;

mod common;
use common::{databases, executable, options};

/// The steps of a purchase, as they are recorded.
const STEPS: [&str; 6] = ["price", "reserve", "authorise", "capture", "commit", "confirm"];
/// How often each has to have been the last one recorded.
const OFTEN: u64 = 5;
/// More kills than this were never needed by far.
const KILLS: usize = 150;

/// A saga is taken over at once where its owner is known to be dead, and else soon.
const SOON: [(&str, &str); 2] = [("BOOKSTORE_SAGA_LEASE_MS", "1000"), ("BOOKSTORE_SAGA_SWEEP_MS", "100")];

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_killed_nothing_is_left_half_done() {
    for database in databases() {
        let home = temporary();
        let folder = home.path().join("shop");
        let mut hits: BTreeMap<String, u64> = BTreeMap::new();
        let mut kills = 0;
        while STEPS.iter().any(|step| hits.get(*step).is_none_or(|count| *count < OFTEN)) {
            kills += 1;
            assert!(kills <= KILLS, "after {KILLS} kills some steps were hardly hit: {hits:?}");
            let shop = options(database).env(SOON).folder(&folder).start().await;
            settle(&shop.folder).await;
            let purchases = Purchases::start(&shop).await;
            tokio::time::sleep(Duration::from_millis(rand::rng().random_range(100..600))).await;
            if kills % 3 == 0 {
                one_after_the_other(shop, purchases).await;
            } else {
                // Everything at once, the database's server too.
                shop.kill_all().await;
                purchases.stop().await;
                // Also before anything is mended the books balance: an unfinished saga counts at its recorded step.
                for (step, count) in unfinished(&folder).await {
                    *hits.entry(step).or_default() += count;
                }
            }
        }
        let shop = options(database).env(SOON).folder(&folder).start().await;
        settle(&folder).await;
        shop.customer().await.buy(1).await;
        shop.stop().await;
        note(&format!("{database}: {kills} kills; steps that were the last recorded: {hits:?}"));
    }
}

/// Kills one service after the other under load; the launcher starts each again.
async fn one_after_the_other(shop: Shop, purchases: Purchases) {
    for service in ["storefront", "inventory", "payment", "user", "catalog"] {
        shop.kill(service);
        tokio::time::sleep(Duration::from_millis(rand::rng().random_range(50..250))).await;
    }
    purchases.stop().await;
    settle(&shop.folder).await;
    shop.stop().await;
}

/// Waits until no saga is unfinished. All invariants hold all the while.
async fn settle(folder: &Path) {
    wait::until("all sagas to be finished or undone", async || unfinished(folder).await.is_empty().then_some(())).await;
}

/// How many sagas are unfinished, by the last recorded step. All invariants hold.
async fn unfinished(folder: &Path) -> BTreeMap<String, u64> {
    #[derive(serde::Deserialize)]
    struct Report {
        sound: bool,
        unfinished_sagas: BTreeMap<String, u64>,
    }
    let mut check = Command::new(executable());
    let output = check.args(["check", "--json", "--data-dir"]).arg(folder).output().await.unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let report: Report = serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    assert!(report.sound, "{said}");
    report.unfinished_sagas
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
