//! The pages without the shop: serves on 127.0.0.1:8090 (or the port given) with a few purchases made up.
//! `cargo run -p bookstore-compare --example demo -- 8090`

#[path = "../tests/support/mod.rs"]
mod support;

use std::time::{SystemTime, UNIX_EPOCH};

use bookstore_compare::Config;
use bookstore_otlp::Message;
use bookstore_otlp::collector::{ExportLogsServiceRequest, ExportMetricsServiceRequest};
use bookstore_otlp::common::KeyValue;
use bookstore_otlp::logs::{LogRecord, ResourceLogs, ScopeLogs};
use bookstore_otlp::metrics::{Data, Metric, Number, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, temporality};
use bookstore_otlp::trace::{Event, Link, Span, kind};
use support::{MS, START, Said, request, resource, span};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let port: u16 = std::env::args().nth(1).map_or(Ok(8090), |port| port.parse())?;
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    let url = format!("http://{}", listener.local_addr()?);
    let serving = tokio::spawn(bookstore_compare::serve(vec![listener], Config::default(), async {
        let _ = tokio::signal::ctrl_c().await;
    }));
    fill(&url).await?;
    say(&url);
    serving.await?;
    Ok(())
}

#[expect(clippy::print_stdout, reason = "where to look")]
fn say(url: &str) {
    println!("{url}");
}

async fn fill(url: &str) -> anyhow::Result<()> {
    let client = reqwest::Client::new();
    let send = async |path: &str, body: Vec<u8>| {
        let request = client.post(format!("{url}{path}")).header("content-type", "application/x-protobuf").body(body);
        request.send().await?.error_for_status()
    };
    let now = u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos())?;
    for number in 0..60_u64 {
        // Each three seconds further back.
        let shift = now - START - number * 3_000 * MS;
        let parts = match number % 5 {
            0 => purchase(number, number % 15 == 10),
            1 => vec![("storefront", vec![span(id(number), 1, "GET /").at(0, 3 + number % 7).kind(kind::SERVER)])],
            _ => browse(number),
        };
        for (service, mut spans) in parts {
            for span in &mut spans {
                span.start_time_unix_nano += shift;
                span.end_time_unix_nano += shift;
                for event in &mut span.events {
                    event.time_unix_nano += shift;
                }
            }
            send("/v1/traces", request(service, spans).encode_to_vec()).await?;
        }
        if number % 5 == 0 {
            send("/v1/logs", logs(number, shift).encode_to_vec()).await?;
        }
    }
    for (service, lost) in [("storefront", 0), ("catalog", 17), ("payment", 0)] {
        send("/v1/metrics", exporter(service, lost).encode_to_vec()).await?;
    }
    Ok(())
}

/// A trace id that looks like one.
fn id(number: u64) -> u128 {
    (u128::from(number) + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)
}

fn browse(number: u64) -> Vec<(&'static str, Vec<Span>)> {
    let (trace, slow) = (id(number), number % 9);
    let server = span(trace, 1, "GET /books").at(0, 14 + slow).kind(kind::SERVER).with("http.route", "/books");
    let call = span(trace, 2, "GET /books").under(1).at(1, 12 + slow).kind(kind::CLIENT);
    let catalog = span(trace, 3, "GET /books").under(2).at(2, 11 + slow).kind(kind::SERVER);
    let select = span(trace, 4, "SELECT books").under(3).at(3, 6 + slow).kind(kind::CLIENT);
    let stock = span(trace, 5, "bookstore.inventory.v1.Inventory/GetStock").under(3).at(7 + slow, 10 + slow);
    vec![
        ("storefront", vec![server, call]),
        ("catalog", vec![catalog, select.with("db.system.name", "sqlite"), stock.kind(kind::CLIENT)]),
        (
            "inventory",
            vec![
                span(trace, 6, "bookstore.inventory.v1.Inventory/GetStock")
                    .under(5)
                    .at(8 + slow, 9 + slow)
                    .kind(kind::SERVER),
            ],
        ),
    ]
}

fn purchase(number: u64, declined: bool) -> Vec<(&'static str, Vec<Span>)> {
    let trace = id(number);
    let mut order = span(trace, 1, "POST /api/v1/orders").at(0, 94).kind(kind::SERVER);
    order = order.with("http.request.method", "POST").with("http.route", "/api/v1/orders").with("url.scheme", "http");
    order = order.with("http.response.status_code", if declined { 402 } else { 201 }).with("server.port", 8080);
    order.links = vec![Link { trace_id: vec![7; 16], span_id: vec![9; 8], ..Link::default() }];
    let saga = span(trace, 2, "checkout").under(1).at(2, 92).with("bookstore.order.id", "018f-…-7c15");
    let price = span(trace, 3, "GET /books/{id}").under(2).at(3, 12).kind(kind::CLIENT);
    let reserve = span(trace, 4, "bookstore.inventory.v1.Inventory/Reserve").under(2).at(14, 30).kind(kind::CLIENT);
    let mut authorise = span(trace, 5, "bookstore.payment.v1.Payment/Authorise").under(2).at(32, 66);
    authorise.events = vec![Event {
        time_unix_nano: START + 60 * MS,
        name: "declined by the issuer".to_owned(),
        attributes: vec![KeyValue::new("bookstore.decline.reason", "insufficient_funds")],
        ..Event::default()
    }];
    let capture = span(trace, 6, "bookstore.payment.v1.Payment/Capture").under(2).at(68, 78).kind(kind::CLIENT);
    let commit = span(trace, 7, "bookstore.inventory.v1.Inventory/Commit").under(2).at(80, 88).kind(kind::CLIENT);
    let answered = span(trace, 12, "bookstore.payment.v1.Payment/Authorise").under(5).at(34, 64).kind(kind::SERVER);
    let profile = span(trace, 13, "GET /users/{id}/billing").under(12).at(36, 46).kind(kind::CLIENT);
    let mut storefront = vec![order, saga, price, reserve];
    let mut payment = vec![profile];
    if declined {
        storefront.push(authorise.kind(kind::CLIENT).failed("card declined: insufficient funds"));
        payment.push(answered.failed("card declined: insufficient funds"));
        storefront
            .push(span(trace, 8, "bookstore.inventory.v1.Inventory/Release").under(2).at(70, 84).kind(kind::CLIENT));
    } else {
        authorise.events.clear();
        storefront.extend([authorise.kind(kind::CLIENT), capture, commit]);
        payment.push(answered);
    }
    payment.push(span(trace, 15, "INSERT payments").under(12).at(50, 61).kind(kind::CLIENT).with(
        "db.query.text",
        "INSERT INTO payments (id, amount, currency, state, created_at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (id) DO NOTHING",
    ));
    vec![
        ("storefront", storefront),
        ("catalog", vec![span(trace, 9, "GET /books/{id}").under(3).at(5, 11).kind(kind::SERVER)]),
        (
            "inventory",
            vec![
                span(trace, 10, "bookstore.inventory.v1.Inventory/Reserve").under(4).at(16, 28).kind(kind::SERVER),
                span(trace, 11, "UPDATE stock")
                    .under(10)
                    .at(18, 26)
                    .kind(kind::CLIENT)
                    .with("db.system.name", "sqlite"),
                span(trace, 16, "sweep reservations").under(77).at(90, 104),
            ],
        ),
        ("payment", payment),
        ("user", vec![span(trace, 14, "GET /users/{id}/billing").under(13).at(38, 44).kind(kind::SERVER)]),
    ]
}

fn logs(number: u64, shift: u64) -> ExportLogsServiceRequest {
    let log = |span: u64, at: u64, severity: i32, text: &str, body: &str| LogRecord {
        trace_id: id(number).to_be_bytes().to_vec(),
        span_id: span.to_be_bytes().to_vec(),
        time_unix_nano: START + at * MS + shift,
        severity_number: severity,
        severity_text: text.to_owned(),
        body: Some(body.into()),
        attributes: vec![KeyValue::new("bookstore.order.id", "018f-…-7c15"), KeyValue::new("attempt", 1)],
        ..LogRecord::default()
    };
    let log_records = vec![
        log(5, 33, 5, "DEBUG", "authorisation asked for"),
        log(5, 62, 13, "WARN", "the issuer took longer than usual"),
        log(99, 91, 9, "INFO", "order confirmed"),
    ];
    let scope_logs = vec![ScopeLogs { log_records, ..ScopeLogs::default() }];
    let resource_logs =
        vec![ResourceLogs { resource: Some(resource("storefront")), scope_logs, ..ResourceLogs::default() }];
    ExportLogsServiceRequest { resource_logs }
}

fn exporter(service: &str, lost: i64) -> ExportMetricsServiceRequest {
    let point = |count, attributes| NumberDataPoint {
        attributes,
        time_unix_nano: START,
        value: Some(Number::AsInt(count)),
        ..NumberDataPoint::default()
    };
    let sum = |data_points| {
        Some(Data::Sum(Sum { data_points, aggregation_temporality: temporality::CUMULATIVE, is_monotonic: true }))
    };
    let metrics = vec![
        Metric {
            name: "otel.sdk.exporter.span.exported".to_owned(),
            unit: "{span}".to_owned(),
            data: sum(vec![point(1_234, vec![])]),
            ..Metric::default()
        },
        Metric {
            name: "otel.sdk.processor.span.processed".to_owned(),
            unit: "{span}".to_owned(),
            data: sum(vec![point(lost, vec![KeyValue::new("error.type", "queue_full")])]),
            ..Metric::default()
        },
    ];
    let scope_metrics = vec![ScopeMetrics { metrics, ..ScopeMetrics::default() }];
    let resource_metrics =
        vec![ResourceMetrics { resource: Some(resource(service)), scope_metrics, ..ResourceMetrics::default() }];
    ExportMetricsServiceRequest { resource_metrics }
}
