//! The summary for a terminal.

use crate::noise::Weight;
use crate::number::{NBSP, short};
use crate::question::Question;
use crate::results::Comparison;
use crate::summary::Summary;
use crate::words::{change, range, sentence};

/// Verdicts, a table for each comparison, and what casts doubt on them.
pub(crate) fn text(summary: &Summary, width: usize) -> String {
    let mut lines = Vec::new();
    for comparison in &summary.results.comparisons {
        if let Some(verdict) = comparison.verdicts.get(&Question::PRIMARY) {
            lines.extend(wrap(&sentence(Question::PRIMARY, comparison, verdict), width, ""));
        }
    }
    for comparison in &summary.results.comparisons {
        lines.push(String::new());
        lines.extend(table(summary, comparison));
        if let Some(interval) = &comparison.us_per_span {
            let [low, high] = interval.at_99.map(short);
            lines.extend(wrap(
                &format!(
                    "That is {}{NBSP}µs of the services’ CPU for each span (99{NBSP}%: {low} to {high}{NBSP}µs).",
                    short(interval.mean)
                ),
                width,
                "",
            ));
        }
    }
    let warnings = summary.results.remarks.iter().filter(|remark| remark.weight == Weight::Warning);
    for (index, warning) in warnings.enumerate() {
        if index == 0 {
            lines.push(String::new());
        }
        lines.extend(wrap(&warning.text, width, "! "));
    }
    lines.iter().map(|line| line.trim_end().replace(NBSP, " ") + "\n").collect()
}

/// A row for each question, in columns as wide as need be.
fn table(summary: &Summary, comparison: &Comparison) -> Vec<String> {
    let header =
        ["", &comparison.baseline, &comparison.mode, "change", "99 % interval", "verdict"].map(ToString::to_string);
    let mut rows = vec![header];
    for (question, verdict) in &comparison.verdicts {
        let value = |label: &str| {
            let mode = summary.results.modes.iter().find(|mode| mode.mode == label);
            let spread = mode.and_then(|mode| mode.values.get(question));
            spread.map_or_else(
                || "–".to_owned(),
                |spread| format!("{} {}", question.show(spread.median), question.unit()),
            )
        };
        let (changed, interval) = match &verdict.log_ratio {
            Some(log_ratio) => (change(log_ratio), range(log_ratio)),
            None => ("–".to_owned(), "–".to_owned()),
        };
        rows.push([
            question.name().to_owned(),
            value(&comparison.baseline),
            value(&comparison.mode),
            changed,
            interval,
            verdict.outcome.words().to_owned(),
        ]);
    }
    let mut widths = [0; 6];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let format = |row: &[String; 6]| {
        let cells = row.iter().zip(widths).enumerate().map(|(column, (cell, width))| {
            // Words to the left, numbers to the right.
            if matches!(column, 0 | 5) { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
        });
        cells.collect::<Vec<_>>().join("  ")
    };
    rows.iter().map(format).collect()
}

/// Breaks a text into lines at blanks; the second line and those after it are indented as far as the first is.
fn wrap(text: &str, width: usize, first: &str) -> Vec<String> {
    let indent = " ".repeat(first.chars().count());
    let mut lines = Vec::new();
    let mut line = first.to_owned();
    let mut empty = true;
    for word in text.split(' ') {
        if !empty && line.chars().count() + 1 + word.chars().count() > width {
            lines.push(std::mem::replace(&mut line, indent.clone()));
            empty = true;
        }
        if !empty {
            line.push(' ');
        }
        line.push_str(word);
        empty = false;
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_at_blanks_and_long_words_stay_whole() {
        assert_eq!(wrap("one two three", 7, ""), ["one two", "three"]);
        assert_eq!(wrap("one two three", 7, "! "), ["! one", "  two", "  three"]);
        assert_eq!(wrap("unbreakable", 4, ""), ["unbreakable"]);
    }
}
