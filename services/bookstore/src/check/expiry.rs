//! No reservation outlives its expiry.

use super::databases::Reader;
use super::{Broken, Finding};

const HELD: &str = "SELECT id, expires_at_ms FROM reservations WHERE status = 'held' ORDER BY id";

/// `now_ms`: what expired before that should have been put back.
pub(super) async fn check(inventory: &mut Reader, now_ms: i64) -> anyhow::Result<Finding> {
    let held: Vec<(String, i64)> = inventory.rows(HELD).await?;
    let rows = held.len();
    let broken = held
        .into_iter()
        .filter(|(_, expires_at_ms)| *expires_at_ms < now_ms)
        .map(|(id, expires_at_ms)| Broken {
            table: "inventory.reservations",
            id,
            what: format!("status held, but expires_at_ms {expires_at_ms} has passed"),
        })
        .collect();
    Ok(Finding { invariant: "no reservation outlives its expiry", rows, broken })
}
