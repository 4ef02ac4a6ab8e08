//! An experiment with all that follows from it, and its files.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

use crate::code_cost::CodeCost;
use crate::latency::LatencyError;
use crate::model::{Experiment, Run};
use crate::question::Question;
use crate::report;
use crate::results::Results;
use crate::stats::verdict::Verdict;

/// The version of `summary.json`: it grows when a field changes its meaning or is gone, not when one is added.
pub const SCHEMA: u32 = 1;

/// The numbers, to compute with.
const JSON: &str = "summary.json";
/// The page, to look at.
const PAGE: &str = "index.html";

/// Why a summary cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or folder cannot be written.
    #[error("cannot write {}, so nothing was changed there: {source}", path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The file is no summary.
    #[error("{} is not a summary of `bookstore bench`: {source}", path.display())]
    Parse {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// The file is a summary of another version.
    #[error("{} has version {found} of the summary, and this program reads version {SCHEMA}: use the program that wrote it", path.display())]
    Schema {
        /// Which.
        path: PathBuf,
        /// Its version.
        found: u32,
    },
    /// A summary cannot be turned into JSON.
    #[error("the summary cannot be written as JSON: {0}")]
    Json(serde_json::Error),
    /// A histogram in it cannot be read.
    #[error(transparent)]
    Latency(#[from] LatencyError),
    /// The page cannot be made.
    #[error("the page cannot be made: {0}")]
    Page(#[from] askama::Error),
}

/// An experiment with all that follows from it: this is `summary.json`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Summary {
    /// The version of this form, [`SCHEMA`].
    pub schema: u32,
    /// What was to be measured, on what, and how.
    pub experiment: Experiment,
    /// What follows from the runs.
    pub results: Results,
    /// What instrumentation costs in code, if that was looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code_cost: Option<CodeCost>,
    /// What was measured, run by run, in order of time.
    pub runs: Vec<Run>,
}

impl Summary {
    /// Computes what follows from the runs.
    #[must_use]
    pub fn new(experiment: Experiment, runs: Vec<Run>, code_cost: Option<CodeCost>) -> Self {
        let results = Results::of(&experiment, &runs);
        Self { schema: SCHEMA, experiment, results, code_cost, runs }
    }

    /// Reads a `summary.json`.
    ///
    /// # Errors
    /// When there is none, or it is of another version, or something else.
    pub fn read(path: &Path) -> Result<Self, Error> {
        /// What every version has.
        #[derive(Deserialize)]
        struct Version {
            schema: u32,
        }
        let text = std::fs::read_to_string(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
        let parse = |source| Error::Parse { path: path.to_owned(), source };
        let Version { schema } = serde_json::from_str(&text).map_err(parse)?;
        if schema != SCHEMA {
            return Err(Error::Schema { path: path.to_owned(), found: schema });
        }
        serde_json::from_str(&text).map_err(parse)
    }

    /// What can be said to the question that the experiment is made for, of each mode but the first: its label and the
    /// verdict, if it was measured.
    pub fn primary(&self) -> impl Iterator<Item = (&str, Option<&Verdict>)> {
        self.results
            .comparisons
            .iter()
            .map(|comparison| (comparison.mode.as_str(), comparison.verdicts.get(&Question::PRIMARY)))
    }

    /// What can be said, for a terminal of so many columns.
    #[must_use]
    pub fn text(&self, width: usize) -> String {
        crate::text::text(self, width)
    }

    /// The page.
    ///
    /// # Errors
    /// When a histogram cannot be read.
    pub fn page(&self) -> Result<String, Error> {
        report::page(self)
    }
}

/// Writes `summary.json` and `index.html` into a folder, which is made if it is not there. Either both are new after
/// that, or neither is.
///
/// # Errors
/// When the folder cannot be made or written to, or the disk is full.
pub fn write(folder: &Path, summary: &Summary) -> Result<(), Error> {
    let json = serde_json::to_string_pretty(summary).map_err(Error::Json)? + "\n";
    let page = report::page(summary)?;
    std::fs::create_dir_all(folder).map_err(|source| Error::Write { path: folder.to_owned(), source })?;
    // All that can go wrong for lack of space or permission does so here, before anything has its name.
    let new_json = prepare(folder, JSON, &json)?;
    let new_page = prepare(folder, PAGE, &page)?;
    let old = Old::keep(folder.join(JSON))?;
    rename(new_json, &folder.join(JSON))?;
    if let Err(error) = rename(new_page, &folder.join(PAGE)) {
        old.restore();
        return Err(error);
    }
    Ok(())
}

/// Writes a file beside the place where it belongs.
fn prepare(folder: &Path, name: &str, text: &str) -> Result<NamedTempFile, Error> {
    let failed = |source| Error::Write { path: folder.join(name), source };
    // As readable as any other file (the umask decides): the default for temporary files is for their owner alone.
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let mut file = builder.prefix(".bench-").tempfile_in(folder).map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    Ok(file)
}

fn rename(file: NamedTempFile, path: &Path) -> Result<(), Error> {
    file.persist(path).map_err(|error| Error::Write { path: path.to_owned(), source: error.error })?;
    Ok(())
}

/// What stood in a file before.
struct Old {
    path: PathBuf,
    bytes: Option<Vec<u8>>,
}

impl Old {
    fn keep(path: PathBuf) -> Result<Self, Error> {
        match std::fs::read(&path) {
            Ok(bytes) => Ok(Self { path, bytes: Some(bytes) }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self { path, bytes: None }),
            Err(source) => Err(Error::Write { path, source }),
        }
    }

    /// Puts it back, as well as can be: the error that is told is the one that made it necessary.
    fn restore(self) {
        let _ = match self.bytes {
            Some(bytes) => std::fs::write(&self.path, bytes),
            None => std::fs::remove_file(&self.path),
        };
    }
}
