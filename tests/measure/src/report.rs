//! The result file.

use std::io::Write as _;

use serde::Serialize;

/// Everything that was measured.
#[derive(Debug, Serialize)]
pub(crate) struct Result {
    pub(crate) machine: Machine,
    pub(crate) start: crate::start::Start,
    pub(crate) memory: crate::memory::Memory,
    pub(crate) rush: crate::rush::Rush,
    pub(crate) route: crate::route::Route,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) frame_pointers: Option<crate::route::Ratio>,
}

/// What it was measured on.
#[derive(Debug, Serialize)]
pub(crate) struct Machine {
    cpus: usize,
    model: String,
    kernel: String,
    command: String,
}

impl Machine {
    pub(crate) fn here() -> anyhow::Result<Self> {
        let info = std::fs::read_to_string("/proc/cpuinfo")?;
        let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        // Of a path only its last part: where things lie on this machine is nobody's business.
        let last = |argument: String| argument.rsplit('/').next().unwrap_or_default().to_owned();
        let arguments: Vec<_> = std::env::args().skip(1).map(last).collect();
        Ok(Self {
            cpus: std::thread::available_parallelism()?.get(),
            model: model.map_or("unknown", |(_, name)| name).to_owned(),
            kernel: std::fs::read_to_string("/proc/sys/kernel/osrelease")?.trim().to_owned(),
            command: format!("measure {}", arguments.join(" ")).trim().to_owned(),
        })
    }
}

/// The least, the middle and the most of several runs.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Spread {
    pub(crate) min: f64,
    pub(crate) median: f64,
    pub(crate) max: f64,
}

impl Spread {
    pub(crate) fn of(values: &[f64]) -> Self {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let at = |index: usize| round(sorted.get(index).copied().unwrap_or(f64::NAN));
        Self { min: at(0), median: at(sorted.len() / 2), max: at(sorted.len().saturating_sub(1)) }
    }
}

/// Three decimals: more would be noise.
pub(crate) fn round(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

/// Says on standard error what is being done.
pub(crate) fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
