//! One trace as a waterfall.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::span::{Moment, Opened};
use super::{COLOURS, Chip, format, render, trouble};
use crate::App;
use crate::api::problem::Problem;
use crate::api::{Params, trace_id};
use crate::ids::SpanId;
use crate::store::{Log, Placed, Side, TraceView};

#[derive(Template)]
#[template(path = "trace.html")]
struct TracePage {
    id: String,
    name: String,
    time: String,
    duration: String,
    /// The width of the picture, where that is not `duration`.
    extent: Option<String>,
    spans: String,
    errors: usize,
    services: Vec<ServiceShare>,
    notes: Vec<String>,
    ticks: Vec<Tick>,
    rows: Vec<Row>,
    /// How many rows are not shown.
    hidden: usize,
    /// Log records of no span that is here.
    loose: Vec<Moment>,
    /// Whether more spans may come any moment.
    young: bool,
}

struct ServiceShare {
    chip: Chip,
    spans: usize,
}

struct Tick {
    x: String,
    label: String,
}

struct Row {
    id: String,
    name: String,
    full_name: String,
    service: Chip,
    kind: &'static str,
    failed: bool,
    ebpf: bool,
    missing_parent: bool,
    depth: usize,
    /// How wide the indentation is, in pixels.
    indent: usize,
    /// Where lines pass this row on their way to a later sibling of an ancestor, in pixels.
    passing: Vec<usize>,
    /// Whether the line to this row ends here.
    last: bool,
    /// Whether there are rows below it in the tree.
    parent: bool,
    x: String,
    width: String,
    duration: String,
    /// Where the duration is written: it begins there, ends there, or lies on the bar.
    label_x: String,
    label_before: bool,
    label_inside: bool,
    opened: Opened,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct TraceParams {
    all: Option<String>,
}

/// More rows than this are shown when asked for: a browser takes its time for them.
const ROWS: usize = 1_000;
/// Pixels of indentation for each level, and the level from which on there is no more.
const STEP: usize = 14;
const DEEPEST: usize = 24;
/// Batches of several processes arrive within this time.
const YOUNG: Duration = Duration::from_secs(10);

pub(crate) async fn page(
    State(app): State<App>,
    Path(id): Path<String>,
    params: Result<Params<TraceParams>, Problem>,
) -> Response {
    match make(&app, &id, params) {
        Ok(page) => render(&page),
        Err(problem) => {
            let wait = problem.status == http::StatusCode::NOT_FOUND;
            trouble(&problem, wait).into_response()
        }
    }
}

fn make(app: &App, id: &str, params: Result<Params<TraceParams>, Problem>) -> Result<TracePage, Problem> {
    let Params(params) = params?;
    let view = app.store.trace(trace_id(id)?).ok_or_else(|| {
        Problem::not_found(
            "No such trace is held. If its request was just made, its spans arrive within seconds and this page \
             shows them; if it was long ago, it had to make room for newer ones.",
        )
    })?;
    let colours = app.store.service_indices();
    Ok(TracePage::of(&view, &colours, params.all.is_some()))
}

impl TracePage {
    fn of(view: &TraceView, colours: &HashMap<Arc<str>, usize>, all: bool) -> Self {
        let chip = |name: &Arc<str>| Chip {
            name: name.to_string(),
            colour: colours.get(name).copied().unwrap_or_default() % COLOURS,
        };
        let mut logs: HashMap<Option<SpanId>, Vec<&Arc<Log>>> = HashMap::new();
        for log in &view.logs {
            logs.entry(log.span).or_default().push(log);
        }
        let share = |name: &Arc<str>| ServiceShare {
            chip: chip(name),
            spans: view.spans.iter().filter(|it| it.span.origin.service == *name).count(),
        };
        let extent = view.end.saturating_sub(view.start);
        let shown = if all { view.spans.len() } else { view.spans.len().min(ROWS) };
        let lasts = lasts(&view.spans);
        let mut passing: Vec<usize> = Vec::new();
        let rows = view.spans.iter().zip(lasts).take(shown).map(|(placed, last)| {
            // Lines of the levels above that go on; those of deeper levels have ended.
            passing.retain(|level| *level < placed.depth);
            let row = Row::of(placed, &passing, last, view, &logs, chip(&placed.span.origin.service));
            if !last {
                passing.push(placed.depth);
            }
            row
        });
        let rows = rows.collect();
        let root = &view.summary.root;
        Self {
            id: view.summary.trace_id.to_string(),
            name: format::short_name(&root.name).to_owned(),
            time: format::full_time(view.start),
            duration: format::duration(view.summary.duration),
            extent: (view.summary.duration < extent).then(|| format::duration(extent)),
            spans: format::plural(view.summary.span_count as u64, "span", "spans"),
            errors: view.summary.error_count,
            services: view.summary.services.iter().map(share).collect(),
            notes: notes(view),
            ticks: ticks(extent),
            rows,
            hidden: view.spans.len() - shown,
            loose: loose(view, &logs),
            young: view.changed.elapsed() < YOUNG,
        }
    }
}

/// What a reader should know before reading.
fn notes(view: &TraceView) -> Vec<String> {
    let mut notes = Vec::new();
    if !view.summary.has_root() {
        notes.push("The request's first span is not here: it has not arrived, or was not sent.".to_owned());
    }
    let missing = view.missing_parents() as u64;
    if missing > 0 {
        let spans = format::plural(missing, "span names a parent", "spans name a parent");
        notes.push(format!("{spans} that was not received; marked “parent missing”."));
    }
    if view.spans_left_out > 0 {
        let spans = format::plural(view.spans_left_out, "span", "spans");
        notes.push(format!("{spans} more came and were left out: the trace was full."));
    }
    if view.logs_left_out > 0 {
        let logs = format::plural(view.logs_left_out, "log record", "log records");
        notes.push(format!("{logs} more came and were left out: the trace was full."));
    }
    if view.duplicates > 0 {
        let spans = format::plural(view.duplicates, "span", "spans");
        notes.push(format!("{spans} came more than once and are shown once."));
    }
    notes
}

fn loose(view: &TraceView, logs: &HashMap<Option<SpanId>, Vec<&Arc<Log>>>) -> Vec<Moment> {
    let mut here = logs.clone();
    for placed in &view.spans {
        here.remove(&Some(placed.span.id()));
    }
    let mut loose: Vec<_> = here.into_values().flatten().collect();
    loose.sort_by_key(|log| log.time);
    loose.into_iter().map(|log| Moment::of(log, view.start)).collect()
}

/// For each span whether it is the last child of its parent (or the last root).
fn lasts(spans: &[Placed]) -> Vec<bool> {
    spans
        .iter()
        .enumerate()
        .map(|(index, placed)| {
            let next = spans.get(index + placed.descendants + 1);
            next.is_none_or(|next| next.depth < placed.depth)
        })
        .collect()
}

/// Round times along the axis, seven at most.
fn ticks(extent: u64) -> Vec<Tick> {
    let extent = extent.max(1);
    let step = round_step(extent);
    (0..=extent / step)
        .map(|index| index * step)
        .map(|time| (time, format::percent(time, extent)))
        // A label at the very end would be cut.
        .filter(|(_, x)| *x <= 95.0)
        .map(|(time, x)| Tick {
            x: format!("{x:.3}"),
            label: if time == 0 { "0".to_owned() } else { format::duration(time) },
        })
        .collect()
}

/// The least of 1, 2, 5, 10, 20, 50 … that goes into `extent` six times at most.
fn round_step(extent: u64) -> u64 {
    let mut unit = 1_u64;
    loop {
        for step in [1, 2, 5].map(|factor| unit.saturating_mul(factor)) {
            if extent / step <= 6 {
                return step;
            }
        }
        unit = unit.saturating_mul(10);
    }
}

impl Row {
    fn of(
        placed: &Placed,
        passing: &[usize],
        last: bool,
        view: &TraceView,
        logs: &HashMap<Option<SpanId>, Vec<&Arc<Log>>>,
        service: Chip,
    ) -> Self {
        let span = &placed.span;
        let extent = view.end.saturating_sub(view.start);
        let from = format::percent(span.start() - view.start, extent);
        let to = format::percent(span.end() - view.start, extent);
        // Beside the bar, where there is room: after it, before it, or at its start.
        let label_before = to > 82.0 && from > 18.0;
        let label_inside = to > 82.0 && !label_before;
        let label_x = if label_before || label_inside { from } else { to };
        let logs = logs.get(&Some(span.id())).map(Vec::as_slice).unwrap_or_default();
        Self {
            id: span.id().to_string(),
            name: format::short_name(&span.name).to_owned(),
            full_name: span.name.to_string(),
            service,
            kind: span.kind().as_str(),
            failed: span.failed(),
            ebpf: span.origin.side == Side::Ebpf,
            missing_parent: placed.missing_parent,
            depth: placed.depth,
            indent: placed.depth.min(DEEPEST) * STEP,
            passing: passing
                .iter()
                .filter(|level| (1..DEEPEST).contains(*level))
                .map(|level| level * STEP - STEP / 2)
                .collect(),
            last,
            parent: placed.descendants > 0,
            x: format!("{from:.3}"),
            width: format!("{:.3}", to - from),
            duration: format::duration(span.duration()),
            label_x: format!("{label_x:.3}"),
            label_before,
            label_inside,
            opened: Opened::of(placed, logs, view.start),
        }
    }

    /// Where the line to this row runs, in pixels.
    fn line(&self) -> usize {
        self.indent.saturating_sub(STEP / 2)
    }

    /// Where its dot is, in pixels.
    fn dot(&self) -> usize {
        self.indent + STEP / 2
    }

    fn guide_width(&self) -> usize {
        self.indent + STEP
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_few() {
        let labels = |extent| ticks(extent).into_iter().map(|tick| tick.label).collect::<Vec<_>>();
        assert_eq!(labels(80_000_000), ["0", "20 ms", "40 ms", "60 ms"]);
        assert_eq!(labels(1_234), ["0", "200 ns", "400 ns", "600 ns", "800 ns", "1 µs"]);
        assert_eq!(labels(0), ["0"]);
        for extent in [1, 7, 99, 12_345_678, u64::MAX] {
            assert!((1..=7).contains(&ticks(extent).len()), "{extent}");
        }
    }
}
