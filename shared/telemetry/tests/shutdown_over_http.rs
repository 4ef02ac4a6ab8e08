//! What ended before shutdown arrives, over HTTP.
#![cfg(feature = "otel")]

mod support;

use support::Receiver;

#[tokio::test]
async fn shutdown_loses_nothing() {
    let receiver = Receiver::start();
    let variables = vec![
        ("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.http.clone()),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf".to_owned()),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip".to_owned()),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-tenant=books".to_owned()),
        // A small batch, so that there are many requests.
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "50".to_owned()),
    ];
    support::nothing_is_lost_and_nothing_is_added(variables, &receiver).await;
    let seen = receiver.seen();
    assert!(seen.headers.len() > 10);
    for headers in &seen.headers {
        assert_eq!(
            (headers["content-type"].as_str(), headers["x-tenant"].as_str()),
            ("application/x-protobuf", "books")
        );
    }
}
