//! Whatever is done to a recording: the numbers add up, nothing panics, and rings end.

mod support;

use bookstore_score::verdict::{EdgeKind, SpanKind};
use bookstore_score::{Report, Setting, Verdict, judge};
use proptest::prelude::*;
use support::Recording;

/// Something done to a span, or between two; numbers choose which, by their remainder.
#[derive(Clone, Debug)]
enum Fault {
    Lose(usize),
    Double(usize),
    Unhang(usize),
    Hang {
        what: usize,
        under: usize,
    },
    /// As `Hang`, but the span stays in its trace.
    Point {
        what: usize,
        at: usize,
    },
    SameId {
        what: usize,
        as_that: usize,
    },
    OneTrace,
    Kind {
        what: usize,
        kind: i32,
    },
    Nameless(usize),
    Later {
        what: usize,
        by: u64,
    },
    LoseTruth(usize),
    DoubleTruth(usize),
    Cancel(usize),
    Shuffle(usize),
}

fn faults() -> impl Strategy<Value = Vec<Fault>> {
    let any_span = any::<usize>;
    let fault = prop_oneof![
        any_span().prop_map(Fault::Lose),
        any_span().prop_map(Fault::Double),
        any_span().prop_map(Fault::Unhang),
        (any_span(), any_span()).prop_map(|(what, under)| Fault::Hang { what, under }),
        (any_span(), any_span()).prop_map(|(what, at)| Fault::Point { what, at }),
        (any_span(), any_span()).prop_map(|(what, as_that)| Fault::SameId { what, as_that }),
        Just(Fault::OneTrace),
        (any_span(), 0..7).prop_map(|(what, kind)| Fault::Kind { what, kind }),
        any_span().prop_map(Fault::Nameless),
        (any_span(), prop_oneof![0..10_000_000_u64, any::<u64>()]).prop_map(|(what, by)| Fault::Later { what, by }),
        any_span().prop_map(Fault::LoseTruth),
        any_span().prop_map(Fault::DoubleTruth),
        any_span().prop_map(Fault::Cancel),
        any_span().prop_map(Fault::Shuffle),
    ];
    proptest::collection::vec(fault, 0..40)
}

fn plant(recording: &mut Recording, fault: &Fault) {
    let (spans, truth) = (recording.spans.len(), recording.truth.len());
    if spans == 0 || truth == 0 {
        return;
    }
    match *fault {
        Fault::Lose(what) => drop(recording.spans.remove(what % spans)),
        Fault::Double(what) => recording.spans.push(recording.spans[what % spans].clone()),
        Fault::Unhang(what) => recording.spans[what % spans].span.parent_span_id.clear(),
        Fault::Hang { what, under } => {
            let parent = recording.spans[under % spans].span.clone();
            let span = &mut recording.spans[what % spans].span;
            (span.trace_id, span.parent_span_id) = (parent.trace_id, parent.span_id);
        }
        Fault::Point { what, at } => {
            recording.spans[what % spans].span.parent_span_id = recording.spans[at % spans].span.span_id.clone();
        }
        Fault::SameId { what, as_that } => {
            recording.spans[what % spans].span.span_id = recording.spans[as_that % spans].span.span_id.clone();
        }
        Fault::OneTrace => recording.spans.iter_mut().for_each(|sent| sent.span.trace_id = vec![7; 16]),
        Fault::Kind { what, kind } => recording.spans[what % spans].span.kind = kind,
        Fault::Nameless(what) => recording.spans[what % spans].span.attributes.clear(),
        Fault::Later { what, by } => {
            let span = &mut recording.spans[what % spans].span;
            span.start_time_unix_nano = span.start_time_unix_nano.wrapping_add(by);
            span.end_time_unix_nano = span.end_time_unix_nano.wrapping_add(by);
        }
        Fault::LoseTruth(what) => drop(recording.truth.remove(what % truth)),
        Fault::DoubleTruth(what) => recording.truth.push(recording.truth[what % truth].clone()),
        Fault::Cancel(what) => recording.truth[what % truth].cancelled = true,
        Fault::Shuffle(by) => {
            recording.spans.rotate_left(by % spans);
            recording.truth.rotate_left(by % truth);
        }
    }
}

/// Each span is in one place, and each sum is the sum of its parts.
fn adds_up(verdict: &Verdict, spans: u64) -> Result<(), TestCaseError> {
    let edges = EdgeKind::ALL.map(|kind| verdict.links(kind));
    let linked: u64 = edges.iter().map(|links| links.total()).sum();
    let remarks = verdict.remarks;
    let unidentified: u64 = verdict.unidentified.values().sum();
    let places = [
        linked,
        remarks.roots,
        remarks.unrecorded_parent,
        remarks.unjudged_internal,
        remarks.malformed,
        unidentified,
        verdict.pool.seen,
        verdict.background.seen,
        verdict.duplicate,
    ];
    prop_assert_eq!(places.iter().sum::<u64>(), spans, "{:?}", verdict);
    let cancelled: u64 = edges.iter().map(|links| links.cancelled).sum();
    prop_assert_eq!(verdict.cancelled.total() - verdict.cancelled.missing, cancelled);
    for kind in SpanKind::ALL {
        let row = verdict.presence(kind);
        prop_assert_eq!(row.expected, row.seen + row.missing);
    }
    let unlinked: u64 = edges.iter().map(|links| links.unlinked).sum();
    prop_assert!(remarks.dangling + remarks.cycles <= unlinked + verdict.cancelled.unlinked);
    prop_assert!(verdict.traces.whole <= verdict.traces.total);
    prop_assert!(verdict.pool.parented <= verdict.pool.seen);
    prop_assert!(verdict.background.parented <= verdict.background.seen);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn totals_add_up_whatever_happens(requests in 1..6_u64, faults in faults()) {
        let mut recording = Recording::of(requests);
        faults.iter().for_each(|fault| plant(&mut recording, fault));
        let (truth, spans) = recording.read();
        let Ok(verdict) = judge(&truth, &spans) else { return Ok(()) };
        adds_up(&verdict, recording.spans.len() as u64)?;
        let report = Report::of(&[verdict.clone(), verdict], Setting::default());
        let json: serde_json::Value = serde_json::from_str(&report.json()).unwrap();
        for kind in EdgeKind::ALL {
            let row = &json["edges"][kind.name()];
            let count = |key: &str| row[key].as_u64().unwrap();
            prop_assert_eq!(count("total"), count("right") + count("wrong") + count("unlinked") + count("cancelled"));
        }
        for width in [20, 80, 100] {
            prop_assert!(!report.table(width).is_empty());
        }
    }

    #[test]
    fn one_fault_is_never_more_than_a_few_wrong_links(what in any::<usize>(), under in any::<usize>()) {
        let mut recording = Recording::of(4);
        recording.spans.iter_mut().for_each(|sent| sent.span.trace_id = vec![7; 16]);
        plant(&mut recording, &Fault::Hang { what, under });
        let verdict = recording.judge();
        let faults: u64 = EdgeKind::ALL.iter().map(|kind| verdict.links(*kind)).map(|it| it.wrong + it.unlinked).sum();
        prop_assert!(faults <= 2, "{:?}", verdict);
    }
}
