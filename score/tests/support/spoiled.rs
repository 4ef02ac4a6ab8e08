//! The recording spoiled in one way, and what its verdict must be then.

use bookstore_score::Verdict;
use bookstore_score::verdict::{EdgeKind, Examples, Links, SpanKind};

use super::Recording;

/// Eight requests, of which four have a hedge, and of these two no span of the call that was given up.
pub(crate) fn recording() -> Recording {
    Recording::of(8)
}

/// What the recording comes to without any fault.
pub(crate) fn clean() -> Verdict {
    let verdict = recording().judge();
    without_examples(verdict)
}

pub(crate) fn without_examples(mut verdict: Verdict) -> Verdict {
    verdict.examples = Examples::default();
    verdict
}

/// What a spoiled recording comes to, and that beside what `expect` changes it is what the clean one comes to.
#[track_caller]
pub(crate) fn spoiled(spoil: impl FnOnce(&mut Recording), expect: impl FnOnce(&mut Verdict)) -> Verdict {
    let mut recording = recording();
    spoil(&mut recording);
    let verdict = recording.judge();
    let mut expected = clean();
    expect(&mut expected);
    assert_eq!(without_examples(verdict.clone()), expected);
    verdict
}

pub(crate) fn links(verdict: &mut Verdict, kind: EdgeKind) -> &mut Links {
    verdict.edges.get_mut(&kind).unwrap()
}

pub(crate) fn wrong(verdict: &mut Verdict, kind: EdgeKind, count: u64) {
    links(verdict, kind).right -= count;
    links(verdict, kind).wrong += count;
}

pub(crate) fn unlinked(verdict: &mut Verdict, kind: EdgeKind, count: u64) {
    links(verdict, kind).right -= count;
    links(verdict, kind).unlinked += count;
}

pub(crate) fn lost(verdict: &mut Verdict, kind: SpanKind) {
    let row = verdict.spans.get_mut(&kind).unwrap();
    row.seen -= 1;
    row.missing += 1;
    links(verdict, kind.edge()).right -= 1;
}
