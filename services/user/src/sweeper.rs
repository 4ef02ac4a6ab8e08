//! Removes what has expired.

use std::time::Duration;

use bookstore_runtime::time::unix_ms;
use bookstore_runtime::{Call, Drain};
use bookstore_telemetry::quietly;
use tracing::{info, warn};

use crate::store::Store;

/// How long between two rounds.
const INTERVAL: Duration = Duration::from_secs(10 * 60);
/// How many sessions are removed by one statement, so that others need not wait long to write.
const BATCH: i64 = 500;
/// How long a statement may take.
const BUDGET: Duration = Duration::from_secs(10);

/// Removes expired sessions, now and every ten minutes, until `drain` begins.
pub(crate) async fn run(store: Store, drain: Drain) {
    let mut rounds = tokio::time::interval(INTERVAL);
    rounds.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = drain.begun() => return,
            _ = rounds.tick() => {}
        }
        match quietly(remove_expired(&store)).await {
            Ok(0) => {}
            Ok(removed) => info!(removed, "expired sessions were removed"),
            // The next round will see to it.
            Err(error) => warn!(%error, "expired sessions could not be removed"),
        }
    }
}

/// Removes all sessions that have expired, and says how many.
async fn remove_expired(store: &Store) -> sqlx::Result<u64> {
    let mut removed = 0;
    loop {
        let batch = store.remove_expired(&Call::new_root(BUDGET), unix_ms(), BATCH).await?;
        removed += batch;
        if batch == 0 {
            return Ok(removed);
        }
    }
}
