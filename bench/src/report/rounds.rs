//! Each run's processor time per request, in order of time: drift would be a slope.

use super::mode_class;
use super::scale::{Scale, range, ticks};
use super::svg::{Anchor, Svg, spread};
use crate::number::{float_of, short, tick_label};
use crate::question::Question;
use crate::summary::Summary;

const SIZE: [f64; 2] = [860.0, 280.0];
/// Left, right, top, bottom of where marks are drawn.
const PLOT: [f64; 4] = [56.0, 740.0, 28.0, 232.0];

/// The chart. None when the question was not measured.
pub(super) fn chart(summary: &Summary) -> Option<String> {
    let question = Question::PRIMARY;
    let [left, right, top, bottom] = PLOT;
    let (modes, runs) = (&summary.experiment.modes, &summary.results.runs);
    let rounds: Vec<u32> = runs.iter().map(|run| run.round).collect();
    let (first, last) = (rounds.iter().min()?, rounds.iter().max()?);
    let values: Vec<f64> = runs.iter().filter_map(|run| question.value(run)).collect();
    let most = values.iter().copied().reduce(f64::max)?;
    let limits = range(values.iter().copied(), 0.08, most * 0.02);
    let x = Scale::linear([f64::from(*first) - 0.5, f64::from(*last) + 0.5], [left, right]);
    let y = Scale::linear(limits, [bottom, top]);
    let width = x.at(1.0) - x.at(0.0);
    let mut svg = Svg::new(SIZE[0], SIZE[1]);
    let every = (last - first + 1).div_ceil(24).max(1);
    for round in *first..=*last {
        if (round - first).is_multiple_of(2) {
            svg.rect("stripe", [x.at(f64::from(round)) - width / 2.0, top], width, bottom - top);
        }
        if (round - first).is_multiple_of(every) {
            svg.text("tick", [x.at(f64::from(round)), bottom + 18.0], Anchor::Middle, &round.to_string());
        }
    }
    for tick in ticks(limits, 5.0) {
        svg.line("grid", [left, y.at(tick)], [right, y.at(tick)]);
        svg.text("tick", [left - 8.0, y.at(tick) + 4.0], Anchor::End, &tick_label(tick));
    }
    svg.text("axis", [left - 8.0, top - 14.0], Anchor::End, "ms");
    svg.line("base", [left, bottom], [right, bottom]);
    svg.text(
        "axis",
        [f64::midpoint(left, right), bottom + 40.0],
        Anchor::Middle,
        "round; within it, from left to right in order of time",
    );
    let mut ends = Vec::new();
    for (index, mode) in modes.iter().enumerate() {
        let place = |position: u32| ((f64::from(position) - 0.5) / float_of(modes.len()) - 0.5) * width * 0.8;
        let points: Vec<_> = runs
            .iter()
            .filter(|run| run.mode == *mode)
            .filter_map(|run| Some((run, question.value(run)?)))
            .map(|(run, value)| (run.round, value, [x.at(f64::from(run.round)) + place(run.position), y.at(value)]))
            .collect();
        svg.path(&format!("trail {}", mode_class(index)), &points.iter().map(|point| point.2).collect::<Vec<_>>());
        for (round, value, at) in &points {
            svg.mark(index, "solid", *at, 4.0, &format!("{mode}, round {round}: {} ms", short(*value)));
        }
        ends.extend(points.last().map(|point| (index, mode, point.2)));
    }
    let wanted: Vec<_> = ends.iter().map(|(_, _, at)| at[1]).collect();
    for ((index, mode, at), place) in ends.iter().zip(spread(&wanted, 17.0, top, bottom)) {
        svg.line("leader", [at[0] + 6.0, at[1]], [right + 12.0, place]);
        svg.text(&format!("label {}", mode_class(*index)), [right + 15.0, place + 4.0], Anchor::Start, mode);
    }
    Some(svg.finish(
        "chart-rounds",
        "CPU per request of the services in each run, round by round",
        &format!(
            "{} runs, from {} to {} ms.",
            values.len(),
            short(values.iter().copied().reduce(f64::min)?),
            short(most)
        ),
    ))
}
