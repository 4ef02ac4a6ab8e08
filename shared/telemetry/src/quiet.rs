//! Work that leaves no trace: looking whether there is something to do, when mostly there is not.

use tracing::Dispatch;
use tracing::instrument::{WithDispatch, WithSubscriber as _};

/// Makes no spans and no log lines, however many a future or what it calls would. Metrics are still recorded.
pub fn quietly<F: Future>(work: F) -> WithDispatch<F> {
    // Not a `NoSubscriber` of our own: a new one is taken into account by every callsite of the process, and raises
    // the level that all of them check first. This one is never registered.
    work.with_subscriber(Dispatch::none())
}
