//! What a request carries from hop to hop, as far as spans may show it.

use std::sync::Arc;

/// The request id and hop of a call, for spans that are scored against the truth log.
///
/// Recorded (as `bookstore.request.id` and `bookstore.hop`) only when [`Settings::record_calls`] asks for it; the trace
/// itself never depends on it. Server layers look for this type in the request's [`http::Extensions`].
///
/// [`Settings::record_calls`]: crate::Settings::record_calls
/// [`http::Extensions`]: ::http::Extensions
#[derive(Clone, Debug, Default)]
pub struct CallAttributes {
    /// The value of `x-request-id`.
    pub request_id: Option<Arc<str>>,
    /// The value of `x-hop`.
    pub hop: Option<Arc<str>>,
}

#[cfg(feature = "otel")]
impl CallAttributes {
    /// Adds them to a span's attributes.
    pub(crate) fn push(this: Option<&Self>, attributes: &mut Vec<opentelemetry::KeyValue>) {
        let Some(Self { request_id, hop }) = this else { return };
        for (name, value) in [("bookstore.request.id", request_id), ("bookstore.hop", hop)] {
            attributes.extend(value.clone().map(|value| opentelemetry::KeyValue::new(name, value)));
        }
    }
}
