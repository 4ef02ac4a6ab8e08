//! Numbers, times and values as a person reads them.

use bookstore_otlp::common::{AnyValue, Value};
use jiff::Timestamp;

use crate::api::shapes::value as json;

/// A duration of `nanos`, in three digits: `12.3 ms`.
pub(crate) fn duration(nanos: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let nanos = nanos as f64;
    let (value, unit) = match nanos {
        ..1e3 => return format!("{nanos} ns"),
        ..1e6 => (nanos / 1e3, "µs"),
        ..1e9 => (nanos / 1e6, "ms"),
        ..60e9 => (nanos / 1e9, "s"),
        ..3600e9 => (nanos / 60e9, "min"),
        _ => (nanos / 3600e9, "h"),
    };
    let digits = match value {
        ..10.0 => 2,
        ..100.0 => 1,
        _ => 0,
    };
    let text = format!("{value:.digits$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    format!("{text} {unit}")
}

/// How long ago `then` was, coarsely; both in nanoseconds since the Unix epoch.
pub(crate) fn age(now: u64, then: u64) -> String {
    let seconds = now.saturating_sub(then) / 1_000_000_000;
    match seconds {
        0 => "now".to_owned(),
        1..60 => format!("{seconds} s ago"),
        60..3_600 => format!("{} min ago", seconds / 60),
        3_600..86_400 => format!("{} h ago", seconds / 3_600),
        _ => format!("{} d ago", seconds / 86_400),
    }
}

/// A moment, in UTC, by a pattern of `strftime`.
pub(crate) fn time(nanos: u64, pattern: &str) -> String {
    match Timestamp::from_nanosecond(nanos.into()) {
        Ok(timestamp) => timestamp.strftime(pattern).to_string(),
        Err(_) => "–".to_owned(),
    }
}

/// The date and time, in UTC to the millisecond.
pub(crate) fn full_time(nanos: u64) -> String {
    time(nanos, "%Y-%m-%d %H:%M:%S.%3f UTC")
}

/// A number with its thousands apart.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A span's name without the package of an RPC's service: `Inventory/Reserve`. What tells calls apart comes last in
/// it, and a narrow column cuts the end.
pub(crate) fn short_name(name: &str) -> &str {
    let Some((service, _)) = name.split_once('/') else { return name };
    if service.contains([' ', '{']) {
        return name;
    }
    service.rfind('.').map_or(name, |dot| &name[dot + 1..])
}

/// Bytes, in binary units.
pub(crate) fn bytes(number: usize) -> String {
    #[expect(clippy::cast_precision_loss, reason = "one digit after the point is shown")]
    let number = number as f64;
    match number {
        ..1024.0 => format!("{number} B"),
        ..1_048_576.0 => format!("{:.1} KiB", number / 1024.0),
        _ => format!("{:.1} MiB", number / 1_048_576.0),
    }
}

/// `one` or `many`, with the number.
pub(crate) fn plural(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { many })
}

/// A value: strings as they are, the rest as JSON.
pub(crate) fn value(any: &AnyValue) -> String {
    match &any.value {
        None => String::new(),
        Some(Value::StringValue(text)) => text.clone(),
        Some(_) => match json(any) {
            serde_json::Value::String(text) => text,
            other => other.to_string(),
        },
    }
}

/// Where something is on a scale, in percent.
pub(crate) fn percent(part: u64, whole: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a position on a screen")]
    let fraction = part as f64 / whole.max(1) as f64;
    (fraction * 100.0).clamp(0.0, 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_three_digits() {
        for (nanos, text) in [
            (0, "0 ns"),
            (999, "999 ns"),
            (1_000, "1 µs"),
            (12_345, "12.3 µs"),
            (1_500_000, "1.5 ms"),
            (100_000_000, "100 ms"),
            (250_400_000, "250 ms"),
            (2_000_000_000, "2 s"),
            (90_000_000_000, "1.5 min"),
            (7_200_000_000_000, "2 h"),
        ] {
            assert_eq!(duration(nanos), text);
        }
    }

    #[test]
    fn only_the_package_of_an_rpc_is_left_out() {
        for (name, short) in [
            ("bookstore.inventory.v1.Inventory/Reserve", "Inventory/Reserve"),
            ("Inventory/Reserve", "Inventory/Reserve"),
            ("GET /books/v1.5/x", "GET /books/v1.5/x"),
            ("SELECT shop.books", "SELECT shop.books"),
            ("/a.b/c", "/a.b/c"),
            ("", ""),
        ] {
            assert_eq!(short_name(name), short);
        }
    }

    #[test]
    fn numbers_and_times_read_well() {
        assert_eq!(count(0), "0");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(age(60_000_000_000, 1_000_000_000), "59 s ago");
        assert_eq!(age(0, 5), "now");
        assert_eq!(full_time(1_800_000_000_123_000_000), "2027-01-15 08:00:00.123 UTC");
        assert_eq!(full_time(u64::MAX), "2554-07-21 23:34:33.709 UTC");
        assert_eq!(bytes(64 << 20), "64.0 MiB");
    }
}
