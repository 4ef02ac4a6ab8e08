//! Work that leaves no trace: looking whether there is something to do, when mostly there is not.

use std::sync::LazyLock;

use tracing::instrument::{WithDispatch, WithSubscriber as _};
use tracing::level_filters::LevelFilter;
use tracing::subscriber::Interest;
use tracing::{Dispatch, Event, Metadata, Subscriber, span};

/// Makes no spans and no log lines, however many a future or what it calls would. Metrics are still recorded.
pub fn quietly<F: Future>(work: F) -> WithDispatch<F> {
    work.with_subscriber(SILENCE.clone())
}

/// A subscriber like any other, known to `tracing` and there for good. `Dispatch::none()` will not do: while a process
/// has one subscriber only, a callsite that is met for the first time asks whoever is current there, once and for ever.
/// With that one its answer would be never, for everybody.
static SILENCE: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(Silence));

/// Whether this is work that leaves no trace.
#[cfg(feature = "otel")]
pub(crate) fn is_on() -> bool {
    tracing::dispatcher::get_default(Dispatch::is::<Silence>)
}

struct Silence;

impl Subscriber for Silence {
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        Interest::never()
    }

    fn enabled(&self, _: &Metadata<'_>) -> bool {
        false
    }

    /// Without this the level that all callsites check first would rise to the most talkative.
    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::OFF)
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        // Never asked for: nothing is enabled. An id is any number but zero.
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, _: &Event<'_>) {}

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}
