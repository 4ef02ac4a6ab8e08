//! The points of each kind of metric.

use serde::{Deserialize, Serialize};

use crate::common::KeyValue;
use crate::json;

/// One value of a gauge or a sum.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", from = "NumberDataPointJson")]
pub struct NumberDataPoint {
    #[prost(message, repeated, tag = "7")]
    #[serde(skip_serializing_if = "json::is_default")]
    pub attributes: Vec<KeyValue>,
    #[prost(fixed64, tag = "2")]
    #[serde(skip_serializing_if = "json::is_default", with = "json::number")]
    pub start_time_unix_nano: u64,
    #[prost(fixed64, tag = "3")]
    #[serde(skip_serializing_if = "json::is_default", with = "json::number")]
    pub time_unix_nano: u64,
    #[prost(message, repeated, tag = "5")]
    #[serde(skip_serializing_if = "json::is_default")]
    pub exemplars: Vec<Exemplar>,
    #[prost(uint32, tag = "8")]
    #[serde(skip_serializing_if = "json::is_default")]
    pub flags: u32,
    #[prost(oneof = "Number", tags = "4, 6")]
    #[serde(flatten)]
    pub value: Option<Number>,
}

/// An integer or a double.
#[derive(Clone, Copy, PartialEq, prost::Oneof, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Number {
    #[prost(double, tag = "4")]
    AsDouble(#[serde(with = "json::number")] f64),
    #[prost(sfixed64, tag = "6")]
    AsInt(#[serde(with = "json::number")] i64),
}

/// The JSON of a [`NumberDataPoint`], to read it.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct NumberDataPointJson {
    attributes: Vec<KeyValue>,
    #[serde(with = "json::number")]
    start_time_unix_nano: u64,
    #[serde(with = "json::number")]
    time_unix_nano: u64,
    exemplars: Vec<Exemplar>,
    flags: u32,
    as_double: Option<json::Element<f64>>,
    as_int: Option<json::Element<i64>>,
}

impl From<NumberDataPointJson> for NumberDataPoint {
    fn from(json: NumberDataPointJson) -> Self {
        Self {
            attributes: json.attributes,
            start_time_unix_nano: json.start_time_unix_nano,
            time_unix_nano: json.time_unix_nano,
            exemplars: json.exemplars,
            flags: json.flags,
            value: number(json.as_double, json.as_int),
        }
    }
}

fn number(double: Option<json::Element<f64>>, int: Option<json::Element<i64>>) -> Option<Number> {
    double.map(|it| Number::AsDouble(it.0)).or(int.map(|it| Number::AsInt(it.0)))
}

/// One histogram: `bucket_counts` has one element more than `explicit_bounds`.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct HistogramDataPoint {
    #[prost(message, repeated, tag = "9")]
    #[serde(skip_serializing_if = "json::is_default")]
    pub attributes: Vec<KeyValue>,
    #[prost(fixed64, tag = "2")]
    #[serde(skip_serializing_if = "json::is_default", with = "json::number")]
    pub start_time_unix_nano: u64,
    #[prost(fixed64, tag = "3")]
    #[serde(skip_serializing_if = "json::is_default", with = "json::number")]
    pub time_unix_nano: u64,
    #[prost(fixed64, tag = "4")]
    #[serde(skip_serializing_if = "json::is_default", with = "json::number")]
    pub count: u64,
    #[prost(double, optional, tag = "5")]
    #[serde(skip_serializing_if = "json::is_default", with = "json::number")]
    pub sum: Option<f64>,
    #[prost(fixed64, repeated, tag = "6")]
    #[serde(skip_serializing_if = "json::is_default", with = "json::number")]
    pub bucket_counts: Vec<u64>,
    #[prost(double, repeated, tag = "7")]
    #[serde(skip_serializing_if = "json::is_default", with = "json::number")]
    pub explicit_bounds: Vec<f64>,
    #[prost(message, repeated, tag = "8")]
    #[serde(skip_serializing_if = "json::is_default")]
    pub exemplars: Vec<Exemplar>,
    #[prost(uint32, tag = "10")]
    #[serde(skip_serializing_if = "json::is_default")]
    pub flags: u32,
    #[prost(double, optional, tag = "11")]
    #[serde(skip_serializing_if = "json::is_default", with = "json::number")]
    pub min: Option<f64>,
    #[prost(double, optional, tag = "12")]
    #[serde(skip_serializing_if = "json::is_default", with = "json::number")]
    pub max: Option<f64>,
}

/// One exponential histogram: bounds are powers of 2^(2^-scale).
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ExponentialHistogramDataPoint {
    #[prost(message, repeated, tag = "1")]
    #[serde(skip_serializing_if = "json::is_default")]
    pub attributes: Vec<KeyValue>,
    #[prost(fixed64, tag = "2")]
    #[serde(skip_serializing_if = "json::is_default", with = "json::number")]
    pub start_time_unix_nano: u64,
    #[prost(fixed64, tag = "3")]
    #[serde(skip_serializing_if = "json::is_default", with = "json::number")]
    pub time_unix_nano: u64,
    #[prost(fixed64, tag = "4")]
    #[serde(skip_serializing_if = "json::is_default", with = "json::number")]
    pub count: u64,
    #[prost(double, optional, tag = "5")]
    #[serde(skip_serializing_if = "json::is_default", with = "json::number")]
    pub sum: Option<f64>,
    #[prost(sint32, tag = "6")]
    #[serde(skip_serializing_if = "json::is_default")]
    pub scale: i32,
    #[prost(fixed64, tag = "7")]
    #[serde(skip_serializing_if = "json::is_default", with = "json::number")]
    pub zero_count: u64,
    #[prost(message, optional, tag = "8")]
    #[serde(skip_serializing_if = "json::is_default")]
    pub positive: Option<Buckets>,
    #[prost(message, optional, tag = "9")]
    #[serde(skip_serializing_if = "json::is_default")]
    pub negative: Option<Buckets>,
    #[prost(uint32, tag = "10")]
    #[serde(skip_serializing_if = "json::is_default")]
    pub flags: u32,
    #[prost(message, repeated, tag = "11")]
    #[serde(skip_serializing_if = "json::is_default")]
    pub exemplars: Vec<Exemplar>,
    #[prost(double, optional, tag = "12")]
    #[serde(skip_serializing_if = "json::is_default", with = "json::number")]
    pub min: Option<f64>,
    #[prost(double, optional, tag = "13")]
    #[serde(skip_serializing_if = "json::is_default", with = "json::number")]
    pub max: Option<f64>,
    #[prost(double, tag = "14")]
    #[serde(skip_serializing_if = "json::is_default", with = "json::number")]
    pub zero_threshold: f64,
}

/// Consecutive buckets of an [`ExponentialHistogramDataPoint`], the first at `offset`.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Buckets {
    #[prost(sint32, tag = "1")]
    #[serde(skip_serializing_if = "json::is_default")]
    pub offset: i32,
    #[prost(uint64, repeated, tag = "2")]
    #[serde(skip_serializing_if = "json::is_default", with = "json::number")]
    pub bucket_counts: Vec<u64>,
}

/// One summary.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct SummaryDataPoint {
    #[prost(message, repeated, tag = "7")]
    #[serde(skip_serializing_if = "json::is_default")]
    pub attributes: Vec<KeyValue>,
    #[prost(fixed64, tag = "2")]
    #[serde(skip_serializing_if = "json::is_default", with = "json::number")]
    pub start_time_unix_nano: u64,
    #[prost(fixed64, tag = "3")]
    #[serde(skip_serializing_if = "json::is_default", with = "json::number")]
    pub time_unix_nano: u64,
    #[prost(fixed64, tag = "4")]
    #[serde(skip_serializing_if = "json::is_default", with = "json::number")]
    pub count: u64,
    #[prost(double, tag = "5")]
    #[serde(skip_serializing_if = "json::is_default", with = "json::number")]
    pub sum: f64,
    #[prost(message, repeated, tag = "6")]
    #[serde(skip_serializing_if = "json::is_default")]
    pub quantile_values: Vec<ValueAtQuantile>,
    #[prost(uint32, tag = "8")]
    #[serde(skip_serializing_if = "json::is_default")]
    pub flags: u32,
}

/// The value below which this part (0 to 1) of the observations lies.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ValueAtQuantile {
    #[prost(double, tag = "1")]
    #[serde(skip_serializing_if = "json::is_default", with = "json::number")]
    pub quantile: f64,
    #[prost(double, tag = "2")]
    #[serde(skip_serializing_if = "json::is_default", with = "json::number")]
    pub value: f64,
}

/// An observation kept as an example, with the span that it was made in.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", from = "ExemplarJson")]
pub struct Exemplar {
    #[prost(message, repeated, tag = "7")]
    #[serde(skip_serializing_if = "json::is_default")]
    pub filtered_attributes: Vec<KeyValue>,
    #[prost(fixed64, tag = "2")]
    #[serde(skip_serializing_if = "json::is_default", with = "json::number")]
    pub time_unix_nano: u64,
    #[prost(bytes = "vec", tag = "4")]
    #[serde(skip_serializing_if = "json::is_default", with = "json::hexadecimal")]
    pub span_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "5")]
    #[serde(skip_serializing_if = "json::is_default", with = "json::hexadecimal")]
    pub trace_id: Vec<u8>,
    #[prost(oneof = "ExemplarValue", tags = "3, 6")]
    #[serde(flatten)]
    pub value: Option<ExemplarValue>,
}

/// An integer or a double; the tags are not those of [`Number`].
#[derive(Clone, Copy, PartialEq, prost::Oneof, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum ExemplarValue {
    #[prost(double, tag = "3")]
    AsDouble(#[serde(with = "json::number")] f64),
    #[prost(sfixed64, tag = "6")]
    AsInt(#[serde(with = "json::number")] i64),
}

/// The JSON of an [`Exemplar`], to read it.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ExemplarJson {
    filtered_attributes: Vec<KeyValue>,
    #[serde(with = "json::number")]
    time_unix_nano: u64,
    #[serde(with = "json::hexadecimal")]
    span_id: Vec<u8>,
    #[serde(with = "json::hexadecimal")]
    trace_id: Vec<u8>,
    as_double: Option<json::Element<f64>>,
    as_int: Option<json::Element<i64>>,
}

impl From<ExemplarJson> for Exemplar {
    fn from(json: ExemplarJson) -> Self {
        let double = json.as_double.map(|it| ExemplarValue::AsDouble(it.0));
        Self {
            filtered_attributes: json.filtered_attributes,
            time_unix_nano: json.time_unix_nano,
            span_id: json.span_id,
            trace_id: json.trace_id,
            value: double.or(json.as_int.map(|it| ExemplarValue::AsInt(it.0))),
        }
    }
}
