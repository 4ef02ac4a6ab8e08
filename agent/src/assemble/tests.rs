use std::sync::Arc;

use super::*;
use crate::trace::Service;
use crate::wire::Request;

fn span(id: ServerId, side: Side, parent: Option<ServerId>, edge: u32, end: u64) -> LocalSpan {
    let service = Service { name: "shop".to_owned(), pid: 1, executable: "shop".to_owned() };
    let address = |port| ([127, 0, 0, 1], port).into();
    LocalSpan {
        id,
        service: Arc::new(service),
        side,
        parent,
        reason: None,
        edge: Edge { client: address(5_000), server: address(80), sequence: edge, stream: 0 },
        start: 0,
        end,
        request: Request::Http(Box::default()),
        response: None,
        outcome: None,
    }
}

fn assembler() -> Assembler<impl FnMut() -> u64> {
    let mut next = 0;
    Assembler::new(move || {
        next += 1;
        next
    })
}

fn parents(spans: &[Span]) -> Vec<(ServerId, Option<ServerId>)> {
    let by_id: HashMap<u64, ServerId> = spans.iter().map(|span| (span.span_id, span.local.id)).collect();
    spans.iter().map(|span| (span.local.id, by_id.get(&span.parent_id).copied())).collect()
}

#[test]
fn both_ends_of_a_request_are_one_trace_in_whichever_order_they_come() {
    // The root, its call, and the server of that call.
    let all = [
        span(1, Side::Server, None, 10, 90),
        span(2, Side::Client, Some(1), 20, 80),
        span(3, Side::Server, None, 20, 70),
    ];
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let mut assembler = assembler();
        order.into_iter().for_each(|at| assembler.add(all[at].clone()));
        assert!(assembler.take(90 + WAIT - 1, false).is_empty(), "the root may be called by somebody");
        let spans = assembler.take(90 + WAIT, false);
        assert_eq!(parents(&spans), [(1, None), (2, Some(1)), (3, Some(2))], "{order:?}");
        assert!(spans.iter().all(|span| span.trace_id == spans[0].trace_id));
        assert_eq!(assembler.waiting(), 0);
    }
}

#[test]
fn what_a_request_leaves_behind_is_in_its_trace_and_what_never_ends_holds_nobody_up() {
    let mut assembler = assembler();
    assembler.add(span(1, Side::Server, None, 10, 90));
    assert_eq!(parents(&assembler.take(90 + WAIT, false)), [(1, None)]);
    assembler.add(span(2, Side::Client, Some(1), 20, 5_000));
    let late = assembler.take(5_000, false);
    assert_eq!((late.len(), late[0].parent_id), (1, 3));
    assembler.add(span(3, Side::Client, Some(9), 30, 100));
    assert!(assembler.take(100 + REMEMBERED - 1, false).is_empty());
    assert_eq!(parents(&assembler.take(100 + REMEMBERED, false)), [(3, None)]);
    for halves in 2..=4 {
        assert!(assembler.take(5_000 + halves * REMEMBERED / 2, false).is_empty());
    }
    assert!(assembler.known.is_empty() && assembler.callers.is_empty(), "what is old is forgotten");
}

#[test]
fn on_a_connection_of_a_stranger_nobody_is_waited_for() {
    let mut assembler = assembler();
    let mut edge = 0;
    let mut ask = |assembler: &mut Assembler<_>| {
        edge += 1;
        let now = u64::from(edge) * WAIT;
        assembler.add(span(u64::from(edge), Side::Server, None, edge, now));
        assembler.take(now, false).len()
    };
    // Each is there when the next one comes, and from the fifth on at once.
    assert_eq!([(); 6].map(|()| ask(&mut assembler)), [0, 1, 1, 1, 2, 1]);
    // One that is watched now asks there.
    assembler.add(span(9, Side::Client, None, 99, 5 * WAIT));
    assert_eq!([(); 2].map(|()| ask(&mut assembler)), [1, 1], "the client's, and the first that waited");
    assert_eq!(assembler.waiting(), 1);
}

#[test]
fn what_can_have_no_more_children_is_not_remembered() {
    let statement = || LocalSpan { request: Request::Sql(Box::default()), ..span(2, Side::Client, Some(1), 20, 80) };
    let calls = [span(3, Side::Client, Some(1), 30, 80), span(4, Side::Server, None, 30, 70)];
    for order in [[0, 1], [1, 0]] {
        let mut assembler = assembler();
        assembler.add(statement());
        order.into_iter().for_each(|at| assembler.add(calls[at].clone()));
        assembler.add(span(1, Side::Server, None, 10, 90));
        let spans = assembler.take(90 + WAIT, false);
        assert_eq!(parents(&spans).len(), 4, "{order:?}");
        assert!(assembler.callers.is_empty() && assembler.children.is_empty());
        assert!(assembler.for_parents.is_empty() && assembler.for_callers.is_empty());
        let known = [1, 2, 3, 4].map(|id| assembler.known.get(&id).is_some());
        assert_eq!(known, [true, false, false, true], "only servers ask: {order:?}");
    }
}

#[test]
fn at_the_end_everything_leaves() {
    let mut assembler = assembler();
    assembler.add(span(1, Side::Server, None, 10, 90));
    assembler.add(span(3, Side::Client, Some(9), 30, 100));
    assert_eq!(assembler.take(0, true).len(), 2);
    assert_eq!(assembler.waiting(), 0);
}
