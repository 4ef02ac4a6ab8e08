//! A trace as a tree in the terminal.
//!
//! ```text
//! POST /api/v1/orders       storefront server   ██████████████████████   48.1 ms
//! └─ checkout               storefront internal  ████████████████████▌   46.0 ms
//!    ├─ GET /books          storefront client    ██                       4.2 ms
//!    │  └─ GET /books       catalog    server    █▌                       3.1 ms
//! ```
//!
//! Each bar says when in the request something happened, and how long it took.

use crate::service::Service;
use crate::terminal::Style;
use crate::trace::{Span, Trace};

/// The narrowest terminal that is drawn for; in a narrower one lines wrap.
const LEAST_WIDTH: usize = 60;
/// The widest drawing: farther apart, name and bar would not be seen together.
const MOST_WIDTH: usize = 140;
/// `internal`, `producer`, `consumer` are the longest.
const KIND_WIDTH: usize = 8;
/// `9999.9 ms`.
const DURATION_WIDTH: usize = 9;

/// Draws a trace, one line a span, none wider than `width`.
pub(crate) fn draw(trace: &Trace, width: usize, style: Style) -> Vec<String> {
    let width = width.clamp(LEAST_WIDTH, MOST_WIDTH);
    let service_width = trace.spans.iter().map(|span| span.service.chars().count()).max().unwrap_or_default().min(14);
    // One space between columns; a bar gets a third of what the text leaves.
    let rest = width.saturating_sub(service_width + KIND_WIDTH + DURATION_WIDTH + 4);
    let bar_width = (rest / 3).max(8);
    let name_width = rest.saturating_sub(bar_width);
    let scale = Scale::of(&trace.spans, bar_width);
    let guides = guides(&trace.spans);
    trace
        .spans
        .iter()
        .zip(guides)
        .map(|(span, guide)| {
            let name = fitted(&format!("{guide}{}", span.name), name_width);
            // The guide is paler than the name.
            let shown = guide.chars().count().min(name_width);
            let (guide, name): (String, String) =
                (name.chars().take(shown).collect(), name.chars().skip(shown).collect());
            let name = if span.has_failed() { style.red(name) } else { name };
            let service = style.paint(colour(&span.service), fitted(&span.service, service_width));
            let kind = style.dim(fitted(&span.kind, KIND_WIDTH));
            let bar = style.paint(colour(&span.service), scale.bar(span));
            let duration = duration(span.duration_ns);
            format!("{}{name} {service} {kind} {bar} {duration:>DURATION_WIDTH$}", style.dim(guide))
        })
        .collect()
}

/// The lines that lead to each span's name. Spans come parents first.
fn guides(spans: &[Span]) -> Vec<String> {
    // Whether a later span stands at the same depth, below the same parent, found from the end.
    let mut open: Vec<bool> = Vec::new();
    let mut guides: Vec<String> = spans
        .iter()
        .rev()
        .map(|span| {
            let has_next = open.get(span.depth).copied().unwrap_or(false);
            open.truncate(span.depth);
            open.resize(span.depth, false);
            let ancestors: String = open.iter().skip(1).map(|more| if *more { "│  " } else { "   " }).collect();
            open.push(true);
            match (span.depth, has_next) {
                (0, _) => ancestors,
                (_, true) => format!("{ancestors}├─ "),
                (_, false) => format!("{ancestors}└─ "),
            }
        })
        .collect();
    guides.reverse();
    guides
}

/// Exactly `width` characters: filled up, or cut with an ellipsis.
fn fitted(text: &str, width: usize) -> String {
    let length = text.chars().count();
    if length <= width {
        return format!("{text:<width$}");
    }
    let kept: String = text.chars().take(width.saturating_sub(1)).collect();
    format!("{kept}…")
}

/// From nanoseconds to cells of a bar.
struct Scale {
    start: u64,
    length: u64,
    cells: usize,
}

impl Scale {
    fn of(spans: &[Span], cells: usize) -> Self {
        let start = spans.iter().map(|span| span.start_unix_nano).min().unwrap_or_default();
        let end = spans.iter().map(|span| span.start_unix_nano.saturating_add(span.duration_ns)).max();
        Self { start, length: end.unwrap_or_default().saturating_sub(start).max(1), cells }
    }

    /// A bar, `cells` wide. What is too short to be seen is drawn as a thin line.
    fn bar(&self, span: &Span) -> String {
        let begin = span.start_unix_nano.saturating_sub(self.start);
        // In halves of a cell.
        let (from, to) = (self.halves(begin), self.halves(begin.saturating_add(span.duration_ns)));
        let mut bar: String = (0..self.cells)
            .map(|cell| {
                let (left, right) = (cell * 2, cell * 2 + 1);
                let covers = |half: usize| (from..to).contains(&half);
                match (covers(left), covers(right)) {
                    (true, true) => '█',
                    (true, false) => '▌',
                    (false, true) => '▐',
                    (false, false) => ' ',
                }
            })
            .collect();
        if bar.chars().all(|cell| cell == ' ') {
            let at = (from / 2).min(self.cells.saturating_sub(1));
            bar = (0..self.cells).map(|cell| if cell == at { '▏' } else { ' ' }).collect();
        }
        bar
    }

    fn halves(&self, nanoseconds: u64) -> usize {
        let halves = u128::from(nanoseconds) * (self.cells as u128 * 2) / u128::from(self.length);
        usize::try_from(halves).unwrap_or(usize::MAX)
    }
}

/// `12.3 ms`, `850 µs`.
pub(crate) fn duration(nanoseconds: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let microseconds = nanoseconds as f64 / 1e3;
    if microseconds < 1e3 { format!("{microseconds:.0} µs") } else { format!("{:.1} ms", microseconds / 1e3) }
}

/// One colour a service.
fn colour(service: &str) -> &'static str {
    let known = Service::ALL.iter().find(|known| known.name() == service);
    match known {
        Some(Service::Storefront) => "34",
        Some(Service::Catalog) => "32",
        Some(Service::Inventory) => "33",
        Some(Service::Payment) => "35",
        Some(Service::User) => "36",
        Some(Service::Compare) | None => "37",
    }
}

/// The tree with fewer lines: statements that follow each other become one, `7 statements: SELECT, UPDATE`, and the names
/// of gRPC methods lose their package.
pub(crate) fn folded(trace: &Trace) -> Trace {
    let mut spans: Vec<Span> = Vec::new();
    // What the last line stands for, if that is statements.
    let mut run: Vec<&Span> = Vec::new();
    for span in &trace.spans {
        let goes_on = run.last().is_some_and(|last| last.parent_span_id == span.parent_span_id);
        if !span.is_statement() {
            run.clear();
        } else if !goes_on {
            run = vec![span];
        } else {
            run.push(span);
            // The line of the run is the last one.
            spans.pop();
            spans.extend(one_line(&run));
            continue;
        }
        spans.push(Span { name: without_package(&span.name).to_owned(), ..span.clone() });
    }
    Trace { trace_id: trace.trace_id.clone(), spans }
}

fn one_line(run: &[&Span]) -> Option<Span> {
    let first = *run.first()?;
    let end = run.iter().map(|span| span.start_unix_nano.saturating_add(span.duration_ns)).max()?;
    let mut operations: Vec<_> = run.iter().filter_map(|span| span.name.split_whitespace().next()).collect();
    operations.dedup();
    let failed = run.iter().find(|span| span.has_failed());
    Some(Span {
        name: format!("{} statements: {}", run.len(), operations.join(", ")),
        duration_ns: end.saturating_sub(first.start_unix_nano),
        status: failed.map_or(&first.status, |span| &span.status).clone(),
        ..first.clone()
    })
}

/// `Inventory/Reserve` of `bookstore.inventory.v1.Inventory/Reserve`.
pub(crate) fn without_package(name: &str) -> &str {
    match name.split_once('/') {
        Some((service, _)) if !service.is_empty() && !service.contains(' ') => {
            service.rfind('.').map_or(name, |dot| &name[dot + 1..])
        }
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::Status;

    fn span(id: &str, depth: usize, name: &str, service: &str, kind: &str, at_us: u64, for_us: u64) -> Span {
        Span {
            span_id: id.to_owned(),
            parent_span_id: None,
            name: name.to_owned(),
            kind: kind.to_owned(),
            service: service.to_owned(),
            side: "manual".to_owned(),
            depth,
            start_unix_nano: 1_000_000_000 + at_us * 1_000,
            duration_ns: for_us * 1_000,
            status: Status { code: "unset".to_owned() },
            attributes: serde_json::Map::new(),
        }
    }

    fn trace() -> Trace {
        let mut spans = vec![
            span("1", 0, "POST /api/v1/orders", "storefront", "server", 0, 40_000),
            span("2", 1, "INSERT sagas", "storefront", "client", 500, 100),
            span("3", 1, "place order", "storefront", "internal", 1_000, 38_000),
            span("4", 2, "GET /books", "storefront", "client", 2_000, 5_000),
            span("5", 3, "GET /books", "catalog", "server", 3_000, 3_000),
            span("6", 2, "bookstore.inventory.v1.Inventory/Reserve", "storefront", "client", 10_000, 10_000),
            span("7", 3, "bookstore.inventory.v1.Inventory/Reserve", "inventory", "server", 11_000, 8_000),
            span("8", 1, "UPDATE sagas", "storefront", "client", 39_000, 900),
        ];
        spans[5].status.code = "error".to_owned();
        Trace { trace_id: "t".to_owned(), spans }
    }

    #[test]
    fn a_purchase_is_drawn() {
        insta::assert_snapshot!(draw(&trace(), 100, Style::PLAIN).join("\n"));
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        for width in [60, 61, 80, 99, 140] {
            for line in draw(&trace(), width, Style::PLAIN) {
                assert!(line.chars().count() <= width, "{width}: {line:?}");
            }
        }
    }

    #[test]
    fn a_trace_without_spans_is_no_lines() {
        assert!(draw(&Trace { trace_id: String::new(), spans: Vec::new() }, 80, Style::PLAIN).is_empty());
    }

    #[test]
    fn statements_that_follow_each_other_become_one_line() {
        let mut trace = trace();
        let statement = |id: &str, name: &str, at_us| {
            let mut span = span(id, 1, name, "storefront", "client", at_us, 100);
            span.attributes.insert("db.system.name".to_owned(), "sqlite".into());
            span.parent_span_id = Some("1".to_owned());
            span
        };
        trace.spans[7] = statement("8", "COMMIT", 39_600);
        trace.spans.insert(7, statement("9", "UPDATE sagas", 39_400));
        trace.spans.insert(7, statement("10", "UPDATE orders", 39_200));
        trace.spans[1] = statement("2", "INSERT sagas", 500);
        let folded = folded(&trace);
        let names: Vec<_> = folded.spans.iter().map(|span| span.name.as_str()).collect();
        assert_eq!(names[1], "INSERT sagas");
        assert_eq!(names[5], "Inventory/Reserve");
        assert_eq!(names[7..], ["3 statements: UPDATE, COMMIT"]);
        assert_eq!(folded.spans[7].duration_ns, 500_000);
    }

    #[test]
    fn only_grpc_methods_have_packages() {
        assert_eq!(without_package("bookstore.inventory.v1.Inventory/Reserve"), "Inventory/Reserve");
        for name in ["GET /books/{id}.svg", "checkout.price", "Inventory/Reserve", "/", ""] {
            assert_eq!(without_package(name), name);
        }
    }
}
