//! One event as one line.

use std::fmt::{self, Write as _};

use jiff::Timestamp;
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Level};

/// Time of day (UTC), level, service, message, fields.
pub(super) fn pretty(event: &Event<'_>, now: Timestamp, service: &str, colours: bool) -> String {
    let mut fields = Pretty { message: String::new(), rest: String::new(), colours };
    event.record(&mut fields);
    let metadata = event.metadata();
    let (on, off) = if colours { (colour(*metadata.level()), "\x1b[0m") } else { ("", "") };
    let time = format!("{now:.3}");
    // 2026-01-02T03:04:05.678Z
    let time = time.get(11..23).unwrap_or(&time);
    let Pretty { message, rest, .. } = fields;
    format!("{time} {on}{level:>5}{off} {service:<10} {message}{rest}\n", level = metadata.level().as_str())
}

const fn colour(level: Level) -> &'static str {
    match level {
        Level::ERROR => "\x1b[31m",
        Level::WARN => "\x1b[33m",
        Level::INFO => "\x1b[32m",
        Level::DEBUG => "\x1b[34m",
        Level::TRACE => "\x1b[35m",
    }
}

struct Pretty {
    message: String,
    rest: String,
    colours: bool,
}

impl Visit for Pretty {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let shown = format!("{value:?}");
        if field.name() == "message" {
            push_printable(&mut self.message, &shown);
            return;
        }
        let (dim, off) = if self.colours { ("\x1b[2m", "\x1b[0m") } else { ("", "") };
        self.rest.push_str("  ");
        self.rest.push_str(dim);
        self.rest.push_str(field.name());
        self.rest.push('=');
        self.rest.push_str(off);
        push_printable(&mut self.rest, &shown);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        // Plain words stand without quotes.
        let plain = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"');
        if plain { self.record_debug(field, &format_args!("{value}")) } else { self.record_debug(field, &value) }
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.record_debug(field, &format_args!("{value}"));
    }
}

/// Nobody's input moves the cursor or begins a line of its own.
fn push_printable(line: &mut String, text: &str) {
    for character in text.chars() {
        if character.is_control() {
            line.extend(character.escape_default());
        } else {
            line.push(character);
        }
    }
}

/// An object with `timestamp`, `level`, `service`, `target`, `message`, the ids, and the fields beside them.
pub(super) fn json(event: &Event<'_>, now: Timestamp, service: &str, ids: Option<(String, String)>) -> String {
    let mut fields = Json(Map::new());
    event.record(&mut fields);
    let metadata = event.metadata();
    let mut head = Map::new();
    let message = fields.0.remove("message").unwrap_or_default();
    for (key, value) in [
        ("timestamp", format!("{now:.6}").into()),
        ("level", metadata.level().as_str().into()),
        ("service", service.into()),
        ("target", metadata.target().into()),
        ("message", message),
    ] {
        head.insert(key.to_owned(), value);
    }
    if let Some((trace, span)) = ids {
        head.insert("trace_id".to_owned(), trace.into());
        head.insert("span_id".to_owned(), span.into());
    }
    if !fields.0.is_empty() {
        head.insert("fields".to_owned(), Value::Object(fields.0));
    }
    let mut line = String::new();
    // Writing to a string does not fail.
    let _written = writeln!(line, "{}", Value::Object(head));
    line
}

struct Json(Map<String, Value>);

impl Visit for Json {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}").into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.0.insert(field.name().to_owned(), value.to_string().into());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

    use super::*;

    /// Keeps both forms of each event.
    struct Keep(Arc<Mutex<Vec<(String, String)>>>);

    impl<S: tracing::Subscriber> Layer<S> for Keep {
        fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
            let now: Timestamp = "2026-01-02T03:04:05.678901Z".parse().unwrap();
            let ids = Some(("0af7".to_owned(), "b7ad".to_owned()));
            let lines = (pretty(event, now, "catalog", false), json(event, now, "catalog", ids));
            self.0.lock().unwrap().push(lines);
        }
    }

    fn lines(log: impl FnOnce()) -> (String, String) {
        let kept = Arc::default();
        let subscriber = tracing_subscriber::registry().with(Keep(Arc::clone(&kept)));
        tracing::subscriber::with_default(subscriber, log);
        Arc::into_inner(kept).unwrap().into_inner().unwrap().pop().unwrap()
    }

    #[test]
    fn a_line_for_a_person() {
        let (pretty, _) = lines(|| tracing::info!(books = 512, file = "books.json", "loaded"));
        assert_eq!(pretty, "03:04:05.678  INFO catalog    loaded  books=512  file=books.json\n");
    }

    #[test]
    fn a_line_for_a_machine() {
        let (_, json) = lines(|| tracing::warn!(after_ms = 3, name = "a \"b\"", "slow"));
        let value: Value = serde_json::from_str(&json).unwrap();
        assert_eq!(value["message"], "slow");
        assert_eq!(value["timestamp"], "2026-01-02T03:04:05.678901Z");
        assert_eq!((&value["trace_id"], &value["span_id"]), (&"0af7".into(), &"b7ad".into()));
        assert_eq!(value["fields"], serde_json::json!({ "after_ms": 3, "name": "a \"b\"" }));
    }

    #[test]
    fn input_cannot_forge_a_line() {
        let evil = "x\n00:00:00.000  INFO catalog    all is well\u{1b}[2J";
        let (pretty, json) = lines(|| tracing::info!(user = %evil, "{evil}"));
        assert_eq!(pretty.matches('\n').count(), 1, "{pretty}");
        assert!(!pretty.contains('\u{1b}'), "{pretty}");
        assert_eq!(json.matches('\n').count(), 1, "{json}");
    }
}
