//! The same as the SDK's own exporter makes of a span.

use std::time::Duration;

use opentelemetry::trace::{TraceFlags, TraceId, TraceState};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use opentelemetry_proto::transform::trace::tonic::group_spans_by_resource_and_scope;
use opentelemetry_sdk::trace::{SpanEvents, SpanLinks};
use prost::Message as _;

use super::*;

fn scope() -> InstrumentationScope {
    InstrumentationScope::builder("shop").with_version("1.2.3").with_schema_url(crate::SCHEMA_URL).build()
}

fn plain() -> SpanData {
    let ids = (TraceId::from(0xabc_u128), SpanId::from(0xdef_u64));
    SpanData {
        span_context: SpanContext::new(ids.0, ids.1, TraceFlags::SAMPLED, false, TraceState::NONE),
        parent_span_id: SpanId::INVALID,
        parent_span_is_remote: false,
        span_kind: SpanKind::Internal,
        name: "price".into(),
        start_time: UNIX_EPOCH + Duration::from_nanos(1_700_000_000_123_456_789),
        end_time: UNIX_EPOCH + Duration::from_nanos(1_700_000_000_987_654_321),
        attributes: Vec::new(),
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links: SpanLinks::default(),
        status: Status::Unset,
        instrumentation_scope: scope(),
    }
}

/// A span that has everything, and texts of each length at which a length takes one more digit.
fn full() -> SpanData {
    let attributes = vec![
        KeyValue::new("empty", ""),
        KeyValue::new("short", "a".repeat(110)),
        KeyValue::new("", "nameless"),
        KeyValue::new("middling", "é".repeat(100)),
        KeyValue::new("long", "c".repeat(20_000)),
        KeyValue::new("yes", true),
        KeyValue::new("no", false),
        KeyValue::new("zero", 0),
        KeyValue::new("negative", -7),
        KeyValue::new("most", i64::MAX),
        KeyValue::new("half", 0.5),
        KeyValue::new("words", Value::Array(Array::String(vec!["".into(), "two".into()]))),
        KeyValue::new("switches", Value::Array(Array::Bool(vec![true, false]))),
        KeyValue::new("numbers", Value::Array(Array::I64(vec![0, -1]))),
        KeyValue::new("parts", Value::Array(Array::F64(vec![0.0, 1.5]))),
        KeyValue::new("nothing", Value::Array(Array::I64(vec![]))),
    ];
    let edges = (100..140).map(|length| KeyValue::new("edge", "b".repeat(length)));
    let attributes: Vec<_> = attributes.into_iter().chain(edges).collect();
    let mut span = plain();
    let state = TraceState::from_key_value([("shop", "open")]).unwrap();
    let (trace, id) = (TraceId::from(7_u128), SpanId::from(8_u64));
    span.span_context = SpanContext::new(trace, id, TraceFlags::SAMPLED, false, state.clone());
    span.parent_span_id = SpanId::from(9_u64);
    span.parent_span_is_remote = true;
    span.attributes.clone_from(&attributes);
    span.dropped_attributes_count = 300;
    let now = UNIX_EPOCH + Duration::from_secs(1);
    span.events.events = vec![Event::new("sold", now, attributes.clone(), 1), Event::new("", now, vec![], 0)];
    span.events.dropped_count = 2;
    let other = SpanContext::new(trace, SpanId::from(10_u64), TraceFlags::default(), true, state);
    span.links.links = vec![Link::new(other, attributes, 3)];
    span.links.dropped_count = 4;
    span.status = Status::error("it broke");
    span
}

#[test]
fn what_is_written_is_what_the_sdk_would_send() {
    let resource = Resource::builder_empty()
        .with_schema_url([KeyValue::new("service.name", "shop"), KeyValue::new("process.pid", 7)], crate::SCHEMA_URL)
        .build();
    let mut spans = vec![plain(), full()];
    for kind in [SpanKind::Server, SpanKind::Client, SpanKind::Producer, SpanKind::Consumer] {
        spans.push(SpanData { span_kind: kind, status: Status::Ok, ..plain() });
    }
    let mut written = Vec::new();
    spans.iter().for_each(|one| span(&mut written, one));
    let request = Head::new(&resource, &scope()).request(&written);

    let ours = ExportTraceServiceRequest::decode(request).unwrap();
    let resource = ResourceAttributesWithSchema::from(&resource);
    let theirs = ExportTraceServiceRequest { resource_spans: group_spans_by_resource_and_scope(spans, &resource) };
    assert_eq!(ours, theirs);
}
