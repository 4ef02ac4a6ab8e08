//! Spans sent over real sockets are found again: one trace, the list, filters, order, late and duplicate spans.

mod support;

use std::time::{Duration, Instant};

use bookstore_compare::Config;
use bookstore_otlp::Message;
use bookstore_otlp::collector::ExportLogsServiceRequest;
use bookstore_otlp::common::KeyValue;
use bookstore_otlp::logs::{LogRecord, ResourceLogs, ScopeLogs};
use bookstore_otlp::trace::{Event, Link, kind};
use bytes::Bytes;
use http_body_util::Empty;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use reqwest::StatusCode;
use support::{Compare, MS, START, Said, request, resource, span, trace_id};
use tokio::net::TcpStream;

#[tokio::test]
async fn a_trace_comes_back_as_json_with_all_that_was_said() {
    let compare = Compare::start().await;
    let mut root = span(1, 1, "POST /orders").at(0, 80).kind(kind::SERVER).with("http.route", "/orders");
    root.events = vec![Event {
        time_unix_nano: START + MS,
        name: "reserved".to_owned(),
        attributes: vec![KeyValue::new("lines", 2)],
        ..Event::default()
    }];
    root.links = vec![Link { trace_id: vec![7; 16], span_id: vec![8; 8], ..Link::default() }];
    compare.send("storefront", vec![root]).await;
    let child = span(1, 2, "payment.v1.Payment/Authorise").under(1).at(10, 50).kind(kind::CLIENT);
    compare.send("payment", vec![child.with("big", i64::MAX).failed("declined")]).await;
    let log = LogRecord {
        trace_id: 1_u128.to_be_bytes().to_vec(),
        span_id: 2_u64.to_be_bytes().to_vec(),
        time_unix_nano: START + 20 * MS,
        severity_number: 13,
        severity_text: "WARN".to_owned(),
        body: Some("card declined".into()),
        attributes: vec![KeyValue::new("attempt", 1)],
        ..LogRecord::default()
    };
    let logs = ExportLogsServiceRequest {
        resource_logs: vec![ResourceLogs {
            resource: Some(resource("payment")),
            scope_logs: vec![ScopeLogs { log_records: vec![log], ..ScopeLogs::default() }],
            ..ResourceLogs::default()
        }],
    };
    let response = compare.post("/v1/logs", "application/x-protobuf", logs.encode_to_vec()).await;
    assert_eq!(response.status(), StatusCode::OK);

    insta::assert_json_snapshot!("trace", compare.json(&format!("/api/v1/traces/{}", trace_id(1))).await);
    insta::assert_json_snapshot!("list", compare.json("/api/v1/traces").await);
    compare.stop().await;
}

#[tokio::test]
async fn the_list_is_newest_first_and_filtered() {
    let compare = Compare::start().await;
    for number in 1..=5_u64 {
        let root = span(number.into(), 1, &format!("GET /books/{number}")).at(number * 100, number * 110);
        let root = root.with("book.title", format!("Title {number}"));
        let root = if number == 3 { root.failed("broken") } else { root };
        compare.send(if number == 5 { "catalog" } else { "storefront" }, vec![root]).await;
    }
    let ids = |numbers: &[u128]| numbers.iter().copied().map(trace_id).collect::<Vec<_>>();
    assert_eq!(compare.listed("").await, ids(&[5, 4, 3, 2, 1]));
    assert_eq!(compare.listed("service=catalog").await, ids(&[5]));
    assert_eq!(compare.listed("service=nobody").await, ids(&[]));
    assert_eq!(compare.listed("status=error").await, ids(&[3]));
    assert_eq!(compare.listed("status=ok&service=&q=&min_duration_ms=").await, ids(&[5, 4, 2, 1]));
    assert_eq!(compare.listed("min_duration_ms=35").await, ids(&[5, 4]));
    assert_eq!(compare.listed("q=BOOKS/4").await, ids(&[4]), "a name, whatever the case");
    assert_eq!(compare.listed("q=title+2").await, ids(&[2]), "an attribute");
    assert_eq!(compare.listed("q=broken").await, ids(&[3]), "a status message");
    assert_eq!(compare.listed(&format!("q={}", &trace_id(5)[..])).await, ids(&[5]), "an id");

    let first = compare.json("/api/v1/traces?limit=2").await;
    let next = first["next_before"].as_str().unwrap();
    assert_eq!(compare.listed(&format!("limit=2&before={next}")).await, ids(&[3, 2]));
    let last = compare.json("/api/v1/traces?limit=5").await;
    assert!(last["next_before"].is_null());

    for wrong in ["status=bad", "min_duration_ms=x", "limit=x", "before=x"] {
        let response = compare.get(&format!("/api/v1/traces?{wrong}")).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{wrong}");
        assert_eq!(response.headers()["content-type"], "application/problem+json");
    }
    compare.stop().await;
}

#[tokio::test]
async fn late_spans_join_their_trace_and_a_parent_that_lacks_is_said() {
    let compare = Compare::start().await;
    let path = format!("/api/v1/traces/{}", trace_id(9));
    compare.send("inventory", vec![span(9, 3, "Reserve").under(2).at(30, 40)]).await;
    let trace = compare.json(&path).await;
    assert_eq!(trace["root"]["name"], "Reserve");
    assert_eq!(trace["root"]["complete"], false);
    assert_eq!(trace["missing_parents"], 1);

    compare
        .send("storefront", vec![span(9, 2, "call").under(1).at(20, 50), span(9, 1, "POST /orders").at(0, 90)])
        .await;
    let trace = compare.json(&path).await;
    assert_eq!(trace["root"]["name"], "POST /orders");
    assert_eq!(trace["root"]["complete"], true);
    assert_eq!(trace["missing_parents"], 0);
    assert_eq!(trace["duration_ns"], 90 * MS);
    let tree: Vec<_> = trace["spans"].as_array().unwrap().iter().map(|it| (&it["name"], &it["depth"])).collect();
    assert_eq!(
        format!("{tree:?}"),
        r#"[(String("POST /orders"), Number(0)), (String("call"), Number(1)), (String("Reserve"), Number(2))]"#
    );
    compare.stop().await;
}

#[tokio::test]
async fn a_span_sent_twice_is_kept_once_and_counted() {
    let compare = Compare::start().await;
    for _ in 0..2 {
        compare.send("storefront", vec![span(4, 1, "once")]).await;
    }
    let trace = compare.json(&format!("/api/v1/traces/{}", trace_id(4))).await;
    assert_eq!((&trace["span_count"], &trace["duplicate_spans"]), (&1.into(), &1.into()));
    let stats = compare.json("/api/v1/stats").await;
    assert_eq!(stats["received"]["spans"], 2);
    assert_eq!(stats["held"]["spans"], 1);
    assert_eq!(stats["duplicate_spans"], 1);
    compare.stop().await;
}

#[tokio::test]
async fn parents_in_a_ring_are_shown_once_each() {
    let compare = Compare::start().await;
    compare.send("odd", vec![span(6, 1, "a").under(2), span(6, 2, "b").under(1), span(6, 3, "c").under(3)]).await;
    let trace = compare.json(&format!("/api/v1/traces/{}", trace_id(6))).await;
    assert_eq!(trace["spans"].as_array().unwrap().len(), 3);
    compare.stop().await;
}

#[tokio::test]
async fn a_runaway_trace_is_cut_and_says_so() {
    let mut config = Config::default();
    config.keep.spans_per_trace = 10;
    let compare = Compare::with(config).await;
    compare.send("loop", (1..=25).map(|id| span(5, id, "again")).collect()).await;
    let trace = compare.json(&format!("/api/v1/traces/{}", trace_id(5))).await;
    assert_eq!(trace["span_count"], 10);
    assert_eq!(trace["spans_left_out"], 15);
    compare.stop().await;
}

#[tokio::test]
async fn memory_is_bounded_and_the_oldest_traces_go_whole() {
    let mut config = Config::default();
    config.keep.bytes = 4 << 20;
    let compare = Compare::with(config).await;
    // 200,000 spans, 4 a trace, each with a name of its own that must not pile up either.
    for batch in 0..200_u64 {
        let spans = (0..1_000).map(|index| {
            let number = batch * 1_000 + index;
            let trace = u128::from(number / 4 + 1);
            span(trace, number + 1, &format!("span {number}")).at(number, number + 1).with("padding", "x".repeat(50))
        });
        compare.send("storefront", spans.collect()).await;
        let held = &compare.json("/api/v1/stats").await["held"];
        assert!(held["bytes"].as_u64().unwrap() <= 4 << 20, "{held}");
    }
    let stats = compare.json("/api/v1/stats").await;
    assert_eq!(stats["received"]["spans"], 200_000);
    let held = stats["held"]["spans"].as_u64().unwrap();
    assert_eq!(held + stats["evicted_spans"].as_u64().unwrap(), 200_000);
    assert!(held > 2_000, "the bound is used: {held}");
    let newest = compare.listed("limit=500").await;
    assert_eq!(newest[0], trace_id(50_000));
    let gone = compare.get(&format!("/api/v1/traces/{}", trace_id(1))).await;
    assert_eq!(gone.status(), StatusCode::NOT_FOUND);
    assert_eq!(gone.headers()["content-type"], "application/problem+json");
    for id in &newest[..20] {
        assert_eq!(compare.json(&format!("/api/v1/traces/{id}")).await["span_count"], 4, "whole");
    }
    compare.stop().await;
}

/// A name is kept once for all spans that have it; names that each have one span must not stay when it goes.
#[tokio::test]
async fn names_longer_than_spans_do_not_push_the_traces_out() {
    let mut config = Config::default();
    config.keep.bytes = 4 << 20;
    let compare = Compare::with(config).await;
    for batch in 0..100_u64 {
        let spans = (0..200).map(|index| {
            let number = batch * 200 + index + 1;
            span(number.into(), number, &format!("{number} {}", "x".repeat(1_500)))
        });
        compare.send("storefront", spans.collect()).await;
        let held = &compare.json("/api/v1/stats").await["held"];
        assert!(held["bytes"].as_u64().unwrap() <= 4 << 20, "{held}");
        assert!(held["spans"].as_u64().unwrap() >= 200, "{batch}: {held}");
    }
    compare.stop().await;
}

/// Of series and of log records without a trace there are few, but each may come from a resource of its own.
#[tokio::test]
async fn large_resources_do_not_pile_up() {
    let mut config = Config::default();
    config.keep.bytes = 1 << 20;
    let compare = Compare::with(config).await;
    for number in 1..=100_u64 {
        let service = format!("{number}{}", "ä".repeat(20_000));
        let resource = Some(resource(&service));
        let log = LogRecord { body: Some("hello".into()), ..LogRecord::default() };
        let scope_logs = vec![ScopeLogs { log_records: vec![log], ..ScopeLogs::default() }];
        let resource_logs = vec![ResourceLogs { resource, scope_logs, ..ResourceLogs::default() }];
        let logs = ExportLogsServiceRequest { resource_logs }.encode_to_vec();
        assert_eq!(compare.post("/v1/logs", "application/x-protobuf", logs).await.status(), StatusCode::OK);
        compare.send(&service, vec![span(number.into(), number, "x")]).await;
        let held = &compare.json("/api/v1/stats").await["held"];
        assert!(held["bytes"].as_u64().unwrap() <= 1 << 20, "{number}: {held}");
    }
    compare.send("shop", vec![span(1_000, 1, "x")]).await;
    assert_eq!(compare.listed("").await.first(), Some(&trace_id(1_000)));
    compare.stop().await;
}

#[tokio::test]
async fn the_number_of_traces_is_bounded() {
    let mut config = Config::default();
    config.keep.traces = 3;
    let compare = Compare::with(config).await;
    for number in 1..=5_u64 {
        compare.send("storefront", vec![span(number.into(), 1, "x").at(number, number + 1)]).await;
    }
    assert_eq!(compare.listed("").await, [trace_id(5), trace_id(4), trace_id(3)]);
    compare.stop().await;
}

#[tokio::test]
async fn waiting_ends_when_the_trace_is_there_and_quiet() {
    let compare = Compare::start().await;
    let url = compare.url(&format!("/api/v1/traces/{}?wait_ms=20000&min_spans=2&quiet_ms=50", trace_id(8)));
    let waiting = tokio::spawn(compare.http.get(url).send());
    compare.send("a", vec![span(8, 1, "root")]).await;
    compare.send("b", vec![span(8, 2, "child").under(1)]).await;
    let started = Instant::now();
    let trace: serde_json::Value = waiting.await.unwrap().unwrap().json().await.unwrap();
    assert_eq!(trace["span_count"], 2);
    assert!(started.elapsed() < Duration::from_secs(10), "it did not wait for the end");

    let path = format!("/api/v1/traces/{}?wait_ms=50", trace_id(77));
    assert_eq!(compare.get(&path).await.status(), StatusCode::NOT_FOUND);
    compare.stop().await;
}

#[tokio::test]
async fn who_waits_does_not_hold_up_the_end() {
    let compare = Compare::start().await;
    let stream = TcpStream::connect(compare.address).await.unwrap();
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    let connection = tokio::spawn(connection);
    let mut ask = |path: &str| {
        let request = http::Request::get(compare.url(path)).body(Empty::<Bytes>::new()).unwrap();
        sender.send_request(request)
    };
    let waiting = tokio::spawn(ask(&format!("/api/v1/traces/{}?wait_ms=30000", trace_id(8))));
    // On one connection streams are opened in order: once this is answered, the one before is being waited for.
    assert_eq!(ask("/livez").await.unwrap().status(), StatusCode::OK);
    let started = Instant::now();
    compare.stop().await;
    assert!(started.elapsed() < Duration::from_secs(2), "not cut off by the deadline of the drain either");
    assert_eq!(waiting.await.unwrap().unwrap().status(), StatusCode::NOT_FOUND);
    let _ = connection.await;
}

#[tokio::test]
async fn only_the_storefronts_pages_may_read_a_trace() {
    let config = Config { storefront_origins: vec!["http://shop.test".to_owned()], ..Config::default() };
    let compare = Compare::with(config).await;
    compare.send("storefront", vec![span(2, 1, "x")]).await;
    let path = compare.url(&format!("/api/v1/traces/{}", trace_id(2)));
    let ask = |origin: &'static str, path: &str| compare.http.get(path).header("origin", origin).send();
    let shop = ask("http://shop.test", &path).await.unwrap();
    assert_eq!(shop.headers()["access-control-allow-origin"], "http://shop.test");
    let other = ask("http://evil.test", &path).await.unwrap();
    assert!(!other.headers().contains_key("access-control-allow-origin"));
    assert_eq!(other.headers()["vary"], "origin");
    let list = ask("http://shop.test", &compare.url("/api/v1/traces")).await.unwrap();
    assert!(!list.headers().contains_key("access-control-allow-origin"));
    compare.stop().await;
}

#[tokio::test]
async fn ids_are_checked() {
    let compare = Compare::start().await;
    for wrong in ["1", "zz000000000000000000000000000001", "00000000000000000000000000000000", "%3Cscript%3E"] {
        let response = compare.get(&format!("/api/v1/traces/{wrong}")).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{wrong}");
    }
    assert_eq!(compare.get("/api/v1/nothing").await.status(), StatusCode::NOT_FOUND);
    compare.stop().await;
}

#[tokio::test]
async fn the_side_comes_from_the_resource() {
    let compare = Compare::start().await;
    let mut agent = request("storefront", vec![span(3, 2, "GET").under(1)]);
    let resource = agent.resource_spans[0].resource.as_mut().unwrap();
    resource.attributes.push(KeyValue::new("telemetry.distro.name", "bookstore-agent"));
    compare.send("storefront", vec![span(3, 1, "GET /")]).await;
    compare.send_request(&agent).await;
    let trace = compare.json(&format!("/api/v1/traces/{}", trace_id(3))).await;
    assert_eq!(trace["spans"][0]["side"], "manual");
    assert_eq!(trace["spans"][1]["side"], "ebpf");
    compare.stop().await;
}
