//! The pages: what they say, and that nothing which was sent runs in them.

mod support;

use bookstore_compare::Config;
use bookstore_otlp::Message;
use bookstore_otlp::collector::{ExportLogsServiceRequest, ExportMetricsServiceRequest};
use bookstore_otlp::common::KeyValue;
use bookstore_otlp::logs::{LogRecord, ResourceLogs, ScopeLogs};
use bookstore_otlp::metrics::{Data, Metric, Number, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, temporality};
use bookstore_otlp::trace::{Event, Link, kind};
use reqwest::StatusCode;
use support::{Compare, MS, START, Said, resource, span, trace_id};

#[tokio::test]
async fn an_empty_list_says_what_to_do() {
    let compare = Compare::start().await;
    let page = compare.text("/").await;
    assert!(page.contains("No trace yet"), "{page}");
    assert!(page.contains(r#"<a href="http://localhost:8080">"#), "{page}");
    assert!(compare.text("/?q=x").await.contains("Nothing matches"));
    compare.stop().await;
}

#[tokio::test]
async fn the_list_links_to_each_trace_and_keeps_its_filters_on_the_next_page() {
    let compare = Compare::start().await;
    for number in 1..=3_u64 {
        let root = span(number.into(), 1, "GET /books").at(number * 100, number * 100 + 25);
        compare.send("storefront", vec![root.failed("no & no")]).await;
    }
    let page = compare.text("/?limit=2&status=error&q=no+%26").await;
    for (number, is_there) in [(3, true), (2, true), (1, false)] {
        assert_eq!(page.contains(&format!("/traces/{}", trace_id(number))), is_there, "{number}");
    }
    assert!(page.contains("25 ms"));
    let after = page.split(r#"href="/?"#).nth(1).unwrap().split('"').next().unwrap();
    let older = compare.text(&format!("/?{}", after.replace("&#38;", "&"))).await;
    assert!(older.contains(&trace_id(1)) && !older.contains(&trace_id(2)), "{after}");
    compare.stop().await;
}

#[tokio::test]
async fn a_trace_shows_its_tree_and_what_lacks() {
    let compare = Compare::start().await;
    let root = span(1, 1, "POST /orders").at(0, 80).kind(kind::SERVER).with("http.route", "/orders");
    let call = span(1, 2, "shop.v1.Inventory/Reserve").under(1).at(10, 40).kind(kind::CLIENT).failed("out of stock");
    compare.send("storefront", vec![root, call]).await;
    compare.send("inventory", vec![span(1, 3, "sweep").under(99).at(50, 60)]).await;
    let page = compare.text(&format!("/traces/{}", trace_id(1))).await;
    for text in
        ["Inventory/Reserve", "parent missing", "1 failed", "out of stock", "/orders", "20 ms", "1 span names a parent"]
    {
        assert!(page.contains(text), "{text}\n{page}");
    }
    let order: Vec<_> = ["span-0000000000000001", "span-0000000000000002", "span-0000000000000003"]
        .map(|id| page.find(&format!(r#"id="{id}""#)).unwrap())
        .to_vec();
    assert!(order.is_sorted());
    compare.stop().await;
}

#[tokio::test]
async fn what_was_sent_is_text_and_nothing_else() {
    const EVIL: &str = r#""><script>alert(1)</script><img src=x onerror=alert(2)>' onclick='"#;
    let compare = Compare::start().await;
    let mut evil = span(1, 1, EVIL).with(EVIL, EVIL).with("url", "javascript:alert(3)").failed(EVIL);
    let attributes = vec![KeyValue::new(EVIL, EVIL)];
    evil.events = vec![Event { name: EVIL.to_owned(), attributes: attributes.clone(), ..Event::default() }];
    evil.links =
        vec![Link { trace_id: EVIL.into(), span_id: EVIL.into(), attributes: attributes.clone(), ..Link::default() }];
    compare.send(EVIL, vec![evil]).await;
    let log = LogRecord {
        trace_id: 1_u128.to_be_bytes().to_vec(),
        span_id: 1_u64.to_be_bytes().to_vec(),
        time_unix_nano: START + MS,
        severity_text: EVIL.to_owned(),
        body: Some(EVIL.into()),
        attributes,
        ..LogRecord::default()
    };
    let scope_logs = vec![ScopeLogs { log_records: vec![log], ..ScopeLogs::default() }];
    let resource_logs = vec![ResourceLogs { resource: Some(resource(EVIL)), scope_logs, ..ResourceLogs::default() }];
    let logs = ExportLogsServiceRequest { resource_logs };
    compare.post("/v1/logs", "application/x-protobuf", logs.encode_to_vec()).await;

    let evil_query = form_urlencoded::byte_serialize(EVIL.as_bytes()).collect::<String>();
    let paths = [
        "/".to_owned(),
        format!("/?q={evil_query}&service={evil_query}"),
        format!("/?status={evil_query}"),
        format!("/traces/{}", trace_id(1)),
    ];
    for path in paths {
        let response = compare.http.get(compare.url(&path)).header("accept", "text/html").send().await.unwrap();
        let policy = response.headers()["content-security-policy"].to_str().unwrap().to_owned();
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        assert_eq!(response.headers()["x-content-type-options"], "nosniff");
        let page = response.text().await.unwrap();
        assert!(page.contains("</html>"), "{path}");
        // The text is there, escaped; as markup it is not.
        for markup in ["<script>", "<img", "onclick='", "\"javascript:"] {
            assert!(!page.contains(markup), "{markup} in {path}\n{page}");
        }
        assert!(!page.contains(" style="), "the policy would not let it work: {path}");
    }
    let page = compare.text(&format!("/traces/{}", trace_id(1))).await;
    assert!(page.contains("alert(1)"), "shown as text");
    compare.stop().await;
}

#[tokio::test]
async fn pages_that_are_not_there_say_so_in_html() {
    let compare = Compare::start().await;
    let ask =
        async |path: &str| compare.http.get(compare.url(path)).header("accept", "text/html").send().await.unwrap();
    for (path, status) in [
        ("/nothing".to_owned(), StatusCode::NOT_FOUND),
        (format!("/traces/{}", trace_id(1)), StatusCode::NOT_FOUND),
        ("/traces/x".to_owned(), StatusCode::BAD_REQUEST),
        ("/?min_duration_ms=soon".to_owned(), StatusCode::BAD_REQUEST),
    ] {
        let response = ask(&path).await;
        assert_eq!(response.status(), status, "{path}");
        assert!(response.headers().contains_key("content-security-policy"), "{path}");
        assert!(response.text().await.unwrap().contains("</html>"), "{path}");
    }
    compare.stop().await;
}

#[tokio::test]
async fn nothing_is_loaded_from_elsewhere() {
    let compare = Compare::start().await;
    compare.send("storefront", vec![span(1, 1, "x")]).await;
    for path in ["/".to_owned(), format!("/traces/{}", trace_id(1))] {
        let page = compare.text(&path).await;
        let sources = page
            .split(" src=\"")
            .skip(1)
            .chain(page.split("<link ").skip(1).filter_map(|it| it.split("href=\"").nth(1)));
        let sources: Vec<_> = sources.map(|it| it.split('"').next().unwrap().to_owned()).collect();
        assert_eq!(sources.len(), 3, "{sources:?}");
        for source in sources {
            assert!(source.starts_with("/assets/"), "{source}");
            let response = compare.get(&source).await;
            assert_eq!(response.status(), StatusCode::OK);
            assert!(response.headers()["cache-control"].to_str().unwrap().contains("immutable"));
        }
    }
    compare.stop().await;
}

#[tokio::test]
async fn what_exporters_lost_is_shown() {
    let compare = Compare::start().await;
    compare.send("storefront", vec![span(1, 1, "x")]).await;
    let send = async |lost: i64, temporality: i32| {
        let point = |count, attributes| NumberDataPoint {
            attributes,
            value: Some(Number::AsInt(count)),
            ..NumberDataPoint::default()
        };
        let metric = |name: &str, points| Metric {
            name: name.to_owned(),
            data: Some(Data::Sum(Sum {
                data_points: points,
                aggregation_temporality: temporality,
                is_monotonic: true,
            })),
            ..Metric::default()
        };
        let full = || vec![KeyValue::new("error.type", "queue_full")];
        let metrics = vec![
            metric("otel.sdk.processor.span.processed", vec![point(500, vec![]), point(lost, full())]),
            metric(
                "otel.sdk.exporter.span.exported",
                vec![point(490, vec![]), point(10, vec![KeyValue::new("error.type", "timeout")])],
            ),
        ];
        let scope_metrics = vec![ScopeMetrics { metrics, ..ScopeMetrics::default() }];
        let resource_metrics = vec![ResourceMetrics {
            resource: Some(resource("storefront")),
            scope_metrics,
            ..ResourceMetrics::default()
        }];
        let body = ExportMetricsServiceRequest { resource_metrics }.encode_to_vec();
        assert_eq!(compare.post("/v1/metrics", "application/x-protobuf", body).await.status(), StatusCode::OK);
    };
    assert!(!compare.text("/").await.contains(" lost<"), "nothing was said yet");
    send(7, temporality::CUMULATIVE).await;
    send(9, temporality::CUMULATIVE).await;
    let service = compare.json("/api/v1/stats").await["services"][0].clone();
    assert_eq!(service["spans"], serde_json::json!({"exported": 490, "failed": 10, "dropped": 9}));
    assert!(compare.text("/").await.contains("19 lost"));
    send(5, temporality::DELTA).await;
    let series = compare.json("/api/v1/metrics?service=storefront&prefix=otel.sdk.processor").await;
    let lost =
        series["series"].as_array().unwrap().iter().find(|it| it["attributes"]["error.type"] == "queue_full").unwrap();
    assert_eq!(lost["value"], 14, "a delta is added");
    compare.stop().await;
}

#[tokio::test]
async fn series_are_bounded_and_the_ones_longest_silent_go() {
    let mut config = Config::default();
    config.keep.series = 100;
    let compare = Compare::with(config).await;
    for number in 0..250_i64 {
        let points = vec![NumberDataPoint {
            attributes: vec![KeyValue::new("n", number)],
            value: Some(Number::AsInt(number)),
            ..NumberDataPoint::default()
        }];
        let data = Some(Data::Sum(Sum { data_points: points, ..Sum::default() }));
        let metrics = vec![Metric { name: "m".to_owned(), data, ..Metric::default() }];
        let scope_metrics = vec![ScopeMetrics { metrics, ..ScopeMetrics::default() }];
        let resource_metrics = vec![ResourceMetrics { scope_metrics, ..ResourceMetrics::default() }];
        let body = ExportMetricsServiceRequest { resource_metrics }.encode_to_vec();
        compare.post("/v1/metrics", "application/x-protobuf", body).await;
    }
    let metrics = compare.json("/api/v1/metrics").await;
    let series = metrics["series"].as_array().unwrap();
    assert!((80..=100).contains(&series.len()), "{}", series.len());
    assert!(series.iter().any(|it| it["value"] == 249));
    assert!(!series.iter().any(|it| it["value"] == 0));
    compare.stop().await;
}
