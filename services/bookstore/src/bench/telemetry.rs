//! What the receiver got, and what the senders say they have lost.

use std::time::Duration;

use anyhow::{Context as _, bail};
use serde::Deserialize;
use tokio::time::Instant;

/// How long what is still on its way is waited for: exporters tell of themselves every five seconds.
const LONGEST: Duration = Duration::from_secs(30);
/// The pause between two looks.
const PAUSE: Duration = Duration::from_millis(250);
/// Nothing is on its way any more when nothing has come for so many looks: longer than the interval between two exports.
const QUIET: u32 = 6;
/// Spans that come between two looks though nobody is in the shop: it looks for unfinished orders each second, and from
/// outside one sees that.
const BY_ITSELF: u64 = 5;

/// What the receiver says, as far as it matters here.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Received {
    received: Signals,
    received_bytes: u64,
    services: Vec<Sender>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
struct Signals {
    spans: u64,
    logs: u64,
    points: u64,
}

#[derive(Clone, Debug, Deserialize)]
struct Sender {
    spans: Option<Exporter>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
struct Exporter {
    exported: u64,
    failed: u64,
    dropped: u64,
}

/// Counts between two moments.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sent {
    pub(super) spans: u64,
    pub(super) dropped: u64,
    pub(super) bytes: u64,
    pub(super) log_records: u64,
    pub(super) data_points: u64,
}

impl Received {
    /// Asks the receiver.
    ///
    /// # Errors
    /// When it does not answer.
    async fn ask(http: &reqwest::Client, url: &str) -> anyhow::Result<Self> {
        let answer = http.get(format!("{url}/api/v1/stats")).send().await.context("the receiver does not answer")?;
        answer.json().await.context("the receiver answered something else than was agreed")
    }

    /// Asks when all that was made so far has come, and the senders have told what they lost. `accounted_for`: all who send
    /// tell of it; the agent does so when it ends.
    ///
    /// # Errors
    /// When the receiver does not answer, or it does not come to that.
    pub(super) async fn settled(http: &reqwest::Client, url: &str, accounted_for: bool) -> anyhow::Result<Self> {
        let until = Instant::now() + LONGEST;
        let (mut last, mut quiet) = (Self::ask(http, url).await?, 0);
        let is_whole = |now: &Self| !accounted_for || now.is_accounted_for();
        while Instant::now() < until && !(quiet >= QUIET && is_whole(&last)) {
            tokio::time::sleep(PAUSE).await;
            let now = Self::ask(http, url).await?;
            quiet = if now.received.spans <= last.received.spans + BY_ITSELF { quiet + 1 } else { 0 };
            last = now;
        }
        if !is_whole(&last) {
            bail!(
                "after {} s the services have not told of all spans that were sent; what was lost cannot be known",
                LONGEST.as_secs()
            );
        }
        Ok(last)
    }

    /// Whether the senders have told of all spans that are here: then they have told of those that are not, too.
    fn is_accounted_for(&self) -> bool {
        self.exporters().map(|exporter| exporter.exported).sum::<u64>() >= self.received.spans
    }

    fn exporters(&self) -> impl Iterator<Item = Exporter> {
        self.services.iter().filter_map(|service| service.spans)
    }

    fn dropped(&self) -> u64 {
        self.exporters().map(|exporter| exporter.failed + exporter.dropped).sum()
    }

    /// What came since `before`.
    pub(super) fn since(&self, before: &Self) -> Sent {
        Sent {
            spans: self.received.spans - before.received.spans,
            dropped: self.dropped().saturating_sub(before.dropped()),
            bytes: self.received_bytes - before.received_bytes,
            log_records: self.received.logs - before.received.logs,
            data_points: self.received.points - before.received.points,
        }
    }
}
