//! The linker held against recordings of the shop: what it must say of them is in the truth logs that the shop wrote
//! meanwhile, which no tracer has a hand in. `just record-agent` makes the recordings again.
//!
//! Many customers at once, on PostgreSQL, each recording another shape of concurrent calls (docs/method.md).
#![expect(clippy::unwrap_used, reason = "a recording that cannot be read has failed")]

mod masked;
mod shop;

use std::fmt::Write as _;

use bookstore_agent::trace::LinkBy;
use bookstore_score::{EdgeKind, SpanKind, Verdict};

use shop::Recording;

/// Links and spans by kind, as a table.
fn table(verdict: &Verdict) -> String {
    let mut table = String::new();
    for kind in EdgeKind::ALL.into_iter().filter(|kind| verdict.edges.contains_key(kind)) {
        let links = verdict.links(kind);
        writeln!(
            table,
            "{kind}: {} right, {} wrong, {} unlinked, {} cancelled",
            links.right, links.wrong, links.unlinked, links.cancelled
        )
        .unwrap();
    }
    for kind in SpanKind::ALL {
        let presence = verdict.presence(kind);
        writeln!(table, "{} spans: {} of {}", kind.name(), presence.seen, presence.expected).unwrap();
    }
    let traces = verdict.traces;
    writeln!(table, "{} of {} traces whole; {} duplicate", traces.whole, traces.total, verdict.duplicate).unwrap();
    table
}

/// Nothing is wrong, and all spans are there.
fn nothing_is_wrong(scenario: &str, verdict: &Verdict) {
    let examples = &verdict.examples;
    for (kind, links) in &verdict.edges {
        assert_eq!(links.wrong, 0, "{scenario}, {kind}: {:?}", examples.wrong);
    }
    assert_eq!(verdict.cancelled.wrong, 0, "{scenario}: {:?}", examples.wrong);
    assert_eq!(verdict.presence_of_all().missing, 0, "{scenario}: {:?}", examples.missing);
    assert_eq!(verdict.duplicate, 0, "{scenario}: {:?}", examples.duplicate);
    assert_eq!((verdict.pool.parented, verdict.background.parented), (0, 0), "{scenario}: {:?}", examples.parented);
}

#[test]
fn every_link_is_right_by_task() {
    for scenario in ["sequence", "join", "spawn", "fanout", "mixed"] {
        let recording = Recording::open(scenario);
        let verdict = recording.judge(LinkBy::Task);
        insta::assert_snapshot!(format!("{scenario}-by-task"), table(&verdict));
        nothing_is_wrong(scenario, &verdict);
        let unlinked: u64 = verdict.edges.values().map(|links| links.unlinked).sum();
        assert_eq!(unlinked, 0, "{scenario}: {:?}", verdict.examples.unlinked);
    }
}

#[test]
fn where_calls_are_dropped_links_may_be_missing_and_none_is_wrong() {
    let verdict = Recording::open("hedge").judge(LinkBy::Task);
    insta::assert_snapshot!("hedge-by-task", table(&verdict));
    nothing_is_wrong("hedge", &verdict);
}

#[test]
fn by_thread_it_is_as_wrong_as_other_agents_are() {
    for scenario in ["sequence", "join", "spawn", "fanout", "mixed", "hedge"] {
        let verdict = Recording::open(scenario).judge(LinkBy::Thread);
        insta::assert_snapshot!(format!("{scenario}-by-thread"), table(&verdict));
        assert!(verdict.links(EdgeKind::RpcClient).wrong > 0, "{scenario}: what is recorded puts nobody to the test");
    }
}

#[test]
fn the_same_recording_gives_the_same_bytes() {
    for scenario in ["hedge", "mixed"] {
        let recording = Recording::open(scenario);
        let first = recording.replay(LinkBy::Task, 1);
        assert!(first == recording.replay(LinkBy::Task, 1), "{scenario}");
        assert!(first != recording.replay(LinkBy::Task, 2), "{scenario}: the seed makes the ids");
    }
}

/// It does not cheat: what names a request to the judge is nothing to the linker.
#[test]
fn with_other_request_ids_and_hops_the_links_are_the_same_to_the_byte() {
    for scenario in ["sequence", "join", "spawn", "fanout", "mixed", "hedge"] {
        let recording = Recording::open(scenario);
        let (masked, counts) = masked::mask(&recording);
        let names = recording.names();
        // Each request goes from process to process, by HTTP/1 in the clear and by HTTP/2 packed.
        assert!(counts.plain_ids >= names.len() && counts.packed_ids > 0, "{scenario}: {counts:?}");
        assert!(counts.plain_hops > 0 && counts.packed_hops > 0, "{scenario}: {counts:?}");
        for link_by in [LinkBy::Task, LinkBy::Thread] {
            let (before, after) = (recording.replay(link_by, 1), masked.replay(link_by, 1));
            let claimed = shop::claimed(&after);
            assert!(!claimed.is_empty());
            let left: Vec<_> = claimed.intersection(&names).collect();
            assert!(left.is_empty(), "{scenario}: {left:?}");
            assert!(shop::without_claims(before) == shop::without_claims(after), "{scenario}, {link_by:?}");
        }
    }
}
