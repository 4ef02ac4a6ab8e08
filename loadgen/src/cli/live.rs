//! How it goes on, on standard error: one line that is written again and again in a terminal, a plain line every second
//! elsewhere.

use std::io::{IsTerminal as _, Write as _};

use crate::duration::say;
use crate::plan::{Extent, Progress};
use crate::prepare::Preparing;

/// The width where none can be asked for.
const DEFAULT_WIDTH: usize = 100;
/// Elsewhere than in a terminal, preparation says something each time that this share more is done.
const SHARES: usize = 4;

/// Writes how it goes on.
pub(super) struct Live {
    terminal: bool,
    /// A line is there that the next replaces.
    drawn: bool,
    /// What runs: the scenario's name, or `warm-up`.
    name: String,
    /// How many fourths of the preparation were said.
    said: usize,
}

impl Live {
    pub(super) fn on_stderr() -> Self {
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let terminal = std::io::stderr().is_terminal() && !dumb;
        Self { terminal, drawn: false, name: String::new(), said: 0 }
    }

    /// What runs from here on.
    pub(super) fn call(&mut self, name: &str) {
        name.clone_into(&mut self.name);
    }

    pub(super) fn preparing(&mut self, preparing: Preparing) {
        let (line, done, of) = match preparing {
            Preparing::Books { read, of } => (format!("reading the list of books: {read} of {of}"), read, of),
            Preparing::Customers { ready, of } => (format!("making customers ready: {ready} of {of}"), ready, of),
        };
        if self.terminal {
            self.draw(&line);
        } else if matches!(preparing, Preparing::Customers { .. }) {
            let shares = done * SHARES / of.max(1);
            if shares > self.said {
                self.said = shares;
                self.note(&line);
            }
        }
    }

    pub(super) fn running(&mut self, progress: &Progress) {
        let line = format!("{}: {}", self.name, said(progress));
        if self.terminal {
            self.draw(&line);
        } else {
            self.note(&line);
        }
    }

    /// A line that stays.
    pub(super) fn note(&mut self, line: &str) {
        self.clear();
        let _ = writeln!(std::io::stderr().lock(), "{line}");
    }

    /// Removes the line that would be replaced.
    pub(super) fn clear(&mut self) {
        if std::mem::take(&mut self.drawn) {
            let mut err = std::io::stderr().lock();
            // ECMA-48: erase in line.
            let _ = write!(err, "\r\x1b[2K").and_then(|()| err.flush());
        }
    }

    fn draw(&mut self, line: &str) {
        self.drawn = true;
        let width = terminal_size::terminal_size_of(std::io::stderr())
            .map_or(DEFAULT_WIDTH, |(width, _)| usize::from(width.0))
            .saturating_sub(1);
        let shown: String = line.chars().take(width).collect();
        let mut err = std::io::stderr().lock();
        let _ = write!(err, "\r\x1b[2K{shown}").and_then(|()| err.flush());
    }
}

fn said(progress: &Progress) -> String {
    let so_far = match progress.extent {
        Extent::For(length) if progress.elapsed > length => {
            format!("{:.1} s, waiting for the last visits", progress.elapsed.as_secs_f64())
        }
        Extent::For(length) => format!("{:.1} of {:.1} s", progress.elapsed.as_secs_f64(), length.as_secs_f64()),
        Extent::Visits(all) => format!("{} of {all} visits", progress.ended + progress.skipped),
    };
    let latency = if progress.requests_per_s > 0.0 {
        format!("p50 {}, p99 {}", say(progress.p50), say(progress.p99))
    } else {
        "no answers".to_owned()
    };
    format!(
        "{so_far}, {:.0} visits/s, {:.0} requests/s, {latency}, {} errors, {} skipped",
        progress.visits_per_s, progress.requests_per_s, progress.errors, progress.skipped
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_line_says_how_it_goes() {
        let progress = Progress {
            elapsed: Duration::from_millis(2_500),
            extent: Extent::For(Duration::from_secs(10)),
            offered: 125,
            ended: 124,
            skipped: 1,
            requests: 300,
            errors: 2,
            visits_per_s: 49.6,
            requests_per_s: 120.0,
            p50: Duration::from_micros(1_800),
            p99: Duration::from_micros(9_000),
        };
        assert_eq!(
            said(&progress),
            "2.5 of 10.0 s, 50 visits/s, 120 requests/s, p50 1.80 ms, p99 9.00 ms, 2 errors, 1 skipped"
        );
        let visits = Progress { extent: Extent::Visits(1_000), requests_per_s: 0.0, ..progress };
        assert_eq!(said(&visits), "125 of 1000 visits, 50 visits/s, 0 requests/s, no answers, 2 errors, 1 skipped");
        let late = Progress { elapsed: Duration::from_secs(11), ..progress };
        assert!(said(&late).starts_with("11.0 s, waiting for the last visits, "));
    }
}
