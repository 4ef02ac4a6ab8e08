//! Fresh databases for tests.
//!
//! A test runs its body once for each database that can be had: always SQLite, and PostgreSQL where it is there (a
//! server named by `BOOKSTORE_TEST_POSTGRES_URL`, or else a private cluster of an installed one). Where it is not, one
//! line says so.

use std::future::Future;
use std::io::Write as _;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::Connection as _;
use tempfile::TempDir;

use crate::db::DatabaseConfig;

/// A database that is there for one test.
#[derive(Debug)]
pub struct TestDatabase {
    /// Where it is.
    pub config: DatabaseConfig,
    /// `sqlite` or `postgres`, to say which one a test failed on.
    pub name: &'static str,
    _folder: Option<TempDir>,
}

impl TestDatabase {
    /// An empty SQLite database.
    ///
    /// # Panics
    /// When the folder for temporary files cannot be written to.
    #[must_use]
    pub fn sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let url = format!("sqlite:{}/test.db", folder.path().display());
        Self { config: DatabaseConfig::at(url), name: "sqlite", _folder: Some(folder) }
    }

    /// An empty PostgreSQL database, where there is a PostgreSQL.
    pub async fn postgres() -> Option<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let server = server().await?;
        let name = format!("test_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let url = format!("{server}/{name}");
        Some(Self { config: DatabaseConfig::at(url), name: "postgres", _folder: None })
    }
}

/// Runs a test's body on each database that can be had.
pub async fn on_each_database<F, Fut>(test: F)
where
    F: Fn(TestDatabase) -> Fut,
    Fut: Future<Output = ()>,
{
    test(TestDatabase::sqlite()).await;
    if let Some(database) = TestDatabase::postgres().await {
        test(database).await;
    }
}

/// Says in one line that something was skipped, and why, past the test runner's capture.
pub fn skip(what: &str, why: &str) {
    note(&format!("skipped: {what}: {why}"));
}

/// Says a line past the test runner's capture.
pub fn note(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// The URL of the server for this test process, without a database.
async fn server() -> Option<&'static str> {
    static URL: tokio::sync::OnceCell<Option<String>> = tokio::sync::OnceCell::const_new();
    URL.get_or_init(start).await.as_deref()
}

async fn start() -> Option<String> {
    if let Ok(url) = std::env::var("BOOKSTORE_TEST_POSTGRES_URL") {
        let url = url.trim_end_matches('/').to_owned();
        sqlx::PgConnection::connect(&format!("{url}/postgres")).await.expect("the PostgreSQL that the test names");
        return Some(url);
    }
    private().await
}

#[cfg(unix)]
async fn private() -> Option<String> {
    use crate::postgres::{Cluster, Installation};
    // Lives as long as the process: its end is the cluster's, and then the folder's.
    static CLUSTER: OnceLock<(Cluster, std::process::Child)> = OnceLock::new();
    let Ok(installation) = Installation::find() else {
        skip("tests on PostgreSQL", "no initdb and postgres on this machine (Debian: apt install postgresql)");
        return None;
    };
    let run_as = unprivileged();
    if run_as.is_none() && rustix::process::geteuid().is_root() {
        skip("tests on PostgreSQL", "it refuses to run as root, and there is no user postgres or nobody");
        return None;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    if run_as.is_some() {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o711))
            .expect("a temporary folder of ours");
    }
    let cluster =
        Cluster::start(&installation, &folder.path().join("postgres"), run_as).await.expect("a private cluster");
    let url = cluster.url("");
    let remover = remove_at_the_end(&folder.keep()).expect("a shell");
    let _ = CLUSTER.set((cluster, remover));
    Some(url.trim_end_matches('/').to_owned())
}

/// Nothing is dropped at the end of a test process, so a shell sees to it, whose input ends then. The cluster may still
/// be writing at that moment.
#[cfg(unix)]
fn remove_at_the_end(folder: &std::path::Path) -> std::io::Result<std::process::Child> {
    use std::os::unix::process::CommandExt as _;
    const SCRIPT: &str = r#"cat >/dev/null
        for _ in 1 2 3 4 5 6 7 8 9 10; do rm -rf -- "$1" 2>/dev/null && exit; sleep 1; done"#;
    let mut shell = std::process::Command::new("/bin/sh");
    shell.args(["-c", SCRIPT, "sh"]).arg(folder).stdin(std::process::Stdio::piped()).process_group(0).spawn()
}

#[cfg(not(unix))]
async fn private() -> Option<String> {
    skip("tests on PostgreSQL", "name a server with BOOKSTORE_TEST_POSTGRES_URL");
    None
}

/// Whom to run PostgreSQL as, when we are root.
#[cfg(unix)]
#[must_use]
pub fn unprivileged() -> Option<crate::postgres::RunAs> {
    rustix::process::geteuid().is_root().then(crate::process::unprivileged_user).flatten()
}
