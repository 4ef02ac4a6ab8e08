//! Faults planted in a recording that has none are found, each under its name, and nothing else changes.
#![expect(clippy::unwrap_used, reason = "a story that cannot go on has failed")]

mod support;

use bookstore_score::truth::Op;
use bookstore_score::verdict::{Apart, Cancelled, EdgeKind, Links, Presence, SpanKind, Traces};
use bookstore_score::{Verdict, judge};
use support::{Recording, by_attributes};

/// Eight requests, of which four have a hedge, and of these two no span of the call that was given up.
fn recording() -> Recording {
    Recording::of(8)
}

/// What the recording comes to without any fault.
fn clean() -> Verdict {
    let verdict = recording().judge();
    without_examples(verdict)
}

fn without_examples(mut verdict: Verdict) -> Verdict {
    verdict.examples = bookstore_score::verdict::Examples::default();
    verdict
}

/// What a spoiled recording comes to, and that beside what `expect` changes it is what the clean one comes to.
#[track_caller]
fn spoiled(spoil: impl FnOnce(&mut Recording), expect: impl FnOnce(&mut Verdict)) -> Verdict {
    let mut recording = recording();
    spoil(&mut recording);
    let verdict = recording.judge();
    let mut expected = clean();
    expect(&mut expected);
    assert_eq!(without_examples(verdict.clone()), expected);
    verdict
}

fn links(verdict: &mut Verdict, kind: EdgeKind) -> &mut Links {
    verdict.edges.get_mut(&kind).unwrap()
}

fn wrong(verdict: &mut Verdict, kind: EdgeKind, count: u64) {
    links(verdict, kind).right -= count;
    links(verdict, kind).wrong += count;
}

fn unlinked(verdict: &mut Verdict, kind: EdgeKind, count: u64) {
    links(verdict, kind).right -= count;
    links(verdict, kind).unlinked += count;
}

fn lost(verdict: &mut Verdict, kind: SpanKind) {
    let row = verdict.spans.get_mut(&kind).unwrap();
    row.seen -= 1;
    row.missing += 1;
    links(verdict, kind.edge()).right -= 1;
}

#[test]
fn without_a_fault_every_number_is_as_it_was_made() {
    let verdict = clean();
    let right = |right, cancelled| Links { right, cancelled, ..Links::default() };
    assert_eq!(verdict.links(EdgeKind::HttpClient), right(8 * 2 + 4, 4));
    assert_eq!(verdict.links(EdgeKind::RpcClient), right(8, 0));
    assert_eq!(verdict.links(EdgeKind::DbClient), right(8 * 5 + 4, 0));
    assert_eq!(verdict.links(EdgeKind::CrossProcess), right(8 * 3 + 4, 2));
    assert_eq!(verdict.links(EdgeKind::Internal), right(8 * 2, 0));
    let all = |count| Presence { expected: count, seen: count, missing: 0 };
    assert_eq!(verdict.presence(SpanKind::Server), all(8 * 4 + 4));
    assert_eq!(verdict.presence(SpanKind::HttpClient), all(8 * 2 + 4));
    assert_eq!(verdict.presence(SpanKind::RpcClient), all(8));
    assert_eq!(verdict.presence(SpanKind::DbClient), all(8 * 5 + 4));
    assert_eq!(verdict.cancelled, Cancelled { right: 6, wrong: 0, unlinked: 0, missing: 2 });
    assert_eq!(verdict.traces, Traces { total: 8, whole: 8 });
    assert_eq!(verdict.pool, Apart { seen: 2, parented: 0 });
    assert_eq!(verdict.background, Apart { seen: 3, parented: 0 });
    assert_eq!(verdict.unidentified, [("client".to_owned(), 1), ("server".to_owned(), 1)].into());
    assert_eq!((verdict.duplicate, verdict.dropped.len()), (0, 0));
    let remarks = verdict.remarks;
    assert_eq!((remarks.roots, remarks.unjudged_internal, remarks.pool_operations), (8, 8, 3));
    assert_eq!((remarks.dangling, remarks.cycles, remarks.not_in_truth, remarks.malformed), (0, 0, 0, 0));
}

#[test]
fn parents_swapped_between_two_requests_are_two_wrong_links_in_two_traces() {
    let verdict = spoiled(
        |it| {
            it.hang("r-1 statement 1.1.1", "r-3 server 1.1");
            it.hang("r-3 statement 1.1.1", "r-1 server 1.1");
        },
        |it| {
            wrong(it, EdgeKind::DbClient, 2);
            it.traces.whole -= 2;
        },
    );
    assert_eq!(
        verdict.examples.wrong[&EdgeKind::DbClient],
        [
            "statement 1.1.1 of request r-1 (user) hangs under server 1.1 of request r-3 (user), not under its own server 1.1",
            "statement 1.1.1 of request r-3 (user) hangs under server 1.1 of request r-1 (user), not under its own server 1.1",
        ]
    );
}

#[test]
fn calls_swapped_between_two_requests_are_wrong_at_the_call_and_not_below_it() {
    spoiled(
        |it| {
            // Within one trace id, so that all that is below the two goes with them.
            for what in 0..it.spans.len() {
                it.spans[what].span.trace_id = vec![7; 16];
            }
            it.hang("r-1 server 1.2", "r-3 client 1.2");
            it.hang("r-3 server 1.2", "r-1 client 1.2");
        },
        |it| {
            wrong(it, EdgeKind::CrossProcess, 2);
            it.traces.whole -= 2;
        },
    );
}

#[test]
fn a_parent_that_is_not_named_is_an_unlinked_span() {
    let verdict = spoiled(
        |it| it.span("r-1 client 1.2.3").parent_span_id.clear(),
        |it| {
            unlinked(it, EdgeKind::RpcClient, 1);
            it.traces.whole -= 1;
        },
    );
    assert_eq!(
        verdict.examples.unlinked[&EdgeKind::RpcClient],
        ["client 1.2.3 of request r-1 (catalog) has no parent"]
    );
}

#[test]
fn a_span_whose_parent_was_lost_dangles() {
    let verdict = spoiled(
        |it| it.lose("r-1 server 1.1"),
        |it| {
            lost(it, SpanKind::Server);
            unlinked(it, EdgeKind::DbClient, 1);
            it.remarks.dangling += 1;
            it.traces.whole -= 1;
        },
    );
    assert_eq!(verdict.examples.missing[&SpanKind::Server], ["server 1.1 of request r-1 (user): GET /books"]);
    assert_eq!(
        verdict.examples.unlinked[&EdgeKind::DbClient],
        ["statement 1.1.1 of request r-1 (user) has a parent that is not among the spans"]
    );
}

#[test]
fn a_span_that_is_missing_is_missing_and_not_wrong() {
    spoiled(
        |it| it.lose("r-2 statement 1.3"),
        |it| {
            lost(it, SpanKind::DbClient);
            it.traces.whole -= 1;
        },
    );
}

#[test]
fn a_span_sent_twice_is_a_duplicate() {
    let verdict = spoiled(
        |it| {
            let again = it.spans[it.find("r-1 client 1.2")].clone();
            it.spans.push(again);
        },
        |it| {
            it.duplicate += 1;
            it.traces.whole -= 1;
        },
    );
    assert_eq!(verdict.examples.duplicate, ["client 1.2 of request r-1 (storefront)"]);
}

#[test]
fn a_second_span_of_the_same_operation_is_a_duplicate_also_where_one_is_inside_the_other() {
    spoiled(
        |it| {
            // Two layers that each make a span of one call: what is below may hang under either.
            let mut inner = it.spans[it.find("r-1 client 1.2")].clone();
            inner.what = "inner".to_owned();
            inner.span.span_id = vec![9; 8];
            it.spans.push(inner);
            it.hang("inner", "r-1 client 1.2");
            it.hang("r-1 server 1.2", "inner");
        },
        |it| {
            it.duplicate += 1;
            it.traces.whole -= 1;
        },
    );
}

#[test]
fn a_parent_one_hop_too_high_is_wrong() {
    spoiled(
        |it| it.hang("r-1 statement 1.2.3.1", "r-1 client 1.2.3"),
        |it| {
            wrong(it, EdgeKind::DbClient, 1);
            it.traces.whole -= 1;
        },
    );
    spoiled(
        |it| it.hang("r-1 server 1.1", "r-1 server 1"),
        |it| {
            wrong(it, EdgeKind::CrossProcess, 1);
            it.traces.whole -= 1;
        },
    );
}

#[test]
fn a_rollback_of_the_pool_under_a_request_is_counted_with_the_pool() {
    let verdict = spoiled(|it| it.hang("ROLLBACK", "r-1 server 1.2"), |it| it.pool.parented += 1);
    assert_eq!(
        verdict.examples.parented,
        ["database “ROLLBACK” (catalog) hangs under server 1.2 of request r-1 (catalog)"]
    );
    spoiled(|it| it.hang("ROLLBACK", "r-1 internal find books"), |it| it.pool.parented += 1);
    spoiled(|it| it.hang("ROLLBACK", "livez"), |_| {});
}

#[test]
fn background_work_under_a_request_is_counted_apart_from_requests() {
    spoiled(|it| it.hang("sweep", "r-1 server 1.2.3"), |it| it.background.parented += 1);
}

#[test]
fn a_request_under_another_ones_span_is_a_wrong_link_more() {
    let verdict = spoiled(
        |it| {
            let parent = it.span("r-1 server 1").clone();
            for sent in it.spans.iter_mut().filter(|sent| sent.what.starts_with("r-2 ")) {
                sent.span.trace_id.clone_from(&parent.trace_id);
            }
            it.hang("r-2 server 1", "r-1 server 1");
        },
        |it| {
            links(it, EdgeKind::CrossProcess).wrong += 1;
            it.remarks.roots -= 1;
            it.traces.whole -= 1;
        },
    );
    assert_eq!(
        verdict.examples.wrong[&EdgeKind::CrossProcess],
        [
            "server 1 of request r-2 (storefront) hangs under server 1 of request r-1 (storefront), but came from outside"
        ]
    );
}

#[test]
fn a_request_may_hang_under_whoever_asked_from_outside() {
    spoiled(|it| it.span("r-1 server 1").parent_span_id = vec![5; 8], |_| {});
}

#[test]
fn a_misplaced_internal_span_is_one_wrong_link_and_what_is_below_it_is_right() {
    // Known by what is below it; in one trace, so that this goes with it.
    let one_trace = |it: &mut Recording| it.spans.iter_mut().for_each(|sent| sent.span.trace_id = vec![7; 16]);
    spoiled(
        |it| {
            one_trace(it);
            it.hang("r-1 internal find books", "r-3 server 1.2");
        },
        |it| {
            wrong(it, EdgeKind::Internal, 1);
            it.traces.whole -= 1;
        },
    );
    // Known by its attributes.
    spoiled(
        |it| {
            it.span("r-1 internal page").parent_span_id.clear();
        },
        |it| {
            unlinked(it, EdgeKind::Internal, 1);
            it.traces.whole -= 1;
        },
    );
}

#[test]
fn what_hangs_under_anothers_internal_span_is_wrong_itself() {
    spoiled(
        |it| it.hang("r-1 client 1.1", "r-3 internal page"),
        |it| {
            wrong(it, EdgeKind::HttpClient, 1);
            // It left its trace, and the server below it did not.
            unlinked(it, EdgeKind::CrossProcess, 1);
            it.remarks.dangling += 1;
            it.traces.whole -= 1;
        },
    );
}

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
