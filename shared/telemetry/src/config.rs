//! The standard variables, read: a value that cannot be understood gives one warning, and the default holds.

use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use crate::env::{Effect, VARIABLES};

mod otlp;

pub(crate) use otlp::{Otlp, Protocol};

/// Where a variable's value comes from; tests hand in their own.
pub(crate) type Source<'a> = &'a dyn Fn(&str) -> Option<String>;

/// What the environment asks for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Config {
    /// All signals and propagation off.
    pub(crate) disabled: bool,
    /// `service.name`, when given.
    pub(crate) service_name: Option<String>,
    /// Resource attributes.
    pub(crate) resource: Vec<(String, String)>,
    /// Whether `traceparent` and `tracestate` travel.
    pub(crate) trace_context: bool,
    /// Whether `baggage` travels.
    pub(crate) baggage: bool,
    /// Which traces are recorded.
    pub(crate) sampler: Sampler,
    /// Batches of spans.
    pub(crate) spans: Batch,
    /// Batches of log records.
    pub(crate) log_records: Batch,
    /// What a span may hold.
    pub(crate) limits: Limits,
    /// Time between exports of metrics.
    pub(crate) metric_interval: Duration,
    /// Time that one export of metrics may take.
    pub(crate) metric_timeout: Duration,
    /// Whether sums are sent as totals or as differences.
    pub(crate) temporality: Temporality,
    /// Where spans go; none: nowhere.
    pub(crate) traces: Option<Otlp>,
    /// Where metrics go.
    pub(crate) metrics: Option<Otlp>,
    /// Where log records go.
    pub(crate) logs: Option<Otlp>,
    /// Request headers that server spans show, in lower case.
    pub(crate) captured_headers: Vec<String>,
}

/// `OTEL_TRACES_SAMPLER` with its argument.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Sampler {
    /// Whether a parent's decision holds.
    pub(crate) parent_based: bool,
    /// The part of root traces that are recorded, 0 to 1.
    pub(crate) ratio: f64,
}

/// The limits of a batch processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Batch {
    /// Most items waiting.
    pub(crate) queue: usize,
    /// Most items in one request.
    pub(crate) size: usize,
    /// Time between exports.
    pub(crate) delay: Duration,
    /// Time that one export may take.
    pub(crate) timeout: Duration,
}

/// What a span may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Attributes on a span.
    pub(crate) attributes: u32,
    /// Characters of an attribute's text.
    pub(crate) value_length: Option<usize>,
    /// Events on a span.
    pub(crate) events: u32,
    /// Links on a span.
    pub(crate) links: u32,
    /// Attributes on an event.
    pub(crate) event_attributes: u32,
    /// Attributes on a link.
    pub(crate) link_attributes: u32,
}

/// `OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Temporality {
    /// Totals since the start.
    Cumulative,
    /// Differences since the last export.
    Delta,
    /// Differences where that saves memory.
    LowMemory,
}

impl Config {
    /// Reads every variable; the second value is what to warn of.
    pub(crate) fn read(source: Source<'_>) -> (Self, Vec<String>) {
        let mut reader = Reader { source, warnings: Vec::new() };
        for variable in VARIABLES {
            if variable.effect == Effect::Refused && reader.get(variable.name).is_some() {
                reader.warnings.push(format!("{} is not honoured: {}", variable.name, variable.note));
            }
        }
        let (trace_context, baggage) = reader.propagators();
        let config = Self {
            disabled: reader.flag("OTEL_SDK_DISABLED"),
            service_name: reader.get("OTEL_SERVICE_NAME"),
            resource: reader.pairs("OTEL_RESOURCE_ATTRIBUTES"),
            trace_context,
            baggage,
            sampler: reader.sampler(),
            spans: reader.batch("OTEL_BSP", 5_000),
            log_records: reader.batch("OTEL_BLRP", 1_000),
            limits: reader.limits(),
            metric_interval: reader.milliseconds("OTEL_METRIC_EXPORT_INTERVAL", 60_000),
            metric_timeout: reader.milliseconds("OTEL_METRIC_EXPORT_TIMEOUT", 30_000),
            temporality: reader.choice(
                "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE",
                &[
                    ("cumulative", Temporality::Cumulative),
                    ("delta", Temporality::Delta),
                    ("lowmemory", Temporality::LowMemory),
                ],
                Temporality::Cumulative,
            ),
            traces: reader.exporter("TRACES", "v1/traces"),
            metrics: reader.exporter("METRICS", "v1/metrics"),
            logs: reader.exporter("LOGS", "v1/logs"),
            captured_headers: reader
                .list("OTEL_INSTRUMENTATION_HTTP_SERVER_CAPTURE_REQUEST_HEADERS")
                .into_iter()
                .map(|name| name.to_ascii_lowercase())
                .collect(),
        };
        // A variable that serves three signals is read three times, and warned of once.
        let mut warnings = Vec::new();
        for warning in reader.warnings {
            if !warnings.contains(&warning) {
                warnings.push(warning);
            }
        }
        (config, warnings)
    }
}

/// Reads variables and gathers warnings.
struct Reader<'a> {
    source: Source<'a>,
    warnings: Vec<String>,
}

impl Reader<'_> {
    /// The value; an empty one is as good as none, as the specification has it.
    fn get(&self, name: &str) -> Option<String> {
        (self.source)(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    fn warn(&mut self, name: &str, problem: impl Display) {
        self.warnings.push(format!("{name}: {problem}; the default holds"));
    }

    /// Only "true", in any case, is true; anything but "false" besides is said.
    fn flag(&mut self, name: &str) -> bool {
        match self.get(name) {
            Some(value) if value.eq_ignore_ascii_case("true") => true,
            Some(value) if !value.eq_ignore_ascii_case("false") => {
                self.warn(name, format_args!("{value:?} is neither true nor false"));
                false
            }
            _ => false,
        }
    }

    fn number<T: FromStr>(&mut self, name: &str, valid: impl Fn(&T) -> bool) -> Option<T> {
        let value = self.get(name)?;
        let number = value.parse().ok().filter(valid);
        if number.is_none() {
            self.warn(name, format_args!("{value:?} is not a number that can be used here"));
        }
        number
    }

    fn milliseconds(&mut self, name: &str, default: u64) -> Duration {
        Duration::from_millis(self.number(name, |number: &u64| *number > 0).unwrap_or(default))
    }

    fn choice<T: Copy>(&mut self, name: &str, choices: &[(&str, T)], default: T) -> T {
        let Some(value) = self.get(name) else { return default };
        if let Some((_, choice)) = choices.iter().find(|(word, _)| value.eq_ignore_ascii_case(word)) {
            return *choice;
        }
        self.warn(name, format_args!("{value:?} is unknown"));
        default
    }

    fn list(&self, name: &str) -> Vec<String> {
        let value = self.get(name).unwrap_or_default();
        value.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
    }

    /// `key=value,…` with values percent-encoded. The values may be secrets: no warning shows them.
    fn pairs(&mut self, name: &str) -> Vec<(String, String)> {
        let items = self.list(name);
        let pairs: Option<Vec<_>> = items
            .iter()
            .map(|item| {
                let (key, value) = item.split_once('=')?;
                let key = key.trim();
                (!key.is_empty()).then_some(())?;
                Some((key.to_owned(), percent_decoded(value.trim())?))
            })
            .collect();
        pairs.unwrap_or_else(|| {
            self.warn(name, "not of the form key=value,key=value");
            Vec::new()
        })
    }

    fn propagators(&mut self) -> (bool, bool) {
        const NAME: &str = "OTEL_PROPAGATORS";
        let names = self.list(NAME);
        let (mut trace_context, mut baggage) = (names.is_empty(), names.is_empty());
        for name in names {
            match name.as_str() {
                "tracecontext" => trace_context = true,
                "baggage" => baggage = true,
                "none" => return (false, false),
                other => self.warnings.push(format!("{NAME}: {other:?} is not in this build and is skipped")),
            }
        }
        (trace_context, baggage)
    }

    fn sampler(&mut self) -> Sampler {
        let ratio = self.number("OTEL_TRACES_SAMPLER_ARG", |ratio: &f64| (0.0..=1.0).contains(ratio)).unwrap_or(1.0);
        let sampler = |parent_based, ratio| Sampler { parent_based, ratio };
        self.choice(
            "OTEL_TRACES_SAMPLER",
            &[
                ("always_on", sampler(false, 1.0)),
                ("always_off", sampler(false, 0.0)),
                ("traceidratio", sampler(false, ratio)),
                ("parentbased_always_on", sampler(true, 1.0)),
                ("parentbased_always_off", sampler(true, 0.0)),
                ("parentbased_traceidratio", sampler(true, ratio)),
            ],
            sampler(true, 1.0),
        )
    }

    fn batch(&mut self, prefix: &str, delay: u64) -> Batch {
        let positive = |number: &usize| *number > 0;
        let queue = self.number(&format!("{prefix}_MAX_QUEUE_SIZE"), positive).unwrap_or(2_048);
        let size_name = format!("{prefix}_MAX_EXPORT_BATCH_SIZE");
        let mut size = self.number(&size_name, positive).unwrap_or(512);
        if size > queue {
            // Said only when the batch's size was asked for: a small queue alone is no mistake.
            if self.get(&size_name).is_some() {
                self.warnings.push(format!("{size_name}: {size} is more than the queue holds; {queue} is used"));
            }
            size = queue;
        }
        Batch {
            queue,
            size,
            delay: self.milliseconds(&format!("{prefix}_SCHEDULE_DELAY"), delay),
            timeout: self.milliseconds(&format!("{prefix}_EXPORT_TIMEOUT"), 30_000),
        }
    }

    fn limits(&mut self) -> Limits {
        let any = |_: &u32| true;
        let length = |_: &usize| true;
        let count = self.number("OTEL_ATTRIBUTE_COUNT_LIMIT", any).unwrap_or(128);
        let value_length = self.number("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", length);
        Limits {
            attributes: self.number("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", any).unwrap_or(count),
            value_length: self.number("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", length).or(value_length),
            events: self.number("OTEL_SPAN_EVENT_COUNT_LIMIT", any).unwrap_or(128),
            links: self.number("OTEL_SPAN_LINK_COUNT_LIMIT", any).unwrap_or(128),
            event_attributes: self.number("OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", any).unwrap_or(count),
            link_attributes: self.number("OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", any).unwrap_or(count),
        }
    }
}

/// Percent-decoding; none when a `%` is not followed by two hex digits or the result is not UTF-8.
fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
            let value = digit(bytes.next())? * 16 + digit(bytes.next())?;
            decoded.push(u8::try_from(value).ok()?);
        } else {
            decoded.push(byte);
        }
    }
    String::from_utf8(decoded).ok()
}

#[cfg(test)]
mod tests;
