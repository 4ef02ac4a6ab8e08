//! Spans that exporters say they lost.

use std::collections::{BTreeMap, HashMap};

use bookstore_otlp::Message;
use bookstore_otlp::common::{KeyValue, Resource};
use bookstore_otlp::metrics::{Data, Metric, Number, NumberDataPoint, ResourceMetrics, temporality};

/// Counters of the semantic conventions that, with an `error.type`, count spans that were lost: on the way to the
/// exporter, and on its way out.
const LOSSES: [&str; 2] = ["otel.sdk.processor.span.processed", "otel.sdk.exporter.span.exported"];

/// One counter of one process: its resource, name and attributes, encoded.
type Key = (Box<[u8]>, &'static str, Box<[u8]>);

/// The last value of each series that counts losses.
#[derive(Debug, Default)]
pub(super) struct Drops {
    series: HashMap<Key, Series>,
}

#[derive(Debug)]
struct Series {
    service: String,
    time: u64,
    value: u64,
}

impl Drops {
    pub(super) fn add(&mut self, metrics: &ResourceMetrics) {
        for metric in metrics.scope_metrics.iter().flat_map(|scope| &scope.metrics) {
            let Some(name) = LOSSES.into_iter().find(|name| *name == metric.name) else { continue };
            let Metric { data: Some(Data::Sum(sum)), .. } = metric else { continue };
            let delta = sum.aggregation_temporality == temporality::DELTA;
            for point in &sum.data_points {
                if point.attributes.iter().any(|attribute| attribute.key == "error.type") {
                    self.point(metrics.resource.as_ref(), name, point, delta);
                }
            }
        }
    }

    fn point(&mut self, resource: Option<&Resource>, name: &'static str, point: &NumberDataPoint, delta: bool) {
        let value = match point.value {
            Some(Number::AsInt(value)) => u64::try_from(value).unwrap_or_default(),
            Some(Number::AsDouble(value)) => value.max(0.0) as u64,
            None => return,
        };
        let encoded = |attributes: &[KeyValue]| {
            let mut attributes = attributes.to_vec();
            attributes.sort_by(|a, b| a.key.cmp(&b.key));
            Resource { attributes, ..Resource::default() }.encode_to_vec().into_boxed_slice()
        };
        let whose = encoded(resource.map_or(&[], |resource| &resource.attributes));
        let series = self.series.entry((whose, name, encoded(&point.attributes))).or_insert_with(|| Series {
            service: resource.and_then(|it| it.attribute("service.name")).unwrap_or("unnamed").to_owned(),
            time: 0,
            value: 0,
        });
        if delta {
            series.value += value;
        } else if point.time_unix_nano >= series.time {
            (series.time, series.value) = (point.time_unix_nano, value);
        }
    }

    /// By service; only those that lost any.
    pub(super) fn by_service(&self) -> BTreeMap<String, u64> {
        let mut sums = BTreeMap::new();
        for Series { service, value, .. } in self.series.values().filter(|series| series.value > 0) {
            *sums.entry(service.clone()).or_default() += value;
        }
        sums
    }
}
