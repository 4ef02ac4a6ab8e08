//! The last point of each series, in bounded number.

use std::collections::HashMap;
use std::mem::size_of;
use std::sync::Arc;

use bookstore_otlp::Message;
use bookstore_otlp::common::{KeyValue, Resource};
use bookstore_otlp::metrics::{Data, Metric, Number, NumberDataPoint, temporality};

use super::origin::Origin;

/// What a series last said.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
#[serde(untagged)]
pub enum Value {
    /// An integer.
    Int(i64),
    /// A double.
    Double(f64),
    /// A histogram or a summary, without its buckets.
    Distribution {
        /// How many observations.
        count: u64,
        /// Their sum.
        sum: f64,
        /// The least, if said.
        min: Option<f64>,
        /// The greatest, if said.
        max: Option<f64>,
    },
}

impl Value {
    /// This value after `earlier`, where both count only what is new.
    fn after(self, earlier: Self) -> Self {
        match (self, earlier) {
            (Self::Int(new), Self::Int(old)) => Self::Int(new.saturating_add(old)),
            (Self::Double(new), Self::Double(old)) => Self::Double(new + old),
            (
                Self::Distribution { count, sum, min, max },
                Self::Distribution { count: old_count, sum: old_sum, min: old_min, max: old_max },
            ) => Self::Distribution {
                count: count.saturating_add(old_count),
                sum: sum + old_sum,
                min: min.into_iter().chain(old_min).reduce(f64::min),
                max: max.into_iter().chain(old_max).reduce(f64::max),
            },
            (new, _) => new,
        }
    }

    /// As a count, where it is one.
    pub(crate) fn count(self) -> u64 {
        match self {
            Self::Int(value) => u64::try_from(value).unwrap_or(0),
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a counter that is a double; the cast saturates"
            )]
            Self::Double(value) => value as u64,
            Self::Distribution { count, .. } => count,
        }
    }
}

/// The shape of an instrument.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "OTLP's own names")]
pub enum Shape {
    Gauge,
    Sum,
    Histogram,
    ExponentialHistogram,
    Summary,
}

/// A metric as it arrives.
#[derive(Debug)]
pub(crate) struct NewMetric {
    pub(crate) name: String,
    pub(crate) unit: String,
    shape: Shape,
    delta: bool,
    pub(crate) points: Vec<NewPoint>,
}

/// A point as it arrives.
#[derive(Debug)]
pub(crate) struct NewPoint {
    attributes: Box<[u8]>,
    time: u64,
    value: Value,
}

impl NewPoint {
    fn new(mut attributes: Vec<KeyValue>, time: u64, value: Value) -> Self {
        attributes.sort_by(|a, b| a.key.cmp(&b.key));
        let attributes = Resource { attributes, ..Resource::default() }.encode_to_vec().into_boxed_slice();
        Self { attributes, time, value }
    }

    fn number(point: NumberDataPoint) -> Option<Self> {
        let value = match point.value? {
            Number::AsInt(value) => Value::Int(value),
            Number::AsDouble(value) => Value::Double(value),
        };
        Some(Self::new(point.attributes, point.time_unix_nano, value))
    }
}

impl NewMetric {
    /// A metric with the points that can be kept, and how many cannot.
    pub(crate) fn new(metric: Metric) -> (Self, u64) {
        let (shape, temporality, points, mut rejected) = match metric.data {
            None => (Shape::Gauge, 0, Vec::new(), 0),
            Some(Data::Gauge(gauge)) => numbers(Shape::Gauge, 0, gauge.data_points),
            Some(Data::Sum(sum)) => numbers(Shape::Sum, sum.aggregation_temporality, sum.data_points),
            Some(Data::Histogram(histogram)) => {
                let points = histogram.data_points.into_iter().map(|it| {
                    let sum = it.sum.unwrap_or(0.0);
                    let value = Value::Distribution { count: it.count, sum, min: it.min, max: it.max };
                    NewPoint::new(it.attributes, it.time_unix_nano, value)
                });
                (Shape::Histogram, histogram.aggregation_temporality, points.collect(), 0)
            }
            Some(Data::ExponentialHistogram(histogram)) => {
                let points = histogram.data_points.into_iter().map(|it| {
                    let sum = it.sum.unwrap_or(0.0);
                    let value = Value::Distribution { count: it.count, sum, min: it.min, max: it.max };
                    NewPoint::new(it.attributes, it.time_unix_nano, value)
                });
                (Shape::ExponentialHistogram, histogram.aggregation_temporality, points.collect(), 0)
            }
            Some(Data::Summary(summary)) => {
                let points = summary.data_points.into_iter().map(|it| {
                    let value = Value::Distribution { count: it.count, sum: it.sum, min: None, max: None };
                    NewPoint::new(it.attributes, it.time_unix_nano, value)
                });
                (Shape::Summary, 0, points.collect(), 0)
            }
        };
        let mut points: Vec<NewPoint> = points;
        if metric.name.is_empty() {
            rejected += points.len() as u64;
            points.clear();
        }
        let delta = temporality == temporality::DELTA;
        (Self { name: metric.name, unit: metric.unit, shape, delta, points }, rejected)
    }
}

fn numbers(shape: Shape, temporality: i32, points: Vec<NumberDataPoint>) -> (Shape, i32, Vec<NewPoint>, u64) {
    let all = points.len();
    let points: Vec<_> = points.into_iter().filter_map(NewPoint::number).collect();
    let rejected = (all - points.len()) as u64;
    (shape, temporality, points, rejected)
}

/// What tells one series from another. Origins and names are kept once (and by the series itself as long as it is
/// there), so that their addresses tell them apart.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    origin: usize,
    name: usize,
    attributes: Box<[u8]>,
}

/// The last point of one series.
#[derive(Clone, Debug)]
pub struct Series {
    /// The resource.
    pub origin: Arc<Origin>,
    /// The instrument.
    pub name: Arc<str>,
    /// Its unit, in UCUM.
    pub unit: Arc<str>,
    /// Its shape.
    pub shape: Shape,
    /// When the point was taken, nanoseconds since the Unix epoch.
    pub time: u64,
    /// What it said; points that count only what is new are added up.
    pub value: Value,
    attributes: Box<[u8]>,
    /// Counts up with each point taken, so that the one longest silent can be found.
    touched: u64,
}

impl Series {
    /// The attributes of the point.
    pub fn attributes(&self) -> Vec<KeyValue> {
        Resource::decode(&*self.attributes).unwrap_or_default().attributes
    }

    fn bytes(&self) -> usize {
        2 * (size_of::<(Key, Self)>() + 1) + 2 * (self.attributes.len() + 16)
    }
}

/// All series, up to a number and a number of bytes; the ones longest silent make room.
#[derive(Debug)]
pub(crate) struct Metrics {
    series: HashMap<Key, Series>,
    bytes: usize,
    most: usize,
    most_bytes: usize,
    points: u64,
}

impl Metrics {
    pub(crate) fn new(most: usize, most_bytes: usize) -> Self {
        Self { series: HashMap::new(), bytes: 0, most, most_bytes, points: 0 }
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn clear(&mut self) {
        self.series = HashMap::new();
        self.bytes = 0;
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Series> {
        self.series.values()
    }

    pub(crate) fn len(&self) -> usize {
        self.series.len()
    }

    /// Adds the points of a metric; name and unit are its own, kept once.
    pub(crate) fn add(&mut self, origin: &Arc<Origin>, name: &Arc<str>, unit: &Arc<str>, metric: NewMetric) {
        let NewMetric { shape, delta, points, .. } = metric;
        for NewPoint { attributes, time, mut value } in points {
            self.points += 1;
            let (origin_at, name_at) = (Arc::as_ptr(origin).addr(), Arc::as_ptr(name).addr());
            let key = Key { origin: origin_at, name: name_at, attributes: attributes.clone() };
            if let Some(series) = self.series.get_mut(&key) {
                if delta {
                    value = value.after(series.value);
                }
                (series.time, series.value, series.touched) = (time, value, self.points);
                continue;
            }
            let (origin, name, unit) = (origin.clone(), name.clone(), unit.clone());
            let series = Series { origin, name, unit, shape, time, value, attributes, touched: self.points };
            self.bytes += series.bytes();
            self.series.insert(key, series);
            if self.series.len() > self.most || self.bytes > self.most_bytes {
                self.make_room();
            }
        }
    }

    /// Lets an eighth of the series go at once, so that looking for them is rare.
    fn make_room(&mut self) {
        while self.series.len() > self.most || self.bytes > self.most_bytes {
            let mut touched: Vec<u64> = self.series.values().map(|series| series.touched).collect();
            touched.sort_unstable();
            let Some(last) = touched.get(touched.len() / 8).copied() else { return };
            let mut freed = 0;
            self.series.retain(|_, series| {
                let keep = series.touched > last;
                freed += if keep { 0 } else { series.bytes() };
                keep
            });
            self.bytes -= freed;
        }
    }
}
