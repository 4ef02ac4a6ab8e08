//! Numbers between types, and as text.

/// A count as a float: counts here are far below 2⁵³, up to which that is exact.
#[expect(clippy::cast_precision_loss, reason = "counts of requests and bytes are far below 2^53")]
pub(crate) fn float(count: u64) -> f64 {
    count as f64
}

/// A length or an index as a float.
pub(crate) fn float_of(count: usize) -> f64 {
    float(count as u64)
}

/// Between a number and its unit, so that no line breaks there.
pub(crate) const NBSP: char = '\u{a0}';
/// The minus sign, as wide as a digit.
const MINUS: char = '−';

/// With so many decimals, and a real minus sign. Never `−0`.
pub(crate) fn fixed(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    match text.strip_prefix('-') {
        Some(rest) if rest.chars().all(|c| matches!(c, '0' | '.')) => rest.to_owned(),
        Some(rest) => format!("{MINUS}{rest}"),
        None => text,
    }
}

/// With about three digits, and thousands apart: `0.123`, `1.23`, `12.3`, `123`, `12,345`.
pub(crate) fn short(value: f64) -> String {
    let size = value.abs();
    if !value.is_finite() {
        return "–".to_owned();
    }
    if size == 0.0 {
        return "0".to_owned();
    }
    match size {
        _ if size < 0.9995 => fixed(value, 3),
        _ if size < 9.995 => fixed(value, 2),
        _ if size < 99.95 => fixed(value, 1),
        _ if size < 999.5 => fixed(value, 0),
        _ => thousands(value),
    }
}

fn thousands(value: f64) -> String {
    let text = fixed(value, 0);
    let (sign, digits) = text.split_at(text.find(|c: char| c.is_ascii_digit()).unwrap_or(0));
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{sign}{grouped}")
}

/// A round number as it stands at an axis: without zeros at its end.
pub(crate) fn tick_label(value: f64) -> String {
    if value.abs() >= 1000.0 {
        return thousands(value);
    }
    let text = fixed(value, 4);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A whole number with thousands apart.
pub(crate) fn whole(count: f64) -> String {
    thousands(count)
}

/// Microseconds in the unit that reads best.
pub(crate) fn micros(value: f64) -> String {
    match value.abs() {
        size if size < 999.5 => format!("{}{NBSP}µs", short(value)),
        size if size < 999_500.0 => format!("{}{NBSP}ms", short(value / 1e3)),
        _ => format!("{}{NBSP}s", short(value / 1e6)),
    }
}

/// The number of percent that a natural logarithm of a ratio is, with one decimal where that says something:
/// `12.3`, `−0.8`, `140`.
pub(crate) fn percent_of_log(log: f64) -> String {
    percent(log.exp_m1())
}

/// The number of percent that a share is.
pub(crate) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    fixed(percent, if percent.abs() < 99.95 { 1 } else { 0 })
}

/// The number of percent that a threshold is: `2`, `2.5`.
pub(crate) fn percent_short(share: f64) -> String {
    let text = fixed(share * 100.0, 2);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Bytes in the unit that reads best.
pub(crate) fn bytes(count: u64) -> String {
    let count = float(count);
    if count < 1024.0 {
        format!("{}{NBSP}B", short(count))
    } else if count < 1024.0 * 1024.0 {
        format!("{}{NBSP}KiB", short(count / 1024.0))
    } else {
        format!("{}{NBSP}MiB", short(count / (1024.0 * 1024.0)))
    }
}

/// The middle of several values: of an even number, the mean of the two in the middle. NaN of none.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    let at = |index: usize| sorted.get(index).copied().unwrap_or(f64::NAN);
    if sorted.len().is_multiple_of(2) { f64::midpoint(at(middle.wrapping_sub(1)), at(middle)) } else { at(middle) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        for (value, text) in [
            (0.0, "0"),
            (0.1234, "0.123"),
            (0.9999, "1.00"),
            (9.999, "10.0"),
            (-12.34, "−12.3"),
            (999.7, "1,000"),
            (1_234_567.0, "1,234,567"),
            (-1234.0, "−1,234"),
            (f64::NAN, "–"),
        ] {
            assert_eq!(short(value), text);
        }
        for (value, text) in
            [(0.0, "0"), (0.2, "0.2"), (0.6000000000000001, "0.6"), (100.0, "100"), (-5000.0, "−5,000")]
        {
            assert_eq!(tick_label(value), text);
        }
        assert_eq!(fixed(-0.04, 1), "0.0");
        assert_eq!(micros(1234.0), "1.23\u{a0}ms");
        assert_eq!(micros(999.6), "1.00\u{a0}ms");
        assert_eq!(percent(1.4), "140");
        assert_eq!(percent_short(0.025), "2.5");
        assert_eq!(percent_short(0.1), "10");
        assert_eq!(bytes(1536), "1.50\u{a0}KiB");
    }

    #[test]
    fn the_middle_of_an_even_number_lies_between_two() {
        assert_eq!(median(&[4.0, 1.0, 3.0]), 3.0);
        assert_eq!(median(&[4.0, 1.0, 3.0, 2.0]), 2.5);
        assert!(median(&[]).is_nan());
    }
}
