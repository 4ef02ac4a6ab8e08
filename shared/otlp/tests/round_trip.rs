//! What is written is read again, in both forms; and the JSON of others is read as they mean it.
#![expect(clippy::unwrap_used, reason = "tests; the configuration knows only functions marked as such")]

use bookstore_otlp::Message;
use bookstore_otlp::collector::{
    ExportLogsServiceRequest, ExportMetricsServiceRequest, ExportTracePartialSuccess, ExportTraceServiceRequest,
    ExportTraceServiceResponse,
};
use bookstore_otlp::common::{
    AnyValue, ArrayValue, EntityRef, InstrumentationScope, KeyValue, KeyValueList, Resource, Value,
};
use bookstore_otlp::logs::{LogRecord, ResourceLogs, ScopeLogs};
use bookstore_otlp::metrics::{
    Buckets, Data, Exemplar, ExemplarValue, ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, Histogram,
    HistogramDataPoint, Metric, Number, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, Summary, SummaryDataPoint,
    ValueAtQuantile,
};
use bookstore_otlp::trace::{Event, Link, ResourceSpans, ScopeSpans, Span, Status};
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

/// Doubles that text holds exactly, so that equal means equal.
fn double() -> impl Strategy<Value = f64> {
    prop_oneof![any::<i32>().prop_map(|it| f64::from(it) / 8.0), Just(f64::INFINITY), Just(f64::NEG_INFINITY)]
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), "[a-z.]{1,8}", "\\PC{0,6}"]
}

fn id(length: usize) -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![Just(Vec::new()), vec(any::<u8>(), length)]
}

fn any_value() -> impl Strategy<Value = AnyValue> {
    let leaf = prop_oneof![
        Just(None),
        text().prop_map(|it| Some(Value::StringValue(it))),
        any::<bool>().prop_map(|it| Some(Value::BoolValue(it))),
        any::<i64>().prop_map(|it| Some(Value::IntValue(it))),
        double().prop_map(|it| Some(Value::DoubleValue(it))),
        vec(any::<u8>(), 0..5).prop_map(|it| Some(Value::BytesValue(it))),
    ]
    .prop_map(|value| AnyValue { value });
    leaf.prop_recursive(3, 12, 3, |inner| {
        let list = vec(inner.clone(), 0..3).prop_map(|values| Value::ArrayValue(ArrayValue { values }).into());
        let pair = (text(), of(inner)).prop_map(|(key, value)| KeyValue { key, value });
        let map = vec(pair, 0..3).prop_map(|values| Value::KvlistValue(KeyValueList { values }).into());
        prop_oneof![list, map]
    })
}

fn attributes() -> impl Strategy<Value = Vec<KeyValue>> {
    vec((text(), of(any_value())).prop_map(|(key, value)| KeyValue { key, value }), 0..3)
}

fn resource() -> impl Strategy<Value = Option<Resource>> {
    let entity = (text(), text(), vec(text(), 0..2)).prop_map(|(schema_url, r#type, id_keys)| EntityRef {
        schema_url,
        r#type,
        id_keys,
        ..EntityRef::default()
    });
    let resource = (attributes(), any::<u32>(), vec(entity, 0..2));
    of(resource.prop_map(|(attributes, dropped_attributes_count, entity_refs)| Resource {
        attributes,
        dropped_attributes_count,
        entity_refs,
    }))
}

fn scope() -> impl Strategy<Value = Option<InstrumentationScope>> {
    let scope = (text(), text(), attributes(), any::<u32>());
    of(scope.prop_map(|(name, version, attributes, dropped_attributes_count)| InstrumentationScope {
        name,
        version,
        attributes,
        dropped_attributes_count,
    }))
}

fn span() -> impl Strategy<Value = Span> {
    let event = (any::<u64>(), text(), attributes(), any::<u32>()).prop_map(
        |(time_unix_nano, name, attributes, dropped_attributes_count)| Event {
            time_unix_nano,
            name,
            attributes,
            dropped_attributes_count,
        },
    );
    let link = (id(16), id(8), text(), attributes(), any::<u32>(), any::<u32>()).prop_map(
        |(trace_id, span_id, trace_state, attributes, dropped_attributes_count, flags)| Link {
            trace_id,
            span_id,
            trace_state,
            attributes,
            dropped_attributes_count,
            flags,
        },
    );
    let status = (text(), 0..3).prop_map(|(message, code)| Status { message, code });
    let ids = (id(16), id(8), id(8), text(), any::<u32>());
    let fields = (text(), 0..9, any::<u64>(), any::<u64>(), attributes());
    let lists = (vec(event, 0..3), vec(link, 0..3), of(status), any::<[u32; 3]>());
    (ids, fields, lists).prop_map(|(ids, fields, lists)| {
        let (trace_id, span_id, parent_span_id, trace_state, flags) = ids;
        let (name, kind, start_time_unix_nano, end_time_unix_nano, attributes) = fields;
        let (events, links, status, dropped) = lists;
        Span {
            trace_id,
            span_id,
            trace_state,
            parent_span_id,
            flags,
            name,
            kind,
            start_time_unix_nano,
            end_time_unix_nano,
            attributes,
            dropped_attributes_count: dropped[0],
            events,
            dropped_events_count: dropped[1],
            links,
            dropped_links_count: dropped[2],
            status,
        }
    })
}

fn log() -> impl Strategy<Value = LogRecord> {
    let times = (any::<u64>(), any::<u64>(), 0..25, text());
    let rest = (of(any_value()), attributes(), any::<u32>(), any::<u32>(), id(16), id(8), text());
    (times, rest).prop_map(|(times, rest)| {
        let (time_unix_nano, observed_time_unix_nano, severity_number, severity_text) = times;
        let (body, attributes, dropped_attributes_count, flags, trace_id, span_id, event_name) = rest;
        LogRecord {
            time_unix_nano,
            observed_time_unix_nano,
            severity_number,
            severity_text,
            body,
            attributes,
            dropped_attributes_count,
            flags,
            trace_id,
            span_id,
            event_name,
        }
    })
}

fn exemplar() -> impl Strategy<Value = Exemplar> {
    let value = prop_oneof![double().prop_map(ExemplarValue::AsDouble), any::<i64>().prop_map(ExemplarValue::AsInt)];
    (attributes(), any::<u64>(), id(8), id(16), of(value)).prop_map(
        |(filtered_attributes, time_unix_nano, span_id, trace_id, value)| Exemplar {
            filtered_attributes,
            time_unix_nano,
            span_id,
            trace_id,
            value,
        },
    )
}

fn number_points() -> impl Strategy<Value = Vec<NumberDataPoint>> {
    let value = prop_oneof![double().prop_map(Number::AsDouble), any::<i64>().prop_map(Number::AsInt)];
    let point = (attributes(), any::<[u64; 2]>(), vec(exemplar(), 0..2), any::<u32>(), of(value)).prop_map(
        |(attributes, [start_time_unix_nano, time_unix_nano], exemplars, flags, value)| NumberDataPoint {
            attributes,
            start_time_unix_nano,
            time_unix_nano,
            exemplars,
            flags,
            value,
        },
    );
    vec(point, 0..3)
}

fn histogram() -> impl Strategy<Value = Data> {
    let lists = (vec(any::<u64>(), 0..4), vec(double(), 0..3), vec(exemplar(), 0..2));
    let numbers = (any::<[u64; 3]>(), any::<u32>(), of(double()), of(double()), of(double()));
    let point = (attributes(), lists, numbers).prop_map(|(attributes, lists, numbers)| {
        let (bucket_counts, explicit_bounds, exemplars) = lists;
        let ([start_time_unix_nano, time_unix_nano, count], flags, sum, min, max) = numbers;
        HistogramDataPoint {
            attributes,
            start_time_unix_nano,
            time_unix_nano,
            count,
            sum,
            bucket_counts,
            explicit_bounds,
            exemplars,
            flags,
            min,
            max,
        }
    });
    (vec(point, 0..2), 0..3).prop_map(|(data_points, aggregation_temporality)| {
        Data::Histogram(Histogram { data_points, aggregation_temporality })
    })
}

fn exponential() -> impl Strategy<Value = Data> {
    let buckets = || {
        of((any::<i32>(), vec(any::<u64>(), 0..3))
            .prop_map(|(offset, bucket_counts)| Buckets { offset, bucket_counts }))
    };
    let numbers = (any::<[u64; 4]>(), any::<i32>(), of(double()), of(double()), of(double()), double());
    let point = (attributes(), buckets(), buckets(), vec(exemplar(), 0..2), numbers, any::<u32>()).prop_map(
        |(attributes, positive, negative, exemplars, numbers, flags)| {
            let ([start_time_unix_nano, time_unix_nano, count, zero_count], scale, sum, min, max, zero_threshold) =
                numbers;
            ExponentialHistogramDataPoint {
                attributes,
                start_time_unix_nano,
                time_unix_nano,
                count,
                sum,
                scale,
                zero_count,
                positive,
                negative,
                flags,
                exemplars,
                min,
                max,
                zero_threshold,
            }
        },
    );
    (vec(point, 0..2), 0..3).prop_map(|(data_points, aggregation_temporality)| {
        Data::ExponentialHistogram(ExponentialHistogram { data_points, aggregation_temporality })
    })
}

fn summary() -> impl Strategy<Value = Data> {
    let quantile = (double(), double()).prop_map(|(quantile, value)| ValueAtQuantile { quantile, value });
    let point = (attributes(), any::<[u64; 3]>(), double(), vec(quantile, 0..3), any::<u32>()).prop_map(
        |(attributes, [start_time_unix_nano, time_unix_nano, count], sum, quantile_values, flags)| SummaryDataPoint {
            attributes,
            start_time_unix_nano,
            time_unix_nano,
            count,
            sum,
            quantile_values,
            flags,
        },
    );
    vec(point, 0..2).prop_map(|data_points| Data::Summary(Summary { data_points }))
}

fn metric() -> impl Strategy<Value = Metric> {
    let data = prop_oneof![
        number_points().prop_map(|data_points| Data::Gauge(Gauge { data_points })),
        (number_points(), 0..3, any::<bool>()).prop_map(|(data_points, aggregation_temporality, is_monotonic)| {
            Data::Sum(Sum { data_points, aggregation_temporality, is_monotonic })
        }),
        histogram(),
        exponential(),
        summary(),
    ];
    (text(), text(), text(), attributes(), of(data)).prop_map(|(name, description, unit, metadata, data)| Metric {
        name,
        description,
        unit,
        metadata,
        data,
    })
}

fn comes_back<T>(message: &T) -> Result<(), TestCaseError>
where
    T: Message + Default + PartialEq + std::fmt::Debug + Serialize + DeserializeOwned,
{
    prop_assert_eq!(&T::decode(&*message.encode_to_vec()).unwrap(), message);
    let json = serde_json::to_string(message).unwrap();
    prop_assert_eq!(&serde_json::from_str::<T>(&json).unwrap(), message, "{}", json);
    Ok(())
}

proptest! {
    #[test]
    fn traces_come_back(resource in resource(), scope in scope(), spans in vec(span(), 0..3), schema_url in text()) {
        let scope_spans = vec![ScopeSpans { scope, spans, schema_url: schema_url.clone() }];
        let resource_spans = vec![ResourceSpans { resource, scope_spans, schema_url }];
        comes_back(&ExportTraceServiceRequest { resource_spans })?;
    }

    #[test]
    fn logs_come_back(resource in resource(), scope in scope(), log_records in vec(log(), 0..3), schema_url in text()) {
        let scope_logs = vec![ScopeLogs { scope, log_records, schema_url: schema_url.clone() }];
        let resource_logs = vec![ResourceLogs { resource, scope_logs, schema_url }];
        comes_back(&ExportLogsServiceRequest { resource_logs })?;
    }

    #[test]
    fn metrics_come_back(resource in resource(), scope in scope(), metrics in vec(metric(), 0..3), schema_url in text()) {
        let scope_metrics = vec![ScopeMetrics { scope, metrics, schema_url: schema_url.clone() }];
        let resource_metrics = vec![ResourceMetrics { resource, scope_metrics, schema_url }];
        comes_back(&ExportMetricsServiceRequest { resource_metrics })?;
    }

    #[test]
    fn any_bytes_are_a_message_or_an_error(bytes in vec(any::<u8>(), 0..300)) {
        let _ = ExportTraceServiceRequest::decode(&*bytes);
        let _ = ExportMetricsServiceRequest::decode(&*bytes);
        let _ = serde_json::from_slice::<ExportLogsServiceRequest>(&bytes);
    }
}

#[test]
fn a_span_in_json_has_the_names_and_forms_of_otlp() {
    let span = Span {
        trace_id: vec![0xab; 16],
        span_id: vec![1; 8],
        name: "GET /".to_owned(),
        kind: 2,
        start_time_unix_nano: 1_544_712_660_300_000_000,
        attributes: vec![
            KeyValue::new("i", i64::MIN),
            KeyValue::new("d", f64::NAN),
            KeyValue::new("s", ""),
            KeyValue::new("b", Value::BytesValue(vec![255, 254])),
        ],
        status: Some(Status { code: 2, message: "no".to_owned() }),
        ..Span::default()
    };
    assert_eq!(
        serde_json::to_value(&span).unwrap(),
        json!({
            "traceId": "abababababababababababababababab",
            "spanId": "0101010101010101",
            "name": "GET /",
            "kind": 2,
            "startTimeUnixNano": "1544712660300000000",
            "attributes": [
                {"key": "i", "value": {"intValue": "-9223372036854775808"}},
                {"key": "d", "value": {"doubleValue": "NaN"}},
                {"key": "s", "value": {"stringValue": ""}},
                {"key": "b", "value": {"bytesValue": "//4="}},
            ],
            "status": {"code": 2, "message": "no"},
        })
    );
}

#[test]
fn numbers_are_read_as_strings_or_numbers_and_ids_in_either_case() {
    let read = |time: serde_json::Value| {
        serde_json::from_value::<Span>(json!({"traceId": "ABab", "endTimeUnixNano": time, "later": {}}))
    };
    for time in [json!("7"), json!(7), json!(7.0)] {
        let span = read(time).unwrap();
        assert_eq!((span.end_time_unix_nano, span.trace_id), (7, vec![0xab, 0xab]));
    }
    for time in [json!("-1"), json!(-1), json!(7.5), json!("x"), json!(true), json!(1e30)] {
        assert!(read(time.clone()).is_err(), "{time}");
    }
    assert!(serde_json::from_value::<Span>(json!({"traceId": "xyz"})).is_err());
    let value: AnyValue = serde_json::from_value(json!({"bytesValue": "__4"})).unwrap();
    assert_eq!(value.value, Some(Value::BytesValue(vec![255, 254])), "the alphabet for URLs, not padded");
}

#[test]
fn binary_is_what_the_protocol_says() {
    let partial = ExportTracePartialSuccess { rejected_spans: 3, error_message: "no".to_owned() };
    let answer = ExportTraceServiceResponse { partial_success: Some(partial) };
    assert_eq!(answer.encode_to_vec(), b"\x0a\x06\x08\x03\x12\x02no");
    let span = Span { flags: 0x101, start_time_unix_nano: 1, ..Span::default() };
    assert_eq!(span.encode_to_vec(), b"\x39\x01\0\0\0\0\0\0\0\x85\x01\x01\x01\0\0");
    // A field of a later version is skipped.
    assert_eq!(Span::decode(&b"\xfa\x7f\x01x"[..]).unwrap(), Span::default());
}
