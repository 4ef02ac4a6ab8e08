//! What is asked of each pair of modes.

use serde::{Deserialize, Serialize};

use crate::number::{fixed, short, whole};
use crate::results::Values;

/// A question, each with one number a run as its answer.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Question {
    /// Processor time of services and agent together per request, at the fixed rate: all that instrumentation adds to. The one
    /// that the experiment is made for.
    InstrumentedCpu,
    /// Processor time of the services alone per request, at the fixed rate.
    ServicesCpu,
    /// Processor time of services, database and agent together per request, at the fixed rate.
    SideCpu,
    /// Answers a second at saturation.
    Throughput,
    /// The middle of the latencies at the fixed rate.
    LatencyP50,
    /// The 99th percentile of the latencies at the fixed rate.
    LatencyP99,
    /// The most memory that the services held, summed.
    Memory,
}

impl Question {
    /// All, the most important first.
    pub const ALL: [Self; 7] = [
        Self::InstrumentedCpu,
        Self::ServicesCpu,
        Self::SideCpu,
        Self::Throughput,
        Self::LatencyP50,
        Self::LatencyP99,
        Self::Memory,
    ];

    /// The one that the experiment is made for.
    pub const PRIMARY: Self = Self::InstrumentedCpu;

    /// The answer that a run gives, in [`Question::unit`]. None when the run did not measure it.
    #[must_use]
    pub fn value(self, run: &Values) -> Option<f64> {
        let value = match self {
            Self::ServicesCpu => run.cpu_ms?.services,
            Self::InstrumentedCpu => run.cpu_ms.map(|cpu| cpu.services + cpu.agent)?,
            Self::SideCpu => run.cpu_ms?.side(),
            Self::Throughput => run.throughput?,
            Self::LatencyP50 => run.p50_ms?,
            Self::LatencyP99 => run.p99_ms?,
            Self::Memory => run.rss_mib?,
        };
        // A logarithm is taken of it.
        (value.is_finite() && value > 0.0).then_some(value)
    }

    /// The unit of its values.
    #[must_use]
    pub fn unit(self) -> &'static str {
        match self {
            Self::ServicesCpu | Self::InstrumentedCpu | Self::SideCpu | Self::LatencyP50 | Self::LatencyP99 => "ms",
            Self::Throughput => "/s",
            Self::Memory => "MiB",
        }
    }

    /// A value as text, with the decimals that say something.
    pub(crate) fn show(self, value: f64) -> String {
        match self {
            Self::Memory => fixed(value, 1),
            Self::Throughput if value >= 100.0 => whole(value),
            _ => short(value),
        }
    }

    /// What it asks for, in a few words.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ServicesCpu => "CPU per request, services",
            Self::InstrumentedCpu => "CPU per request, services and agent",
            Self::SideCpu => "CPU per request, with database and agent",
            Self::Throughput => "Requests per second at saturation",
            Self::LatencyP50 => "Latency, median",
            Self::LatencyP99 => "Latency, 99th percentile",
            Self::Memory => "Peak memory, services",
        }
    }

    /// The smallest difference of interest, as a multiple of the one for CPU per request: what is noisier by nature
    /// has to differ more. With 2 %: 2 % of CPU, 5 % of throughput, median and memory, 10 % of the 99th percentile.
    #[must_use]
    pub fn delta(self, of_cpu: f64) -> f64 {
        match self {
            Self::ServicesCpu | Self::InstrumentedCpu | Self::SideCpu => of_cpu,
            Self::Throughput | Self::LatencyP50 | Self::Memory => 2.5 * of_cpu,
            Self::LatencyP99 => 5.0 * of_cpu,
        }
    }
}
