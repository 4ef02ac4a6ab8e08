//! Settings from strings.
//!
//! A service reads its settings once, through [`Source`]: from the environment in a process, from a map in a test.

use std::collections::HashMap;
use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

/// Where settings come from.
pub trait Source {
    /// The text of a setting, if it is there.
    fn get(&self, name: &str) -> Option<String>;
}

/// The environment of the process. An empty variable counts as unset.
#[derive(Clone, Copy, Debug, Default)]
pub struct Environment;

impl Source for Environment {
    fn get(&self, name: &str) -> Option<String> {
        std::env::var(name).ok().filter(|text| !text.is_empty())
    }
}

impl Source for HashMap<String, String> {
    fn get(&self, name: &str) -> Option<String> {
        self.get(name).cloned()
    }
}

impl<const N: usize> Source for [(&str, &str); N] {
    fn get(&self, name: &str) -> Option<String> {
        self.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
    }
}

/// A setting that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// It has to be there and is not.
    #[error("{name} is not set: {what}")]
    Missing {
        /// The variable.
        name: &'static str,
        /// What it should hold.
        what: &'static str,
    },
    /// It is there and means nothing. The text is left out: it may be a secret.
    #[error("{name} cannot be used: {reason}")]
    Invalid {
        /// The variable.
        name: &'static str,
        /// What is wrong with it.
        reason: String,
    },
}

/// A setting that may be left out.
///
/// # Errors
/// When it is there and cannot be parsed.
pub fn optional<T: FromStr<Err: Display>>(source: &impl Source, name: &'static str) -> Result<Option<T>, ConfigError> {
    source
        .get(name)
        .map(|text| {
            text.trim().parse().map_err(|error: T::Err| ConfigError::Invalid { name, reason: error.to_string() })
        })
        .transpose()
}

/// A setting with a default.
///
/// # Errors
/// When it is there and cannot be parsed.
pub fn or<T: FromStr<Err: Display>>(source: &impl Source, name: &'static str, default: T) -> Result<T, ConfigError> {
    Ok(optional(source, name)?.unwrap_or(default))
}

/// A setting that has to be there.
///
/// # Errors
/// When it is not, or cannot be parsed.
pub fn required<T: FromStr<Err: Display>>(
    source: &impl Source,
    name: &'static str,
    what: &'static str,
) -> Result<T, ConfigError> {
    optional(source, name)?.ok_or(ConfigError::Missing { name, what })
}

/// A duration in milliseconds, with a default.
///
/// # Errors
/// When it is there and is no whole number.
pub fn millis(source: &impl Source, name: &'static str, default: Duration) -> Result<Duration, ConfigError> {
    Ok(optional(source, name)?.map_or(default, Duration::from_millis))
}
