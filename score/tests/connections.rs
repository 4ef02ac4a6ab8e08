//! Statements that carry no slot, and are known by those before them on the same connection.

use bookstore_otlp::collector::ExportTraceServiceRequest;
use bookstore_otlp::common::{KeyValue, Resource};
use bookstore_otlp::trace::{ResourceSpans, ScopeSpans, Span, kind};
use bookstore_score::truth::{Kind, Op, Record};
use bookstore_score::verdict::{EdgeKind, SpanKind};
use bookstore_score::{Spans, Truth, judge};

const MS: u64 = 1_000_000;

fn record(request: &str, hop: &str, op: Op, kind: Kind, name: &str, slot: Option<&str>, at: u64) -> Record {
    Record {
        op,
        service: "stock".to_owned(),
        request: Some(request.to_owned()),
        hop: Some(hop.to_owned()),
        parent: None,
        kind: Some(kind),
        name: Some(name.to_owned()),
        slot: slot.map(str::to_owned),
        what: None,
        start_unix_nano: Some(at * MS),
        end_unix_nano: Some((at + 1) * MS),
        cancelled: false,
    }
}

fn span(id: u64, parent: u64, kind: i32, attributes: Vec<KeyValue>, at: u64) -> Span {
    Span {
        trace_id: vec![1; 16],
        span_id: id.to_be_bytes().to_vec(),
        parent_span_id: if parent == 0 { Vec::new() } else { parent.to_be_bytes().to_vec() },
        kind,
        start_time_unix_nano: at * MS,
        end_time_unix_nano: (at + 1) * MS,
        attributes,
        ..Span::default()
    }
}

fn server(id: u64, request: &str) -> Span {
    let claims = vec![KeyValue::new("bookstore.request.id", request), KeyValue::new("bookstore.hop", "1")];
    span(id, 0, kind::SERVER, claims, 0)
}

fn statement(id: u64, parent: u64, text: &str, port: i64, at: u64) -> Span {
    let attributes = vec![KeyValue::new("db.query.text", text), KeyValue::new("network.local.port", port)];
    span(id, parent, kind::CLIENT, attributes, at)
}

#[test]
fn a_commit_is_of_the_hop_whose_statement_went_before_it_on_its_connection() {
    let mut truth = Truth::default();
    for (request, slot) in [("r-1", "stock-1"), ("r-2", "stock-2")] {
        for record in [
            record(request, "1", Op::Received, Kind::Http, "GET /", None, 0),
            record(request, "1.1", Op::Statement, Kind::Sql, "BEGIN", Some(slot), 10),
            record(request, "1.2", Op::Statement, Kind::Sql, "COMMIT", None, 12),
        ] {
            truth.add(&record).unwrap();
        }
    }
    let mut spans = Spans::default();
    let list = vec![
        server(1, "r-1"),
        server(2, "r-2"),
        statement(3, 1, "BEGIN /*slot='stock-1'*/", 5001, 10),
        statement(4, 2, "BEGIN /*slot='stock-2'*/", 5002, 10),
        // On the first request's connection, but under the second one's server; the other is where it belongs.
        statement(5, 2, "COMMIT", 5001, 12),
        statement(6, 2, "COMMIT", 5002, 12),
        // A pool's.
        statement(7, 0, "ROLLBACK", 5002, 13),
    ];
    let resource = Resource { attributes: vec![KeyValue::new("service.name", "stock")], ..Resource::default() };
    spans.add(&ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(resource),
            scope_spans: vec![ScopeSpans { spans: list, ..ScopeSpans::default() }],
            ..ResourceSpans::default()
        }],
    });
    let verdict = judge(&truth, &spans).unwrap();
    let links = &verdict.edges[&EdgeKind::DbClient];
    assert_eq!((links.right, links.wrong, links.unlinked), (3, 1, 0));
    let presence = &verdict.spans[&SpanKind::DbClient];
    assert_eq!((presence.expected, presence.missing), (4, 0));
    assert_eq!(verdict.pool.seen, 1);
}
