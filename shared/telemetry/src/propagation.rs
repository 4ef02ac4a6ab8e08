//! How the context travels between processes: W3C `traceparent`, `tracestate` and `baggage` in headers (gRPC metadata
//! are headers too), and `traceresponse` on the way back.

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator as _};
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState};
use opentelemetry::{Context, baggage::BaggageExt as _};
use opentelemetry_sdk::propagation::{BaggagePropagator, TraceContextPropagator};

use crate::config::Config;

/// The response header that names the server's span (W3C Trace Context level 2 draft).
pub(crate) const TRACERESPONSE: HeaderName = HeaderName::from_static("traceresponse");

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");
const BAGGAGE: HeaderName = HeaderName::from_static("baggage");

/// What `OTEL_PROPAGATORS` asks for.
///
/// The SDK's propagators read and write whatever there may be. What nearly all requests carry, a `traceparent` of version
/// 00 and nothing else, is read and written here without the texts that they make of it.
#[derive(Debug)]
pub(crate) struct Propagator {
    trace_context: Option<TraceContextPropagator>,
    baggage: Option<BaggagePropagator>,
}

impl Propagator {
    /// Those of the configuration.
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            trace_context: config.trace_context.then(TraceContextPropagator::new),
            baggage: config.baggage.then(BaggagePropagator::new),
        }
    }

    /// The caller's context, from its headers.
    pub(crate) fn extract(&self, headers: &HeaderMap) -> Context {
        // Not the current context: a server span's parent is the caller or none.
        let mut context = Context::new();
        if let Some(any) = &self.trace_context
            && let Some(header) = headers.get(TRACEPARENT)
        {
            context = match parse(header.as_bytes()).filter(|_| !headers.contains_key(TRACESTATE)) {
                Some(span) => context.with_remote_span_context(span),
                None => any.extract_with_context(&context, &Headers(headers)),
            };
        }
        if let Some(baggage) = &self.baggage
            && headers.contains_key(BAGGAGE)
        {
            context = baggage.extract_with_context(&context, &Headers(headers));
        }
        context
    }

    /// Puts the context into a request's headers.
    pub(crate) fn inject(&self, context: &Context, headers: &mut HeaderMap) {
        let span = context.span();
        let span = span.span_context();
        if let Some(any) = &self.trace_context
            && span.is_valid()
        {
            match write(span, span.trace_flags() & TraceFlags::SAMPLED) {
                Some(mut value) if *span.trace_state() == TraceState::NONE => {
                    // No two requests have the same: HPACK need not remember it, on either side (RFC 7541, 6.2.3), in
                    // the place of what comes again.
                    value.set_sensitive(true);
                    headers.insert(TRACEPARENT, value);
                }
                _ => any.inject_context(context, &mut HeadersMut(headers)),
            }
        }
        if let Some(baggage) = &self.baggage
            && !context.baggage().is_empty()
        {
            baggage.inject_context(context, &mut HeadersMut(headers));
        }
    }
}

/// `00-<trace id>-<span id>-<flags>` of a server span.
pub(crate) fn trace_response(context: &Context) -> Option<HeaderValue> {
    let span = context.span();
    let span = span.span_context();
    if span.is_valid() { write(span, span.trace_flags()) } else { None }
}

/// Digits of `00-<trace id>-<span id>-<flags>`.
const LENGTH: usize = 2 + 1 + 32 + 1 + 16 + 1 + 2;

fn write(span: &SpanContext, flags: TraceFlags) -> Option<HeaderValue> {
    let mut text = *b"00-00000000000000000000000000000000-0000000000000000-00";
    let (ids, last) = text.split_at_mut(LENGTH - 2);
    write_hex(&mut ids[3..35], &span.trace_id().to_bytes());
    write_hex(&mut ids[36..52], &span.span_id().to_bytes());
    write_hex(last, &[flags.to_u8()]);
    HeaderValue::from_bytes(&text).ok()
}

fn write_hex(digits: &mut [u8], bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let (pairs, _) = digits.as_chunks_mut();
    for ([high, low], byte) in pairs.iter_mut().zip(bytes) {
        *high = DIGITS[usize::from(byte >> 4)];
        *low = DIGITS[usize::from(byte & 15)];
    }
}

/// A `traceparent` of version 00; none if it is anything else, or wrong.
fn parse(text: &[u8]) -> Option<SpanContext> {
    let text: &[u8; LENGTH] = text.try_into().ok()?;
    if !text.starts_with(b"00-") || text[35] != b'-' || text[52] != b'-' {
        return None;
    }
    let trace_id = TraceId::from_bytes(parse_hex(&text[3..35])?);
    let span_id = SpanId::from_bytes(parse_hex(&text[36..52])?);
    let [flags] = parse_hex(&text[53..])?;
    let flags = TraceFlags::new(flags) & TraceFlags::SAMPLED;
    let span = SpanContext::new(trace_id, span_id, flags, true, TraceState::NONE);
    span.is_valid().then_some(span)
}

/// Small letters only, as the standard has it.
fn parse_hex<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    let value = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = value(pair[0])? << 4 | value(pair[1])?;
    }
    Some(bytes)
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
        // A value that cannot be a header (baggage may hold anything) is left out.
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(key), HeaderValue::try_from(value)) {
            self.0.insert(name, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn both() -> Propagator {
        Propagator { trace_context: Some(TraceContextPropagator::new()), baggage: Some(BaggagePropagator::new()) }
    }

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    const PLAIN: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn each_traceparent_means_what_it_means_to_the_sdk() {
        for text in [
            PLAIN,
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00",
            // Flags that are not known are taken off.
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-ff",
            // A later version, with more behind.
            "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
            "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            // Wrong ones: capitals, zeros, other lengths, other characters.
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "00-0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319g-b7ad6b7169203331-01",
            "",
        ] {
            for state in [None, Some(("tracestate", "shop=open"))] {
                let pairs: Vec<_> = [("traceparent", text)].into_iter().chain(state).collect();
                let headers = headers(&pairs);
                let ours = both().extract(&headers);
                let theirs = TraceContextPropagator::new().extract_with_context(&Context::new(), &Headers(&headers));
                assert_eq!(ours.span().span_context(), theirs.span().span_context(), "{text} {state:?}");
            }
        }
    }

    #[test]
    fn what_is_injected_is_what_was_extracted_and_nothing_is_made_up() {
        for pairs in [
            &[("traceparent", PLAIN)][..],
            &[("tracestate", "shop=open"), ("traceparent", PLAIN)],
            &[("baggage", "shop=open"), ("traceparent", PLAIN)],
            &[("baggage", "shop=open")],
            &[],
        ] {
            let expected = headers(pairs);
            let mut injected = HeaderMap::new();
            both().inject(&both().extract(&expected), &mut injected);
            assert_eq!(injected, expected);
        }
    }
}
