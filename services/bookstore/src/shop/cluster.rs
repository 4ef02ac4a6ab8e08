//! The private PostgreSQL of a shop, watched.

#[cfg(unix)]
pub(super) use unix::Private;

#[cfg(unix)]
mod unix {
    use std::path::{Path, PathBuf};
    use std::sync::Arc;
    use std::time::Duration;

    use bookstore_runtime::postgres::Cluster;
    use tokio::sync::Mutex;
    use tokio::task::JoinHandle;

    use crate::database::{self, Databases};
    use crate::private_postgres;

    /// How often it is looked whether it still runs.
    const INTERVAL: Duration = Duration::from_millis(500);

    /// A cluster that is started again when it ends, on the same port.
    #[derive(Debug)]
    pub(crate) struct Private {
        cluster: Arc<Mutex<Cluster>>,
        url: String,
        port: u16,
        watch: JoinHandle<()>,
    }

    impl Private {
        /// Starts it, on these cores.
        pub(crate) async fn start(folder: &Path, cores: Option<&[usize]>) -> anyhow::Result<Self> {
            let cluster = private_postgres::start(folder, cores).await?;
            let (url, port) = (cluster.url("bookstore"), cluster.port());
            let cluster = Arc::new(Mutex::new(cluster));
            let watch = tokio::spawn(watch(Arc::clone(&cluster), folder.to_owned()));
            Ok(Self { cluster, url, port, watch })
        }

        pub(crate) fn databases(&self) -> anyhow::Result<Databases> {
            database::of_cluster(&self.url)
        }

        pub(crate) fn port(&self) -> u16 {
            self.port
        }

        pub(crate) async fn stop(self) {
            self.watch.abort();
            let _ = self.watch.await;
            if let Some(cluster) = Arc::into_inner(self.cluster) {
                cluster.into_inner().stop();
            }
        }
    }

    async fn watch(cluster: Arc<Mutex<Cluster>>, folder: PathBuf) {
        loop {
            tokio::time::sleep(INTERVAL).await;
            let mut cluster = cluster.lock().await;
            if !cluster.is_running().unwrap_or(true) {
                // Of the shell and the server below it one may have died, and the other be about to end. Whatever
                // fails is tried again at the next look.
                cluster.end();
                if !private_postgres::is_running(&folder) {
                    let _ = cluster.restart().await;
                }
            }
        }
    }
}

#[cfg(not(unix))]
pub(super) use elsewhere::Private;

#[cfg(not(unix))]
mod elsewhere {
    use std::path::Path;

    use crate::database::Databases;

    /// None can be had here.
    #[derive(Debug)]
    pub(crate) enum Private {}

    impl Private {
        #[expect(clippy::unused_async, reason = "the same interface as on Unix")]
        pub(crate) async fn start(_folder: &Path, _cores: Option<&[usize]>) -> anyhow::Result<Self> {
            anyhow::bail!(
                "a private PostgreSQL needs a Unix system; name a server of yours: --database postgres://user:password@host"
            )
        }

        pub(crate) fn databases(&self) -> anyhow::Result<Databases> {
            match *self {}
        }

        pub(crate) fn port(&self) -> u16 {
            match *self {}
        }

        #[expect(clippy::unused_async, reason = "the same interface as on Unix")]
        pub(crate) async fn stop(self) {
            match self {}
        }
    }
}
