//! What time it is: handed in, so that tests need not wait for it.

use std::sync::Arc;

/// Tells the time in milliseconds since the Unix epoch.
#[derive(Clone)]
pub(crate) struct Clock(Arc<dyn Fn() -> i64 + Send + Sync>);

impl Clock {
    /// The wall clock of this machine.
    pub(crate) fn system() -> Self {
        Self(Arc::new(bookstore_runtime::time::unix_ms))
    }

    /// A clock that shows what `now_ms` holds.
    #[cfg(test)]
    pub(crate) fn set_by(now_ms: Arc<std::sync::atomic::AtomicI64>) -> Self {
        Self(Arc::new(move || now_ms.load(std::sync::atomic::Ordering::SeqCst)))
    }

    pub(crate) fn now_ms(&self) -> i64 {
        (self.0)()
    }
}
