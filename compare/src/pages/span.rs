//! What a row of the waterfall opens to: all that is known of one span.

use std::sync::Arc;

use bookstore_otlp::common::KeyValue;
use bookstore_otlp::trace::status_code;

use super::format;
use crate::store::{Log, Placed};

/// A name and a value.
pub(super) struct Pair {
    pub(super) key: String,
    pub(super) value: String,
}

/// All that is known of one span.
pub(super) struct Opened {
    pub(super) facts: Vec<Pair>,
    pub(super) status: Option<Pair>,
    pub(super) attributes: Vec<Pair>,
    pub(super) moments: Vec<Moment>,
    pub(super) links: Vec<LinkShown>,
    pub(super) resource: Vec<Pair>,
}

/// An event or a log record, at its time.
pub(super) struct Moment {
    nanos: u64,
    /// After the span's start, or before it.
    pub(super) offset: String,
    /// `event`, or the severity of a log record in lower case.
    pub(super) label: String,
    /// `event`, `debug`, `info`, `warn`, `error`: for a colour.
    pub(super) class: &'static str,
    pub(super) text: String,
    pub(super) attributes: Vec<Pair>,
}

/// Another span that this one names.
pub(super) struct LinkShown {
    pub(super) trace_id: String,
    pub(super) span_id: String,
    pub(super) attributes: Vec<Pair>,
}

pub(super) fn pairs(attributes: &[KeyValue]) -> Vec<Pair> {
    let mut pairs: Vec<_> = attributes
        .iter()
        .map(|it| Pair { key: it.key.clone(), value: it.value.as_ref().map(format::value).unwrap_or_default() })
        .collect();
    pairs.sort_by(|a, b| a.key.cmp(&b.key));
    pairs
}

fn pair(key: &str, value: impl Into<String>) -> Pair {
    Pair { key: key.to_owned(), value: value.into() }
}

impl Opened {
    pub(super) fn of(placed: &Placed, logs: &[&Arc<Log>], trace_start: u64) -> Self {
        let span = &placed.span;
        let details = span.details();
        let mut facts = vec![
            pair("name", &*span.name),
            pair("service", &*span.origin.service),
            pair("kind", span.kind().as_str()),
            pair("started at", offset(span.start(), trace_start)),
            pair("took", format::duration(span.duration())),
            pair("span id", span.id().to_string()),
        ];
        if let Some(parent) = span.parent() {
            let note = if placed.missing_parent { " (not received)" } else { "" };
            facts.push(pair("parent", format!("{parent}{note}")));
        }
        facts.push(pair("side", span.origin.side.as_str()));
        if !span.scope.is_empty() {
            facts.push(pair("scope", &*span.scope));
        }
        let lost = [
            (details.dropped_attributes_count, "attributes"),
            (details.dropped_events_count, "events"),
            (details.dropped_links_count, "links"),
        ];
        for (count, what) in lost.into_iter().filter(|(count, _)| *count > 0) {
            facts.push(pair("dropped by the SDK", format!("{count} {what}")));
        }
        let status = details.status.unwrap_or_default();
        let status = match status.code {
            status_code::ERROR => Some(pair("error", status.message)),
            status_code::OK => Some(pair("ok", status.message)),
            _ => None,
        };
        let events = details.events.iter().map(|event| Moment {
            nanos: event.time_unix_nano,
            offset: offset(event.time_unix_nano, span.start()),
            label: "event".to_owned(),
            class: "event",
            text: event.name.clone(),
            attributes: pairs(&event.attributes),
        });
        let logs = logs.iter().map(|log| Moment::of(log, span.start()));
        let mut moments: Vec<_> = events.chain(logs).collect();
        moments.sort_by_key(|moment| moment.nanos);
        let links = details.links.iter().map(|link| LinkShown {
            trace_id: hex::encode(&link.trace_id),
            span_id: hex::encode(&link.span_id),
            attributes: pairs(&link.attributes),
        });
        Self {
            facts,
            status,
            attributes: pairs(&details.attributes),
            moments,
            links: links.collect(),
            resource: pairs(&span.origin.attributes()),
        }
    }
}

impl Moment {
    /// A log record, its time after `start`.
    pub(super) fn of(log: &Log, start: u64) -> Self {
        let details = log.details();
        let (name, class) = severity(log.severity);
        let label = if details.severity_text.is_empty() { name.to_owned() } else { details.severity_text };
        let body = details.body.as_ref().map(format::value).unwrap_or_default();
        Self {
            nanos: log.time,
            offset: offset(log.time, start),
            label: label.to_lowercase(),
            class,
            text: if body.is_empty() { details.event_name } else { body },
            attributes: pairs(&details.attributes),
        }
    }
}

/// OTLP's severity numbers: four to a level.
fn severity(number: u8) -> (&'static str, &'static str) {
    match number {
        1..=4 => ("trace", "debug"),
        5..=8 => ("debug", "debug"),
        13..=16 => ("warn", "warn"),
        17..=20 => ("error", "error"),
        21..=24 => ("fatal", "error"),
        _ => ("info", "info"),
    }
}

fn offset(time: u64, start: u64) -> String {
    if time >= start {
        format!("+{}", format::duration(time - start))
    } else {
        format!("−{}", format::duration(start - time))
    }
}
