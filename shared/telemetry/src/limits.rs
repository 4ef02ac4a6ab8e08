//! `OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT`, which the SDK does not know.

use opentelemetry::{Array, KeyValue, StringValue, Value};
use opentelemetry_sdk::trace::SpanData;

/// Cuts each text of a span's attributes, and of its events', to so many characters.
pub(crate) fn shorten(span: &mut SpanData, limit: usize) {
    shorten_all(&mut span.attributes, limit);
    for event in &mut span.events.events {
        shorten_all(&mut event.attributes, limit);
    }
}

fn shorten_all(attributes: &mut [KeyValue], limit: usize) {
    for attribute in attributes {
        match &mut attribute.value {
            Value::String(text) => shorten_text(text, limit),
            Value::Array(Array::String(texts)) => texts.iter_mut().for_each(|text| shorten_text(text, limit)),
            _ => {}
        }
    }
}

fn shorten_text(text: &mut StringValue, limit: usize) {
    if let Some((end, _)) = text.as_str().char_indices().nth(limit) {
        *text = text.as_str()[..end].to_owned().into();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_between_characters() {
        let mut attributes = [
            KeyValue::new("long", "späte Bücher"),
            KeyValue::new("short", "spä"),
            KeyValue::new("number", 123_456),
            KeyValue::new("list", Value::Array(Array::String(vec!["eins".into(), "zwei".into()]))),
        ];
        shorten_all(&mut attributes, 3);
        let shown: Vec<_> = attributes.iter().map(|attribute| attribute.value.to_string()).collect();
        assert_eq!(shown, ["spä", "spä", "123456", "[\"ein\",\"zwe\"]"]);
    }
}
