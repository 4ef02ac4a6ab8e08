//! What a service says about itself; everything else comes from the standard `OTEL_*` names.

use std::str::FromStr;

/// What [`init`](crate::init) is told by the service.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Settings {
    /// `service.name`, unless `OTEL_SERVICE_NAME` says otherwise.
    pub service_name: String,
    /// `service.version`.
    pub service_version: &'static str,
    /// How log lines look in the terminal.
    pub log_format: LogFormat,
    /// Whether spans carry the request id and hop ([`CallAttributes`](crate::CallAttributes)). Off by default.
    pub record_calls: bool,
}

impl Settings {
    /// The defaults for a service of this name and version.
    pub fn new(service_name: impl Into<String>, service_version: &'static str) -> Self {
        Self { service_name: service_name.into(), service_version, log_format: LogFormat::Pretty, record_calls: false }
    }

    /// The same with another form of log lines.
    #[must_use]
    pub fn with_log_format(mut self, log_format: LogFormat) -> Self {
        self.log_format = log_format;
        self
    }

    /// The same with the request id and hop on spans, or without.
    #[must_use]
    pub fn with_record_calls(mut self, record_calls: bool) -> Self {
        self.record_calls = record_calls;
        self
    }
}

/// How log lines look in the terminal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For a person: time, level, service, message, fields.
    #[default]
    Pretty,
    /// One JSON object a line, with trace and span id.
    Json,
}

impl FromStr for LogFormat {
    type Err = InitError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "pretty" => Ok(Self::Pretty),
            "json" => Ok(Self::Json),
            other => Err(InitError::LogFormat(other.to_owned())),
        }
    }
}

/// Why telemetry could not be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InitError {
    /// A log format that does not exist.
    #[error("log format {0:?} is unknown: use \"pretty\" or \"json\"")]
    LogFormat(String),
    /// A tracing subscriber was installed before.
    #[error("telemetry was set up before in this process")]
    AlreadySetUp,
    /// An exporter could not be built.
    #[error("the exporter of {signal} cannot be built: {reason}")]
    Exporter {
        /// `traces`, `metrics` or `logs`.
        signal: &'static str,
        /// What the SDK says.
        reason: String,
    },
}
