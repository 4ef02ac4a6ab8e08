//! The end of a service.

use std::future::Future;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

/// How long requests under way may take to finish once the end has come.
pub const DRAIN_LIMIT: Duration = Duration::from_secs(10);

/// Tells all parts of a service that its end has come. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Drain {
    token: CancellationToken,
}

impl Drain {
    /// Begins to drain when `shutdown` resolves.
    #[must_use]
    pub fn when(shutdown: impl Future<Output = ()> + Send + 'static) -> Self {
        let drain = Self::default();
        let token = drain.token.clone();
        tokio::spawn(async move {
            shutdown.await;
            token.cancel();
        });
        drain
    }

    /// Whether the end has come.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.token.is_cancelled()
    }

    /// Resolves when the end has come. Streams that would never end by themselves end here.
    pub async fn begun(&self) {
        self.token.cancelled().await;
    }

    /// The same, owning itself: for streams.
    pub fn into_begun(self) -> impl Future<Output = ()> + Send + 'static {
        self.token.cancelled_owned()
    }

    /// Lets the end come.
    pub fn begin(&self) {
        self.token.cancel();
    }
}
