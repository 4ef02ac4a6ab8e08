//! What arrives at a collector when services are asked over real sockets.
#![cfg(feature = "otel")]
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod shop;
mod support;

use std::sync::LazyLock;
use std::time::Duration;

use bookstore_proto::inventory::{CommitRequest, GetStockRequest, StockLevel, WatchStockRequest};
use bookstore_telemetry::sql::Statement;
use bookstore_telemetry::{SCHEMA_URL, Settings, Telemetry};
use shop::Stock;
use support::{Receiver, Seen, Span, environment};
use tokio::sync::mpsc;
use tracing::Instrument as _;

/// One telemetry a process: the tests of this file share it and tell their traces apart by id.
static ON: LazyLock<(Receiver, Telemetry)> = LazyLock::new(|| {
    let receiver = Receiver::start();
    let variables = environment(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &receiver.grpc),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-tenant=books%20shop"),
        ("OTEL_BSP_SCHEDULE_DELAY", "20"),
        ("OTEL_BLRP_SCHEDULE_DELAY", "20"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "50"),
        ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test"),
        ("OTEL_INSTRUMENTATION_HTTP_SERVER_CAPTURE_REQUEST_HEADERS", "X-Shelf,Authorization"),
    ]);
    let telemetry = bookstore_telemetry::init_from(Settings::new("shop", "1.2.3"), variables).unwrap();
    (receiver, telemetry)
});

fn receiver() -> &'static Receiver {
    &ON.0
}

/// A trace of this number, as a browser would begin it.
fn traceparent(number: u8) -> (String, String) {
    let trace = format!("{:032x}", 0x00c0_ffee_u128 << 64 | u128::from(number));
    let header = format!("00-{trace}-00000000000000aa-01");
    (trace, header)
}

async fn ask(url: &str, traceparent: &str) -> reqwest::Response {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    client.get(url).header("traceparent", traceparent).header("baggage", "shop=open").send().await.unwrap()
}

/// The trace as lines, children under parents, in order of start.
fn tree(spans: &[Span], parent: &str, depth: usize) -> String {
    let mut children: Vec<_> = spans.iter().filter(|span| span.parent == parent).collect();
    children.sort_by_key(|span| span.start);
    let kind = |span: &Span| ["", "internal", "server", "client"][usize::try_from(span.kind).unwrap()];
    let lines = children.iter().map(|span| {
        format!("{:indent$}{} {}\n{}", "", kind(span), span.name, tree(spans, &span.id, depth + 1), indent = depth * 2)
    });
    lines.collect()
}

fn named<'a>(spans: &'a [Span], kind: i32, name: &str) -> &'a Span {
    spans.iter().find(|span| span.kind == kind && span.name == name).unwrap_or_else(|| panic!("no {name}: {spans:#?}"))
}

fn assert_attributes(span: &Span, expected: &[(&str, &str)]) {
    for (name, value) in expected {
        assert_eq!(span.attributes.get(*name).map(String::as_str), Some(*value), "{name} of {span:#?}");
    }
}

const SERVER: i32 = 2;
const CLIENT: i32 = 3;
const ERROR: i32 = 2;
const GET_STOCK: &str = "bookstore.inventory.v1.Inventory/GetStock";
const WATCH_STOCK: &str = "bookstore.inventory.v1.Inventory/WatchStock";
const COMMIT: &str = "bookstore.inventory.v1.Inventory/Commit";

#[tokio::test]
async fn an_answer_tells_a_caller_without_a_trace_which_one_it_is() {
    let receiver = receiver();
    let back = shop::back().await;
    let answer = reqwest::get(format!("{back}/echo/7")).await.unwrap();
    let header = answer.headers()["traceresponse"].to_str().unwrap().to_owned();
    let [version, trace, span, flags] = *header.split('-').collect::<Vec<_>>() else { panic!("{header}") };
    assert_eq!((version, flags), ("00", "01"));
    let spans = receiver.trace(trace, 1).await;
    assert_eq!(named(&spans, SERVER, "GET /echo/{id}").id, span);
}

#[tokio::test]
async fn one_request_is_one_tree_across_hops_spawns_and_streams() {
    let receiver = receiver();
    let (stock, _) = Stock::default().serve().await;
    let back = shop::back().await;
    let front = shop::front(back.clone(), stock).await;
    let (trace, header) = traceparent(1);

    let answer = ask(&format!("{front}/show/7?card=4242424242424242"), &header).await;
    assert!(!answer.headers().contains_key("traceresponse"), "whoever sends a traceparent knows the trace");
    let body: serde_json::Value = answer.json().await.unwrap();
    assert_eq!(body["trace"], trace);
    assert_eq!((&body["levels"], &body["watched"]), (&1.into(), &2.into()));
    assert_eq!(body["priced"]["baggage"], "open", "baggage goes two hops");

    let spans = receiver.trace(&trace, 12).await;
    let expected = format!(
        "server GET /show/{{id}}
  internal price
    client GET /echo/{{id}}
      server GET /echo/{{id}}
  client GET /echo/{{id}}
    server GET /echo/{{id}}
  client {GET_STOCK}
    server {GET_STOCK}
  client {WATCH_STOCK}
    server {WATCH_STOCK}
  client SELECT books
  client INSERT books
"
    );
    assert_eq!(tree(&spans, "00000000000000aa", 0), expected);

    let server = named(&spans, SERVER, "GET /show/{id}");
    let port = front.rsplit_once(':').unwrap().1;
    assert_attributes(
        server,
        &[
            ("http.request.method", "GET"),
            ("http.route", "/show/{id}"),
            ("http.response.status_code", "200"),
            ("url.path", "/show/7"),
            ("url.scheme", "http"),
            ("server.address", "127.0.0.1"),
            ("server.port", port),
            ("network.protocol.version", "1.1"),
        ],
    );
    assert_eq!(server.schemas, [SCHEMA_URL, SCHEMA_URL]);
    for (name, value) in [
        ("service.name", "shop"),
        ("service.version", "1.2.3"),
        ("deployment.environment.name", "test"),
        ("telemetry.sdk.language", "rust"),
    ] {
        assert_eq!(server.resource[name], value);
    }
    assert!(server.resource.contains_key("service.instance.id"));
    assert_attributes(
        named(&spans, CLIENT, "GET /echo/{id}"),
        &[
            ("url.template", "/echo/{id}"),
            ("url.full", &format!("{back}/echo/7")),
            ("http.response.status_code", "200"),
        ],
    );
    for kind in [SERVER, CLIENT] {
        let expected = [("rpc.system.name", "grpc"), ("rpc.method", WATCH_STOCK), ("rpc.response.status_code", "OK")];
        assert_attributes(named(&spans, kind, WATCH_STOCK), &expected);
    }
    assert_attributes(
        named(&spans, CLIENT, "SELECT books"),
        &[
            ("db.system.name", "sqlite"),
            ("db.namespace", "catalog.db"),
            ("db.query.text", "SELECT id FROM books WHERE id = $1"),
            ("db.query.summary", "SELECT books"),
            ("db.operation.name", "SELECT"),
            ("db.collection.name", "books"),
            ("db.response.returned_rows", "1"),
        ],
    );
    let failed = named(&spans, CLIENT, "INSERT books");
    assert_attributes(failed, &[("error.type", "unique_violation"), ("db.response.status_code", "2067")]);
    assert_eq!(failed.status, ERROR);
    assert_eq!(spans.iter().find(|span| span.name == "price").unwrap().events, ["priced"]);
    // A server's span has its events too, though no function of the handler has a span of its own.
    assert_eq!(named(&spans, SERVER, "GET /echo/{id}").events, ["echoed"]);
    // No query string's value anywhere.
    for secret in ["4242424242424242", "hunter2"] {
        assert!(!format!("{spans:?}").contains(secret));
    }

    let log = receiver
        .until("the log of the back", |seen| {
            seen.logs.iter().find(|log| log.body == "echoed" && log.trace == trace).cloned()
        })
        .await;
    assert_eq!((log.severity.as_str(), log.attributes["book_id"].as_str()), ("INFO", "7"));
    assert!(spans.iter().any(|span| span.kind == SERVER && span.name == "GET /echo/{id}" && span.id == log.span));
}

#[tokio::test]
async fn what_is_apart_takes_no_span_along_and_stays_in_its_trace() {
    receiver();
    let has_span = || !tracing::Span::current().is_none();
    async {
        let trace = bookstore_telemetry::trace_id();
        assert!(trace.is_some() && has_span());
        bookstore_telemetry::apart(async {
            for _ in 0..2 {
                assert!(!has_span());
                assert_eq!(bookstore_telemetry::trace_id(), trace);
                tokio::task::yield_now().await;
            }
        })
        .await;
        assert!(has_span());
    }
    .instrument(tracing::info_span!("caller"))
    .await;
}

#[tokio::test]
async fn a_streams_span_lasts_as_long_as_the_stream() {
    let receiver = receiver();
    let (send, feed) = mpsc::channel(1);
    let stock = Stock::default();
    *stock.feed.lock().unwrap() = Some(feed);
    let (mut stock, _) = stock.serve().await;
    let root = tracing::info_span!("watcher");
    let trace = root.in_scope(bookstore_telemetry::trace_id).unwrap();

    let watching = stock.watch_stock(WatchStockRequest::default()).instrument(root.clone());
    let mut levels = watching.await.unwrap().into_inner();
    send.send(StockLevel::default()).await.unwrap();
    assert!(levels.message().await.unwrap().is_some());
    // Another request of the same trace, made later, has arrived: the stream's spans would have too, had they ended.
    stock.get_stock(GetStockRequest { book_ids: vec![1] }).instrument(root.clone()).await.unwrap();
    let spans = receiver.trace(&trace, 2).await;
    assert!(spans.iter().all(|span| span.name != WATCH_STOCK), "{spans:#?}");

    drop(send);
    assert!(levels.message().await.unwrap().is_none());
    drop((levels, root));
    let spans = receiver.trace(&trace, 5).await;
    let (client, server) = (named(&spans, CLIENT, WATCH_STOCK), named(&spans, SERVER, WATCH_STOCK));
    assert!(client.end > named(&spans, SERVER, GET_STOCK).end);
    assert_eq!(server.parent, client.id);
    assert!(!server.attributes.contains_key("bookstore.cancelled"), "{server:#?}");
}

#[tokio::test]
async fn what_is_cancelled_ends_its_spans() {
    let receiver = receiver();
    let back = shop::back().await;
    let (mut stock, _) = Stock::default().serve().await;
    let root = tracing::info_span!("impatient");
    let trace = root.in_scope(bookstore_telemetry::trace_id).unwrap();
    async {
        // Given up before the answer: over HTTP, over gRPC, and in the database.
        let patience = Duration::from_millis(200);
        tokio::time::timeout(patience, shop::call(&format!("{back}/slow"), "/slow")).await.unwrap_err();
        tokio::time::timeout(patience, stock.commit(CommitRequest::default())).await.unwrap_err();
        drop(Statement::start(&shop::database(), "DELETE FROM baskets", None));
        // Given up in the middle of the body.
        let mut endless = shop::call(&format!("{back}/endless"), "/endless").await.unwrap();
        assert_eq!(endless.chunk().await.unwrap().unwrap(), "part");
    }
    .instrument(root)
    .await;

    let spans = receiver.trace(&trace, 8).await;
    let marked = |kind, name: &str| {
        let span = named(&spans, kind, name);
        assert_attributes(span, &[("bookstore.cancelled", "true")]);
        span
    };
    for span in [marked(CLIENT, "GET /slow"), marked(SERVER, "GET /slow"), marked(CLIENT, "DELETE baskets")] {
        assert_attributes(span, &[("error.type", "cancelled")]);
        assert_eq!(span.status, ERROR);
    }
    let slow = named(&spans, CLIENT, "GET /slow");
    assert!(slow.end - slow.start >= 200_000_000, "it ends when it is dropped, not when it was last polled");
    assert_attributes(
        marked(CLIENT, COMMIT),
        &[("rpc.response.status_code", "CANCELLED"), ("error.type", "CANCELLED")],
    );
    assert_attributes(marked(SERVER, COMMIT), &[("rpc.response.status_code", "CANCELLED")]);
    for span in [marked(CLIENT, "GET /endless"), marked(SERVER, "GET /endless")] {
        assert_ne!(span.status, ERROR, "who has the head of an answer may leave its body");
    }
}

#[tokio::test]
async fn health_checks_make_no_spans_nor_metrics() {
    let receiver = receiver();
    let back = shop::back().await;
    let (stock, channel) = Stock::default().serve().await;
    let (trace, header) = traceparent(2);
    for path in ["/livez", "/readyz"] {
        let answer = ask(&format!("{back}{path}"), &header).await;
        assert!(answer.status().is_success() && !answer.headers().contains_key("traceresponse"));
    }
    let mut health = tonic_health::pb::health_client::HealthClient::new(channel);
    health.check(tonic_health::pb::HealthCheckRequest::default()).await.unwrap();
    drop(stock);
    ask(&format!("{back}/echo/1"), &header).await;

    let spans = receiver.trace(&trace, 1).await;
    assert_eq!(tree(&spans, "00000000000000aa", 0), "server GET /echo/{id}\n");
    let counted =
        |seen: &Seen| (seen.sum("http.server.request.duration", &["http.route=/echo/{id};"]) > 0.0).then_some(());
    receiver.until("the request in the metrics", counted).await;
    let seen = receiver.seen();
    assert!(!format!("{:?}", seen.points).contains("livez") && !format!("{:?}", seen.points).contains("health"));
    assert!(!format!("{:?}", seen.spans).contains("Health"));
}

#[tokio::test]
async fn statuses_follow_the_conventions() {
    let receiver = receiver();
    let back = shop::back().await;
    let (mut stock, channel) = Stock::default().serve().await;
    let root = tracing::info_span!("statuses");
    let trace = root.in_scope(bookstore_telemetry::trace_id).unwrap();
    async {
        for (path, template) in [("/fails", "/fails"), ("/nowhere", "/nowhere")] {
            shop::call(&format!("{back}{path}"), template).await.unwrap().bytes().await.unwrap();
        }
        shop::call("http://127.0.0.1:1/closed", "/closed").await.unwrap_err();
        stock.get_stock(GetStockRequest { book_ids: vec![] }).await.unwrap_err();
    }
    .instrument(root)
    .await;
    let spans = receiver.trace(&trace, 8).await;
    let error = |kind, name: &str| {
        let span = named(&spans, kind, name);
        (span.attributes.get("error.type").map(String::as_str), span.status == ERROR)
    };
    assert_eq!(error(SERVER, "GET /fails"), (Some("503"), true));
    assert_eq!(error(CLIENT, "GET /fails"), (Some("503"), true));
    assert_eq!(
        error(SERVER, "GET"),
        (None, false),
        "a path without a route does not name the span, and 404 is no fault"
    );
    assert_eq!(error(CLIENT, "GET /nowhere"), (Some("404"), true));
    assert_eq!(error(CLIENT, "GET /closed"), (Some("connect"), true));
    assert_eq!(error(SERVER, GET_STOCK), (None, false), "INVALID_ARGUMENT is the caller's fault");
    assert_eq!(error(CLIENT, GET_STOCK), (Some("INVALID_ARGUMENT"), true));

    let (trace, header) = traceparent(3);
    let mut client = bookstore_proto::inventory::inventory_client::InventoryClient::new(channel.clone());
    let mut broken = tonic::Request::new(GetStockRequest { book_ids: vec![0] });
    broken.metadata_mut().insert("traceparent", header.parse().unwrap());
    let status = client.get_stock(broken).await.unwrap_err();
    assert!(!status.metadata().contains_key("traceresponse"));
    let status = client.get_stock(GetStockRequest { book_ids: vec![0] }).await.unwrap_err();
    assert!(status.metadata().contains_key("traceresponse"), "gRPC answers name their span too");
    let mut unknown = tonic::client::Grpc::new(channel);
    unknown.ready().await.unwrap();
    let mut request = tonic::Request::new(());
    request.metadata_mut().insert("traceparent", header.parse().unwrap());
    let path = http::uri::PathAndQuery::from_static("/bookstore.inventory.v1.Inventory/Guess12345");
    let codec = tonic_prost::ProstCodec::<(), ()>::default();
    unknown.unary(request, path, codec).await.unwrap_err();
    let spans = receiver.trace(&trace, 2).await;
    let broken = named(&spans, SERVER, GET_STOCK);
    assert_attributes(broken, &[("rpc.response.status_code", "INTERNAL"), ("error.type", "INTERNAL")]);
    assert_attributes(
        named(&spans, SERVER, "grpc"),
        &[("rpc.method", "_OTHER"), ("rpc.method_original", "bookstore.inventory.v1.Inventory/Guess12345")],
    );
    assert!(!format!("{:?}", receiver.seen().points).contains("Guess12345"));
}

#[tokio::test]
async fn captured_headers_never_show_credentials_and_odd_methods_are_bounded() {
    let receiver = receiver();
    let back = shop::back().await;
    let (trace, header) = traceparent(4);
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    client
        .request(reqwest::Method::from_bytes(b"BREW").unwrap(), format!("{back}/echo/1"))
        .header("traceparent", header)
        .header("x-shelf", "3")
        .header("authorization", "Bearer hunter2")
        .send()
        .await
        .unwrap();
    let spans = receiver.trace(&trace, 1).await;
    assert_attributes(
        &spans[0],
        &[
            ("http.request.method", "_OTHER"),
            ("http.request.method_original", "BREW"),
            ("http.request.header.x-shelf", "[3]"),
            ("http.request.header.authorization", "[[redacted]]"),
        ],
    );
    assert_eq!(spans[0].name, "HTTP /echo/{id}");
}

#[tokio::test]
async fn metrics_have_their_conventional_names_and_boundaries() {
    static SOLD: bookstore_telemetry::metrics::Counter =
        bookstore_telemetry::metrics::Counter::new("bookstore.test.sold", "{book}", "Books sold.");
    let receiver = receiver();
    let (stock, _) = Stock::default().serve().await;
    let front = shop::front(shop::back().await, stock).await;
    bookstore_telemetry::sql::observe_pool(&shop::database(), || bookstore_telemetry::sql::PoolState {
        used: 3,
        idle: 2,
        max: 10,
        pending: None,
    });
    SOLD.add(2, &[("subject", "poetry")]);
    let (_, header) = traceparent(5);
    ask(&format!("{front}/show/1"), &header).await.bytes().await.unwrap();

    let names = [
        "http.server.request.duration",
        "http.client.request.duration",
        "rpc.server.call.duration",
        "rpc.client.call.duration",
        "db.client.operation.duration",
        "db.client.connection.count",
        "db.client.connection.max",
        "otel.sdk.processor.span.processed",
        "otel.sdk.exporter.span.exported",
        "otel.sdk.processor.log.processed",
        "otel.sdk.exporter.log.exported",
        "tokio.workers",
        "tokio.tasks.alive",
        "tokio.global_queue.depth",
        "tokio.worker.busy_time",
        "bookstore.test.sold",
    ];
    receiver
        .until("every metric", |seen: &Seen| {
            names.iter().all(|name| seen.points.keys().any(|(metric, _)| metric == name)).then_some(())
        })
        .await;
    let seen = receiver.seen();
    assert_eq!(seen.bounds["http.server.request.duration"][..3], [0.005, 0.01, 0.025]);
    assert_eq!(seen.bounds["db.client.operation.duration"][..3], [0.001, 0.005, 0.01]);
    assert_eq!(seen.sum("bookstore.test.sold", &["subject=poetry;"]), 2.0);
    assert_eq!(seen.sum("db.client.connection.count", &["db.client.connection.state=used;"]), 3.0);
    assert!(seen.sum("rpc.server.call.duration", &["rpc.method=bookstore.inventory.v1.Inventory/GetStock;"]) >= 1.0);
    assert!(seen.headers.iter().all(|headers| headers["x-tenant"] == "books shop"));
}
