//! What is neither right nor wrong by itself: cancelled ends, rings, kinds that are not there, gaps in the truth.

mod support;

use bookstore_score::judge;
use bookstore_score::truth::Op;
use bookstore_score::verdict::{EdgeKind, Presence, SpanKind};
use support::by_attributes;
use support::spoiled::{clean, links, recording, spoiled, unlinked, without_examples, wrong};

#[test]
fn a_link_with_a_cancelled_end_is_in_a_row_of_its_own() {
    // The client that was given up.
    spoiled(
        |it| it.hang("r-2 client 1.4", "r-1 server 1"),
        |it| {
            it.cancelled.right -= 2;
            it.cancelled.wrong += 1;
            // Its server is left behind.
            it.cancelled.unlinked += 1;
            it.remarks.dangling += 1;
        },
    );
    spoiled(
        |it| it.lose("r-2 server 1.4"),
        |it| {
            it.cancelled.right -= 1;
            it.cancelled.missing += 1;
            links(it, EdgeKind::CrossProcess).cancelled -= 1;
        },
    );
    // A parent that was cancelled takes the links below it out of the count.
    spoiled(
        |it| it.record("r-1", "1.2.3", Op::Received).cancelled = true,
        |it| {
            for kind in [EdgeKind::DbClient, EdgeKind::CrossProcess] {
                links(it, kind).right -= 1;
                links(it, kind).cancelled += 1;
            }
            it.cancelled.right += 2;
            let row = it.spans.get_mut(&SpanKind::Server).unwrap();
            row.expected -= 1;
            row.seen -= 1;
        },
    );
}

#[test]
fn a_ring_of_parents_ends_and_is_linked_to_nothing() {
    spoiled(
        |it| it.hang("r-1 internal page", "r-1 internal page"),
        |it| {
            unlinked(it, EdgeKind::Internal, 1);
            it.remarks.cycles += 1;
            it.traces.whole -= 1;
        },
    );
    // A ring of spans that nothing is known of: what is below it is linked to nothing.
    spoiled(
        |it| {
            it.hang("livez", "elsewhere");
            it.hang("elsewhere", "livez");
            it.span("elsewhere").trace_id = it.span("livez").trace_id.clone();
            it.hang("r-1 statement 1.3", "livez");
        },
        |it| {
            unlinked(it, EdgeKind::DbClient, 1);
            it.remarks.cycles += 1;
            it.traces.whole -= 1;
        },
    );
}

#[test]
fn a_kind_that_a_tracer_does_not_know_is_missing_as_a_whole() {
    let mut recording = recording();
    recording.spans.retain(|sent| !sent.what.contains("statement"));
    let verdict = recording.judge();
    assert_eq!(verdict.presence(SpanKind::DbClient), Presence { expected: 44, seen: 0, missing: 44 });
    assert_eq!(verdict.links(EdgeKind::DbClient).total(), 0);
    assert_eq!(verdict.links(EdgeKind::CrossProcess), clean().links(EdgeKind::CrossProcess));
    // “find books” was known by its statements.
    assert_eq!(verdict.links(EdgeKind::Internal).right, 8);
    assert_eq!((verdict.remarks.unjudged_internal, verdict.traces.whole), (16, 0));
}

#[test]
fn an_operation_that_happened_twice_may_have_two_spans() {
    spoiled(
        |it| {
            let again = it.record("r-1", "1.1", Op::Received).clone();
            it.truth.push(again);
            let mut span = it.spans[it.find("r-1 server 1.1")].clone();
            span.span.span_id = vec![9; 8];
            it.spans.push(span);
        },
        |it| {
            let row = it.spans.get_mut(&SpanKind::Server).unwrap();
            (row.expected, row.seen) = (row.expected + 1, row.seen + 1);
            links(it, EdgeKind::CrossProcess).right += 1;
            it.remarks.repeated_operations += 1;
        },
    );
}

#[test]
fn where_the_truth_has_lost_a_line_its_span_is_passed_and_nobody_is_blamed() {
    spoiled(
        |it| it.truth.retain(|record| !(record.op == Op::Received && record.hop.as_deref() == Some("1.2.3"))),
        |it| {
            links(it, EdgeKind::CrossProcess).right -= 8;
            links(it, EdgeKind::DbClient).right -= 8;
            let row = it.spans.get_mut(&SpanKind::Server).unwrap();
            (row.expected, row.seen) = (row.expected - 8, row.seen - 8);
            it.unidentified.insert("server".to_owned(), 9);
            it.remarks.not_in_truth += 8;
            it.remarks.unrecorded_parent += 8;
        },
    );
}

#[test]
fn a_span_of_a_request_that_the_truth_does_not_know_is_nobodys_parent() {
    spoiled(
        |it| {
            it.span("livez").attributes = by_attributes("elsewhere", "1");
            it.hang("r-1 statement 1.3", "livez");
        },
        |it| {
            wrong(it, EdgeKind::DbClient, 1);
            it.remarks.not_in_truth += 1;
            it.traces.whole -= 1;
        },
    );
}

#[test]
fn the_order_in_which_spans_come_does_not_matter() {
    let mut recording = recording();
    recording.spans.reverse();
    assert_eq!(without_examples(recording.judge()), clean());
}

#[test]
fn spans_of_another_run_are_refused_with_what_was_looked_for_and_found() {
    let mut other = recording();
    let (truth, _) = other.read();
    for sent in &mut other.spans {
        sent.service = format!("other-{}", sent.service);
        for attribute in &mut sent.span.attributes {
            attribute.value = Some("something else".into());
        }
    }
    let (_, spans) = other.read();
    let error = judge(&truth, &spans).unwrap_err().to_string();
    assert!(error.starts_with("no span is one of an operation in the truth.\nLooked for: "), "{error}");
    for part in
        ["such as request r-1 hop 1", "inventory (18)", "other-user (16)", "such as something else hop something else"]
    {
        assert!(error.contains(part), "{part} is not in: {error}");
    }
    let error = judge(&truth, &bookstore_score::Spans::default()).unwrap_err().to_string();
    assert!(error.starts_with("there are no spans, but the truth holds 8 requests"), "{error}");
    let error = judge(&bookstore_score::Truth::default(), &spans).unwrap_err().to_string();
    assert!(error.starts_with("the truth holds no request"), "{error}");
}
