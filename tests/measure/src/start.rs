//! How soon the shop is ready: from starting the process to its line on standard output.

use std::path::Path;
use std::time::Instant;

use bookstore_harness::shop::Options;
use serde::Serialize;

use crate::report::Spread;

const RUNS: usize = 7;

#[derive(Debug, Serialize)]
pub(crate) struct Start {
    /// On embedded defaults, with an empty data directory.
    first_s: Spread,
    /// With the data of an earlier run.
    again_s: Spread,
}

pub(crate) async fn measure(bookstore: &Path) -> anyhow::Result<Start> {
    let (mut first, mut again) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let home = bookstore_harness::shop::temporary();
        for times in [&mut first, &mut again] {
            let started = Instant::now();
            let shop = Options::new(bookstore).folder(&home.path().join("shop")).start().await;
            times.push(started.elapsed().as_secs_f64());
            shop.stop().await;
        }
    }
    Ok(Start { first_s: Spread::of(&first), again_s: Spread::of(&again) })
}
