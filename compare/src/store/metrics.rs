//! The last point of each series, in bounded number.

use std::collections::HashMap;
use std::mem::size_of;
use std::sync::Arc;

use bookstore_otlp::Message;
use bookstore_otlp::common::{KeyValue, Resource};
use bookstore_otlp::metrics::{Data, Metric, Number, temporality};

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

/// A point as it arrives.
#[derive(Debug)]
pub(crate) struct NewPoint {
    name: String,
    unit: String,
    shape: Shape,
    delta: bool,
    attributes: Box<[u8]>,
    time: u64,
    value: Value,
}

impl NewPoint {
    /// The points of a metric, and how many of them lack a value.
    pub(crate) fn of(metric: Metric) -> (Vec<Self>, u64) {
        let Metric { name, unit, data, .. } = metric;
        let mut rejected = 0;
        let mut points = Vec::new();
        let mut point = |shape, temporality, mut attributes: Vec<KeyValue>, time, value: Option<Value>| {
            let Some(value) = value.filter(|_| !name.is_empty()) else {
                rejected += 1;
                return;
            };
            attributes.sort_by(|a, b| a.key.cmp(&b.key));
            let attributes = Resource { attributes, ..Resource::default() }.encode_to_vec().into_boxed_slice();
            let (name, unit, delta) = (name.clone(), unit.clone(), temporality == temporality::DELTA);
            points.push(Self { name, unit, shape, delta, attributes, time, value });
        };
        let number = |value| match value {
            Number::AsInt(value) => Value::Int(value),
            Number::AsDouble(value) => Value::Double(value),
        };
        match data {
            Some(Data::Gauge(gauge)) => {
                for it in gauge.data_points {
                    point(Shape::Gauge, 0, it.attributes, it.time_unix_nano, it.value.map(number));
                }
            }
            Some(Data::Sum(sum)) => {
                for it in sum.data_points {
                    let temporality = sum.aggregation_temporality;
                    point(Shape::Sum, temporality, it.attributes, it.time_unix_nano, it.value.map(number));
                }
            }
            Some(Data::Histogram(histogram)) => {
                for it in histogram.data_points {
                    let sum = it.sum.unwrap_or(0.0);
                    let value = Value::Distribution { count: it.count, sum, min: it.min, max: it.max };
                    let temporality = histogram.aggregation_temporality;
                    point(Shape::Histogram, temporality, it.attributes, it.time_unix_nano, Some(value));
                }
            }
            Some(Data::ExponentialHistogram(histogram)) => {
                for it in histogram.data_points {
                    let sum = it.sum.unwrap_or(0.0);
                    let value = Value::Distribution { count: it.count, sum, min: it.min, max: it.max };
                    let temporality = histogram.aggregation_temporality;
                    point(Shape::ExponentialHistogram, temporality, it.attributes, it.time_unix_nano, Some(value));
                }
            }
            Some(Data::Summary(summary)) => {
                for it in summary.data_points {
                    let value = Value::Distribution { count: it.count, sum: it.sum, min: None, max: None };
                    point(Shape::Summary, 0, it.attributes, it.time_unix_nano, Some(value));
                }
            }
            None => {}
        }
        (points, rejected)
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn unit(&self) -> &str {
        &self.unit
    }
}

/// What tells one series from another. Origins are kept once, so the address tells them apart.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    origin: usize,
    name: Arc<str>,
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

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Series> {
        self.series.values()
    }

    pub(crate) fn len(&self) -> usize {
        self.series.len()
    }

    pub(crate) fn add(&mut self, origin: &Arc<Origin>, name: Arc<str>, unit: Arc<str>, point: NewPoint) {
        self.points += 1;
        let NewPoint { shape, delta, attributes, time, mut value, .. } = point;
        let key = Key { origin: Arc::as_ptr(origin).addr(), name: name.clone(), attributes: attributes.clone() };
        if let Some(series) = self.series.get_mut(&key) {
            if delta {
                value = value.after(series.value);
            }
            (series.time, series.value, series.touched) = (time, value, self.points);
            return;
        }
        let origin = origin.clone();
        let series = Series { origin, name, unit, shape, time, value, attributes, touched: self.points };
        self.bytes += series.bytes();
        self.series.insert(key, series);
        if self.series.len() > self.most || self.bytes > self.most_bytes {
            self.make_room();
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
