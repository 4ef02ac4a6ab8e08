//! Figures of a run.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Cursor;
use std::path::Path;

use anyhow::Context as _;
use bookstore_score::{EdgeKind, Spans, Truth, Verdict, judge};
use serde::{Deserialize, Serialize};

/// Links and spans of a kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figures {
    /// The parent is the right one.
    pub right: u64,
    /// It is another one.
    pub wrong: u64,
    /// There is none.
    pub unlinked: u64,
    /// An end of it was cancelled: of these the score does not count which are right.
    pub cancelled: u64,
    /// Spans that should be there, and are not.
    pub missing: u64,
}

/// By kind of link.
pub type ByKind = BTreeMap<String, Figures>;

/// What came of a run.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Judged {
    /// All of it.
    pub all: ByKind,
    /// What each kind of request asks of others.
    pub shapes: BTreeMap<String, ByKind>,
    /// Cancelled links that are wrong all the same.
    pub cancelled_wrong: u64,
    /// A few faults in words.
    pub examples: Vec<String>,
}

impl Judged {
    /// Wrong links of all kinds.
    #[must_use]
    pub fn wrong(&self) -> u64 {
        self.all.values().map(|figures| figures.wrong).sum()
    }
}

/// Holds the spans of a file against the truth logs of a folder.
///
/// # Errors
/// When one cannot be read.
pub fn judged(spans: &Path, truth: &Path) -> anyhow::Result<Judged> {
    let mut log = String::new();
    for entry in fs::read_dir(truth)? {
        log += &fs::read_to_string(entry?.path())?;
    }
    let mut read = Spans::default();
    let file = fs::File::open(spans)?;
    read.read_json_lines(std::io::BufReader::new(file), "spans")?;
    let verdict = judge(&of_lines(log.lines())?, &read)?;
    let mut judged = Judged { all: figures(&verdict, &EdgeKind::ALL), ..Judged::default() };
    judged.cancelled_wrong = verdict.cancelled.wrong;
    judged.examples.extend(verdict.examples.wrong.values().flatten().cloned());
    judged.examples.extend(verdict.examples.missing.values().flatten().take(4).cloned());
    let shapes: BTreeSet<&str> = log.lines().filter_map(shape).collect();
    for shape in shapes {
        // Whose span a wrong parent is has to be known, so all that was received stays.
        let lines = log.lines().filter(|line| line.contains(r#""received""#) || self::shape(line) == Some(shape));
        let verdict = judge(&of_lines(lines)?, &read)?;
        let calls = [EdgeKind::HttpClient, EdgeKind::RpcClient, EdgeKind::DbClient];
        judged.shapes.insert(shape.to_owned(), figures(&verdict, &calls));
    }
    Ok(judged)
}

fn of_lines<'a>(lines: impl Iterator<Item = &'a str>) -> anyhow::Result<Truth> {
    let mut truth = Truth::default();
    let text = lines.collect::<Vec<_>>().join("\n");
    truth.read(Cursor::new(text), "truth").context("the truth")?;
    Ok(truth)
}

fn figures(verdict: &Verdict, kinds: &[EdgeKind]) -> ByKind {
    let of = |kind: &EdgeKind| {
        let links = verdict.links(*kind);
        let missing = kind.spans().map_or(0, |spans| verdict.presence(spans).missing);
        let (right, wrong, unlinked, cancelled) = (links.right, links.wrong, links.unlinked, links.cancelled);
        Figures { right, wrong, unlinked, cancelled, missing }
    };
    let all = kinds.iter().map(|kind| (kind.name().to_owned(), of(kind)));
    all.filter(|(_, figures)| *figures != Figures::default()).collect()
}

/// The kind of request that a line of the truth is of: ids begin with it.
fn shape(line: &str) -> Option<&str> {
    let (_, rest) = line.split_once(r#""request":"#)?;
    rest.trim_start().trim_start_matches('"').split('-').next()
}
