//! The list of recent requests: filter, order, page.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use bookstore_otlp::common::{AnyValue, KeyValue, Value};

use super::span::{Log, Span};
use super::trace::Trace;
use super::{Inner, Store};
use crate::ids::{InvalidId, TraceId};

/// Which traces to list, newest first.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only those that this service took part in.
    pub service: Option<String>,
    /// Only those with (`true`) or without (`false`) a failed span.
    pub failed: Option<bool>,
    /// Only those with this text in an id, a name, an attribute, an event or a log record; case does not matter.
    pub text: Option<String>,
    /// Only those that took at least this many nanoseconds.
    pub min_duration: u64,
    /// Only those before this place in the list.
    pub before: Option<Cursor>,
    /// At most this many.
    pub limit: usize,
}

/// A place in the list: the start and the id of the last trace shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor {
    start: u64,
    id: Option<TraceId>,
}

impl fmt::Display for Cursor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.start)?;
        self.id.map_or(Ok(()), |id| write!(formatter, "-{id}"))
    }
}

impl FromStr for Cursor {
    type Err = InvalidId;

    /// `start` (nanoseconds since the Unix epoch) or `start-trace id`.
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let (start, id) = text.split_once('-').map_or((text, None), |(start, id)| (start, Some(id)));
        let start = start.parse().map_err(|_| InvalidId)?;
        Ok(Self { start, id: id.map(str::parse).transpose()? })
    }
}

/// One line of the list.
#[derive(Clone, Debug)]
pub struct Summary {
    /// Its id.
    pub trace_id: TraceId,
    /// The span that stands for it: without a parent if there is one, the earliest otherwise.
    pub root: Arc<Span>,
    /// The first start, nanoseconds since the Unix epoch.
    pub start: u64,
    /// Nanoseconds: the root's, or from the first start to the last end while the root is not here.
    pub duration: u64,
    /// Those that took part, in the order in which their spans came.
    pub services: Vec<Arc<str>>,
    /// How many spans.
    pub span_count: usize,
    /// How many failed.
    pub error_count: usize,
}

impl Summary {
    /// `None` while only log records of it are here.
    pub(super) fn of(trace_id: TraceId, trace: &Trace) -> Option<Self> {
        Some(Self {
            trace_id,
            root: trace.root.clone()?,
            start: trace.start,
            duration: trace.duration(),
            services: trace.services.clone(),
            span_count: trace.spans.len(),
            error_count: trace.errors,
        })
    }

    /// Whether the request's first span is here.
    pub fn has_root(&self) -> bool {
        self.root.parent().is_none()
    }
}

/// A page of the list.
#[derive(Clone, Debug)]
pub struct Page {
    /// Newest first.
    pub traces: Vec<Summary>,
    /// Where the next page begins, if there is more.
    pub next: Option<Cursor>,
}

/// How many traces are searched for a text before others may take the lock again.
const CHUNK: usize = 64;

impl Store {
    /// A page of the list. With a text it reads whole traces: not for an async thread.
    pub fn list(&self, filter: &Filter) -> Page {
        let text = filter.text.as_deref().map(str::trim).filter(|text| !text.is_empty()).map(str::to_lowercase);
        let candidates = self.lock().candidates(filter);
        let mut traces = Vec::new();
        for chunk in candidates.chunks(CHUNK) {
            let searched: Vec<_> = {
                let inner = self.lock();
                let found = chunk.iter().filter_map(|(_, id)| Some((*id, inner.traces.get(id)?)));
                found
                    .filter_map(|(id, trace)| Some((Summary::of(id, trace)?, Content::of(trace, text.is_some()))))
                    .collect()
            };
            for (summary, content) in searched {
                if text.as_ref().is_some_and(|text| !content.has(&summary, text)) {
                    continue;
                }
                traces.push(summary);
                if traces.len() > filter.limit {
                    traces.pop();
                    let next = traces.last().map(|last| Cursor { start: last.start, id: Some(last.trace_id) });
                    return Page { traces, next };
                }
            }
        }
        Page { traces, next: None }
    }
}

impl Inner {
    /// The ids that pass all but the text, newest first.
    fn candidates(&self, filter: &Filter) -> Vec<(u64, TraceId)> {
        let passes = |id: TraceId, trace: &Trace| {
            trace.root.is_some()
                && filter.failed.is_none_or(|failed| failed == (trace.errors > 0))
                && trace.duration() >= filter.min_duration
                && filter.before.is_none_or(|before| match before.id {
                    Some(last) => (trace.start, id) < (before.start, last),
                    None => trace.start < before.start,
                })
                && filter.service.as_deref().is_none_or(|service| trace.services.iter().any(|it| **it == *service))
        };
        let mut ids: Vec<_> = self
            .traces
            .iter()
            .filter(|(id, trace)| passes(**id, trace))
            .map(|(id, trace)| (trace.start, *id))
            .collect();
        ids.sort_unstable_by(|a, b| b.cmp(a));
        ids
    }
}

/// What a text is looked for in, taken out of the lock.
struct Content {
    spans: Vec<Arc<Span>>,
    logs: Vec<Arc<Log>>,
}

impl Content {
    fn of(trace: &Trace, wanted: bool) -> Self {
        if wanted {
            Self { spans: trace.spans.values().cloned().collect(), logs: trace.logs.clone() }
        } else {
            Self { spans: Vec::new(), logs: Vec::new() }
        }
    }

    /// Whether `text`, in lower case, is in it. Encoded parts are decoded only where their bytes may hold it.
    fn has(&self, summary: &Summary, text: &str) -> bool {
        summary.trace_id.to_string().starts_with(text)
            || summary.services.iter().any(|service| contains(service, text))
            || self.spans.iter().any(|span| {
                contains(&span.name, text)
                    || may_contain(span.encoded(), text) && {
                        let details = span.details();
                        attributes_contain(&details.attributes, text)
                            || details.status.is_some_and(|status| contains(&status.message, text))
                            || details
                                .events
                                .iter()
                                .any(|event| contains(&event.name, text) || attributes_contain(&event.attributes, text))
                    }
            })
            || self.logs.iter().any(|log| {
                may_contain(log.encoded(), text) && {
                    let details = log.details();
                    details.body.is_some_and(|body| value_contains(&body, text))
                        || attributes_contain(&details.attributes, text)
                }
            })
    }
}

fn contains(haystack: &str, needle: &str) -> bool {
    haystack.to_lowercase().contains(needle)
}

fn attributes_contain(attributes: &[KeyValue], text: &str) -> bool {
    let has = |value: &AnyValue| value_contains(value, text);
    attributes.iter().any(|it| contains(&it.key, text) || it.value.as_ref().is_some_and(has))
}

fn value_contains(value: &AnyValue, text: &str) -> bool {
    match &value.value {
        Some(Value::StringValue(it)) => contains(it, text),
        Some(Value::IntValue(it)) => it.to_string() == text,
        Some(Value::ArrayValue(list)) => list.values.iter().any(|it| value_contains(it, text)),
        Some(Value::KvlistValue(list)) => attributes_contain(&list.values, text),
        _ => false,
    }
}

/// Whether the bytes can hold the text: always for one that is not ASCII letters (upper case of others has other
/// bytes) or that may be a number, which is not encoded as text.
fn may_contain(bytes: &[u8], text: &str) -> bool {
    let needle = text.as_bytes();
    if !text.is_ascii() || text.parse::<i64>().is_ok() {
        return true;
    }
    bytes.windows(needle.len()).any(|window| window.eq_ignore_ascii_case(needle))
}
