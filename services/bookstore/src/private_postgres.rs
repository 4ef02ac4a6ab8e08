//! A private PostgreSQL in a data directory: for a shop that is up, or for the time of a check.

use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use bookstore_runtime::postgres::{Cluster, Installation};
use rustix::process::{Pid, test_kill_process};
use tokio::time::Instant;

use crate::shop::Borrowed;

/// How long the server of a launcher that was killed may take to end.
const PREDECESSOR: Duration = Duration::from_secs(15);
/// The pause before another look.
const PAUSE: Duration = Duration::from_millis(50);

/// Starts the cluster in `folder`, on these cores, and makes it first if there is none. Root has given its rights up
/// before this.
///
/// # Errors
/// When there is no PostgreSQL on this machine, or it does not start.
pub(crate) async fn start(folder: &Path, cores: Option<&[usize]>) -> anyhow::Result<Cluster> {
    let installation = Installation::find()?;
    let deadline = Instant::now() + PREDECESSOR;
    while is_running(folder) && Instant::now() < deadline {
        tokio::time::sleep(PAUSE).await;
    }
    // The launcher has one thread, so what is started while this is awaited is this alone.
    let cores = Borrowed::take(cores)?;
    let cluster = Cluster::start(&installation, folder, None).await.context("the private PostgreSQL");
    cores.give_back()?;
    cluster
}

/// Whether a server runs on the files already: its process id is the first line of `postmaster.pid`.
pub(crate) fn is_running(folder: &Path) -> bool {
    pid(folder).and_then(Pid::from_raw).is_some_and(|pid| test_kill_process(pid).is_ok())
}

/// The server on the files, by what it wrote down when it was started.
pub(crate) fn pid(folder: &Path) -> Option<i32> {
    let lock = std::fs::read_to_string(folder.join("data").join("postmaster.pid")).ok()?;
    lock.lines().next()?.trim().parse().ok()
}
