//! What all signals share: values, attributes, the scope that made something and the resource it came from.
#![expect(missing_docs, reason = "the fields are named and specified by opentelemetry-proto")]

use serde::{Deserialize, Serialize};

use crate::json;

/// A value of any type. `None` is the empty value, which is valid.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(from = "AnyValueJson")]
pub struct AnyValue {
    #[prost(oneof = "Value", tags = "1, 2, 3, 4, 5, 6, 7")]
    #[serde(flatten)]
    pub value: Option<Value>,
}

/// What an [`AnyValue`] holds.
#[derive(Clone, PartialEq, prost::Oneof, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Value {
    #[prost(string, tag = "1")]
    StringValue(String),
    #[prost(bool, tag = "2")]
    BoolValue(bool),
    #[prost(int64, tag = "3")]
    IntValue(#[serde(with = "json::number")] i64),
    #[prost(double, tag = "4")]
    DoubleValue(#[serde(with = "json::number")] f64),
    #[prost(message, tag = "5")]
    ArrayValue(ArrayValue),
    #[prost(message, tag = "6")]
    KvlistValue(KeyValueList),
    #[prost(bytes, tag = "7")]
    BytesValue(#[serde(with = "json::base64")] Vec<u8>),
}

/// The JSON of an [`AnyValue`], to read it: at most one of these is there.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct AnyValueJson {
    string_value: Option<String>,
    bool_value: Option<bool>,
    int_value: Option<json::Element<i64>>,
    double_value: Option<json::Element<f64>>,
    array_value: Option<ArrayValue>,
    kvlist_value: Option<KeyValueList>,
    bytes_value: Option<BytesJson>,
}

#[derive(Deserialize)]
struct BytesJson(#[serde(with = "json::base64")] Vec<u8>);

impl From<AnyValueJson> for AnyValue {
    fn from(json: AnyValueJson) -> Self {
        let value = json
            .string_value
            .map(Value::StringValue)
            .or(json.bool_value.map(Value::BoolValue))
            .or(json.int_value.map(|it| Value::IntValue(it.0)))
            .or(json.double_value.map(|it| Value::DoubleValue(it.0)))
            .or(json.array_value.map(Value::ArrayValue))
            .or(json.kvlist_value.map(Value::KvlistValue))
            .or(json.bytes_value.map(|it| Value::BytesValue(it.0)));
        Self { value }
    }
}

impl From<Value> for AnyValue {
    fn from(value: Value) -> Self {
        Self { value: Some(value) }
    }
}

impl From<&str> for AnyValue {
    fn from(value: &str) -> Self {
        Value::StringValue(value.to_owned()).into()
    }
}

impl From<String> for AnyValue {
    fn from(value: String) -> Self {
        Value::StringValue(value).into()
    }
}

impl From<i64> for AnyValue {
    fn from(value: i64) -> Self {
        Value::IntValue(value).into()
    }
}

impl From<bool> for AnyValue {
    fn from(value: bool) -> Self {
        Value::BoolValue(value).into()
    }
}

impl From<f64> for AnyValue {
    fn from(value: f64) -> Self {
        Value::DoubleValue(value).into()
    }
}

/// A list of values.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub struct ArrayValue {
    #[prost(message, repeated, tag = "1")]
    pub values: Vec<AnyValue>,
}

/// A map, as a list of pairs.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub struct KeyValueList {
    #[prost(message, repeated, tag = "1")]
    pub values: Vec<KeyValue>,
}

/// An attribute.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub struct KeyValue {
    #[prost(string, tag = "1")]
    pub key: String,
    #[prost(message, optional, tag = "2")]
    #[serde(skip_serializing_if = "json::is_default")]
    pub value: Option<AnyValue>,
}

impl KeyValue {
    /// An attribute with a value.
    pub fn new(key: impl Into<String>, value: impl Into<AnyValue>) -> Self {
        Self { key: key.into(), value: Some(value.into()) }
    }

    /// The value, if it is a string.
    pub fn as_str(&self) -> Option<&str> {
        match self.value.as_ref()?.value.as_ref()? {
            Value::StringValue(text) => Some(text),
            _ => None,
        }
    }
}

/// The library or module that made the telemetry.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct InstrumentationScope {
    #[prost(string, tag = "1")]
    #[serde(skip_serializing_if = "json::is_default")]
    pub name: String,
    #[prost(string, tag = "2")]
    #[serde(skip_serializing_if = "json::is_default")]
    pub version: String,
    #[prost(message, repeated, tag = "3")]
    #[serde(skip_serializing_if = "json::is_default")]
    pub attributes: Vec<KeyValue>,
    #[prost(uint32, tag = "4")]
    #[serde(skip_serializing_if = "json::is_default")]
    pub dropped_attributes_count: u32,
}

/// Where the telemetry came from: a process, a pod, a host.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Resource {
    #[prost(message, repeated, tag = "1")]
    #[serde(skip_serializing_if = "json::is_default")]
    pub attributes: Vec<KeyValue>,
    #[prost(uint32, tag = "2")]
    #[serde(skip_serializing_if = "json::is_default")]
    pub dropped_attributes_count: u32,
    #[prost(message, repeated, tag = "3")]
    #[serde(skip_serializing_if = "json::is_default")]
    pub entity_refs: Vec<EntityRef>,
}

impl Resource {
    /// The string value of an attribute.
    pub fn attribute(&self, key: &str) -> Option<&str> {
        self.attributes.iter().find(|attribute| attribute.key == key)?.as_str()
    }
}

/// Which of a resource's attributes identify one entity.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct EntityRef {
    #[prost(string, tag = "1")]
    #[serde(skip_serializing_if = "json::is_default")]
    pub schema_url: String,
    #[prost(string, tag = "2")]
    pub r#type: String,
    #[prost(string, repeated, tag = "3")]
    #[serde(skip_serializing_if = "json::is_default")]
    pub id_keys: Vec<String>,
    #[prost(string, repeated, tag = "4")]
    #[serde(skip_serializing_if = "json::is_default")]
    pub description_keys: Vec<String>,
}
