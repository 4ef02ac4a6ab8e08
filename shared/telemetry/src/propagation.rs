//! How the context travels between processes: W3C `traceparent`, `tracestate` and `baggage` in headers (gRPC metadata
//! are headers too), and `traceresponse` on the way back.

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::propagation::{Extractor, Injector, TextMapCompositePropagator, TextMapPropagator};
use opentelemetry::trace::TraceContextExt as _;
use opentelemetry::{Context, baggage::BaggageExt as _};
use opentelemetry_sdk::propagation::{BaggagePropagator, TraceContextPropagator};

use crate::config::Config;

/// The response header that names the server's span (W3C Trace Context level 2 draft).
pub(crate) const TRACERESPONSE: HeaderName = HeaderName::from_static("traceresponse");

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// What `OTEL_PROPAGATORS` asks for.
pub(crate) fn propagator(config: &Config) -> TextMapCompositePropagator {
    let mut parts: Vec<Box<dyn TextMapPropagator + Send + Sync>> = Vec::new();
    if config.trace_context {
        parts.push(Box::new(TraceContextPropagator::new()));
    }
    if config.baggage {
        parts.push(Box::new(BaggagePropagator::new()));
    }
    TextMapCompositePropagator::new(parts)
}

/// The caller's context, from its headers.
pub(crate) fn extract(propagator: &dyn TextMapPropagator, headers: &HeaderMap) -> Context {
    // Not the current context: a server span's parent is the caller or none.
    propagator.extract_with_context(&Context::new(), &Headers(headers))
}

/// Puts the context into a request's headers.
pub(crate) fn inject(propagator: &dyn TextMapPropagator, context: &Context, headers: &mut HeaderMap) {
    propagator.inject_context(context, &mut HeadersMut(headers));
}

/// `00-<trace id>-<span id>-<flags>` of a server span.
pub(crate) fn trace_response(context: &Context) -> Option<HeaderValue> {
    let span = context.span();
    let span = span.span_context();
    if !span.is_valid() {
        return None;
    }
    // 2 + 1 + 32 + 1 + 16 + 1 + 2 digits.
    let mut text = *b"00-00000000000000000000000000000000-0000000000000000-00";
    write_hex(&mut text[3..35], &span.trace_id().to_bytes());
    write_hex(&mut text[36..52], &span.span_id().to_bytes());
    write_hex(&mut text[53..], &[span.trace_flags().to_u8()]);
    HeaderValue::from_bytes(&text).ok()
}

fn write_hex(digits: &mut [u8], bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for (pair, byte) in digits.chunks_exact_mut(2).zip(bytes) {
        pair.copy_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    }
}

/// The trace id of the current span, when the trace is recorded.
pub(crate) fn current_trace_id() -> Option<String> {
    let context = Context::current();
    let span = context.span();
    let span = span.span_context();
    (span.is_valid() && span.is_sampled()).then(|| span.trace_id().to_string())
}

/// A value of the current baggage.
pub(crate) fn current_baggage(key: &str) -> Option<String> {
    Context::current().baggage().get(key).map(|value| value.as_str().to_owned())
}

struct Headers<'a>(&'a HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(HeaderName::as_str).collect()
    }

    fn get_all(&self, key: &str) -> Option<Vec<&str>> {
        let values: Vec<_> = self.0.get_all(key).iter().filter_map(|value| value.to_str().ok()).collect();
        (!values.is_empty()).then_some(values)
    }
}

struct HeadersMut<'a>(&'a mut HeaderMap);

impl Injector for HeadersMut<'_> {
    fn set(&mut self, key: &str, value: String) {
        // The SDK's propagator writes an empty `tracestate` where there is none: a header on each request for nothing.
        if value.is_empty() {
            return;
        }
        let name = match key {
            "traceparent" => Ok(TRACEPARENT),
            _ => HeaderName::try_from(key),
        };
        // A value that cannot be a header (baggage may hold anything) is left out.
        if let (Ok(name), Ok(value)) = (name, HeaderValue::try_from(value)) {
            self.0.insert(name, value);
        }
    }
}
