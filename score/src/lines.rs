//! Files of lines, and errors that say where in which file.

use std::io::{self, BufRead};

/// Why a file could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The system would not.
    #[error("cannot read {file}")]
    Io {
        /// Its path, or what the caller called it.
        file: String,
        /// Why not.
        source: io::Error,
    },
    /// A line is not what it should be.
    #[error("{file}, line {line}, column {column}: {reason}")]
    Line {
        /// Its path, or what the caller called it.
        file: String,
        /// Counted from 1.
        line: u64,
        /// In bytes, counted from 1.
        column: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// There is no line in it.
    #[error("{file} is empty, but should hold {expected}")]
    Empty {
        /// Its path, or what the caller called it.
        file: String,
        /// What was looked for.
        expected: &'static str,
    },
    /// A folder without such files.
    #[error("{folder} holds no file whose name ends in .jsonl")]
    NoFiles {
        /// Its path.
        folder: String,
    },
}

/// What is wrong with one line, and where in it.
#[derive(Debug)]
pub(crate) struct Unreadable {
    column: usize,
    reason: String,
}

impl From<String> for Unreadable {
    /// Wrong as a whole.
    fn from(reason: String) -> Self {
        Self { column: 1, reason }
    }
}

impl From<serde_json::Error> for Unreadable {
    fn from(error: serde_json::Error) -> Self {
        let text = error.to_string();
        // What was parsed is one line: its number in there says nothing.
        let reason = text.rsplit_once(" at line ").map_or(text.as_str(), |(reason, _)| reason).to_owned();
        Self { column: error.column().max(1), reason }
    }
}

/// Hands each line that is not blank to `take`.
pub(crate) fn each(
    mut reader: impl BufRead,
    file: &str,
    expected: &'static str,
    mut take: impl FnMut(&[u8]) -> Result<(), Unreadable>,
) -> Result<(), ReadError> {
    let (mut buffer, mut number, mut taken) = (Vec::new(), 0, 0_u64);
    loop {
        buffer.clear();
        let read = reader.read_until(b'\n', &mut buffer);
        if read.map_err(|source| ReadError::Io { file: file.to_owned(), source })? == 0 {
            break;
        }
        number += 1;
        // Without its end, which would count as the beginning of a second line.
        let line = buffer.trim_ascii_end();
        if line.is_empty() {
            continue;
        }
        take(line).map_err(|Unreadable { column, reason }| ReadError::Line {
            file: file.to_owned(),
            line: number,
            column,
            reason,
        })?;
        taken += 1;
    }
    if taken == 0 {
        return Err(ReadError::Empty { file: file.to_owned(), expected });
    }
    Ok(())
}
