//! The thread on which exports talk to the network.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tracing::Dispatch;
use tracing::dispatcher::set_default;

/// Who listens to this process.
static LISTENER: OnceLock<Dispatch> = OnceLock::new();

/// Says who listens to this process, for [`aloud`].
pub(crate) fn let_speak(listener: Dispatch) {
    // There is one in a process.
    let _first = LISTENER.set(listener);
}

/// Says something from where nothing is heard. In the terminal alone: what is said of exports is not exported.
pub(crate) fn aloud<T>(say: impl FnOnce() -> T) -> T {
    let _not_exported = opentelemetry::Context::enter_telemetry_suppressed_scope();
    match LISTENER.get() {
        Some(listener) => tracing::dispatcher::with_default(listener, say),
        None => say(),
    }
}

/// A thread with a runtime of its own and no tracing subscriber. It ends when the last clone is gone.
#[derive(Clone, Debug)]
pub(crate) struct Background {
    runtime: Handle,
    _stop: Arc<Stop>,
}

/// Ends the thread when dropped.
#[derive(Debug)]
struct Stop(Mutex<Option<oneshot::Sender<()>>>);

impl Drop for Stop {
    fn drop(&mut self) {
        if let Some(stop) = self.0.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // The thread may be gone already; either way it is not running.
            let _gone = stop.send(());
        }
    }
}

impl Background {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(crate) fn start() -> std::io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            // Names are looked up on helper threads: those are silent too.
            .on_thread_start(|| std::mem::forget(set_default(&Dispatch::none())))
            .build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel();
        std::thread::Builder::new().name("telemetry-export".to_owned()).spawn(move || {
            let _silent = set_default(&Dispatch::none());
            // Ends with the sender, whether it sent or was dropped.
            let _ended = runtime.block_on(stopped);
            runtime.shutdown_background();
        })?;
        Ok(Self { runtime: handle, _stop: Arc::new(Stop(Mutex::new(Some(stop)))) })
    }

    /// Runs a function that may spawn tasks, so that they run on this thread.
    pub(crate) fn enter<T>(&self, function: impl FnOnce() -> T) -> T {
        let _silent = set_default(&Dispatch::none());
        let _runtime = self.runtime.enter();
        function()
    }

    /// Runs a task on this thread, until it ends or the thread does.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.runtime.spawn(task);
    }

    /// Runs a future on the calling thread, which must not be one of an async runtime, with this runtime's network
    /// and clock. None when it takes too long.
    pub(crate) fn run<F: Future>(&self, timeout: Duration, future: F) -> Option<F::Output> {
        let _silent = set_default(&Dispatch::none());
        self.runtime.block_on(async { tokio::time::timeout(timeout, future).await.ok() })
    }
}
