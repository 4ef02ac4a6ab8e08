//! Several runs together: counts, shares with their intervals, and what was asked of them.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use crate::statistics::{self, Count, ENOUGH_FOR_ZERO};
use crate::table;
use crate::thresholds::Thresholds;
use crate::verdict::{Apart, EdgeKind, Examples, Links, Presence, Remarks, SpanKind, Traces, Verdict};

/// What was run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Setting {
    /// Whose spans these are: the name of a tracer.
    pub side: String,
    /// How many requests were under way at once, if that is known.
    pub concurrency: Option<u32>,
    /// How many requests were made. None: as many as the truth holds.
    pub requests: Option<u64>,
    /// What customers did, if that is known.
    pub scenario: Option<String>,
    /// Which database the services had, if that is known.
    pub database: Option<String>,
}

/// What came of all runs of one setting. Its JSON is what [`Report::json`] writes.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    #[serde(flatten)]
    pub(crate) setting: Setting,
    pub(crate) runs: u64,
    #[serde(serialize_with = "in_order")]
    pub(crate) edges: Vec<(EdgeKind, Row)>,
    pub(crate) cancelled: CancelledRow,
    pub(crate) spans: SpansRow,
    pub(crate) traces: Traces,
    pub(crate) pool: Apart,
    pub(crate) background: Apart,
    pub(crate) unidentified: BTreeMap<String, u64>,
    pub(crate) remarks: Remarks,
    pub(crate) examples: Examples,
    /// What was asked and is not kept; none if nothing was asked.
    pub(crate) breaches: Option<Vec<String>>,
    #[serde(skip)]
    sum: Verdict,
}

/// The links of one kind. Percentages are of all but the cancelled; null where there is none.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) total: u64,
    pub(crate) right: u64,
    pub(crate) wrong: u64,
    pub(crate) unlinked: u64,
    pub(crate) cancelled: u64,
    pub(crate) right_percent: Option<f64>,
    /// With 95 %, clustered by run.
    pub(crate) right_interval: Option<[f64; 2]>,
    pub(crate) wrong_percent: Option<f64>,
    /// With 95 %, clustered by run; where none is wrong, up to 3/n.
    pub(crate) wrong_interval: Option<[f64; 2]>,
    unlinked_percent: Option<f64>,
    unlinked_interval: Option<[f64; 2]>,
    /// By how much right links vary more between runs than independent ones would.
    pub(crate) design_effect: Option<f64>,
    /// None is wrong among so many that this can be said.
    pub(crate) zero_wrong: bool,
}

#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct CancelledRow {
    pub(crate) total: u64,
    pub(crate) right: u64,
    pub(crate) wrong: u64,
    pub(crate) unlinked: u64,
    pub(crate) missing: u64,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct SpansRow {
    pub(crate) expected: u64,
    pub(crate) seen: u64,
    pub(crate) missing: u64,
    pub(crate) duplicate: u64,
    pub(crate) dropped: u64,
    pub(crate) dropped_by_service: BTreeMap<String, u64>,
    by_kind: BTreeMap<SpanKind, Presence>,
}

impl Report {
    /// Puts the runs of one setting together.
    pub fn of(runs: &[Verdict], setting: Setting) -> Self {
        let mut sum = Verdict::default();
        runs.iter().for_each(|run| sum.add(run));
        let edges = EdgeKind::ALL.map(|kind| {
            let links: Vec<_> = runs.iter().map(|run| run.links(kind)).collect();
            (kind, Row::of(&links, sum.links(kind)))
        });
        let cancelled = CancelledRow {
            total: sum.cancelled.total(),
            right: sum.cancelled.right,
            wrong: sum.cancelled.wrong,
            unlinked: sum.cancelled.unlinked,
            missing: sum.cancelled.missing,
        };
        let Presence { expected, seen, missing } = sum.presence_of_all();
        let spans = SpansRow {
            expected,
            seen,
            missing,
            duplicate: sum.duplicate,
            dropped: sum.dropped.values().sum(),
            dropped_by_service: sum.dropped.clone(),
            by_kind: SpanKind::ALL.into_iter().map(|kind| (kind, sum.presence(kind))).collect(),
        };
        Self {
            setting: Setting { requests: setting.requests.or(Some(sum.traces.total)), ..setting },
            runs: runs.len() as u64,
            edges: edges.into(),
            cancelled,
            spans,
            traces: sum.traces,
            pool: sum.pool,
            background: sum.background,
            unidentified: sum.unidentified.clone(),
            remarks: sum.remarks,
            examples: sum.examples.clone(),
            breaches: None,
            sum,
        }
    }

    /// Holds it against thresholds; table and JSON say what came of it.
    #[must_use]
    pub fn held_to(mut self, thresholds: &Thresholds) -> Self {
        self.breaches = (!thresholds.is_empty()).then(|| thresholds.breaches(&self));
        self
    }

    /// What was asked and is not kept, in sentences.
    pub fn breaches(&self) -> &[String] {
        self.breaches.as_deref().unwrap_or_default()
    }

    /// The links of a kind, over all runs.
    pub fn links(&self, kind: EdgeKind) -> Links {
        self.sum.links(kind)
    }

    /// The expected spans of a kind, over all runs.
    pub fn presence(&self, kind: SpanKind) -> Presence {
        self.sum.presence(kind)
    }

    /// One JSON object on several lines.
    pub fn json(&self) -> String {
        // It is made of maps with text keys and of finite numbers, so that there is nothing to fail.
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// For a terminal of so many columns: 100 show all of it.
    pub fn table(&self, width: usize) -> String {
        table::of(self, width)
    }
}

impl Row {
    fn of(runs: &[Links], sum: Links) -> Self {
        let n = sum.judged();
        let counted = |part: fn(&Links) -> u64| -> Vec<Count> {
            runs.iter().map(|links| Count { part: part(links), of: links.judged() }).collect()
        };
        let percent = |part: u64| (n > 0).then(|| rounded(part as f64 / n as f64));
        let interval = |part: fn(&Links) -> u64| {
            let (interval, _) = statistics::clustered(&counted(part))?;
            Some([rounded(interval.low), rounded(interval.high)])
        };
        let none_wrong = n > 0 && sum.wrong == 0;
        Self {
            total: sum.total(),
            right: sum.right,
            wrong: sum.wrong,
            unlinked: sum.unlinked,
            cancelled: sum.cancelled,
            right_percent: percent(sum.right),
            right_interval: interval(|links| links.right),
            wrong_percent: percent(sum.wrong),
            wrong_interval: if none_wrong {
                Some([0.0, rounded(statistics::rule_of_three(n))])
            } else {
                interval(|links| links.wrong)
            },
            unlinked_percent: percent(sum.unlinked),
            unlinked_interval: interval(|links| links.unlinked),
            design_effect: statistics::clustered(&counted(|links| links.right)).map(|(_, effect)| effect),
            zero_wrong: none_wrong && n >= ENOUGH_FOR_ZERO,
        }
    }

    pub(crate) fn judged(&self) -> u64 {
        self.total - self.cancelled
    }
}

/// A share as percent, with six digits after the point: more is noise.
fn rounded(share: f64) -> f64 {
    (share * 1e8).round() / 1e6
}

/// An object whose keys stand in the order of reports.
fn in_order<S: Serializer>(edges: &[(EdgeKind, Row)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(edges.iter().map(|(kind, row)| (kind, row)))
}
