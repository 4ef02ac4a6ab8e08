//! A trace, as compare holds it.

use std::time::Duration;

use anyhow::Context as _;
use serde::Deserialize;
use serde_json::{Map, Value};

/// How long a trace is waited for.
const LIMIT: Duration = Duration::from_secs(15);
/// A trace is whole when no span has come for this long: well over the interval between two exports of a service.
const QUIET: Duration = Duration::from_millis(1_200);

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

/// How many traces compare holds, up to a page of them.
///
/// # Errors
/// When compare cannot be asked.
pub(crate) async fn count(compare: &str) -> anyhow::Result<usize> {
    #[derive(Deserialize)]
    struct List {
        traces: Vec<serde::de::IgnoredAny>,
    }
    let http = reqwest::Client::builder().no_proxy().timeout(LIMIT).build()?;
    let answer = http.get(format!("{compare}/api/v1/traces")).send().await.context("compare does not answer")?;
    let list: List = answer.json().await.context("compare answered something else than was agreed")?;
    Ok(list.traces.len())
}

fn number<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
}
