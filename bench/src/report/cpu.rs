//! Processor time per request, a bar for each mode, part by part.

use super::scale::{Scale, ticks};
use super::svg::{Anchor, Svg};
use crate::number::{fixed, tick_label};
use crate::results::{CpuMillis, ModeResult};

const WIDTH: f64 = 860.0;
const LEFT: f64 = 150.0;
const RIGHT: f64 = 780.0;
const ROW: f64 = 46.0;
const BAR: f64 = 24.0;
const TOP: f64 = 8.0;

/// A part of a bar: class, name, value.
type Part = (&'static str, &'static str, fn(&CpuMillis) -> f64);

/// Parts that are drawn, in order. The load is no price of anything.
pub(super) const PARTS: [Part; 4] = [
    ("p-services", "services", |cpu| cpu.services),
    ("p-database", "database", |cpu| cpu.database),
    ("p-agent", "agent", |cpu| cpu.agent),
    ("p-receiver", "receiver", |cpu| cpu.receiver),
];

/// The parts that some mode has.
pub(super) fn parts(modes: &[ModeResult]) -> Vec<(&'static str, &'static str)> {
    let some =
        |value: fn(&CpuMillis) -> f64| modes.iter().filter_map(|mode| mode.cpu_ms.as_ref()).any(|cpu| value(cpu) > 0.0);
    PARTS.into_iter().filter(|(_, _, value)| some(*value)).map(|(class, name, _)| (class, name)).collect()
}

/// The chart. None when no processor time was measured.
pub(super) fn chart(modes: &[ModeResult]) -> Option<String> {
    let rows: Vec<_> = modes.iter().filter_map(|mode| Some((mode, mode.cpu_ms?))).collect();
    let end = |(mode, cpu): &(&ModeResult, CpuMillis)| {
        mode.cpu_total_ms.map_or(0.0, |total| total.at_99[1]).max(cpu.side() + cpu.receiver)
    };
    let most = rows.iter().map(end).reduce(f64::max)?;
    let bottom = TOP + ROW * crate::number::float_of(rows.len());
    let x = Scale::linear([0.0, most], [LEFT, RIGHT]);
    let mut svg = Svg::new(WIDTH, bottom + 44.0);
    for tick in ticks([0.0, most], 6.0) {
        svg.line("grid", [x.at(tick), TOP], [x.at(tick), bottom]);
        svg.text("tick", [x.at(tick), bottom + 18.0], Anchor::Middle, &tick_label(tick));
    }
    svg.text("axis", [f64::midpoint(LEFT, RIGHT), bottom + 38.0], Anchor::Middle, "processor milliseconds per request");
    let mut said = Vec::new();
    for (index, (mode, cpu)) in rows.iter().enumerate() {
        let top = TOP + ROW * crate::number::float_of(index) + (ROW - BAR) / 2.0;
        svg.text("label", [LEFT - 12.0, top + BAR / 2.0 + 4.5], Anchor::End, &mode.mode);
        let mut from = 0.0;
        for (class, _, value) in PARTS {
            let value = value(cpu);
            let (start, stop) = (x.at(from), x.at(from + value));
            if stop > start {
                // A hair of the page between parts.
                svg.rect(&format!("part {class}"), [start, top], (stop - start - 1.0).max(0.5), BAR);
            }
            if stop - start > 44.0 {
                svg.text(
                    &format!("inside {class}"),
                    [start + 8.0, top + BAR / 2.0 + 4.5],
                    Anchor::Start,
                    &fixed(value, 2),
                );
            }
            from += value;
        }
        if let Some(total) = mode.cpu_total_ms {
            whisker(&mut svg, total.at_99.map(|ms| x.at(ms)), top + BAR / 2.0);
        }
        let edge = mode.cpu_total_ms.map_or(from, |total| total.at_99[1].max(from));
        svg.text("value", [x.at(edge) + 8.0, top + BAR / 2.0 + 4.5], Anchor::Start, &fixed(from, 2));
        said.push(format!("{}: {} ms", mode.mode, fixed(from, 2)));
    }
    svg.line("base", [LEFT, TOP], [LEFT, bottom]);
    Some(svg.finish(
        "chart-cpu",
        "Processor time per request, by who used it",
        &format!("Together, {}.", said.join("; ")),
    ))
}

fn whisker(svg: &mut Svg, [low, high]: [f64; 2], y: f64) {
    svg.line("whisker", [low, y], [high, y]);
    for x in [low, high] {
        svg.line("whisker", [x, y - 5.0], [x, y + 5.0]);
    }
}
