//! When a shop can be used: every process answers `/readyz` with a 2xx.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Context as _, bail};

use super::{Event, START_LIMIT, Shop, join_all};
use crate::healthcheck;
use crate::service::Service;

/// How often a process may end before the first start is given up.
const ATTEMPTS: usize = 3;
/// The pause before a process that is not ready is asked again. One that does not listen yet keeps the question
/// waiting: the launcher holds its port.
const PAUSE: Duration = Duration::from_millis(10);
/// How many of its last log lines show why a process ended.
const LINES: usize = 5;

pub(super) async fn wait(shop: &mut Shop) -> anyhow::Result<()> {
    let urls = Service::ALL.map(|service| format!("{}/readyz", shop.url(service)));
    let all = join_all(urls.iter().map(|url| until_ready(url)));
    let mut all = std::pin::pin!(tokio::time::timeout(START_LIMIT, all));
    let mut died: HashMap<Service, usize> = HashMap::new();
    loop {
        tokio::select! {
            ready = &mut all => {
                return ready.with_context(|| format!("not ready within {} s; see {}", START_LIMIT.as_secs(), shop.dir.path().join("logs").display()));
            }
            event = shop.events.recv() => {
                let Some(Event::Died { service, how, .. }) = event else { continue };
                let times = died.entry(service).or_default();
                *times += 1;
                if *times >= ATTEMPTS {
                    bail!("{service} {how}, {ATTEMPTS} times{}", last_lines(shop, service));
                }
            }
        }
    }
}

async fn until_ready(url: &str) {
    loop {
        // The connection may be of a process that has ended since.
        match tokio::time::timeout(Duration::from_secs(2), healthcheck::status(url)).await {
            Ok(Ok(200..300)) => return,
            _ => tokio::time::sleep(PAUSE).await,
        }
    }
}

fn last_lines(shop: &Shop, service: Service) -> String {
    let log = shop.log(service);
    let Ok(text) = std::fs::read_to_string(&log) else { return String::new() };
    let lines: Vec<_> = text.lines().rev().take(LINES).collect();
    let lines: String = lines.iter().rev().map(|line| format!("\n  {line}")).collect();
    format!(". The end of {}:{lines}", log.display())
}
