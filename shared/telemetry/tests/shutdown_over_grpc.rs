//! What ended before shutdown arrives, over gRPC.
#![cfg(feature = "otel")]

mod support;

use support::Receiver;

// One async thread: shutdown must not block it, or the test would hang.
#[tokio::test(flavor = "current_thread")]
async fn shutdown_loses_nothing() {
    let receiver = Receiver::start();
    let variables = vec![
        ("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.grpc.clone()),
        // Nothing is sent before shutdown.
        ("OTEL_BSP_SCHEDULE_DELAY", "600000".to_owned()),
        ("OTEL_BLRP_SCHEDULE_DELAY", "600000".to_owned()),
    ];
    support::nothing_is_lost_and_nothing_is_added(variables, &receiver).await;
    assert!(receiver.seen().headers.iter().any(|headers| headers["content-type"] == "application/grpc"));
}
