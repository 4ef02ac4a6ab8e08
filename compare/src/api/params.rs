//! What a query string may say. An empty value is the same as none: a form sends all its fields.

use std::str::FromStr;
use std::time::Duration;

use axum::extract::{FromRequestParts, Query};
use http::request::Parts;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::problem::Problem;
use crate::store::{Cursor, Filter};

/// A query string, whose mistakes are answered as a [`Problem`].
pub(crate) struct Params<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let Query(params) = Query::try_from_uri(&parts.uri).map_err(|error| Problem::bad_request(error.body_text()))?;
        Ok(Self(params))
    }
}

fn parse<T: FromStr>(name: &str, value: Option<&str>, expected: &str) -> Result<Option<T>, Problem> {
    let Some(value) = value.map(str::trim).filter(|value| !value.is_empty()) else { return Ok(None) };
    let wrong = |_| Problem::bad_request(format!("`{name}` must be {expected}."));
    value.parse().map(Some).map_err(wrong)
}

fn text(value: Option<&str>) -> Option<String> {
    value.map(str::trim).filter(|value| !value.is_empty()).map(str::to_owned)
}

/// Of the list of traces.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ListParams {
    pub(crate) service: Option<String>,
    pub(crate) status: Option<String>,
    pub(crate) q: Option<String>,
    pub(crate) min_duration_ms: Option<String>,
    pub(crate) limit: Option<String>,
    pub(crate) before: Option<String>,
}

const DEFAULT_LIMIT: usize = 50;
const MOST: usize = 500;

impl ListParams {
    pub(crate) fn filter(&self) -> Result<Filter, Problem> {
        let failed = match self.status.as_deref().map(str::trim) {
            None | Some("") => None,
            Some("ok") => Some(false),
            Some("error") => Some(true),
            Some(_) => return Err(Problem::bad_request("`status` must be ok or error.")),
        };
        let milliseconds: Option<f64> =
            parse("min_duration_ms", self.min_duration_ms.as_deref(), "a number of milliseconds")?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the cast saturates, and a negative duration is none"
        )]
        let min_duration = (milliseconds.unwrap_or(0.0) * 1e6) as u64;
        Ok(Filter {
            service: text(self.service.as_deref()),
            failed,
            text: text(self.q.as_deref()),
            min_duration,
            before: parse::<Cursor>("before", self.before.as_deref(), "the `next_before` of an answer, or a time")?,
            limit: limit(self.limit.as_deref(), DEFAULT_LIMIT)?,
        })
    }

    /// Whether it leaves anything out, but for paging.
    pub(crate) fn is_filtered(&self) -> bool {
        let fields = [&self.service, &self.status, &self.q, &self.min_duration_ms];
        fields.into_iter().flatten().any(|value| !value.trim().is_empty())
    }

    /// As a query string, with another place to begin at.
    pub(crate) fn query(&self, before: Option<&str>) -> String {
        let pairs = [
            ("service", self.service.as_deref()),
            ("status", self.status.as_deref()),
            ("q", self.q.as_deref()),
            ("min_duration_ms", self.min_duration_ms.as_deref()),
            ("limit", self.limit.as_deref()),
            ("before", before),
        ];
        let given = pairs.into_iter().filter_map(|(name, value)| Some((name, value.filter(|it| !it.is_empty())?)));
        form_urlencoded::Serializer::new(String::new()).extend_pairs(given).finish()
    }
}

fn limit(value: Option<&str>, default: usize) -> Result<usize, Problem> {
    Ok(parse("limit", value, "a whole number")?.unwrap_or(default).clamp(1, MOST))
}

/// Of one trace: whether to wait for it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct WaitParams {
    wait_ms: Option<String>,
    min_spans: Option<String>,
    quiet_ms: Option<String>,
}

/// How long to wait, and for what.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wait {
    pub(crate) most: Duration,
    pub(crate) min_spans: usize,
    pub(crate) quiet: Duration,
}

const MOST_WAIT_MS: u64 = 30_000;

impl WaitParams {
    /// `None` if there is nothing to wait for.
    pub(crate) fn wait(&self) -> Result<Option<Wait>, Problem> {
        let number = |name, value: &Option<String>| parse::<u64>(name, value.as_deref(), "a whole number");
        let min_spans = parse("min_spans", self.min_spans.as_deref(), "a whole number")?.unwrap_or(1);
        let quiet = Duration::from_millis(number("quiet_ms", &self.quiet_ms)?.unwrap_or(300).min(MOST_WAIT_MS));
        let most = number("wait_ms", &self.wait_ms)?.map(|it| Duration::from_millis(it.min(MOST_WAIT_MS)));
        Ok(most.map(|most| Wait { most, min_spans, quiet }))
    }
}

/// Of the log records.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct LogParams {
    pub(crate) trace_id: Option<String>,
    pub(crate) service: Option<String>,
    limit: Option<String>,
}

impl LogParams {
    pub(crate) fn limit(&self) -> Result<usize, Problem> {
        limit(self.limit.as_deref(), 100)
    }
}

/// Of the metrics.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct MetricParams {
    pub(crate) service: Option<String>,
    pub(crate) prefix: Option<String>,
}
