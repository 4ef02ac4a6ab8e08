//! Rules in a file of TOML:
//!
//! ```toml
//! [[target]]
//! exe = "/srv/shop/checkout*"
//! service = "checkout"    # unless it says so itself (OTEL_SERVICE_NAME)
//!
//! [[target]]
//! port = 8080
//!
//! [[target]]
//! pid = 4711
//! ```

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::rules::{Glob, Rule, Select};

/// Why a file of rules cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file.
    #[error("{} cannot be read: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// What is in it; the line and column are in the text.
    #[error("{}: {source}", path.display())]
    Content {
        /// Which.
        path: PathBuf,
        /// Where, and why.
        source: toml::de::Error,
    },
}

/// The file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    target: Vec<Rule>,
}

/// One target, as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Target {
    pid: Option<u32>,
    exe: Option<Glob>,
    port: Option<u16>,
    service: Option<String>,
}

impl<'de> Deserialize<'de> for Rule {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Target { pid, exe, port, service } = Target::deserialize(deserializer)?;
        let selects = [pid.map(Select::Pid), exe.map(Select::Executable), port.map(Select::Port)];
        let mut selects = selects.into_iter().flatten();
        match (selects.next(), selects.next()) {
            (Some(select), None) => Ok(Self { select, service }),
            _ => Err(serde::de::Error::custom("a target has one of exe, port and pid")),
        }
    }
}

impl Rule {
    /// Reads a file.
    ///
    /// # Errors
    /// When there is none, or something in it is none of ours; with line and column.
    pub fn read(path: &Path) -> Result<Vec<Self>, ConfigError> {
        let path = path.to_owned();
        match std::fs::read_to_string(&path) {
            Ok(text) => Self::parse(&text).map_err(|source| ConfigError::Content { path, source }),
            Err(source) => Err(ConfigError::File { path, source }),
        }
    }

    fn parse(text: &str) -> Result<Vec<Self>, toml::de::Error> {
        toml::from_str::<File>(text).map(|file| file.target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_says_what_the_command_line_does() {
        let text = "[[target]]\nexe = \"check*\"\nservice = \"checkout\"\n[[target]]\nport = 80\n[[target]]\npid = 7\n";
        let rules = Rule::parse(text).expect("it is right");
        let expected = ["checkout=check*".parse().expect("it is a rule"), Rule::new(Select::Port(80))];
        assert_eq!(rules[..2], expected);
        assert_eq!(rules[2], Rule::new(Select::Pid(7)));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        for (text, place, reason) in [
            ("[[target]]\nexe = \"a\"\nprot = 1\n", "line 3, column 1", "unknown field `prot`"),
            ("[[target]]\nexe = \"a\"\n\n[[target]]\nexe = \"[a\"\n", "line 5, column 7", "`[a` is no pattern"),
            ("[[target]]\nport = 65536\n", "line 2, column 8", "65536"),
            ("[[target]]\nservice = \"a\"\n", "line 1, column 1", "a target has one of exe, port and pid"),
            ("[[target]]\npid = 1\nport = 1\n", "line 1, column 1", "a target has one of exe, port and pid"),
            ("targets = []\n", "line 1, column 1", "unknown field `targets`"),
        ] {
            let error = Rule::parse(text).expect_err(text).to_string();
            assert!(error.contains(place) && error.contains(reason), "{text}{error}");
        }
    }
}
