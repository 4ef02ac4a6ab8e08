//! What was received, and what was lost on the way, here and at the sender.

use std::collections::HashMap;
use std::sync::Arc;

use serde::Serialize;

use super::metrics::{Metrics, Series};

/// A number for each signal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Signals {
    /// Spans.
    pub spans: u64,
    /// Log records.
    pub logs: u64,
    /// Metric data points.
    pub points: u64,
}

/// What the store did with what it was given, since the start.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Totals {
    /// Valid ones taken in, whatever became of them.
    pub received: Signals,
    /// Bytes of the requests that could be read, after decompression.
    pub received_bytes: u64,
    /// Invalid ones, which their sender was told of.
    pub rejected: Signals,
    /// Spans that came again.
    pub duplicate_spans: u64,
    /// Left out because their trace was full.
    pub left_out: Signals,
    /// Let go to make room.
    pub evicted_traces: u64,
    /// The spans of the traces let go.
    pub evicted_spans: u64,
}

/// What one service's exporters say of themselves, for one signal: the metrics `otel.sdk.processor.*.processed` and
/// `otel.sdk.exporter.*.exported` of the semantic conventions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Exporter {
    /// Sent, as the exporter saw it.
    pub exported: u64,
    /// Lost on the way: not sent, or sent and refused.
    pub failed: u64,
    /// Lost before: the queue was full.
    pub dropped: u64,
}

impl Signals {
    pub(crate) fn add(&mut self, other: Self) {
        self.spans += other.spans;
        self.logs += other.logs;
        self.points += other.points;
    }
}

impl Exporter {
    fn lost(self) -> u64 {
        self.failed + self.dropped
    }
}

/// What came from one service, and what it says that it lost.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Service {
    /// `service.name`.
    pub service: Arc<str>,
    /// Stable while the process runs; for a colour.
    pub index: usize,
    /// What came from it.
    pub received: Signals,
    /// What its exporters say, by signal; absent until they said something.
    pub spans: Option<Exporter>,
    /// For log records.
    pub logs: Option<Exporter>,
    /// For metric data points.
    pub points: Option<Exporter>,
}

impl Service {
    /// All that its exporters say was lost; `None` if they say nothing.
    pub fn lost(&self) -> Option<u64> {
        let known: Vec<_> = [self.spans, self.logs, self.points].into_iter().flatten().collect();
        (!known.is_empty()).then(|| known.iter().map(|it| it.lost()).sum())
    }
}

/// The services seen, in the order of their first appearance.
#[derive(Debug, Default)]
pub(crate) struct Services {
    known: HashMap<Arc<str>, (usize, Signals)>,
}

/// More names than this are a mistake or an attack; the rest is counted in the totals only.
const MOST_SERVICES: usize = 512;

impl Services {
    pub(crate) fn count(&mut self, service: &Arc<str>, add: impl FnOnce(&mut Signals)) {
        if let Some((_, counts)) = self.known.get_mut(service) {
            add(counts);
        } else if self.known.len() < MOST_SERVICES {
            let mut counts = Signals::default();
            add(&mut counts);
            self.known.insert(service.clone(), (self.known.len(), counts));
        }
    }

    /// Each service's place in the order of appearance.
    pub(crate) fn indices(&self) -> HashMap<Arc<str>, usize> {
        self.known.iter().map(|(name, (index, _))| (name.clone(), *index)).collect()
    }

    /// All services, by name, with what `metrics` knows of their exporters.
    pub(crate) fn list(&self, metrics: &Metrics) -> Vec<Service> {
        let mut services: HashMap<Arc<str>, Service> = self
            .known
            .iter()
            .map(|(name, (index, received))| {
                let service =
                    Service { service: name.clone(), index: *index, received: *received, ..Service::default() };
                (name.clone(), service)
            })
            .collect();
        for series in metrics.iter().filter(|series| series.name.starts_with("otel.sdk.")) {
            if let Some(service) = services.get_mut(&series.origin.service) {
                tell(service, series);
            }
        }
        let mut services: Vec<_> = services.into_values().collect();
        services.sort_by(|a, b| a.service.cmp(&b.service));
        services
    }
}

fn tell(service: &mut Service, series: &Series) {
    let (signal, is_exporter) = match &*series.name {
        "otel.sdk.processor.span.processed" => (&mut service.spans, false),
        "otel.sdk.exporter.span.exported" => (&mut service.spans, true),
        "otel.sdk.processor.log.processed" => (&mut service.logs, false),
        "otel.sdk.exporter.log.exported" => (&mut service.logs, true),
        "otel.sdk.exporter.metric_data_point.exported" => (&mut service.points, true),
        _ => return,
    };
    let exporter = signal.get_or_insert_default();
    let has_failed = series.attributes().iter().any(|it| it.key == "error.type");
    let count = series.value.count();
    match (is_exporter, has_failed) {
        (true, false) => exporter.exported += count,
        (true, true) => exporter.failed += count,
        (false, true) => exporter.dropped += count,
        // Handed on to the exporter, which counts it.
        (false, false) => {}
    }
}
