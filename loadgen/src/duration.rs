//! Durations as people write them: `500ms`, `10s`, `2m`.

use std::time::Duration;

/// What a duration looks like, for error texts.
const EXPECTED: &str = "a duration is a number and a unit, such as 500ms, 10s or 2m (units: us, ms, s, m, h)";

/// The longest that is accepted: longer is a slip of the finger, and clocks overflow somewhere.
const LONGEST: Duration = Duration::from_secs(7 * 24 * 3600);

/// Parses `500ms`, `1.5s`, `2m`. Zero is a duration.
///
/// # Errors
/// What a duration looks like.
pub fn parse(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    let unit_at =
        text.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(|| format!("{text:?}: {EXPECTED}"))?;
    let (number, unit) = text.split_at(unit_at);
    let seconds = match unit.trim() {
        "us" | "µs" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        _ => return Err(format!("{text:?}: {EXPECTED}")),
    };
    let number: f64 = number.parse().map_err(|_| format!("{text:?}: {EXPECTED}"))?;
    let duration = Duration::try_from_secs_f64(number * seconds).map_err(|_| format!("{text:?}: {EXPECTED}"))?;
    if duration > LONGEST {
        return Err(format!("{text:?} is longer than a week, the longest there is"));
    }
    Ok(duration)
}

/// [`parse`], and more than zero.
///
/// # Errors
/// What a duration looks like.
pub fn parse_positive(text: &str) -> Result<Duration, String> {
    let duration = parse(text)?;
    if duration.is_zero() { Err(format!("{text:?}: must be more than zero")) } else { Ok(duration) }
}

/// A duration as people write it, to three digits: `1.25 s`, `12.3 ms`, `470 µs`.
pub(crate) fn say(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    let (number, unit) = match seconds {
        s if s >= 1.0 => (s, "s"),
        s if s >= 1e-3 => (s * 1e3, "ms"),
        0.0 => return "0 s".to_owned(),
        s => (s * 1e6, "µs"),
    };
    let decimals = match number {
        n if n >= 99.95 => 0,
        n if n >= 9.995 => 1,
        _ => 2,
    };
    format!("{number:.decimals$} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_understood() {
        let ms = Duration::from_millis;
        for (text, duration) in
            [("500ms", ms(500)), ("10s", ms(10_000)), ("2m", ms(120_000)), ("1.5s", ms(1_500)), (" 3 s ", ms(3_000))]
        {
            assert_eq!(parse(text).unwrap(), duration, "{text}");
        }
        assert_eq!(parse("250us").unwrap(), Duration::from_micros(250));
        assert_eq!(parse("0s").unwrap(), Duration::ZERO);
    }

    #[test]
    fn what_is_no_duration_is_refused_with_an_example() {
        for text in ["", "10", "s", "10 parsecs", "1.2.3s", "-1s", "1e9s"] {
            assert!(parse(text).unwrap_err().contains("500ms"), "{text}");
        }
        assert!(parse("1000h").unwrap_err().contains("week"));
        assert!(parse_positive("0ms").unwrap_err().contains("more than zero"));
    }

    #[test]
    fn three_digits_are_said() {
        for (micros, text) in
            [(0, "0 s"), (470, "470 µs"), (1_234, "1.23 ms"), (99_960, "100 ms"), (12_340_000, "12.3 s")]
        {
            assert_eq!(say(Duration::from_micros(micros)), text);
        }
    }
}
