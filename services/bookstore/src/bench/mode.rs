//! A mode: who makes telemetry, and, to test the bench itself, processor time that is wasted on purpose.

use std::fmt;
use std::str::FromStr;

use crate::cli::Instrumentation;

/// `none`, `manual`, `ebpf`, `both`, or one of them with `+50us`: so many microseconds of processor time are burnt in each request that
/// the storefront receives.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Mode {
    pub(crate) instrumentation: Instrumentation,
    /// Microseconds.
    pub(crate) planted_us: Option<u32>,
}

impl FromStr for Mode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, planted) = match text.split_once('+') {
            Some((name, planted)) => (name, Some(planted)),
            None => (text, None),
        };
        let instrumentation = match name {
            "none" => Instrumentation::None,
            "manual" if cfg!(feature = "otel") => Instrumentation::Manual,
            "both" if cfg!(feature = "otel") => Instrumentation::Both,
            "manual" | "both" => return Err("this build has no OpenTelemetry in it (--no-default-features)".to_owned()),
            "ebpf" => Instrumentation::Ebpf,
            _ => return Err(format!("“{name}” is no mode: none, manual, ebpf and both are")),
        };
        let planted_us = match planted.map(|text| text.strip_suffix("us").and_then(|number| number.parse().ok())) {
            None => None,
            Some(Some(us @ 1..=100_000)) => Some(us),
            Some(_) => return Err("what is planted is microseconds, such as none+50us (1 to 100000)".to_owned()),
        };
        Ok(Self { instrumentation, planted_us })
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.instrumentation.fmt(f)?;
        match self.planted_us {
            Some(us) => write!(f, "+{us}us"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_read_as_they_are_written() {
        for text in ["none", "none+50us", "ebpf"] {
            assert_eq!(text.parse::<Mode>().unwrap().to_string(), text);
        }
        for text in ["", "some", "none+", "none+50", "none+0us", "none+50us+50us", "none+-1us"] {
            assert!(text.parse::<Mode>().is_err(), "{text}");
        }
    }
}
