//! `OTEL_SDK_DISABLED=true`: everything works, and nothing is sent, made or passed on.
#![cfg(feature = "otel")]

mod shop;
mod support;

use bookstore_telemetry::{LogFormat, Settings};
use shop::Stock;
use support::{Receiver, environment};

#[tokio::test]
async fn a_disabled_sdk_sends_nothing() {
    let receiver = Receiver::start();
    let variables = environment(&[("OTEL_SDK_DISABLED", "TRUE"), ("OTEL_EXPORTER_OTLP_ENDPOINT", &receiver.grpc)]);
    let settings = Settings::new("shop", "1.2.3").with_log_format(LogFormat::Json);
    let telemetry = bookstore_telemetry::init_from(settings, &variables).unwrap();
    assert!(bookstore_telemetry::init_from(Settings::new("shop", "1.2.3"), &variables).is_err(), "once a process");

    let (stock, _) = Stock::default().serve().await;
    let front = shop::front(shop::back().await, stock).await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = client.get(format!("{front}/show/1")).header("baggage", "shop=open");
    let answer = request.send().await.unwrap();
    assert!(!answer.headers().contains_key("traceresponse"));
    let body: serde_json::Value = answer.json().await.unwrap();
    assert!(body["trace"].is_null() && body["priced"]["baggage"].is_null(), "{body}");
    assert!(!bookstore_telemetry::enabled() && bookstore_telemetry::trace_id().is_none());
    telemetry.shutdown().await;
    let seen = receiver.seen();
    assert!(seen.spans.is_empty() && seen.logs.is_empty() && seen.points.is_empty());
}
