//! Under which conditions it was measured, as the template shows it.

use crate::model::{Experiment, Run};
use crate::number::{NBSP, bytes, tick_label};
use crate::results::receivers;

pub(super) struct Fact {
    pub(super) name: &'static str,
    pub(super) text: String,
}

/// Day and time of an RFC 3339 time in UTC, to the minute: `2026-01-01`, `12:00`.
fn moment(time: &str) -> Option<(&str, &str)> {
    let (day, time) = time.strip_suffix('Z')?.split_once('T')?;
    Some((day, time.get(..5)?))
}

/// The day on which it began.
pub(super) fn day(experiment: &Experiment) -> String {
    moment(&experiment.started).map_or(experiment.started.as_str(), |(day, _)| day).to_owned()
}

fn when(experiment: &Experiment) -> String {
    let Experiment { started, ended, .. } = experiment;
    match (moment(started), moment(ended)) {
        (Some((day, from)), Some((same, to))) if day == same => format!("{day}, {from} to {to} UTC"),
        (Some((day, from)), Some((later, to))) => format!("{day} {from} to {later} {to} UTC"),
        _ => format!("{started} to {ended}"),
    }
}

fn seconds(value: f64) -> String {
    format!("{}{NBSP}s", tick_label(value))
}

/// What one has to know of machine, shop and load.
pub(super) fn conditions(experiment: &Experiment, runs: &[Run]) -> Vec<Fact> {
    let Experiment { machine, versions, durations, cores, .. } = experiment;
    let mut facts = Vec::new();
    let mut fact = |name, text: String| facts.push(Fact { name, text });
    fact("Run", when(experiment));
    fact(
        "Machine",
        format!("{} × {}, {} of memory", machine.cpus, machine.model, bytes(machine.memory_mib * 1024 * 1024)),
    );
    fact("Kernel", machine.kernel.clone());
    let mut built = format!("bookstore {}", versions.bookstore);
    if let Some(rust) = &versions.rust {
        built = format!("{built}, built by {rust}");
    }
    fact("Versions", built);
    fact(
        "Database",
        versions
            .postgres
            .as_ref()
            .map_or_else(|| experiment.database.clone(), |version| format!("{}: {version}", experiment.database)),
    );
    fact("Load", experiment.scenario.clone());
    let mut phases = Vec::new();
    if let (Some(rate), true) = (experiment.rate, durations.fixed_rate_s > 0.0) {
        phases.push(format!("{} at {} visits a second", seconds(durations.fixed_rate_s), tick_label(rate)));
    }
    if durations.saturation_s > 0.0 {
        phases.push(format!("{} as fast as it goes", seconds(durations.saturation_s)));
    }
    fact(
        "Each run",
        format!(
            "a fresh shop; {}, each after {} that are not measured",
            phases.join(", then "),
            seconds(durations.warmup_s)
        ),
    );
    fact(
        "Rounds",
        format!("{} of {} runs each: {}", experiment.rounds, experiment.modes.len(), experiment.modes.join(", ")),
    );
    let list = |cores: &[usize]| cores.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    if !(cores.services.is_empty() && cores.load.is_empty()) {
        fact("Cores", format!("{} for the shop, {} for the load", list(&cores.services), list(&cores.load)));
    }
    fact(
        "Telemetry to",
        match receivers(runs) {
            (true, true) => "the shop’s own receiver in some runs, one that discards in others".to_owned(),
            (true, false) => "the shop’s own receiver, which keeps and shows it".to_owned(),
            (false, true) => "a receiver that counts and discards".to_owned(),
            (false, false) => "nobody: there was no run".to_owned(),
        },
    );
    fact("Seed", experiment.seed.to_string());
    fact("Command", experiment.command.clone());
    facts
}
