//! A made-up run of a shop with everything in it that a judge can meet, true to the last parent; and ways to spoil it.
#![allow(
    dead_code,
    clippy::allow_attributes,
    clippy::unwrap_used,
    reason = "for tests and an example; each uses a part of it, so no expectation holds in all"
)]

mod request;
pub(crate) mod spoiled;

use std::ops::RangeInclusive;

use bookstore_otlp::collector::{ExportMetricsServiceRequest, ExportTraceServiceRequest};
use bookstore_otlp::common::{AnyValue, KeyValue, Resource};
use bookstore_otlp::metrics::{Data, Metric, Number, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, temporality};
use bookstore_otlp::trace::{ResourceSpans, ScopeSpans, Span, kind};
use bookstore_score::truth::{Kind, Op, PoolWork, Record};
use bookstore_score::{Spans, Truth, Verdict, judge};

/// When it happened: nanoseconds since the Unix epoch.
pub(crate) const START: u64 = 1_760_000_000_000_000_000;
const US: u64 = 1_000;

/// A span, with who sent it and what a test calls it, such as `r-1 server 1.2` or `r-1 internal page`.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) what: String,
    pub(crate) service: String,
    pub(crate) span: Span,
}

/// Truth and spans of one run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Recording {
    pub(crate) truth: Vec<Record>,
    pub(crate) spans: Vec<Sent>,
    /// Spans that exporters say they lost, by service.
    pub(crate) lost: Vec<(String, i64)>,
    /// The start of what is being made.
    now: u64,
    ids: u64,
}

/// A span that others hang under.
#[derive(Clone, Copy, Debug)]
pub(crate) struct At {
    trace: u128,
    id: u64,
}

impl Recording {
    /// So many requests, every second one of them with a hedge; background work, pools' statements, and spans of
    /// nothing that the truth knows.
    pub(crate) fn of(requests: u64) -> Self {
        let mut this = Self::requests(1..=requests);
        this.now = START;
        this.beside_requests();
        this
    }

    /// These requests alone, as a part of a larger run.
    pub(crate) fn requests(numbers: RangeInclusive<u64>) -> Self {
        let mut this = Self { ids: numbers.start() * 100, ..Self::default() };
        for number in numbers {
            this.now = START + number * 100_000 * US;
            this.request(number);
        }
        this
    }

    pub(crate) fn judge(&self) -> Verdict {
        let (truth, spans) = self.read();
        judge(&truth, &spans).unwrap()
    }

    pub(crate) fn read(&self) -> (Truth, Spans) {
        let mut truth = Truth::default();
        self.truth.iter().for_each(|record| truth.add(record).unwrap());
        let mut spans = Spans::default();
        self.exports().iter().for_each(|request| spans.add(request));
        spans.add_metrics(&self.metrics());
        (truth, spans)
    }

    /// The spans in batches as exporters send them: up to 8 of one service.
    pub(crate) fn exports(&self) -> Vec<ExportTraceServiceRequest> {
        let mut batches: Vec<(&str, Vec<Span>)> = Vec::new();
        for sent in &self.spans {
            match batches.iter_mut().rev().take(6).find(|(service, spans)| *service == sent.service && spans.len() < 8)
            {
                Some((_, spans)) => spans.push(sent.span.clone()),
                None => batches.push((&sent.service, vec![sent.span.clone()])),
            }
        }
        let request = |(service, spans): (&str, _)| ExportTraceServiceRequest {
            resource_spans: vec![ResourceSpans {
                resource: Some(resource(service)),
                scope_spans: vec![ScopeSpans { spans, ..ScopeSpans::default() }],
                ..ResourceSpans::default()
            }],
        };
        batches.into_iter().map(request).collect()
    }

    /// What exporters count: two points of a running sum for each service, of which the later one holds.
    pub(crate) fn metrics(&self) -> ExportMetricsServiceRequest {
        let services = ["storefront", "user", "catalog", "inventory"];
        let resource_metrics = services.into_iter().map(|service| {
            let lost = self.lost.iter().filter(|(whose, _)| whose == service).map(|(_, lost)| lost).sum();
            let errors = [point(10, 0, Some("timeout")), point(20, lost, Some("timeout")), point(20, 1_000, None)];
            losses(service, "otel.sdk.exporter.span.exported", temporality::CUMULATIVE, errors.into())
        });
        ExportMetricsServiceRequest { resource_metrics: resource_metrics.collect() }
    }

    // To spoil it.

    pub(crate) fn find(&self, what: &str) -> usize {
        self.spans.iter().position(|sent| sent.what == what).unwrap_or_else(|| panic!("no span {what}"))
    }

    pub(crate) fn span(&mut self, what: &str) -> &mut Span {
        let at = self.find(what);
        &mut self.spans[at].span
    }

    pub(crate) fn lose(&mut self, what: &str) {
        let at = self.find(what);
        self.spans.remove(at);
    }

    /// Hangs a span under another one, in that one's trace.
    pub(crate) fn hang(&mut self, what: &str, under: &str) {
        let parent = self.span(under).clone();
        let span = self.span(what);
        (span.trace_id, span.parent_span_id) = (parent.trace_id, parent.span_id);
    }

    pub(crate) fn record(&mut self, request: &str, hop: &str, op: Op) -> &mut Record {
        // From the end: what is looked for is mostly what was just made.
        let mut records = self.truth.iter_mut().rev();
        let is_it =
            |it: &&mut Record| it.op == op && it.request.as_deref() == Some(request) && it.hop.as_deref() == Some(hop);
        records.find(is_it).unwrap()
    }

    // To make it.

    fn id(&mut self) -> u64 {
        self.ids += 1;
        // Odd and mixed, so that ids look as they do.
        self.ids.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1
    }

    fn trace(&mut self) -> At {
        let (high, low) = (self.id(), self.id());
        At { trace: u128::from(high) << 64 | u128::from(low), id: 0 }
    }

    /// Adds a span, from and to in microseconds.
    fn add(&mut self, what: &str, service: &str, parent: At, made: Made<'_>) -> At {
        let id = self.id();
        let span = Span {
            trace_id: parent.trace.to_be_bytes().to_vec(),
            span_id: id.to_be_bytes().to_vec(),
            parent_span_id: if parent.id == 0 { Vec::new() } else { parent.id.to_be_bytes().to_vec() },
            name: made.name.to_owned(),
            kind: made.kind,
            start_time_unix_nano: self.now + made.time.0 * US,
            end_time_unix_nano: self.now + made.time.1 * US,
            attributes: made.attributes,
            ..Span::default()
        };
        self.spans.push(Sent { what: what.to_owned(), service: service.to_owned(), span });
        At { trace: parent.trace, id }
    }

    /// Adds a line of truth, from and to in microseconds.
    fn happened(&mut self, op: Op, service: &str, request: &str, hop: &str, (from, to): (u64, u64)) -> &mut Record {
        self.truth.push(Record {
            op,
            service: service.to_owned(),
            request: Some(request.to_owned()),
            hop: Some(hop.to_owned()),
            parent: (op != Op::Received).then(|| hop.rsplit_once('.').unwrap().0.to_owned()),
            kind: Some(if op == Op::Statement { Kind::Sql } else { Kind::Http }),
            name: None,
            slot: None,
            what: None,
            start_unix_nano: Some(self.now + from * US),
            end_unix_nano: Some(self.now + to * US),
            cancelled: false,
        });
        self.truth.last_mut().unwrap()
    }

    fn beside_requests(&mut self) {
        // A service's own statement, known by its slot, and a call of its own.
        let sweep = self.happened(Op::Statement, "inventory", "sweep-1", "1.1", (1_000, 1_500));
        (sweep.name, sweep.slot) = (Some("DELETE FROM reservations".to_owned()), Some("inventory-1".to_owned()));
        let trace = self.trace();
        let attributes = statement("DELETE FROM reservations /*slot='inventory-1'*/");
        self.add("sweep", "inventory", trace, Made::client("DELETE reservations", (1_010, 1_490), attributes));
        self.happened(Op::Called, "catalog", "restock-1", "1.1", (2_000, 2_900));
        self.happened(Op::Received, "inventory", "restock-1", "1.1", (2_100, 2_800));
        let trace = self.trace();
        let call = Made::client("GET /stock", (2_000, 2_900), by_attributes("restock-1", "1.1"));
        let call = self.add("restock client", "catalog", trace, call);
        let answer = Made {
            kind: kind::SERVER,
            ..Made::client("GET /stock", (2_100, 2_800), by_attributes("restock-1", "1.1"))
        };
        self.add("restock server", "inventory", call, answer);
        // What a pool does by itself.
        for (what, from, text) in [
            (PoolWork::Connect, 10, None),
            (PoolWork::Ping, 3_000, Some("/* SQLx ping */")),
            (PoolWork::Rollback, 4_000, Some("ROLLBACK")),
        ] {
            let record = self.happened(Op::Pool, "catalog", "", "0.0", (from, from + 100));
            (record.what, record.request, record.hop, record.parent, record.kind) =
                (Some(what), None, None, None, None);
            if let Some(text) = text {
                let trace = self.trace();
                self.add(text, "catalog", trace, Made::client(text, (from, from + 100), statement(text)));
            }
        }
        // What the truth does not know.
        let trace = self.trace();
        self.add(
            "livez",
            "catalog",
            trace,
            Made { kind: kind::SERVER, ..Made::client("GET /livez", (5_000, 5_100), vec![]) },
        );
        let trace = self.trace();
        self.add("elsewhere", "storefront", trace, Made::client("GET", (6_000, 6_100), vec![]));
    }
}

/// The rest of a span.
#[derive(Clone, Debug)]
struct Made<'a> {
    name: &'a str,
    kind: i32,
    time: (u64, u64),
    attributes: Vec<KeyValue>,
}

impl<'a> Made<'a> {
    fn client(name: &'a str, time: (u64, u64), attributes: Vec<KeyValue>) -> Self {
        Self { name, kind: kind::CLIENT, time, attributes }
    }
}

pub(crate) fn by_attributes(request: &str, hop: &str) -> Vec<KeyValue> {
    vec![KeyValue::new("bookstore.request.id", request), KeyValue::new("bookstore.hop", hop)]
}

/// As the conventions have recorded headers: lists.
fn by_headers(of: &str, request: &str, hop: &str) -> Vec<KeyValue> {
    let header = |name: &str, value: &str| {
        let list = bookstore_otlp::common::ArrayValue { values: vec![value.into()] };
        let value = AnyValue { value: Some(bookstore_otlp::common::Value::ArrayValue(list)) };
        KeyValue::new(format!("{of}.{name}"), value)
    };
    vec![header("x-request-id", request), header("x-hop", hop)]
}

fn statement(text: &str) -> Vec<KeyValue> {
    vec![KeyValue::new("db.system.name", "sqlite"), KeyValue::new("db.query.text", text)]
}

pub(crate) fn resource(service: &str) -> Resource {
    let attributes =
        vec![KeyValue::new("service.name", service), KeyValue::new("service.instance.id", format!("{service}-a"))];
    Resource { attributes, ..Resource::default() }
}

/// A point of a counter, at a time, with an `error.type` if it counts losses.
pub(crate) fn point(time: u64, value: i64, error: Option<&str>) -> NumberDataPoint {
    NumberDataPoint {
        attributes: error.into_iter().map(|error| KeyValue::new("error.type", error)).collect(),
        time_unix_nano: START + time,
        value: Some(Number::AsInt(value)),
        ..NumberDataPoint::default()
    }
}

pub(crate) fn losses(
    service: &str,
    name: &str,
    temporality: i32,
    data_points: Vec<NumberDataPoint>,
) -> ResourceMetrics {
    let sum = Sum { data_points, aggregation_temporality: temporality, is_monotonic: true };
    let metric = Metric { name: name.to_owned(), data: Some(Data::Sum(sum)), ..Metric::default() };
    let scope_metrics = vec![ScopeMetrics { metrics: vec![metric], ..ScopeMetrics::default() }];
    ResourceMetrics { resource: Some(resource(service)), scope_metrics, ..ResourceMetrics::default() }
}
