//! What the agent says of itself: numbers for its last word, its status line, and as metrics of OTLP.

use std::collections::BTreeMap;
use std::fmt;

use bookstore_otlp::collector::ExportMetricsServiceRequest;
use bookstore_otlp::common::{InstrumentationScope, KeyValue, Resource};
use bookstore_otlp::metrics::{
    Data, Gauge, HistogramDataPoint, Metric, Number, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, temporality,
};

use crate::otlp::SCHEMA_URL;
use crate::pipeline::{DELAYS, Delays, Done};

/// Reasons by which a client span has no parent (`bookstore.link.reason`).
const UNLINKED: [&str; 5] = ["no_request", "no_wake", "ambiguous", "pool", "lost"];

/// The agent's numbers since its start.
#[derive(Clone, Debug, Default)]
pub struct Numbers {
    /// What the pipeline did.
    pub done: Done,
    /// Events that had no room in the ring.
    pub lost: u64,
    /// Spans that were handed over and not sent.
    pub dropped: u64,
    /// Processes that are watched now.
    pub targets: u64,
    /// Bytes of memory that the agent has now, and the most that it ever had.
    pub memory: Memory,
}

/// Memory of this process, in bytes (`VmRSS` and `VmHWM` of proc(5)).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// Now.
    pub now: u64,
    /// At most.
    pub most: u64,
}

impl Numbers {
    /// Spans that were handed on.
    #[must_use]
    pub fn spans(&self) -> u64 {
        self.done.spans.values().sum()
    }

    /// Client spans with a parent, and without one.
    #[must_use]
    pub fn links(&self) -> (u64, u64) {
        let is_unlinked = |reason: &str| UNLINKED.contains(&reason);
        let (mut linked, mut unlinked) = (0, 0);
        for (reason, count) in &self.done.traced.links {
            *(if is_unlinked(reason) { &mut unlinked } else { &mut linked }) += count;
        }
        (linked, unlinked)
    }

    /// As metrics. `start` and `now` are times of day in nanoseconds: since when is counted, and when.
    #[must_use]
    pub fn request(&self, start: u64, now: u64) -> ExportMetricsServiceRequest {
        let at = At { start, now };
        let Self { done, lost, dropped, targets, memory } = self;
        let counts = &done.traced;
        let metrics = vec![
            at.sum("bookstore.agent.events", "{event}", "Events of the kernel that were traced", counts.events),
            at.sum("bookstore.agent.events.lost", "{event}", "Events that had no room in the ring", *lost),
            at.sum(
                "bookstore.agent.events.late",
                "{event}",
                "Events that came after later ones were traced",
                done.late,
            ),
            at.sum(
                "bookstore.agent.events.early",
                "{event}",
                "Events traced before their time for want of room",
                done.early,
            ),
            at.sum("bookstore.agent.evicted", "{entry}", "What was forgotten to keep within bounds", counts.evicted),
            at.sum(
                "bookstore.agent.connections.unparseable",
                "{connection}",
                "Connections on which nothing is spoken that is understood",
                counts.unparseable,
            ),
            at.sum(
                "bookstore.agent.parsers.resynchronised",
                "{time}",
                "How often a parser lost its place and found it again",
                counts.resynchronised,
            ),
            at.sums(
                "bookstore.agent.requests.ignored",
                "{request}",
                "Requests of which no span is made: exports of telemetry, and probes of health",
                "bookstore.request.kind",
                &counts.noise,
            ),
            at.sums("bookstore.agent.spans", "{span}", "Spans handed on", "bookstore.span.kind", &done.spans),
            at.sum("bookstore.agent.spans.dropped", "{span}", "Spans that could not be sent", *dropped),
            at.sums(
                "bookstore.agent.links",
                "{link}",
                "Client spans by the reason of their link, or of its absence",
                "bookstore.link.reason",
                &counts.links,
            ),
            at.histogram("bookstore.agent.spans.delay", "From the end of a span until it is handed on", &done.delays),
            at.gauge("bookstore.agent.targets", "{process}", "Processes that are watched", *targets),
            at.gauge("bookstore.agent.memory", "By", "Memory of the agent", memory.now),
        ];
        let scope = InstrumentationScope {
            name: "bookstore-agent".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            ..InstrumentationScope::default()
        };
        let attributes = vec![
            KeyValue::new("service.name", "bookstore-agent"),
            KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
            KeyValue::new("process.pid", i64::from(std::process::id())),
        ];
        ExportMetricsServiceRequest {
            resource_metrics: vec![ResourceMetrics {
                resource: Some(Resource { attributes, ..Resource::default() }),
                scope_metrics: vec![ScopeMetrics { scope: Some(scope), metrics, schema_url: SCHEMA_URL.to_owned() }],
                schema_url: SCHEMA_URL.to_owned(),
            }],
        }
    }
}

impl fmt::Display for Numbers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { done, lost, dropped, memory, .. } = self;
        let counts = &done.traced;
        write!(f, "{} spans of {} events", self.spans(), counts.events)?;
        for (count, what) in [
            (*lost, "events were lost"),
            (done.late, "came late"),
            (done.early, "were traced early"),
            (*dropped, "spans could not be sent"),
            (counts.evicted, "entries were evicted"),
            (counts.unparseable, "connections were not understood"),
            (counts.resynchronised, "times a parser lost its place"),
        ] {
            if count > 0 {
                write!(f, "; {count} {what}")?;
            }
        }
        if !counts.links.is_empty() {
            f.write_str("; links:")?;
        }
        for (reason, count) in &counts.links {
            write!(f, " {reason} {count}")?;
        }
        if let Some(within) = within(&done.delays) {
            write!(f, "; 99 % of the spans left within {within} s of their end")?;
        }
        if memory.most > 0 {
            write!(f, "; memory {:.1} MiB at most", memory.most as f64 / f64::from(1 << 20))?;
        }
        Ok(())
    }
}

/// The bound, in seconds, within which 99 % of the spans left.
fn within(delays: &Delays) -> Option<f64> {
    let all: u64 = delays.iter().sum();
    let mut sum = 0;
    let place = delays.iter().position(|count| {
        sum += count;
        all > 0 && sum * 100 >= all * 99
    })?;
    Some(DELAYS.get(place).map_or(f64::INFINITY, |bound| *bound as f64 / 1e9))
}

/// The times of all points.
#[derive(Clone, Copy)]
struct At {
    start: u64,
    now: u64,
}

impl At {
    fn point(self, value: u64, attributes: Vec<KeyValue>) -> NumberDataPoint {
        NumberDataPoint {
            attributes,
            start_time_unix_nano: self.start,
            time_unix_nano: self.now,
            value: Some(Number::AsInt(i64::try_from(value).unwrap_or(i64::MAX))),
            ..NumberDataPoint::default()
        }
    }

    fn sum(self, name: &str, unit: &str, description: &str, value: u64) -> Metric {
        metric(name, unit, description, counter(vec![self.point(value, Vec::new())]))
    }

    fn sums(
        self,
        name: &str,
        unit: &str,
        description: &str,
        key: &str,
        values: &BTreeMap<&'static str, u64>,
    ) -> Metric {
        let points = values.iter().map(|(which, value)| self.point(*value, vec![KeyValue::new(key, *which)]));
        metric(name, unit, description, counter(points.collect()))
    }

    fn gauge(self, name: &str, unit: &str, description: &str, value: u64) -> Metric {
        metric(name, unit, description, Data::Gauge(Gauge { data_points: vec![self.point(value, Vec::new())] }))
    }

    fn histogram(self, name: &str, description: &str, delays: &Delays) -> Metric {
        let point = HistogramDataPoint {
            start_time_unix_nano: self.start,
            time_unix_nano: self.now,
            count: delays.iter().sum(),
            bucket_counts: delays.to_vec(),
            explicit_bounds: DELAYS.iter().map(|bound| *bound as f64 / 1e9).collect(),
            ..HistogramDataPoint::default()
        };
        let data = bookstore_otlp::metrics::Histogram {
            data_points: vec![point],
            aggregation_temporality: temporality::CUMULATIVE,
        };
        metric(name, "s", description, Data::Histogram(data))
    }
}

fn counter(data_points: Vec<NumberDataPoint>) -> Data {
    Data::Sum(Sum { data_points, aggregation_temporality: temporality::CUMULATIVE, is_monotonic: true })
}

fn metric(name: &str, unit: &str, description: &str, data: Data) -> Metric {
    Metric {
        name: name.to_owned(),
        description: description.to_owned(),
        unit: unit.to_owned(),
        data: Some(data),
        ..Metric::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_metrics_and_words() {
        let mut numbers = Numbers { lost: 3, ..Numbers::default() };
        numbers.done.spans.insert("http.server", 7);
        numbers.done.traced.links.extend([("same_task", 5), ("no_wake", 2)]);
        numbers.done.traced.noise.insert("health", 4);
        numbers.done.delays = [98, 0, 1, 1, 0, 0, 0, 0];
        assert_eq!((numbers.spans(), numbers.links()), (7, (5, 2)));
        let words = numbers.to_string();
        assert_eq!(
            words,
            "7 spans of 0 events; 3 events were lost; links: no_wake 2 same_task 5; 99 % of the spans left within 0.5 s of their end"
        );

        let request = numbers.request(1, 2);
        let metrics = &request.resource_metrics[0].scope_metrics[0].metrics;
        let value = |name: &str| {
            let metric = metrics.iter().find(|metric| metric.name == name).expect("it is exported");
            let Some(Data::Sum(sum)) = &metric.data else { panic!("{name} is no sum") };
            assert!(sum.is_monotonic && sum.aggregation_temporality == temporality::CUMULATIVE);
            sum.data_points.iter().map(|point| (point.attributes.first().cloned(), point.value)).collect::<Vec<_>>()
        };
        assert_eq!(value("bookstore.agent.events.lost"), [(None, Some(Number::AsInt(3)))]);
        let health = Some(KeyValue::new("bookstore.request.kind", "health"));
        assert_eq!(value("bookstore.agent.requests.ignored"), [(health, Some(Number::AsInt(4)))]);
        assert_eq!(
            value("bookstore.agent.links"),
            [("no_wake", 2), ("same_task", 5)].map(|(reason, count)| {
                (Some(KeyValue::new("bookstore.link.reason", reason)), Some(Number::AsInt(count)))
            })
        );
        let delay = metrics.iter().find(|metric| metric.name == "bookstore.agent.spans.delay").expect("it is exported");
        let Some(Data::Histogram(delay)) = &delay.data else { panic!("it is no histogram") };
        let point = &delay.data_points[0];
        assert_eq!((point.count, point.bucket_counts.len()), (100, point.explicit_bounds.len() + 1));
    }
}
