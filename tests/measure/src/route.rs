//! One route against the barest handler, and against another build of itself, in interleaved runs.
//!
//! Server on core 0, load on core 1. Instrumentation is off.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context as _;
use bookstore_harness::Shop;
use bookstore_harness::shop::Options;
use serde::Serialize;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::report::{Spread, round};
use crate::{load, pin};

const SERVERS: usize = 0;
const LOAD: usize = 1;

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) pairs: usize,
    pub(crate) seconds: f64,
}

#[derive(Debug, Serialize)]
pub(crate) struct Route {
    /// Answers a second of the barest axum and sqlx handler.
    bare_per_s: Spread,
    /// Of the catalog's `GET /books/{id}`, asked directly.
    catalog_per_s: Spread,
    /// Pair by pair.
    catalog_to_bare: Ratio,
    /// Of the storefront's `GET /api/v1/books/{id}`, which asks catalog and inventory. All three on one core.
    storefront_per_s: Spread,
}

/// Ratios of pairs of runs: one after the other, so that the machine's moods fall on both.
#[derive(Debug, Serialize)]
pub(crate) struct Ratio {
    pairs: usize,
    seconds_each: f64,
    ratio: Spread,
}

impl Ratio {
    fn of(pairs: &[(f64, f64)], plan: Plan) -> Self {
        let ratios: Vec<_> = pairs.iter().map(|(a, b)| round(a / b)).collect();
        Self { pairs: pairs.len(), seconds_each: plan.seconds, ratio: Spread::of(&ratios) }
    }
}

pub(crate) async fn against_bare(bookstore: &Path, plan: Plan) -> anyhow::Result<Route> {
    let shop = silent(bookstore).await?;
    let (bare, bare_url) = bare(&shop).await?;
    let catalog = &shop.ready.services.get("catalog").context("no catalog")?.url;
    pin::myself(LOAD)?;
    let duration = Duration::from_secs_f64(plan.seconds);
    let (mut pairs, mut storefront) = (Vec::new(), Vec::new());
    // The first round warms up.
    for round in 0..=plan.pairs {
        // In turn, so that neither is always the first.
        let (bare_rate, catalog_rate) = if round % 2 == 0 {
            let bare = load::rate(&bare_url, "/books/", duration).await?;
            (bare, load::rate(catalog, "/books/", duration).await?)
        } else {
            let catalog = load::rate(catalog, "/books/", duration).await?;
            (load::rate(&bare_url, "/books/", duration).await?, catalog)
        };
        let storefront_rate = load::rate(&shop.ready.storefront, "/api/v1/books/", duration).await?;
        if round > 0 {
            pairs.push((catalog_rate, bare_rate));
            storefront.push(storefront_rate);
        }
    }
    drop(bare);
    shop.stop().await;
    let (catalog, bare): (Vec<_>, Vec<_>) = pairs.iter().copied().unzip();
    Ok(Route {
        bare_per_s: Spread::of(&bare),
        catalog_per_s: Spread::of(&catalog),
        catalog_to_bare: Ratio::of(&pairs, plan),
        storefront_per_s: Spread::of(&storefront),
    })
}

/// The catalog's route in `bookstore` to that in `other`.
pub(crate) async fn against_build(bookstore: &Path, other: &Path, plan: Plan) -> anyhow::Result<Ratio> {
    let (this, that) = (silent(bookstore).await?, silent(other).await?);
    let url = |shop: &Shop| shop.ready.services.get("catalog").map(|service| service.url.clone()).context("no catalog");
    let (this_url, that_url) = (url(&this)?, url(&that)?);
    pin::myself(LOAD)?;
    let duration = Duration::from_secs_f64(plan.seconds);
    let mut pairs = Vec::new();
    for round in 0..=plan.pairs {
        let (this_rate, that_rate) = if round % 2 == 0 {
            let this = load::rate(&this_url, "/books/", duration).await?;
            (this, load::rate(&that_url, "/books/", duration).await?)
        } else {
            let that = load::rate(&that_url, "/books/", duration).await?;
            (load::rate(&this_url, "/books/", duration).await?, that)
        };
        if round > 0 {
            pairs.push((this_rate, that_rate));
        }
    }
    this.stop().await;
    that.stop().await;
    Ok(Ratio::of(&pairs, plan))
}

/// A shop without instrumentation, its services on one core.
async fn silent(bookstore: &Path) -> anyhow::Result<Shop> {
    let shop = Options::new(bookstore).args(&["--instrumentation", "none"]).start().await;
    for service in shop.ready.services.values() {
        pin::process(service.pid, SERVERS)?;
    }
    Ok(shop)
}

/// The barest handler, on the shop's own catalog, on the same core.
async fn bare(shop: &Shop) -> anyhow::Result<(Child, String)> {
    let mut child = Command::new(std::env::current_exe()?)
        .arg("bare")
        .arg(shop.folder.join("catalog.db"))
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let mut lines = BufReader::new(child.stdout.take().context("no output")?).lines();
    let url = lines.next_line().await?.context("the barest handler did not start")?;
    pin::process(i32::try_from(child.id().context("it ended")?)?, SERVERS)?;
    Ok((child, url))
}
