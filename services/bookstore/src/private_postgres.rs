//! A private PostgreSQL in a data directory: for a shop that is up, or for the time of a check.

use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use bookstore_runtime::postgres::{Cluster, Installation, PostgresError};
use tokio::time::Instant;

/// How long the server of a launcher that was killed may take to end.
const PREDECESSOR: Duration = Duration::from_secs(15);
/// The pause before another attempt.
const PAUSE: Duration = Duration::from_millis(200);

/// Starts the cluster in `folder`, and makes it first if there is none. Root has given its rights up before this.
///
/// # Errors
/// When there is no PostgreSQL on this machine, or it does not start.
pub(crate) async fn start(folder: &Path) -> anyhow::Result<Cluster> {
    let installation = Installation::find()?;
    let deadline = Instant::now() + PREDECESSOR;
    loop {
        match Cluster::start(&installation, folder, None).await {
            Err(PostgresError::Failed { reason, .. })
                if reason.contains("postmaster.pid") && Instant::now() < deadline =>
            {
                tokio::time::sleep(PAUSE).await;
            }
            started => return started.context("the private PostgreSQL"),
        }
    }
}
