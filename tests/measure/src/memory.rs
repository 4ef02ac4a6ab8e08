//! How much memory the five services hold after a thousand purchases.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context as _;
use bookstore_harness::shop::{Options, Shop};
use serde::Serialize;

use crate::report::round;

const CUSTOMERS: usize = 20;
const PURCHASES: usize = 1_000;
const SERVICES: [&str; 5] = ["catalog", "inventory", "payment", "storefront", "user"];

#[derive(Debug, Serialize)]
pub(crate) struct Memory {
    purchases: usize,
    /// Resident set of each service, in MiB (`VmRSS` of `/proc/PID/status`).
    rss_mib: BTreeMap<&'static str, f64>,
    total_mib: f64,
}

pub(crate) async fn measure(bookstore: &Path) -> anyhow::Result<Memory> {
    // Passwords are hashed at their real cost here: their memory counts.
    let options =
        Options::new(bookstore).env([("BOOKSTORE_ARGON2_MEMORY_KIB", "19456"), ("BOOKSTORE_INITIAL_COPIES", "1000")]);
    let shop = options.start().await;
    buy(&shop).await;
    let mut rss_mib = BTreeMap::new();
    for name in SERVICES {
        let pid = shop.ready.services.get(name).with_context(|| format!("{name} does not run"))?.pid;
        rss_mib.insert(name, rss(pid)?);
    }
    shop.stop().await;
    let total_mib = round(rss_mib.values().sum());
    Ok(Memory { purchases: PURCHASES, rss_mib, total_mib })
}

async fn buy(shop: &Shop) {
    let customers = (0..CUSTOMERS).map(|n| async move {
        let customer = shop.customer().await;
        for purchase in 0..PURCHASES / CUSTOMERS {
            let book = 1 + (n * 31 + purchase * 7) % 500;
            customer.buy(i64::try_from(book).unwrap_or(1)).await;
        }
    });
    futures_util::future::join_all(customers).await;
}

fn rss(pid: i32) -> anyhow::Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    let kib: f64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(round(kib / 1024.0))
}
