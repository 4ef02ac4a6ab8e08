//! Two tables, held against what was really exported over OTLP: which service sends which signal, and which span causes
//! which.
#![expect(clippy::unwrap_used, reason = "a story that cannot go on has failed")]

use std::collections::BTreeMap;

use bookstore::expected::{self, Edge, Signal};
use bookstore_harness::customer::{DECLINED_CARD, GOOD_CARD, expect};
use bookstore_harness::sink::{Kept, SpanSeen};
use bookstore_harness::{Shop, Sink, wait};
use bookstore_otlp::common::KeyValue;
use reqwest::StatusCode;

mod common;
use common::{databases, options};

/// Everything that the tables have something to say of.
async fn visit(shop: &Shop) {
    let ada = shop.customer().await;
    expect(ada.get("/books?q=sea").await, StatusCode::OK).await;
    expect(ada.get("/books?q=qqqq").await, StatusCode::OK).await;
    expect(ada.get("/books/2").await, StatusCode::OK).await;
    ada.buy(2).await;
    ada.put(3, 1).await;
    let declined = ada.order("declined", DECLINED_CARD).send().await.unwrap();
    expect(declined, StatusCode::PAYMENT_REQUIRED).await;
    ada.put(3, 99).await;
    let short = ada.order("short", GOOD_CARD).send().await.unwrap();
    expect(short, StatusCode::CONFLICT).await;
}

/// Lets customers shop and gives what was exported, to the last span.
async fn exported(database: &str) -> Kept {
    let sink = Sink::start().await;
    let shop = options(database).env(sink.environment()).env([("BOOKSTORE_INITIAL_COPIES", "50")]).start().await;
    visit(&shop).await;
    shop.stop().await;
    wait::until("all three signals", async || {
        let kept = sink.kept();
        (!kept.traces.is_empty() && !kept.metrics.is_empty() && !kept.logs.is_empty()).then_some(kept)
    })
    .await
}

#[tokio::test]
async fn every_service_sends_what_the_table_says() {
    for database in databases() {
        let kept = exported(database).await;
        let (spans, metrics, logs) = (kept.spans(), kept.metric_names(), kept.log_records());
        let sent = |signal: &Signal| match signal.signal {
            "span" => spans.iter().any(|seen| seen.service == signal.service && is_span(seen, signal)),
            "metric" => metrics.contains(&(signal.service.to_owned(), signal.name.to_owned())),
            "log" => logs.iter().any(|(service, _)| service == signal.service),
            other => panic!("{other} is no signal"),
        };
        let lacking: Vec<_> = expected::signals().iter().filter(|signal| !sent(signal)).collect();
        assert!(lacking.is_empty(), "{database}: {lacking:#?}\nmetrics: {metrics:#?}");
        // And the other way round: no metric of the shop's own, and none of the conventions', is left out of the table.
        let told = |name: &str| expected::signals().iter().any(|signal| signal.name == name);
        let untold: Vec<_> = metrics.iter().filter(|(_, name)| !told(name) && !is_elsewhere(name)).collect();
        assert!(untold.is_empty(), "{database}: not in the table: {untold:#?}");
    }
}

/// Metrics that docs/telemetry.md describes outside of the table: the SDK's and the process's.
fn is_elsewhere(name: &str) -> bool {
    name.starts_with("otel.sdk.") || name.starts_with("process.")
}

/// A span of a protocol is known by its attributes, a business span by its name.
fn is_span(seen: &SpanSeen, signal: &Signal) -> bool {
    let (key, kind) = match signal.name {
        "http.server" => ("http.request.method", SERVER),
        "http.client" => ("http.request.method", CLIENT),
        "grpc.server" => ("rpc.method", SERVER),
        "grpc.client" => ("rpc.method", CLIENT),
        "sql" => ("db.query.text", CLIENT),
        name => return seen.span.name == name && seen.span.kind == INTERNAL,
    };
    seen.span.kind == kind && has(&seen.span.attributes, key)
}

fn has(attributes: &[KeyValue], key: &str) -> bool {
    attributes.iter().any(|attribute| attribute.key == key)
}

const INTERNAL: i32 = 1;
const SERVER: i32 = 2;
const CLIENT: i32 = 3;

#[tokio::test]
async fn every_edge_of_the_table_is_there_and_no_parent_is_missing() {
    for database in databases() {
        let spans = exported(database).await.spans();
        let by_id: BTreeMap<_, _> = spans.iter().map(|seen| (seen.span.span_id.clone(), seen)).collect();
        assert_eq!(by_id.len(), spans.len(), "{database}: a span was sent twice");
        for seen in &spans {
            let parent = &seen.span.parent_span_id;
            let found =
                parent.is_empty() || by_id.get(parent).is_some_and(|parent| parent.span.trace_id == seen.span.trace_id);
            assert!(found, "{database}: the parent of {} {} is missing", seen.service, seen.span.name);
        }
        let there = |edge: &Edge| {
            spans.iter().any(|child| {
                is_place(&edge.child, child)
                    && by_id.get(&child.span.parent_span_id).is_some_and(|parent| is_place(&edge.parent, parent))
                    && root(child, &by_id).span.name == edge.request
            })
        };
        let lacking: Vec<_> = expected::edges().iter().filter(|edge| !there(edge)).collect();
        assert!(lacking.is_empty(), "{database}: {lacking:#?}");
    }
}

fn is_place(place: &expected::Place, seen: &SpanSeen) -> bool {
    let kind = match seen.span.kind {
        SERVER => "server",
        CLIENT if has(&seen.span.attributes, "db.query.text") => "statement",
        CLIENT => "client",
        _ => "internal",
    };
    place.is(&seen.service, kind, &seen.span.name)
}

fn root<'a>(seen: &'a SpanSeen, by_id: &BTreeMap<Vec<u8>, &'a SpanSeen>) -> &'a SpanSeen {
    by_id.get(&seen.span.parent_span_id).map_or(seen, |parent| root(parent, by_id))
}

#[tokio::test]
async fn logs_of_a_request_name_its_trace() {
    let kept = exported("sqlite").await;
    let traces: std::collections::BTreeSet<_> = kept.spans().into_iter().map(|seen| seen.span.trace_id).collect();
    let logs = kept.log_records();
    let of_requests = logs.iter().filter(|(_, record)| traces.contains(&record.trace_id)).count();
    assert!(of_requests > 0, "of {} logs none names a trace", logs.len());
    for resource in kept.traces.iter().flat_map(|request| &request.resource_spans) {
        assert_eq!(resource.schema_url, bookstore_telemetry::SCHEMA_URL);
    }
}
