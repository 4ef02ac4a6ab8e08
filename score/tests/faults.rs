//! Faults planted in a recording that has none are found, each under its name, and nothing else changes.

mod support;

use bookstore_score::Verdict;
use bookstore_score::truth::Op;
use bookstore_score::verdict::{Apart, Cancelled, EdgeKind, Links, Presence, SpanKind, Traces};
use support::Recording;
use support::spoiled::{clean, links, lost, spoiled, unlinked, wrong};

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
fn a_rollback_that_a_request_sent_itself_is_not_taken_for_the_pools() {
    let own = |it: &mut Recording, start, end| {
        let rollback = it.span("ROLLBACK").clone();
        let mut record = it.record("r-1", "1.2.1", Op::Statement).clone();
        (record.hop, record.slot, record.name) = (Some("1.2.9".to_owned()), None, Some("ROLLBACK".to_owned()));
        record.start_unix_nano = Some(rollback.start_time_unix_nano + start);
        record.end_unix_nano = Some(rollback.end_time_unix_nano + end);
        it.truth.push(record);
        it.hang("ROLLBACK", "r-1 server 1.2");
    };
    // Without slot and attributes it cannot be told which statement it is: that one is missing.
    let missing = |it: &mut Verdict| {
        let row = it.spans.get_mut(&SpanKind::DbClient).unwrap();
        (row.expected, row.missing) = (row.expected + 1, row.missing + 1);
        it.traces.whole -= 1;
    };
    spoiled(
        |it| own(it, 0, 0),
        |it| {
            missing(it);
            it.pool.seen -= 1;
            it.unidentified.insert("database".to_owned(), 1);
        },
    );
    // At another time it was another one.
    spoiled(
        |it| own(it, 1_000_000_000, 1_000_000_000),
        |it| {
            missing(it);
            it.pool.parented += 1;
        },
    );
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
