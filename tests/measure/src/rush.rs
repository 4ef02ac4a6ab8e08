//! Two hundred purchases at once of the last fifty copies of one book.

use std::path::Path;
use std::time::Instant;

use bookstore_harness::Customer;
use bookstore_harness::customer::GOOD_CARD;
use bookstore_harness::shop::Options;
use reqwest::StatusCode;
use serde::Serialize;

use crate::report::round;

const BUYERS: usize = 200;
const COPIES: &str = "50";

#[derive(Debug, Serialize)]
pub(crate) struct Rush {
    buyers: usize,
    orders: usize,
    out_of_stock: usize,
    anything_else: usize,
    invariants_hold: bool,
    seconds: f64,
}

pub(crate) async fn measure(bookstore: &Path) -> anyhow::Result<Rush> {
    let shop = Options::new(bookstore).env([("BOOKSTORE_INITIAL_COPIES", COPIES)]).start().await;
    let mut buyers = Vec::new();
    for _ in 0..BUYERS {
        let buyer = shop.customer().await;
        buyer.put(3, 1).await;
        buyers.push(buyer);
    }
    let started = Instant::now();
    let outcomes = futures_util::future::join_all(buyers.iter().map(buy)).await;
    let seconds = round(started.elapsed().as_secs_f64());
    let count = |status| outcomes.iter().filter(|outcome| **outcome == Some(status)).count();
    let (orders, out_of_stock) = (count(StatusCode::CREATED), count(StatusCode::CONFLICT));
    let (invariants_hold, _) = shop.check().await;
    shop.stop().await;
    let anything_else = BUYERS - orders - out_of_stock;
    Ok(Rush { buyers: BUYERS, orders, out_of_stock, anything_else, invariants_hold, seconds })
}

async fn buy(buyer: &Customer) -> Option<StatusCode> {
    let order = buyer.order(&uuid::Uuid::new_v4().to_string(), GOOD_CARD).send().await;
    order.ok().map(|answer| answer.status())
}
