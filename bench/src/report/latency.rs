//! Latency by percentile: the further to the right, the rarer.

use hdrhistogram::Histogram;

use super::mode_class;
use super::scale::{Scale, log_ticks};
use super::svg::{Anchor, Svg, spread};
use crate::latency::LatencyError;
use crate::number::{fixed, float, micros, tick_label};
use crate::results::main_phase;
use crate::summary::Summary;

const SIZE: [f64; 2] = [860.0, 380.0];
/// Left, right, top, bottom of where lines are drawn.
const PLOT: [f64; 4] = [56.0, 740.0, 28.0, 330.0];
/// Steps of a line for each power of ten.
const STEPS: u32 = 20;
/// Where lines begin.
const FIRST: f64 = 1.0 / 20.0;
/// As many values have to lie beyond a percentile for it to be drawn: fewer say nothing about it.
const BEYOND: f64 = 10.0;

/// A mode's latencies: all runs in one, and each for itself.
pub(super) struct Latencies {
    pub(super) mode: String,
    pub(super) all: Histogram<u64>,
    runs: Vec<Histogram<u64>>,
}

/// Of each mode that has any.
pub(super) fn latencies(summary: &Summary) -> Result<Vec<(usize, Latencies)>, LatencyError> {
    let mut found = Vec::new();
    for (index, mode) in summary.experiment.modes.iter().enumerate() {
        let phases = summary.runs.iter().filter(|run| run.mode == *mode).filter_map(main_phase);
        let phases: Vec<_> = phases.map(|phase| &phase.latency).collect();
        if let Some(all) = crate::latency::merge(phases.iter().copied())?.filter(|all| !all.is_empty()) {
            let runs = phases.iter().map(|latency| latency.decode()).collect::<Result<_, _>>()?;
            found.push((index, Latencies { mode: mode.clone(), all, runs }));
        }
    }
    Ok(found)
}

/// How many tenfold steps towards 100 % a histogram can fill.
fn reach(histogram: &Histogram<u64>) -> f64 {
    (float(histogram.len()) / BEYOND).log10().clamp(1.0, 5.0)
}

/// Latencies in ms by how many nines. The fastest tenth is left out: it would take half of the height.
fn curve(histogram: &Histogram<u64>, until: f64) -> Vec<(f64, f64)> {
    let step = |index: u32| f64::from(index) / f64::from(STEPS);
    let steps = (1..).map(step).take_while(|nines| *nines <= until + 1e-9);
    steps.map(|nines| (nines, value_at(histogram, nines))).collect()
}

/// Latency in ms where the share that took longer is 10⁻ⁿ.
fn value_at(histogram: &Histogram<u64>, nines: f64) -> f64 {
    float(histogram.value_at_quantile(1.0 - 10_f64.powf(-nines)).max(1)) / 1000.0
}

/// The chart. None without latencies.
pub(super) fn chart(latencies: &[(usize, Latencies)]) -> Option<String> {
    let [left, right, top, bottom] = PLOT;
    let nines = latencies.iter().map(|(_, of)| reach(&of.all)).fold(1.0, f64::max);
    let values: Vec<f64> = latencies
        .iter()
        .flat_map(|(_, of)| {
            let until = reach(&of.all);
            [value_at(&of.all, FIRST), value_at(&of.all, until)]
                .into_iter()
                .chain(of.runs.iter().flat_map(move |run| [value_at(run, FIRST), value_at(run, reach(run).min(until))]))
        })
        .collect();
    let low = values.iter().copied().reduce(f64::min)?;
    let high = values.iter().copied().reduce(f64::max)?;
    let range = [low * 0.9, (high * 1.1).max(low * 2.0)];
    let x = Scale::linear([0.0, nines], [left, right]);
    let y = Scale::log(range, [bottom, top]);
    let mut svg = Svg::new(SIZE[0], SIZE[1]);
    axes(&mut svg, range, &y, nines, &x);
    for (index, of) in latencies {
        band(&mut svg, *index, of, &x, &y);
    }
    let mut ends = Vec::new();
    for (index, of) in latencies {
        let points: Vec<_> = curve(&of.all, reach(&of.all)).into_iter().map(|(n, ms)| [x.at(n), y.at(ms)]).collect();
        svg.path(&format!("curve d{} {}", index % 4, mode_class(*index)), &points);
        ends.extend(points.last().copied());
    }
    let wanted: Vec<_> = ends.iter().map(|end| end[1]).collect();
    let places = spread(&wanted, 17.0, top, bottom);
    for (((index, of), end), place) in latencies.iter().zip(ends).zip(places) {
        svg.mark(*index, "solid", end, 4.0, &of.mode);
        svg.line("leader", [end[0] + 6.0, end[1]], [right + 12.0, place]);
        svg.text(&format!("label {}", mode_class(*index)), [right + 15.0, place + 4.0], Anchor::Start, &of.mode);
    }
    let said: Vec<_> = latencies
        .iter()
        .map(|(_, of)| {
            let at = |quantile| micros(float(of.all.value_at_quantile(quantile)));
            format!("{}: median {}, 99th percentile {}", of.mode, at(0.5), at(0.99))
        })
        .collect();
    Some(svg.finish("chart-latency", "Latency by percentile", &format!("{}.", said.join("; "))))
}

fn axes(svg: &mut Svg, range: [f64; 2], y: &Scale, nines: f64, x: &Scale) {
    let [left, right, top, bottom] = PLOT;
    for tick in log_ticks(range) {
        svg.line("grid", [left, y.at(tick)], [right, y.at(tick)]);
        svg.text("tick", [left - 8.0, y.at(tick) + 4.0], Anchor::End, &tick_label(tick));
    }
    svg.text("axis", [left - 8.0, top - 14.0], Anchor::End, "ms");
    let mut places = vec![(0.0, "0".to_owned()), (2_f64.log10(), "50".to_owned())];
    let mut whole = 1_u32;
    while f64::from(whole) <= nines + 1e-9 {
        let decimals = usize::try_from(whole).unwrap_or(0).saturating_sub(2);
        places.push((f64::from(whole), fixed(100.0 - 10_f64.powi(2 - whole.cast_signed()), decimals)));
        whole += 1;
    }
    for (nines, label) in places {
        svg.line("grid", [x.at(nines), top], [x.at(nines), bottom]);
        svg.text("tick", [x.at(nines), bottom + 18.0], Anchor::Middle, &label);
    }
    svg.line("base", [left, bottom], [right, bottom]);
    svg.text(
        "axis",
        [f64::midpoint(left, right), bottom + 40.0],
        Anchor::Middle,
        "percentile: so many % of requests took no longer",
    );
}

/// Between the fastest and the slowest run.
fn band(svg: &mut Svg, index: usize, of: &Latencies, x: &Scale, y: &Scale) {
    if of.runs.len() < 2 {
        return;
    }
    let until = of.runs.iter().map(reach).fold(f64::INFINITY, f64::min);
    let curves: Vec<_> = of.runs.iter().map(|run| curve(run, until)).collect();
    let Some(first) = curves.first() else { return };
    let edge = |pick: fn(f64, f64) -> f64| {
        let at = |step: usize| curves.iter().filter_map(|curve| curve.get(step)).map(|point| point.1).reduce(pick);
        let points = first.iter().enumerate().filter_map(|(step, (nines, _))| Some([x.at(*nines), y.at(at(step)?)]));
        points.collect::<Vec<_>>()
    };
    let mut outline = edge(f64::max);
    outline.extend(edge(f64::min).into_iter().rev());
    svg.area(&format!("band {}", mode_class(index)), &outline);
}
