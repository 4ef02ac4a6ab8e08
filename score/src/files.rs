//! From paths to a report: what the command does.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use crate::judge::{Mismatch, judge};
use crate::lines::ReadError;
use crate::spans::Spans;
use crate::truth::Truth;
use crate::verdict::Verdict;

/// Why files could not be scored.
#[derive(Debug, thiserror::Error)]
pub enum ScoreError {
    /// A file could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Spans and truth have nothing to do with each other.
    #[error(transparent)]
    Mismatch(#[from] Mismatch),
}

/// Judges the spans of one run by its truth logs. Each path is a file, or a folder of which all `.jsonl` files are read.
///
/// # Errors
/// Which file cannot be read and where, or that they are not of one run.
pub fn score(otlp: &[impl AsRef<Path>], truth: &[impl AsRef<Path>]) -> Result<Verdict, ScoreError> {
    let mut known = Truth::default();
    for path in truth {
        each(path.as_ref(), |reader, name| known.read(reader, name))?;
    }
    let mut spans = Spans::default();
    for path in otlp {
        each(path.as_ref(), |reader, name| spans.read_json_lines(reader, name))?;
    }
    Ok(judge(&known, &spans)?)
}

/// Hands over the file, or each `.jsonl` file of the folder, by name. In a folder a file may be empty, such as that of
/// a service that had nothing to do, if another one is not.
fn each(path: &Path, mut take: impl FnMut(Box<dyn BufRead>, &str) -> Result<(), ReadError>) -> Result<(), ReadError> {
    let failed = |path: &Path| {
        let file = path.display().to_string();
        move |source: io::Error| ReadError::Io { file, source }
    };
    let mut read = |path: &Path| {
        let file = File::open(path).map_err(failed(path))?;
        take(Box::new(BufReader::with_capacity(1 << 20, file)), &path.display().to_string())
    };
    if !path.is_dir() {
        return read(path);
    }
    let mut files: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(path).map_err(failed(path))? {
        let file = entry.map_err(failed(path))?.path();
        if file.extension().is_some_and(|extension| extension == "jsonl") {
            files.push(file);
        }
    }
    files.sort();
    let mut empty = None;
    let mut any = false;
    for file in &files {
        match read(file) {
            Err(error @ ReadError::Empty { .. }) => empty = Some(error),
            other => {
                other?;
                any = true;
            }
        }
    }
    match empty {
        _ if any => Ok(()),
        Some(error) => Err(error),
        None => Err(ReadError::NoFiles { folder: path.display().to_string() }),
    }
}
