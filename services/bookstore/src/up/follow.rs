//! Shows what the services warn of: their logs are in files, where nobody looks.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;

use crate::terminal::note;

/// The most that is read at once, in bytes. A service that writes faster is not shown in full.
const MOST: u64 = 256 * 1024;

/// The logs, and how far each has been read.
#[derive(Debug)]
pub(super) struct Warnings {
    logs: Vec<Log>,
}

#[derive(Debug)]
struct Log {
    path: PathBuf,
    read: u64,
}

impl Warnings {
    pub(super) fn of(logs: impl Iterator<Item = PathBuf>) -> Self {
        Self { logs: logs.map(|path| Log { path, read: 0 }).collect() }
    }

    /// Shows the warnings and errors since the last time.
    pub(super) fn show(&mut self) {
        for log in &mut self.logs {
            for line in log.more().lines().filter(|line| is_grave(line)) {
                note(line);
            }
        }
    }
}

impl Log {
    /// The whole lines that have come since the last time.
    fn more(&mut self) -> String {
        let mut bytes = Vec::new();
        let read = File::open(&self.path).and_then(|mut file| {
            file.seek(SeekFrom::Start(self.read))?;
            file.take(MOST).read_to_end(&mut bytes)
        });
        if read.is_err() {
            return String::new();
        }
        // A line that is being written is left for the next time, unless it fills all that is read.
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let whole = if whole == 0 && bytes.len() as u64 == MOST { bytes.len() } else { whole };
        bytes.truncate(whole);
        self.read += whole as u64;
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// `03:04:05.678  WARN user …`: the level is the second word.
fn is_grave(line: &str) -> bool {
    matches!(line.split_whitespace().nth(1), Some("WARN" | "ERROR"))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn each_line_is_read_once_and_whole() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let mut log = Log { path: file.path().to_owned(), read: 0 };
        assert_eq!(log.more(), "");
        write!(file, "one\ntw").unwrap();
        assert_eq!(log.more(), "one\n");
        writeln!(file, "o").unwrap();
        assert_eq!(log.more(), "two\n");
        assert_eq!(log.more(), "");
    }

    #[test]
    fn only_warnings_and_errors_are_shown() {
        assert!(is_grave("12:00:00.000  WARN user the collector does not answer"));
        assert!(is_grave("12:00:00.000 ERROR payment    gone"));
        assert!(!is_grave("12:00:00.000  INFO user said: WARN"));
        assert!(!is_grave(""));
    }
}
