//! The page of a book shows its stock live: the storefront's stream is fed by inventory's, in one trace.
#![expect(clippy::unwrap_used, reason = "a story that cannot go on has failed")]

use bookstore_harness::{Sink, wait};
use reqwest::StatusCode;

mod common;
use common::options;

#[tokio::test]
async fn a_stream_carries_changes_and_its_trace() {
    let sink = Sink::start().await;
    let shop = options("sqlite").env(sink.environment()).start().await;
    let ada = shop.customer().await;
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let mut stream = shop
        .http
        .get(format!("{}/books/4/stock", shop.ready.storefront))
        .header("accept", "text/event-stream")
        .header("traceparent", parent)
        .send()
        .await
        .unwrap();
    assert_eq!(stream.status(), StatusCode::OK);
    let first = next(&mut stream).await;
    ada.buy(4).await;
    // Reserving, then selling: each changes what the page shows, or the two are seen as one.
    let mut last = next(&mut stream).await;
    while last == first {
        last = next(&mut stream).await;
    }
    drop(stream);
    let spans = wait::until("the stream's spans, which end with it", async || {
        let spans = sink.kept().spans();
        let stream = spans.iter().find(|seen| seen.service == "inventory" && seen.span.name.ends_with("WatchStock"))?;
        let trace = stream.span.trace_id.clone();
        let of_trace: Vec<_> = spans.iter().filter(|seen| seen.span.trace_id == trace).cloned().collect();
        of_trace
            .iter()
            .any(|seen| seen.span.parent_span_id == [0xb7, 0xad, 0x6b, 0x71, 0x69, 0x20, 0x33, 0x31])
            .then_some(of_trace)
    })
    .await;
    let find = |service: &str, kind: i32| {
        spans
            .iter()
            .find(|seen| seen.service == service && seen.span.kind == kind)
            .unwrap_or_else(|| panic!("{service} {kind}"))
    };
    const SERVER: i32 = 2;
    const CLIENT: i32 = 3;
    let (page, call, watch) = (find("storefront", SERVER), find("storefront", CLIENT), find("inventory", SERVER));
    assert_eq!(
        page.span.trace_id,
        [0x0a, 0xf7, 0x65, 0x19, 0x16, 0xcd, 0x43, 0xdd, 0x84, 0x48, 0xeb, 0x21, 0x1c, 0x80, 0x31, 0x9c]
    );
    assert_eq!(call.span.parent_span_id, page.span.span_id);
    assert_eq!(watch.span.parent_span_id, call.span.span_id);
    shop.stop().await;
}

/// The next event of the stream, as it stands.
async fn next(stream: &mut reqwest::Response) -> String {
    let mut text = String::new();
    while !text.contains("\n\n") {
        let chunk = tokio::time::timeout(wait::LIMIT, stream.chunk()).await.expect("an event in time").unwrap();
        text.push_str(&String::from_utf8_lossy(&chunk.expect("the stream goes on")));
    }
    text.lines().find(|line| line.starts_with("data:")).unwrap_or_default().to_owned()
}
