//! What the background leaves in traces.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bookstore_runtime::testing::TestDatabase;
use tracing::span::{Attributes, Id};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{Layer, Registry};

use bookstore_telemetry::quietly;

use super::{TIME_TO_LIVE_MS, call, inventory, new_id, reserve, restock};

/// The names of all spans, those without a parent apart, and how many events there were.
#[derive(Clone, Default)]
struct Noise {
    spans: Arc<Mutex<Vec<&'static str>>>,
    roots: Arc<Mutex<Vec<&'static str>>>,
    events: Arc<AtomicUsize>,
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Noise {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let name = attributes.metadata().name();
        self.spans.lock().unwrap().push(name);
        if context.span(id).unwrap().parent().is_none() {
            self.roots.lock().unwrap().push(name);
        }
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if event.metadata().target().starts_with("bookstore") {
            self.events.fetch_add(1, Ordering::SeqCst);
        }
    }
}

#[tokio::test]
async fn looking_whether_there_is_something_to_do_leaves_no_trace() {
    let database = TestDatabase::sqlite();
    let (inventory, now_ms) = inventory(&database).await;
    restock(&inventory, 1, 5).await;
    reserve(&inventory, new_id(), &[(1, 1)]).await;
    reserve(&inventory, new_id(), &[(1, 1)]).await;

    let noise = Noise::default();
    let _noise = tracing::subscriber::set_default(Registry::default().with(noise.clone()));
    for _ in 0..3 {
        assert!(!inventory.until_next_expiry().await.unwrap().is_zero());
    }
    // Whatever the layers beneath would say, nobody hears it.
    quietly(async { assert!(tracing::info_span!("SELECT").is_disabled()) }).await;
    assert_eq!(*noise.spans.lock().unwrap(), [] as [&str; 0]);
    assert_eq!(noise.events.load(Ordering::SeqCst), 0);

    now_ms.fetch_add(TIME_TO_LIVE_MS, Ordering::SeqCst);
    assert!(inventory.until_next_expiry().await.unwrap().is_zero());
    inventory.sweep(&call()).await.unwrap();
    assert_eq!(*noise.roots.lock().unwrap(), ["expire reservations"]);
    let expired = noise.spans.lock().unwrap().iter().filter(|name| **name == "expire").count();
    assert_eq!(expired, 2);
    assert_eq!(noise.events.load(Ordering::SeqCst), 1);
}
