//! Who is wanted.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use glob::{MatchOptions, Pattern};
use serde::Deserialize;

/// Which processes are wanted: those that fit to one of the rules.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rules {
    /// The first that fits counts.
    pub any: Vec<Rule>,
    /// Of the processes that fit, only services of these names; empty: of any.
    pub services: Vec<String>,
}

/// One rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Whom it selects.
    pub select: Select,
    /// What such a service is called, where it does not say so itself.
    pub service: Option<String>,
}

/// Whom a rule selects.
#[derive(Clone, Debug, PartialEq)]
pub enum Select {
    /// This process.
    Pid(u32),
    /// Whatever runs such an executable.
    Executable(Glob),
    /// Whoever listens on this TCP port.
    Port(u16),
    /// What this process has started, and what that has.
    Descendants(u32),
}

/// A pattern of shells: of the executable's path if there is a `/` in it, else of its name.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "String")]
pub struct Glob(Pattern);

impl Glob {
    /// Whether an executable fits.
    #[must_use]
    pub fn fits(&self, executable: &Path) -> bool {
        let options = MatchOptions { require_literal_separator: true, ..MatchOptions::default() };
        if self.0.as_str().contains('/') {
            self.0.matches_path_with(executable, options)
        } else {
            executable.file_name().is_some_and(|name| self.0.matches_path_with(Path::new(name), options))
        }
    }
}

impl FromStr for Glob {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("the pattern is empty: nothing fits to it".to_owned());
        }
        Pattern::new(text).map(Self).map_err(|error| format!("`{text}` is no pattern: {}", error.msg))
    }
}

impl TryFrom<String> for Glob {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl Rule {
    /// One without a name.
    #[must_use]
    pub fn new(select: Select) -> Self {
        Self { select, service: None }
    }
}

/// `NAME=GLOB`: what `--service` takes.
impl FromStr for Rule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((name, glob)) if !name.is_empty() => {
                Ok(Self { select: Select::Executable(glob.parse()?), service: Some(name.to_owned()) })
            }
            _ => Err("it is NAME=GLOB: checkout='/srv/checkout*'".to_owned()),
        }
    }
}

impl Rules {
    /// The ports that somebody is wanted to listen on.
    #[must_use]
    pub fn ports(&self) -> Vec<u16> {
        let port = |rule: &Rule| if let Select::Port(port) = rule.select { Some(port) } else { None };
        self.any.iter().filter_map(port).collect()
    }

    /// Whether a service of this name is wanted.
    #[must_use]
    pub fn wants(&self, service: &str) -> bool {
        self.services.is_empty() || self.services.iter().any(|it| it == service)
    }
}

impl fmt::Display for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, rule) in self.any.iter().enumerate() {
            f.write_str(if at == 0 { "" } else { ", or " })?;
            match &rule.select {
                Select::Pid(pid) => write!(f, "process {pid}")?,
                Select::Executable(glob) => write!(f, "one whose executable is {}", glob.0)?,
                Select::Port(port) => write!(f, "one that listens on port {port}")?,
                Select::Descendants(pid) => write!(f, "one that descends from process {pid}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(glob: &str, path: &str) -> bool {
        glob.parse::<Glob>().expect("it is a pattern").fits(Path::new(path))
    }

    #[test]
    fn patterns_are_of_names_or_of_paths() {
        assert!(fits("check*", "/srv/shop/checkout"));
        assert!(!fits("check*", "/srv/check/out"));
        assert!(fits("/srv/*/checkout", "/srv/shop/checkout"));
        assert!(!fits("/srv/*/checkout", "/srv/a/b/checkout"));
        assert!(fits("/srv/**/checkout", "/srv/a/b/checkout"));
        assert!(fits("**/checkout-[0-9]", "/srv/checkout-2"));
    }

    #[test]
    fn a_service_is_a_name_and_a_pattern() {
        let rule: Rule = "shop=/srv/*".parse().expect("it is a rule");
        assert_eq!(rule.service.as_deref(), Some("shop"));
        for wrong in ["shop", "=/srv/*", "shop=", "shop=[a"] {
            assert!(wrong.parse::<Rule>().is_err(), "{wrong}");
        }
    }
}
