//! Statements that are known by those beside them: in their slot, or on their connection.

use bookstore_otlp::collector::ExportTraceServiceRequest;
use bookstore_otlp::common::{KeyValue, Resource};
use bookstore_otlp::trace::{ResourceSpans, ScopeSpans, Span, kind};
use bookstore_score::truth::{Kind, Op, Record};
use bookstore_score::verdict::{EdgeKind, SpanKind, Verdict};
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

fn judged(truth: &Truth, list: Vec<Span>) -> Verdict {
    let resource = Resource { attributes: vec![KeyValue::new("service.name", "stock")], ..Resource::default() };
    let mut spans = Spans::default();
    spans.add(&ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(resource),
            scope_spans: vec![ScopeSpans { spans: list, ..ScopeSpans::default() }],
            ..ResourceSpans::default()
        }],
    });
    judge(truth, &spans).expect("both are whole")
}

#[test]
fn statements_that_follow_each_other_in_a_slot_are_told_apart_by_their_order_and_not_by_their_parents() {
    let mut truth = Truth::default();
    for (request, at) in [("r-1", 10), ("r-2", 11), ("r-3", 12)] {
        truth.add(&record(request, "1", Op::Received, Kind::Http, "GET /", None, 0)).unwrap();
        truth.add(&record(request, "1.1", Op::Statement, Kind::Sql, "SELECT 1", Some("stock-1"), at)).unwrap();
    }
    // The clock of whoever made the spans is 1 ms behind: each overlaps with the statement before its own.
    let counted = |parents: [u64; 3]| {
        let mut list = vec![server(1, "r-1"), server(2, "r-2"), server(3, "r-3")];
        for (number, parent) in (0..).zip(parents) {
            list.push(statement(4 + number, parent, "SELECT 1 /*slot='stock-1'*/", 5001, 9 + number));
        }
        let verdict = judged(&truth, list);
        let links = &verdict.edges[&EdgeKind::DbClient];
        (links.right, links.wrong, verdict.spans[&SpanKind::DbClient].missing)
    };
    assert_eq!(counted([1, 2, 3]), (3, 0, 0));
    assert_eq!(counted([1, 3, 2]), (1, 2, 0), "links that are wrong stay wrong");
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
    let verdict = judged(
        &truth,
        vec![
            server(1, "r-1"),
            server(2, "r-2"),
            statement(3, 1, "BEGIN /*slot='stock-1'*/", 5001, 10),
            statement(4, 2, "BEGIN /*slot='stock-2'*/", 5002, 10),
            // On the first request's connection, but under the second one's server; the other is where it belongs.
            statement(5, 2, "COMMIT", 5001, 12),
            statement(6, 2, "COMMIT", 5002, 12),
            // A pool's.
            statement(7, 0, "ROLLBACK", 5002, 13),
        ],
    );
    let links = &verdict.edges[&EdgeKind::DbClient];
    assert_eq!((links.right, links.wrong, links.unlinked), (3, 1, 0));
    let presence = &verdict.spans[&SpanKind::DbClient];
    assert_eq!((presence.expected, presence.missing), (4, 0));
    assert_eq!(verdict.pool.seen, 1);
}
