//! Each run as a mark on a line, a line for each mode: throughput, memory.

use super::scale::{Scale, range, ticks};
use super::svg::{Anchor, Svg};
use crate::number::{float_of, median, tick_label};
use crate::question::Question;
use crate::summary::Summary;

const WIDTH: f64 = 860.0;
const LEFT: f64 = 150.0;
const RIGHT: f64 = 760.0;
const ROW: f64 = 40.0;
const TOP: f64 = 6.0;

/// The chart. None when the question was not measured.
pub(super) fn chart(summary: &Summary, question: Question, id: &str, axis: &str) -> Option<String> {
    let values = |mode: &str| -> Vec<(u32, f64)> {
        let runs = summary.results.runs.iter().filter(|run| run.mode == mode);
        runs.filter_map(|run| Some((run.round, question.value(run)?))).collect()
    };
    let modes = &summary.experiment.modes;
    let all: Vec<f64> = modes.iter().flat_map(|mode| values(mode)).map(|(_, value)| value).collect();
    let most = all.iter().copied().reduce(f64::max)?;
    let limits = range(all, 0.06, most * 0.02);
    let bottom = TOP + ROW * float_of(modes.len());
    let x = Scale::linear(limits, [LEFT, RIGHT]);
    let mut svg = Svg::new(WIDTH, bottom + 44.0);
    for tick in ticks(limits, 6.0) {
        svg.line("grid", [x.at(tick), TOP], [x.at(tick), bottom]);
        svg.text("tick", [x.at(tick), bottom + 18.0], Anchor::Middle, &tick_label(tick));
    }
    svg.text("axis", [f64::midpoint(LEFT, RIGHT), bottom + 38.0], Anchor::Middle, axis);
    let mut said = Vec::new();
    for (index, mode) in modes.iter().enumerate() {
        let y = TOP + ROW * (float_of(index) + 0.5);
        svg.text("label", [LEFT - 12.0, y + 4.5], Anchor::End, mode);
        let values = values(mode);
        if values.is_empty() {
            svg.text("value soft", [RIGHT + 12.0, y + 4.5], Anchor::Start, "–");
            continue;
        }
        let middle = median(&values.iter().map(|(_, value)| *value).collect::<Vec<_>>());
        for (round, value) in &values {
            svg.mark(
                index,
                "faint",
                [x.at(*value), y],
                4.0,
                &format!("{mode}, round {round}: {} {}", question.show(*value), question.unit()),
            );
        }
        svg.line(&format!("median {}", super::mode_class(index)), [x.at(middle), y - 12.0], [x.at(middle), y + 12.0]);
        svg.text("value", [RIGHT + 12.0, y + 4.5], Anchor::Start, &question.show(middle));
        said.push(format!("{mode}: {} {}", question.show(middle), question.unit()));
    }
    Some(svg.finish(id, question.name(), &format!("In the middle, {}.", said.join("; "))))
}
