//! A trace, as compare holds it.

use std::time::Duration;

use anyhow::Context as _;
use serde::Deserialize;
use serde_json::{Map, Value};

/// How long a trace is waited for.
const LIMIT: Duration = Duration::from_secs(15);
/// A trace is whole when no span has come for this long: well over the interval between two exports of a service.
const QUIET: Duration = Duration::from_millis(1_200);
/// How long the agent's trace is waited for: it hands spans on a few times a second.
const OUTSIDE: Duration = Duration::from_secs(5);
/// The pause between two looks for it.
const PAUSE: Duration = Duration::from_millis(100);

/// One trace. Each span comes after its parent.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Trace {
    pub(crate) trace_id: String,
    pub(crate) spans: Vec<Span>,
}

/// One span.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Span {
    pub(crate) span_id: String,
    pub(crate) parent_span_id: Option<String>,
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) service: String,
    /// `manual` or `ebpf`: who made it.
    pub(crate) side: String,
    /// How many ancestors it has.
    pub(crate) depth: usize,
    /// A number as a string: it is larger than what JavaScript's numbers hold.
    #[serde(deserialize_with = "number")]
    pub(crate) start_unix_nano: u64,
    pub(crate) duration_ns: u64,
    pub(crate) status: Status,
    #[serde(default)]
    pub(crate) attributes: Map<String, Value>,
}

/// How a span ended.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Status {
    pub(crate) code: String,
}

impl Span {
    /// Whether it stands for one statement to a database.
    pub(crate) fn is_statement(&self) -> bool {
        self.attributes.contains_key("db.system.name")
    }

    pub(crate) fn has_failed(&self) -> bool {
        self.status.code == "error"
    }

    /// Its kind; `statement` where it stands for one.
    pub(crate) fn role(&self) -> &str {
        if self.is_statement() { "statement" } else { &self.kind }
    }
}

/// Where the page of a trace is.
pub(crate) fn page(compare: &str, trace_id: &str) -> String {
    format!("{compare}/traces/{trace_id}")
}

/// The trace with this id, once all of its spans have come.
///
/// # Errors
/// When compare cannot be asked, or nothing of the trace has come in time.
pub(crate) async fn fetch(compare: &str, trace_id: &str) -> anyhow::Result<Trace> {
    let http = reqwest::Client::builder().no_proxy().timeout(LIMIT * 2).build()?;
    let (wait, quiet) = (LIMIT.as_millis(), QUIET.as_millis());
    let url = format!("{compare}/api/v1/traces/{trace_id}?wait_ms={wait}&quiet_ms={quiet}");
    let answer = http.get(url).send().await.context("compare does not answer")?;
    let answer =
        answer.error_for_status().with_context(|| format!("nothing of trace {trace_id} has come to compare"))?;
    answer.json().await.context("compare answered something else than was agreed")
}

/// The agent's traces of the request with this id. One request is one trace, unless a link in it is missing.
///
/// # Errors
/// When compare cannot be asked.
pub(crate) async fn seen_from_outside(compare: &str, request_id: &str) -> anyhow::Result<Vec<Trace>> {
    let mut traces = Vec::new();
    for id in ids(compare, &[("q", request_id), ("limit", "500")]).await? {
        let http = reqwest::Client::builder().no_proxy().timeout(LIMIT).build()?;
        let answer =
            http.get(format!("{compare}/api/v1/traces/{id}")).send().await.context("compare does not answer")?;
        let trace: Trace = answer.json().await.context("compare answered something else than was agreed")?;
        if trace.spans.first().is_some_and(|root| root.side == "ebpf") {
            traces.push(trace);
        }
    }
    Ok(traces)
}

/// The agent's trace of the request with this id, once all of its spans have come.
///
/// # Errors
/// When compare cannot be asked, or nothing of it has come in time.
pub(crate) async fn fetch_from_outside(compare: &str, request_id: &str) -> anyhow::Result<Trace> {
    let until = tokio::time::Instant::now() + OUTSIDE;
    while tokio::time::Instant::now() < until {
        if let [trace, ..] = &seen_from_outside(compare, request_id).await?[..] {
            return fetch(compare, &trace.trace_id).await;
        }
        tokio::time::sleep(PAUSE).await;
    }
    anyhow::bail!("the agent has sent nothing of request {request_id}")
}

/// How many traces compare holds, up to a page of them.
///
/// # Errors
/// When compare cannot be asked.
pub(crate) async fn count(compare: &str) -> anyhow::Result<usize> {
    ids(compare, &[]).await.map(|ids| ids.len())
}

async fn ids(compare: &str, query: &[(&str, &str)]) -> anyhow::Result<Vec<String>> {
    #[derive(Deserialize)]
    struct List {
        traces: Vec<Head>,
    }
    #[derive(Deserialize)]
    struct Head {
        trace_id: String,
    }
    let http = reqwest::Client::builder().no_proxy().timeout(LIMIT).build()?;
    let url = reqwest::Url::parse_with_params(&format!("{compare}/api/v1/traces"), query)?;
    let answer = http.get(url).send().await.context("compare does not answer")?;
    let list: List = answer.json().await.context("compare answered something else than was agreed")?;
    Ok(list.traces.into_iter().map(|head| head.trace_id).collect())
}

fn number<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
}
