//! What can be set, read at the edge only.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

/// The settings; [`Config::default`] is what runs when nothing is set.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where OTLP/gRPC is expected. `COMPARE_OTLP_GRPC_ADDR`, default `127.0.0.1:4317`, empty for none.
    /// Every address serves everything: this one is there because exporters look for it.
    pub otlp_grpc: Option<SocketAddr>,
    /// Where OTLP/HTTP is expected. `COMPARE_OTLP_HTTP_ADDR`, default `127.0.0.1:4318`, empty for none.
    pub otlp_http: Option<SocketAddr>,
    /// Where pages of the shop are served: they may read one trace from a browser (CORS), and the empty list links
    /// to the first. `COMPARE_STOREFRONT_ORIGINS`, comma-separated, default `http://localhost:8080,http://127.0.0.1:8080`.
    pub storefront_origins: Vec<String>,
    /// How much is kept.
    pub keep: Keep,
    /// How much is taken in at once.
    pub intake: Intake,
    /// Spans and log records are counted and thrown away, to measure their senders. `COMPARE_DISCARD`, default `false`.
    /// Metrics are kept: by them senders say what they have lost.
    pub discard: bool,
}

/// How much is kept. Whatever comes first makes the oldest trace go.
#[derive(Clone, Copy, Debug)]
pub struct Keep {
    /// Bytes of telemetry, all signals together. `COMPARE_MEMORY_MIB`, default 64 MiB.
    pub bytes: usize,
    /// Traces. `COMPARE_MAX_TRACES`, default 20,000.
    pub traces: usize,
    /// Spans of one trace; more are counted and left out. `COMPARE_MAX_SPANS_PER_TRACE`, default 10,000.
    pub spans_per_trace: usize,
    /// Log records of one trace; more are counted and left out. As many as spans.
    pub logs_per_trace: usize,
    /// Log records that belong to no trace: the last ones.
    pub loose_logs: usize,
    /// Series of metrics, the last point of each.
    pub series: usize,
}

/// How much is taken in at once.
#[derive(Clone, Copy, Debug)]
pub struct Intake {
    /// Bytes of one request, as sent and after decompression. `COMPARE_MAX_REQUEST_MIB`, default 16 MiB.
    pub request_bytes: usize,
    /// Requests read or decoded at the same time; more are told to come back. `COMPARE_MAX_IN_FLIGHT`, default 16.
    pub in_flight: usize,
    /// Connections open at the same time; more wait to be accepted.
    pub connections: usize,
    /// How long a request may take to arrive.
    pub timeout: Duration,
}

impl Default for Keep {
    fn default() -> Self {
        Self {
            bytes: 64 << 20,
            traces: 20_000,
            spans_per_trace: 10_000,
            logs_per_trace: 10_000,
            loose_logs: 1_000,
            series: 4_096,
        }
    }
}

impl Default for Intake {
    fn default() -> Self {
        Self { request_bytes: 16 << 20, in_flight: 16, connections: 512, timeout: Duration::from_secs(10) }
    }
}

impl Default for Config {
    fn default() -> Self {
        let local = |port| Some(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port));
        Self {
            otlp_grpc: local(4317),
            otlp_http: local(4318),
            storefront_origins: vec!["http://localhost:8080".to_owned(), "http://127.0.0.1:8080".to_owned()],
            keep: Keep::default(),
            intake: Intake::default(),
            discard: false,
        }
    }
}

/// A value that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{name} is {value:?}: expected {expected}")]
pub struct ConfigError {
    name: &'static str,
    value: String,
    expected: &'static str,
}

impl Config {
    /// Reads the settings from a source of strings, such as the environment: `Config::from_source(|name| env::var(name).ok())`.
    ///
    /// # Errors
    /// A value that does not parse or is out of range.
    pub fn from_source(get: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let default = Self::default();
        let mib = |name, default: usize, least| Ok(number(&get, name, default >> 20, least, 1 << 20)? << 20);
        let spans_per_trace = number(&get, "COMPARE_MAX_SPANS_PER_TRACE", default.keep.spans_per_trace, 1, 10_000_000)?;
        Ok(Self {
            otlp_grpc: address(&get, "COMPARE_OTLP_GRPC_ADDR", default.otlp_grpc)?,
            otlp_http: address(&get, "COMPARE_OTLP_HTTP_ADDR", default.otlp_http)?,
            storefront_origins: origins(&get, default.storefront_origins)?,
            keep: Keep {
                bytes: mib("COMPARE_MEMORY_MIB", default.keep.bytes, 1)?,
                traces: number(&get, "COMPARE_MAX_TRACES", default.keep.traces, 1, 10_000_000)?,
                spans_per_trace,
                logs_per_trace: spans_per_trace,
                ..default.keep
            },
            intake: Intake {
                request_bytes: mib("COMPARE_MAX_REQUEST_MIB", default.intake.request_bytes, 1)?,
                in_flight: number(&get, "COMPARE_MAX_IN_FLIGHT", default.intake.in_flight, 1, 10_000)?,
                ..default.intake
            },
            discard: flag(&get, "COMPARE_DISCARD")?,
        })
    }
}

type Get<'a> = &'a dyn Fn(&str) -> Option<String>;

fn number(get: Get<'_>, name: &'static str, default: usize, least: usize, most: usize) -> Result<usize, ConfigError> {
    let Some(value) = get(name) else { return Ok(default) };
    match value.trim().parse() {
        Ok(number) if (least..=most).contains(&number) => Ok(number),
        _ => Err(ConfigError { name, value, expected: "a whole number within its range" }),
    }
}

fn flag(get: Get<'_>, name: &'static str) -> Result<bool, ConfigError> {
    match get(name).as_deref().map(str::trim) {
        None | Some("" | "false") => Ok(false),
        Some("true") => Ok(true),
        Some(value) => Err(ConfigError { name, value: value.to_owned(), expected: "true or false" }),
    }
}

fn address(get: Get<'_>, name: &'static str, default: Option<SocketAddr>) -> Result<Option<SocketAddr>, ConfigError> {
    match get(name) {
        None => Ok(default),
        Some(value) if value.trim().is_empty() => Ok(None),
        Some(value) => match value.trim().parse() {
            Ok(address) => Ok(Some(address)),
            Err(_) => Err(ConfigError { name, value, expected: "an IP address and a port, or nothing" }),
        },
    }
}

fn origins(get: Get<'_>, default: Vec<String>) -> Result<Vec<String>, ConfigError> {
    const NAME: &str = "COMPARE_STOREFRONT_ORIGINS";
    let Some(value) = get(NAME) else { return Ok(default) };
    let origins: Vec<String> =
        value.split(',').map(|it| it.trim().trim_end_matches('/').to_owned()).filter(|it| !it.is_empty()).collect();
    let valid = |origin: &String| {
        let rest = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
        rest.is_some_and(|host| !host.is_empty() && host.bytes().all(|it| it.is_ascii_graphic() && it != b'/'))
    };
    if origins.iter().all(valid) {
        Ok(origins)
    } else {
        Err(ConfigError { name: NAME, value, expected: "origins such as http://localhost:8080, comma-separated" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(pairs: &[(&str, &str)]) -> Result<Config, ConfigError> {
        Config::from_source(|name| pairs.iter().find(|it| it.0 == name).map(|it| it.1.to_owned()))
    }

    #[test]
    fn nothing_set_is_the_default() {
        let config = from(&[]).unwrap();
        assert_eq!(config.keep.bytes, 64 << 20);
        assert_eq!(config.otlp_grpc.unwrap().to_string(), "127.0.0.1:4317");
    }

    #[test]
    fn values_are_read() {
        let config = from(&[
            ("COMPARE_MEMORY_MIB", "8"),
            ("COMPARE_OTLP_HTTP_ADDR", ""),
            ("COMPARE_OTLP_GRPC_ADDR", "0.0.0.0:5317"),
            ("COMPARE_STOREFRONT_ORIGINS", "https://shop.example/, http://localhost:9"),
        ])
        .unwrap();
        assert_eq!(config.keep.bytes, 8 << 20);
        assert_eq!(config.otlp_http, None);
        assert_eq!(config.otlp_grpc.unwrap().port(), 5317);
        assert_eq!(config.storefront_origins, ["https://shop.example", "http://localhost:9"]);
    }

    #[test]
    fn mistakes_name_the_variable() {
        for (name, value) in [
            ("COMPARE_MEMORY_MIB", "0"),
            ("COMPARE_MAX_TRACES", "many"),
            ("COMPARE_DISCARD", "perhaps"),
            ("COMPARE_OTLP_GRPC_ADDR", "localhost"),
            ("COMPARE_STOREFRONT_ORIGINS", "javascript:alert(1)"),
        ] {
            let error = from(&[(name, value)]).unwrap_err().to_string();
            assert!(error.starts_with(name), "{error}");
        }
    }
}
