//! What came of one run: counts, and a few examples in words.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

/// How many examples of each kind of fault are kept.
pub(crate) const EXAMPLES: usize = 5;

/// What a link is between.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub enum EdgeKind {
    /// A call over HTTP, and the server span that made it.
    #[serde(rename = "http.client")]
    HttpClient,
    /// A call over gRPC, and the server span that made it.
    #[serde(rename = "rpc.client")]
    RpcClient,
    /// A statement, and the server span that made it.
    #[serde(rename = "db.client")]
    DbClient,
    /// A server span, and the client span in the process that called.
    #[serde(rename = "cross_process")]
    CrossProcess,
    /// A business span, and the server span that it is inside of.
    #[serde(rename = "internal")]
    Internal,
}

impl EdgeKind {
    /// All, in the order of reports.
    pub const ALL: [Self; 5] = [Self::HttpClient, Self::RpcClient, Self::DbClient, Self::CrossProcess, Self::Internal];

    /// As reports and thresholds call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::HttpClient => "http.client",
            Self::RpcClient => "rpc.client",
            Self::DbClient => "db.client",
            Self::CrossProcess => "cross_process",
            Self::Internal => "internal",
        }
    }

    /// Whose spans have such a link; of internal ones nobody knows how many there should be.
    pub const fn spans(self) -> Option<SpanKind> {
        match self {
            Self::HttpClient => Some(SpanKind::HttpClient),
            Self::RpcClient => Some(SpanKind::RpcClient),
            Self::DbClient => Some(SpanKind::DbClient),
            Self::CrossProcess => Some(SpanKind::Server),
            Self::Internal => None,
        }
    }
}

impl fmt::Display for EdgeKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

/// What a span is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub enum SpanKind {
    /// A call received.
    #[serde(rename = "server")]
    Server,
    /// A call made over HTTP.
    #[serde(rename = "http.client")]
    HttpClient,
    /// A call made over gRPC.
    #[serde(rename = "rpc.client")]
    RpcClient,
    /// A statement.
    #[serde(rename = "db.client")]
    DbClient,
}

impl SpanKind {
    /// All, in the order of reports.
    pub const ALL: [Self; 4] = [Self::Server, Self::HttpClient, Self::RpcClient, Self::DbClient];

    /// As reports call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::HttpClient => "http.client",
            Self::RpcClient => "rpc.client",
            Self::DbClient => "db.client",
        }
    }

    /// The link that such a span has.
    pub const fn edge(self) -> EdgeKind {
        match self {
            Self::Server => EdgeKind::CrossProcess,
            Self::HttpClient => EdgeKind::HttpClient,
            Self::RpcClient => EdgeKind::RpcClient,
            Self::DbClient => EdgeKind::DbClient,
        }
    }
}

/// Links of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Links {
    /// The parent is the one expected.
    pub right: u64,
    /// The parent is another operation.
    pub wrong: u64,
    /// There is no parent.
    pub unlinked: u64,
    /// One end was cancelled; whether such a link is right is in [`Cancelled`].
    pub cancelled: u64,
}

impl Links {
    /// All of them.
    pub const fn total(&self) -> u64 {
        self.right + self.wrong + self.unlinked + self.cancelled
    }

    /// Those that count: all but the cancelled.
    pub const fn judged(&self) -> u64 {
        self.right + self.wrong + self.unlinked
    }

    fn add(&mut self, other: &Self) {
        self.right += other.right;
        self.wrong += other.wrong;
        self.unlinked += other.unlinked;
        self.cancelled += other.cancelled;
    }
}

/// Links with an end that was cancelled, and cancelled operations that have no span.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cancelled {
    /// As in [`Links`].
    pub right: u64,
    /// As in [`Links`].
    pub wrong: u64,
    /// As in [`Links`].
    pub unlinked: u64,
    /// Cancelled operations without a span: a tracer may leave out what never ended.
    pub missing: u64,
}

impl Cancelled {
    /// All of them.
    pub const fn total(&self) -> u64 {
        self.right + self.wrong + self.unlinked + self.missing
    }
}

/// Spans of one kind that should be there: one for each operation of a request that was not cancelled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Presence {
    /// Should be there.
    pub expected: u64,
    /// Are there.
    pub seen: u64,
    /// Are not.
    pub missing: u64,
}

impl Presence {
    fn add(&mut self, other: &Self) {
        self.expected += other.expected;
        self.seen += other.seen;
        self.missing += other.missing;
    }
}

/// Requests, each of which should be one whole trace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Traces {
    /// All.
    pub total: u64,
    /// Each expected span is there once, in one trace, and each link of theirs is right.
    pub whole: u64,
}

/// Spans that must not hang under a request's span.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Apart {
    /// How many there are.
    pub seen: u64,
    /// How many hang under a request's span all the same.
    pub parented: u64,
}

/// What is neither right nor wrong, but may explain what is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Remarks {
    /// Of the unlinked and the cancelled: those whose way up ends at a parent that is not among the spans.
    pub dangling: u64,
    /// Of the unlinked and the cancelled: those whose way up leads back to itself.
    pub cycles: u64,
    /// Spans of calls from outside: that they hang under nothing is as it should be, and counts as no link.
    pub roots: u64,
    /// Internal spans that could not be told to be inside of any hop, such as one under which nothing happens.
    pub unjudged_internal: u64,
    /// Spans whose parent the truth does not tell: the line of that operation is not there.
    pub unrecorded_parent: u64,
    /// Spans that claim a request and hop that the truth does not hold.
    pub not_in_truth: u64,
    /// Operations that were written down more than once, each of which may have as many spans.
    pub repeated_operations: u64,
    /// Spans without a valid trace or span id, which take no part.
    pub malformed: u64,
    /// Statements of connection pools in the truth.
    pub pool_operations: u64,
}

/// Sentences that show faults, a few of each.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Examples {
    /// Wrong links, by kind.
    pub wrong: BTreeMap<EdgeKind, Vec<String>>,
    /// Links that are not there, by kind.
    pub unlinked: BTreeMap<EdgeKind, Vec<String>>,
    /// Spans that are not there, by kind.
    pub missing: BTreeMap<SpanKind, Vec<String>>,
    /// Spans that are there too often.
    pub duplicate: Vec<String>,
    /// Pools' and background work under a request.
    pub parented: Vec<String>,
    /// Spans that could not be identified.
    pub unidentified: Vec<String>,
}

/// What came of one run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Links, by kind; a kind of which there is none may be left out.
    pub edges: BTreeMap<EdgeKind, Links>,
    /// Expected spans, by kind; a kind of which none is expected may be left out.
    pub spans: BTreeMap<SpanKind, Presence>,
    /// Links and spans of operations that were cancelled.
    pub cancelled: Cancelled,
    /// Spans of an operation that has one already.
    pub duplicate: u64,
    /// Spans that exporters lost, by service.
    pub dropped: BTreeMap<String, u64>,
    /// Requests.
    pub traces: Traces,
    /// What connection pools did by themselves.
    pub pool: Apart,
    /// What services did on behalf of no request.
    pub background: Apart,
    /// Spans that are of no operation that is known, by their kind.
    pub unidentified: BTreeMap<String, u64>,
    /// What may explain the rest.
    pub remarks: Remarks,
    /// Faults in words.
    pub examples: Examples,
}

impl Verdict {
    /// The links of a kind.
    pub fn links(&self, kind: EdgeKind) -> Links {
        self.edges.get(&kind).copied().unwrap_or_default()
    }

    /// The expected spans of a kind.
    pub fn presence(&self, kind: SpanKind) -> Presence {
        self.spans.get(&kind).copied().unwrap_or_default()
    }

    /// The expected spans of all kinds.
    pub fn presence_of_all(&self) -> Presence {
        let mut sum = Presence::default();
        self.spans.values().for_each(|presence| sum.add(presence));
        sum
    }

    /// Adds what came of another run.
    pub fn add(&mut self, other: &Self) {
        for (kind, links) in &other.edges {
            self.edges.entry(*kind).or_default().add(links);
        }
        for (kind, presence) in &other.spans {
            self.spans.entry(*kind).or_default().add(presence);
        }
        self.cancelled.right += other.cancelled.right;
        self.cancelled.wrong += other.cancelled.wrong;
        self.cancelled.unlinked += other.cancelled.unlinked;
        self.cancelled.missing += other.cancelled.missing;
        self.duplicate += other.duplicate;
        add_all(&mut self.dropped, &other.dropped);
        self.traces.total += other.traces.total;
        self.traces.whole += other.traces.whole;
        for (apart, other) in [(&mut self.pool, &other.pool), (&mut self.background, &other.background)] {
            apart.seen += other.seen;
            apart.parented += other.parented;
        }
        add_all(&mut self.unidentified, &other.unidentified);
        self.remarks.add(&other.remarks);
        self.examples.add(&other.examples);
    }
}

impl Remarks {
    fn add(&mut self, other: &Self) {
        self.dangling += other.dangling;
        self.cycles += other.cycles;
        self.roots += other.roots;
        self.unjudged_internal += other.unjudged_internal;
        self.unrecorded_parent += other.unrecorded_parent;
        self.not_in_truth += other.not_in_truth;
        self.repeated_operations += other.repeated_operations;
        self.malformed += other.malformed;
        self.pool_operations += other.pool_operations;
    }
}

impl Examples {
    fn add(&mut self, other: &Self) {
        fn more(kept: &mut Vec<String>, other: &[String]) {
            kept.extend(other.iter().take(EXAMPLES.saturating_sub(kept.len())).cloned());
        }
        for (kept, other) in [(&mut self.wrong, &other.wrong), (&mut self.unlinked, &other.unlinked)] {
            for (kind, examples) in other {
                more(kept.entry(*kind).or_default(), examples);
            }
        }
        for (kind, examples) in &other.missing {
            more(self.missing.entry(*kind).or_default(), examples);
        }
        more(&mut self.duplicate, &other.duplicate);
        more(&mut self.parented, &other.parented);
        more(&mut self.unidentified, &other.unidentified);
    }
}

fn add_all(sums: &mut BTreeMap<String, u64>, other: &BTreeMap<String, u64>) {
    for (key, value) in other {
        *sums.entry(key.clone()).or_default() += value;
    }
}
