//! Ratios of a mode to the baseline, a row for each question.

use super::scale::{Scale, ticks};
use super::svg::{Anchor, Svg};
use crate::number::{fixed, percent_of_log, percent_short, tick_label};
use crate::question::Question;
use crate::results::Comparison;
use crate::stats::verdict::Verdict;
use crate::words::change;

const WIDTH: f64 = 860.0;
const LEFT: f64 = 300.0;
const RIGHT: f64 = 668.0;
const ROW: f64 = 36.0;
const TOP: f64 = 26.0;

/// The chart. None when nothing was measured twice. `index` is the mode's.
pub(super) fn chart(index: usize, comparison: &Comparison) -> Option<String> {
    let rows: Vec<(Question, &Verdict)> =
        comparison.verdicts.iter().map(|(question, verdict)| (*question, verdict)).collect();
    let limits = rows.iter().flat_map(|(_, verdict)| {
        let delta = verdict.delta.ln_1p();
        let interval = verdict.log_ratio.map_or([0.0; 2], |interval| interval.at_99);
        interval.into_iter().chain([-delta, delta])
    });
    rows.iter().find(|(_, verdict)| verdict.log_ratio.is_some())?;
    let range = super::scale::range(limits, 0.04, 0.02);
    let bottom = TOP + ROW * crate::number::float_of(rows.len());
    let x = Scale::linear(range, [LEFT, RIGHT]);
    let mut svg = Svg::new(WIDTH, bottom + 44.0);
    for tick in percent_ticks(range) {
        let at = x.at((tick / 100.0).ln_1p());
        svg.line("grid", [at, TOP], [at, bottom]);
        let sign = if tick > 0.0 { "+" } else { "" };
        svg.text("tick", [at, bottom + 18.0], Anchor::Middle, &format!("{sign}{}", tick_label(tick)));
    }
    svg.text(
        "axis",
        [f64::midpoint(LEFT, RIGHT), bottom + 38.0],
        Anchor::Middle,
        &format!("change against {}, %", comparison.baseline),
    );
    svg.text("axis", [RIGHT + 16.0, TOP - 10.0], Anchor::Start, "change");
    svg.text("axis", [RIGHT + 84.0, TOP - 10.0], Anchor::Start, "verdict");
    let mut said = Vec::new();
    for (row, (question, verdict)) in rows.iter().enumerate() {
        let y = TOP + ROW * (crate::number::float_of(row) + 0.5);
        let delta = verdict.delta.ln_1p();
        let (from, to) = (x.at(-delta), x.at(delta));
        svg.rect("within", [from, y - ROW / 2.0 + 3.0], to - from, ROW - 6.0);
        let weight = if *question == Question::PRIMARY { "label strong" } else { "label" };
        svg.text(weight, [LEFT - 14.0, y + 4.5], Anchor::End, question.name());
        if let Some(interval) = &verdict.log_ratio {
            let class = super::mode_class(index);
            let [[low, high], [inner_low, inner_high]] =
                [interval.at_99, interval.at_95].map(|limits| limits.map(|at| x.at(at)));
            svg.line(&format!("reach {class}"), [low, y], [high, y]);
            svg.line(&format!("reach inner {class}"), [inner_low, y], [inner_high, y]);
            let says = format!(
                "{}: {} (99 %: {} to {} %), δ {} %",
                question.name(),
                change(interval),
                percent_of_log(interval.at_99[0]),
                percent_of_log(interval.at_99[1]),
                percent_short(verdict.delta)
            );
            svg.mark(index, "solid", [x.at(interval.mean), y], 5.0, &says);
            svg.text("value", [RIGHT + 72.0, y + 4.5], Anchor::End, &change(interval));
        }
        svg.text("label soft", [RIGHT + 84.0, y + 4.5], Anchor::Start, verdict.outcome.words());
        let ratio = verdict.log_ratio.map_or_else(|| "–".to_owned(), |interval| fixed(interval.mean.exp(), 3));
        said.push(format!("{}: ratio {ratio}, {}", question.name(), verdict.outcome.words()));
    }
    // On top of bands and below nothing: the line of no change.
    svg.line("zero", [x.at(0.0), TOP - 4.0], [x.at(0.0), bottom]);
    let title = format!("{} against {}", comparison.mode, comparison.baseline);
    Some(svg.finish(&format!("chart-forest-{index}"), &title, &format!("{}.", said.join("; "))))
}

/// Round numbers of percent in a range of logarithms.
fn percent_ticks([low, high]: [f64; 2]) -> Vec<f64> {
    ticks([low.exp_m1() * 100.0, high.exp_m1() * 100.0], 7.0)
}
