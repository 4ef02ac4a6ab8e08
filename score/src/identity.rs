//! Which operation of the truth a span is: by its attributes, else by the headers that it recorded, else by slot and
//! time. A driver's own `COMMIT` and `ROLLBACK` carry no slot: they are of the hop whose statement went before them on the
//! same connection, where a tracer tells which connection that was (`network.local.port`).

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::names::Text;
use crate::spans::{Shape, Span, Spans};
use crate::truth::{Occupied, Role, Truth};

/// How far apart, in nanoseconds, the times of a statement and of its span may lie where they do not overlap. An agent
/// that looks at processes from outside reads another clock and computes the time of day from it.
pub(crate) const CLOCK_TOLERANCE: u64 = 5_000_000;

/// What a span is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Identity {
    /// Not known; parents are looked for above it.
    Unknown,
    /// The span of this operation.
    Operation(u32),
    /// A business span inside of what this server operation does.
    Inside(u32),
    /// Of a request id that the truth knows as background work, but of no operation that it holds.
    Background,
    /// Of a request id that the truth does not know.
    Stranger,
}

/// What all spans are, in their order, and how many claim to be of a request and a hop that the truth does not hold.
pub(crate) fn of_all(truth: &Truth, spans: &Spans) -> (Vec<Identity>, u64) {
    let index = Index::new(truth, spans);
    let mut unheard_of = 0;
    let identities = spans.spans.iter().map(|span| {
        let identity = index.of(span);
        let found = matches!(identity, Identity::Operation(_) | Identity::Inside(_) | Identity::Background);
        unheard_of += u64::from(!found && !span.request.is_none());
        identity
    });
    let mut identities: Vec<_> = identities.collect();
    one_to_one(&index, spans, &mut identities);
    by_connection(truth, spans, &mut identities);
    (identities, unheard_of)
}

/// Two statements of one text that follow each other in one slot closer than the tolerance: a span of the one may overlap more
/// with the other by an agent's clock. So where several spans count for one statement, and one beside it has none, they are
/// told apart by their order.
fn one_to_one(index: &Index<'_>, spans: &Spans, identities: &mut [Identity]) {
    let (mut taken, mut by_slot) = (HashSet::new(), BTreeMap::<u32, Vec<usize>>::new());
    for (at, (span, identity)) in spans.spans.iter().zip(&*identities).enumerate() {
        let Identity::Operation(operation) = *identity else { continue };
        taken.insert(operation);
        if span.shape == Shape::Database && !span.slot.is_none() && index.by_claim(span).is_none() {
            by_slot.entry(operation).or_default().push(at);
        }
    }
    let several: Vec<u32> =
        by_slot.iter().filter(|(_, same)| same.len() > 1).map(|(operation, _)| *operation).collect();
    for operation in several {
        let same = &by_slot[&operation];
        let slot = index.text(spans.spans[same[0]].slot).and_then(|slot| index.slots.get(&slot));
        let start = same.iter().map(|at| spans.spans[*at].start).min().unwrap_or_default();
        let end = same.iter().map(|at| spans.spans[*at].end).max().unwrap_or_default();
        let Some(run) = slot.and_then(|slot| slot.run(operation, start, end, &taken)) else { continue };
        let mut all: Vec<usize> =
            run.iter().filter_map(|operation| by_slot.get(operation)).flatten().copied().collect();
        if all.len() != run.len() {
            continue;
        }
        all.sort_by_key(|at| (spans.spans[*at].start, *at));
        for (operation, at) in run.into_iter().zip(all) {
            identities[at] = Identity::Operation(operation);
            taken.insert(operation);
            by_slot.insert(operation, vec![at]);
        }
    }
}

/// Finds out what statements without a slot are, from those before them on the same connection. What a tracer thinks of
/// their parents plays no part in it.
fn by_connection(truth: &Truth, spans: &Spans, identities: &mut [Identity]) {
    let mut connections: HashMap<Text, Vec<usize>> = HashMap::new();
    for (at, span) in spans.spans.iter().enumerate() {
        if !span.connection.is_none() {
            connections.entry(span.connection).or_default().push(at);
        }
    }
    for statements in connections.values_mut() {
        statements.sort_by_key(|at| spans.spans[*at].start);
        let mut before = None;
        for &at in &*statements {
            let span = &spans.spans[at];
            if identities[at] == Identity::Unknown
                && span.slot.is_none()
                && let Some(before) = before
                && let Some(operation) = truth.bare(before, spans.names.get(span.text), span.start, span.end)
            {
                identities[at] = Identity::Operation(operation);
            }
            if let Identity::Operation(operation) = identities[at] {
                before = Some(truth.operation(operation));
            }
        }
    }
}

struct Index<'a> {
    truth: &'a Truth,
    /// The truth's text for each of the spans' texts.
    translated: Vec<Option<Text>>,
    slots: HashMap<Text, Slot>,
}

impl<'a> Index<'a> {
    fn new(truth: &'a Truth, spans: &Spans) -> Self {
        let translated = spans.names.all().map(|text| truth.names.find(text)).collect();
        let slots = truth.slots.iter().map(|(slot, occupied)| (*slot, Slot::new(occupied.clone()))).collect();
        Self { truth, translated, slots }
    }

    fn text(&self, text: Text) -> Option<Text> {
        if text.is_none() { None } else { *self.translated.get(text.index())? }
    }

    fn of(&self, span: &Span) -> Identity {
        self.by_claim(span).or_else(|| self.by_slot(span)).unwrap_or_else(|| {
            if span.request.is_none() {
                return Identity::Unknown;
            }
            match self.text(span.request).filter(|request| self.truth.is_known(*request)) {
                // A hop that the truth does not hold, of a request that it does: its line is lost, or the claim wrong.
                Some(request) if self.truth.is_request(request) => Identity::Unknown,
                Some(_) => Identity::Background,
                None => Identity::Stranger,
            }
        })
    }

    fn by_claim(&self, span: &Span) -> Option<Identity> {
        let (request, hop) = (self.text(span.request)?, self.text(span.hop)?);
        let find = |role| self.truth.find(request, hop, role);
        match span.shape {
            Shape::Server => find(Role::Server).map(Identity::Operation),
            Shape::Client => find(Role::Client).map(Identity::Operation),
            Shape::Database => find(Role::Statement).map(Identity::Operation),
            Shape::Internal => find(Role::Server).map(Identity::Inside),
            Shape::Other => None,
        }
    }

    fn by_slot(&self, span: &Span) -> Option<Identity> {
        if span.shape != Shape::Database {
            return None;
        }
        let slot = self.slots.get(&self.text(span.slot)?)?;
        slot.at(span.start, span.end, self.text(span.text)).map(Identity::Operation)
    }
}

/// When which statement had a slot, by start.
struct Slot {
    occupied: Vec<Occupied>,
    /// The latest end of all until then, so that one can search by it.
    reached: Vec<u64>,
}

impl Slot {
    fn new(mut occupied: Vec<Occupied>) -> Self {
        occupied.sort_by_key(|it| (it.start, it.end));
        let mut latest = 0;
        let reached = occupied.iter().map(|it| {
            latest = latest.max(it.end);
            latest
        });
        let reached = reached.collect();
        Self { occupied, reached }
    }

    /// The statement that overlaps most with this time; if none does, the nearest one within the tolerance. Those of
    /// this text go before others, which count only for a tracer that changes texts.
    fn at(&self, start: u64, end: u64, text: Option<Text>) -> Option<u32> {
        let first = self.reached.partition_point(|end| end.saturating_add(CLOCK_TOLERANCE) < start);
        let near = self.occupied[first..].iter().take_while(|it| it.start <= end.saturating_add(CLOCK_TOLERANCE));
        let overlaps = near.map(|it| (i128::from(it.end.min(end)) - i128::from(it.start.max(start)), it));
        let fits = overlaps.filter(|(overlap, _)| *overlap >= -i128::from(CLOCK_TOLERANCE));
        let ranked = fits.map(|(overlap, it)| ((Some(it.text) == text, overlap), it.operation));
        // The earlier one of equals: `max_by_key` would take the later one.
        ranked.reduce(|best, it| if it.0 > best.0 { it } else { best }).map(|(_, operation)| operation)
    }

    /// The statements of the same text from this one to the nearest that is not taken, in order of time; none if there is none
    /// within the tolerance of these times.
    fn run(&self, operation: u32, start: u64, end: u64, taken: &HashSet<u32>) -> Option<Vec<u32>> {
        let at = self.occupied.iter().position(|it| it.operation == operation)?;
        let text = self.occupied[at].text;
        let is_near = |it: &&Occupied| {
            it.start <= end.saturating_add(CLOCK_TOLERANCE) && it.end.saturating_add(CLOCK_TOLERANCE) >= start
        };
        let is_free = |it: &Occupied| it.text == text && !taken.contains(&it.operation);
        let before =
            self.occupied[..at].iter().rev().take_while(is_near).position(is_free).map(|steps| at - 1 - steps..=at);
        let after =
            self.occupied[at + 1..].iter().take_while(is_near).position(is_free).map(|steps| at..=at + 1 + steps);
        let run = before.or(after)?;
        Some(self.occupied[run].iter().filter(|it| it.text == text).map(|it| it.operation).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::names::Names;

    const MS: u64 = 1_000_000;

    fn at(start: u64, end: u64) -> Option<u32> {
        slot(&mut Names::default()).at(start * MS, end * MS, None)
    }

    fn slot(names: &mut Names) -> Slot {
        let mut occupied = |start, end, operation| {
            let text = names.add(&format!("statement {operation}"));
            Occupied { start: start * MS, end: end * MS, operation, text }
        };
        Slot::new(vec![occupied(130, 140, 3), occupied(100, 110, 1), occupied(110, 120, 2)])
    }

    #[test]
    fn the_statement_that_overlaps_most_is_it() {
        assert_eq!(at(101, 109), Some(1));
        assert_eq!(at(108, 118), Some(2));
        assert_eq!(at(90, 200), Some(1), "the earlier one of equals");
    }

    #[test]
    fn without_overlap_the_nearest_within_the_tolerance_is_it() {
        assert_eq!(at(121, 122), Some(2));
        assert_eq!(at(128, 129), Some(3));
        assert_eq!(at(145, 150), Some(3));
        assert_eq!(at(146, 150), None);
        assert_eq!(at(80, 94), None);
    }

    #[test]
    fn of_a_statement_with_too_many_spans_the_way_leads_to_the_nearest_that_has_none() {
        let mut names = Names::default();
        let (same, other) = (names.add("SELECT 1"), names.add("SELECT 2"));
        let occupied = |start, end, operation, text| Occupied { start: start * MS, end: end * MS, operation, text };
        let slot = Slot::new(vec![
            occupied(100, 101, 1, same),
            occupied(101, 102, 2, same),
            occupied(103, 104, 3, other),
            occupied(104, 105, 4, same),
            occupied(200, 201, 5, same),
        ]);
        let run = |operation, start: u64, end: u64, taken: &[u32]| {
            slot.run(operation, start * MS, end * MS, &taken.iter().copied().collect())
        };
        assert_eq!(run(2, 101, 103, &[2, 4]), Some(vec![1, 2]));
        assert_eq!(run(2, 101, 103, &[1, 2]), Some(vec![2, 4]), "past one of another text");
        assert_eq!(run(1, 101, 103, &[1, 2]), Some(vec![1, 2, 4]), "past one that is taken");
        assert_eq!(run(2, 101, 103, &[1, 2, 4]), None, "a span too many");
        assert_eq!(run(4, 104, 105, &[1, 2, 4]), None, "5 is too far away");
        assert_eq!(run(9, 101, 103, &[]), None);
    }

    #[test]
    fn a_statement_of_the_same_text_goes_before_one_that_overlaps_more() {
        let mut names = Names::default();
        let slot = slot(&mut names);
        let at = |text: &str| slot.at(108 * MS, 118 * MS, names.find(text));
        assert_eq!(at("statement 1"), Some(1));
        assert_eq!(at("statement 2"), Some(2));
        assert_eq!(at("statement 3"), Some(2), "too far away to be it");
        assert_eq!(at("statement $n"), Some(2), "a tracer that changes texts");
    }
}
