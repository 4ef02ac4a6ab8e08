//! Quiet work silences itself and nothing else. In a process of its own: with the subscribers of other tests beside it,
//! what is tested here could not go wrong.

use std::sync::atomic::{AtomicUsize, Ordering};

use bookstore_telemetry::quietly;
use tracing::level_filters::LevelFilter;
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

static HEARD: AtomicUsize = AtomicUsize::new(0);

struct Ear;

impl<S: Subscriber> Layer<S> for Ear {
    fn on_event(&self, _: &Event<'_>, _: Context<'_, S>) {
        HEARD.fetch_add(1, Ordering::SeqCst);
    }
}

async fn speak() {
    tracing::info!("one callsite");
}

#[tokio::test]
async fn what_is_first_met_quietly_is_heard_afterwards() {
    let listening = tracing_subscriber::registry().with(Ear.with_filter(LevelFilter::INFO));
    tracing::subscriber::set_global_default(listening).unwrap();
    quietly(speak()).await;
    assert_eq!(HEARD.load(Ordering::SeqCst), 0);
    speak().await;
    assert_eq!(HEARD.load(Ordering::SeqCst), 1);
    quietly(speak()).await;
    assert_eq!(HEARD.load(Ordering::SeqCst), 1);
    assert_eq!(LevelFilter::current(), LevelFilter::INFO);
}
