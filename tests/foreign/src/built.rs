//! What was built, and how.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// A set of versions, as a folder of `programs/`.
pub const VERSIONS: [&str; 2] = ["old", "new"];

/// Profiles of Cargo with which they are built, as its folders are called.
pub const BUILDS: [&str; 6] = ["release", "stripped", "debug", "thin", "fat", "fat-stripped"];

/// Which flavour of tokio's runtime.
pub const RUNTIMES: [&str; 2] = ["multi_thread", "current_thread"];

/// One way to build and run the programs of tokio.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Combination {
    /// One of [`VERSIONS`].
    pub versions: String,
    /// One of [`BUILDS`].
    pub build: String,
    /// One of [`RUNTIMES`].
    pub runtime: String,
}

impl Combination {
    /// By their names.
    #[must_use]
    pub fn new(versions: &str, build: &str, runtime: &str) -> Self {
        Self { versions: versions.to_owned(), build: build.to_owned(), runtime: runtime.to_owned() }
    }

    /// Every one.
    #[must_use]
    pub fn all() -> Vec<Self> {
        let mut all = Vec::new();
        for versions in VERSIONS {
            for build in BUILDS {
                all.extend(RUNTIMES.map(|runtime| Self::new(versions, build, runtime)));
            }
        }
        all
    }

    /// Its executable, below the folder into which everything is built.
    #[must_use]
    pub fn executable(&self, folder: &Path) -> PathBuf {
        folder.join(&self.versions).join(&self.build).join("harbour")
    }
}

/// Where `build` puts what it builds: `foreign` in Cargo's folder of results.
#[must_use]
pub fn folder() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from);
    root.join(target).join("foreign")
}

/// The sources of the programs.
#[must_use]
pub fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("programs")
}

/// The version of a crate that a set of versions has, by its lock.
#[must_use]
pub fn version(versions: &str, name: &str) -> Option<String> {
    let lock = std::fs::read_to_string(sources().join(versions).join("Cargo.lock")).ok()?;
    let wanted = format!("name = \"{name}\"");
    let mut lines = lock.lines().skip_while(|line| *line != wanted);
    lines.next()?;
    Some(lines.next()?.strip_prefix("version = \"")?.trim_end_matches('"').to_owned())
}
