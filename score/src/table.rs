//! A report for people: tables, examples, and at the end plain sentences.

use std::fmt::Write as _;

use crate::report::{Report, Row};
use crate::statistics::{ENOUGH_FOR_ZERO, rule_of_three};
use crate::verdict::SpanKind;

/// What the widest table needs.
const ALL_COLUMNS: usize = 99;

pub(crate) fn of(report: &Report, width: usize) -> String {
    let mut page = Page { text: String::new(), width: width.max(40) };
    page.line(&heading(report));
    page.blank();
    links(&mut page, report);
    page.blank();
    spans(&mut page, report);
    page.blank();
    besides(&mut page, report);
    examples(&mut page, report);
    page.blank();
    conclusion(&mut page, report);
    page.text
}

struct Page {
    text: String,
    width: usize,
}

impl Page {
    fn blank(&mut self) {
        self.text.push('\n');
    }

    /// A line of a table.
    fn row(&mut self, row: &str) {
        self.text.push_str(row.trim_end());
        self.text.push('\n');
    }

    /// A sentence, in as many lines as it needs.
    fn line(&mut self, sentence: &str) {
        self.wrapped("", sentence);
    }

    fn item(&mut self, sentence: &str) {
        self.wrapped("  ", sentence);
    }

    fn wrapped(&mut self, indent: &str, sentence: &str) {
        let mut column = 0;
        for word in sentence.split(' ') {
            let length = word.chars().count();
            if column == 0 {
                self.text.push_str(indent);
                column = indent.len();
            } else if column + 1 + length > self.width {
                let further = indent.len() + 2;
                let _ = write!(self.text, "\n{:further$}", "");
                column = further;
            } else {
                self.text.push(' ');
                column += 1;
            }
            self.text.push_str(word);
            column += length;
        }
        self.text.push('\n');
    }
}

fn heading(report: &Report) -> String {
    let setting = &report.setting;
    let mut parts =
        vec![if setting.side.is_empty() { "Score".to_owned() } else { format!("Score of {}", setting.side) }];
    parts.extend(setting.concurrency.map(|it| format!("{} at once", grouped(it.into()))));
    parts.push(counted(setting.requests.unwrap_or_default(), "request"));
    parts.extend(setting.scenario.as_ref().map(|it| format!("scenario {it}")));
    parts.extend(setting.database.clone());
    parts.push(counted(report.runs, "run"));
    parts.join(", ")
}

fn links(page: &mut Page, report: &Report) {
    let all = page.width >= ALL_COLUMNS;
    let mut row = format!(
        "{:<14}{:>11}{:>11}{:>8}{:>11}{:>10}{:>8}",
        "Links", "total", "right", "wrong", "unlinked", "cancelled", "right %"
    );
    if all {
        let _ = write!(row, "  {:<16}{:>8}", "(95 %)", "wrong %");
    }
    page.row(&row);
    for (kind, links) in &report.edges {
        let percent = links.right_percent.map_or_else(|| "-".to_owned(), |_| percent(links.right, links.judged()));
        let mut row = format!(
            "{kind:<14}{:>11}{:>11}{:>8}{:>11}{:>10}{percent:>8}",
            grouped(links.total),
            grouped(links.right),
            grouped(links.wrong),
            grouped(links.unlinked),
            grouped(links.cancelled),
        );
        if all {
            let interval =
                links.right_interval.map_or_else(String::new, |[low, high]| format!("{low:.2} to {high:.2}"));
            let _ = write!(row, "  {interval:<16}{:>8}", wrong(links));
        }
        page.row(&row);
    }
}

/// The share of wrong links, or what it is at most.
fn wrong(links: &Row) -> String {
    match (links.wrong_percent, links.wrong) {
        (None, _) => String::new(),
        (_, 0) if links.zero_wrong => "0".to_owned(),
        (_, 0) => format!("≤ {}", at_most(links.judged())),
        (_, wrong) => percent(wrong, links.judged()),
    }
}

fn spans(page: &mut Page, report: &Report) {
    page.row(&format!("{:<14}{:>11}{:>11}{:>11}", "Spans", "expected", "seen", "missing"));
    for kind in SpanKind::ALL {
        let row = report.presence(kind);
        let (expected, seen, missing) = (grouped(row.expected), grouped(row.seen), grouped(row.missing));
        page.row(&format!("{:<14}{expected:>11}{seen:>11}{missing:>11}", kind.name()));
    }
}

fn besides(page: &mut Page, report: &Report) {
    let spans = &report.spans;
    let mut sentence =
        format!("Spans twice: {}. Lost by exporters: {}", grouped(spans.duplicate), grouped(spans.dropped));
    if spans.dropped > 0 {
        let services: Vec<_> =
            spans.dropped_by_service.iter().map(|(it, lost)| format!("{it} {}", grouped(*lost))).collect();
        let _ = write!(sentence, " ({})", services.join(", "));
    }
    page.line(&format!("{sentence}."));
    page.line(&format!("Whole traces: {} of {}.", grouped(report.traces.whole), grouped(report.traces.total)));
    let row = &report.cancelled;
    page.line(&format!(
        "Cancelled: {} right, {} wrong, {} unlinked; {} without a span.",
        grouped(row.right),
        grouped(row.wrong),
        grouped(row.unlinked),
        counted(row.missing, "operation")
    ));
    page.line(&format!(
        "Pools' own statements: {}, {} under a request. Background work: {}, {} under a request.",
        counted(report.pool.seen, "span"),
        grouped(report.pool.parented),
        counted(report.background.seen, "span"),
        grouped(report.background.parented)
    ));
    let unidentified: u64 = report.unidentified.values().sum();
    if unidentified > 0 {
        let kinds: Vec<_> =
            report.unidentified.iter().map(|(kind, count)| format!("{kind} {}", grouped(*count))).collect();
        let examples = report.examples.unidentified.join(", ");
        page.line(&format!(
            "Not identified: {} ({}), such as {examples}.",
            counted(unidentified, "span"),
            kinds.join(", ")
        ));
    }
    let remarks = &report.remarks;
    for (count, noun, what) in [
        (remarks.unjudged_internal, "internal span", "that nothing tells to be inside of any hop"),
        (remarks.dangling, "link", "with a parent that is not among the spans, of the unlinked or cancelled"),
        (remarks.cycles, "link", "back to its own span, of the unlinked or cancelled"),
        (remarks.unrecorded_parent, "span", "for whose parent the truth has no line"),
        (remarks.not_in_truth, "span", "of a request and hop that the truth does not hold"),
        (remarks.repeated_operations, "line", "of the truth about an operation that it holds already"),
        (remarks.malformed, "span", "without valid ids, left out"),
    ] {
        if count > 0 {
            page.line(&format!("Also: {} {what}.", counted(count, noun)));
        }
    }
}

fn examples(page: &mut Page, report: &Report) {
    let all = &report.examples;
    let groups = all.wrong.iter().map(|(kind, them)| (format!("Wrong, {kind}"), them));
    let groups = groups.chain(all.unlinked.iter().map(|(kind, them)| (format!("Unlinked, {kind}"), them)));
    let groups = groups.chain(all.missing.iter().map(|(kind, them)| (format!("Missing, {}", kind.name()), them)));
    let rest = [("Twice", &all.duplicate), ("Not a request's own, but under one", &all.parented)];
    for (title, sentences) in groups.chain(rest.map(|(title, them)| (title.to_owned(), them))) {
        if sentences.is_empty() {
            continue;
        }
        page.blank();
        page.line(&format!("{title}, for example:"));
        for sentence in sentences {
            page.item(sentence);
        }
    }
}

fn conclusion(page: &mut Page, report: &Report) {
    if report.runs == 1 {
        page.line(
            "One run cannot show how much runs differ: these intervals take each link for independent, and are the \
             narrowest possible.",
        );
    }
    let judged: u64 = report.edges.iter().map(|(_, links)| links.judged()).sum();
    let parts = |of: fn(&Row) -> u64| -> (u64, String) {
        let parts: Vec<_> = report.edges.iter().filter(|(_, links)| of(links) > 0).collect();
        let sum = parts.iter().map(|(_, links)| of(links)).sum();
        let named: Vec<_> = parts.iter().map(|(kind, links)| format!("{kind} {}", grouped(of(links)))).collect();
        (sum, named.join(", "))
    };
    match parts(|links| links.wrong) {
        (0, _) => {
            let (enough, few): (Vec<_>, Vec<_>) =
                report.edges.iter().filter(|(_, links)| links.judged() > 0).partition(|(_, links)| links.zero_wrong);
            if !enough.is_empty() {
                let kinds: Vec<_> = enough.iter().map(|(kind, _)| kind.name()).collect();
                page.line(&format!("Wrong: 0 ({}; with 95 %, at most 0.01 %).", kinds.join(", ")));
            }
            if !few.is_empty() {
                let kinds: Vec<_> =
                    few.iter().map(|(kind, links)| format!("{kind} at most {} %", at_most(links.judged()))).collect();
                page.line(&format!(
                    "Wrong: 0 seen, {}; to say 0 takes {} links of a kind.",
                    kinds.join(", "),
                    grouped(ENOUGH_FOR_ZERO)
                ));
            }
        }
        (sum, kinds) => page.line(&format!("Wrong: {} of {} links ({kinds}).", grouped(sum), grouped(judged))),
    }
    if let (sum @ 1.., kinds) = parts(|links| links.unlinked) {
        page.line(&format!("Unlinked: {} of {} links ({kinds}).", grouped(sum), grouped(judged)));
    }
    let spans = &report.spans;
    let kinds: Vec<_> = SpanKind::ALL
        .into_iter()
        .filter(|kind| report.presence(*kind).missing > 0)
        .map(|kind| format!("{} {}", kind.name(), grouped(report.presence(kind).missing)))
        .collect();
    let kinds = if kinds.is_empty() { String::new() } else { format!(" ({})", kinds.join(", ")) };
    page.line(&format!("Missing: {} of {} spans{kinds}.", grouped(spans.missing), grouped(spans.expected)));
    if report.pool.parented + report.background.parented > 0 {
        let (pool, background) = (grouped(report.pool.parented), grouped(report.background.parented));
        page.line(&format!("Under a request that is not theirs: {pool} of pools, {background} of background work."));
    }
    match report.breaches.as_deref() {
        None => {}
        Some([]) => page.line("Thresholds: held."),
        Some(breaches) => {
            page.line("Thresholds: not held.");
            for breach in breaches {
                page.item(breach);
            }
        }
    }
}

/// 1,234 with its noun, in the plural unless it is one.
fn counted(count: u64, noun: &str) -> String {
    format!("{} {noun}{}", grouped(count), if count == 1 { "" } else { "s" })
}

/// Digits in groups of three.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Two digits after the point, but never 0 of some and never 100 of not all.
fn percent(part: u64, of: u64) -> String {
    let percent = 100.0 * part as f64 / of as f64;
    if part > 0 && percent < 0.01 {
        "< 0.01".to_owned()
    } else if part < of && percent > 99.99 {
        "> 99.99".to_owned()
    } else {
        format!("{percent:.2}")
    }
}

/// By the rule of three, rounded up.
fn at_most(of: u64) -> String {
    format!("{:.2}", (rule_of_three(of) * 1e4).ceil() / 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_say_neither_more_nor_less_than_they_are() {
        assert_eq!(["0", "999", "1,000", "1,234,567"].map(str::to_owned), [0, 999, 1_000, 1_234_567].map(grouped));
        assert_eq!(percent(1, 1_000_000), "< 0.01");
        assert_eq!(percent(999_999, 1_000_000), "> 99.99");
        assert_eq!(percent(0, 7), "0.00");
        assert_eq!(percent(7, 7), "100.00");
        assert_eq!(percent(2, 3), "66.67");
        assert_eq!(at_most(7), "42.86");
        assert_eq!(at_most(29_999), "0.02");
        assert_eq!(at_most(30_000), "0.01");
    }
}
