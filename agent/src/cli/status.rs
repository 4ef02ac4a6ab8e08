//! How it goes, for whoever looks on: a line that changes in a terminal, now and then a line elsewhere.

use std::fmt;
use std::io::{IsTerminal as _, Write as _, stderr};
use std::time::{Duration, Instant};

use crate::metrics::Numbers;

/// How often a line is written where lines stay, and where one changes.
const LOGGED: Duration = Duration::from_secs(10);
const CHANGED: Duration = Duration::from_millis(500);

/// What is shown.
#[derive(Default)]
pub(super) struct Status {
    /// When numbers were shown last, and how many spans there were.
    last: Option<(Instant, u64)>,
    /// A line is there that changes.
    is_open: bool,
}

impl Status {
    /// Shows the numbers, if it is time to.
    pub(super) fn show(&mut self, numbers: &Numbers) {
        let now = Instant::now();
        let in_place = stderr().is_terminal();
        let (at, before) = *self.last.get_or_insert((now, 0));
        let passed = now - at;
        if passed < if in_place { CHANGED } else { LOGGED } {
            return;
        }
        self.last = Some((now, numbers.spans()));
        let line = line(numbers, (numbers.spans() - before) as f64 / passed.as_secs_f64());
        if in_place {
            // To the start of the line, and away with what was there.
            let _unread = write!(stderr(), "\r\x1b[2K{line}");
            self.is_open = true;
        } else {
            tracing::info!("{line}");
        }
    }

    /// Says something that stays.
    pub(super) fn say(&mut self, words: fmt::Arguments<'_>) {
        self.end();
        tracing::info!("{words}");
    }

    /// What changed stays as it is now.
    pub(super) fn end(&mut self) {
        if std::mem::take(&mut self.is_open) {
            let _unread = writeln!(stderr());
        }
    }
}

/// `2 processes · 410 spans/s · 98.2 % linked: response_wake 210 same_task 77 · none lost`.
fn line(numbers: &Numbers, spans_per_s: f64) -> String {
    let (linked, unlinked) = numbers.links();
    let all = linked + unlinked;
    let share =
        if all == 0 { String::new() } else { format!(" · {:.1} % linked", 100.0 * linked as f64 / all as f64) };
    let by: Vec<String> = numbers.done.traced.links.iter().map(|(reason, count)| format!("{reason} {count}")).collect();
    let by = if by.is_empty() { String::new() } else { format!(": {}", by.join(" ")) };
    let processes = if numbers.targets == 1 { "process" } else { "processes" };
    let lost = if numbers.lost == 0 { "none".to_owned() } else { format!("{} events", numbers.lost) };
    let dropped = if numbers.dropped == 0 { String::new() } else { format!(" · {} spans not sent", numbers.dropped) };
    format!("{} {processes} · {spans_per_s:.0} spans/s{share}{by} · {lost} lost{dropped}", numbers.targets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_how_it_goes() {
        let mut numbers = Numbers { targets: 1, ..Numbers::default() };
        assert_eq!(line(&numbers, 0.0), "1 process · 0 spans/s · none lost");
        numbers.done.traced.links.extend([("same_task", 3), ("no_wake", 1)]);
        (numbers.lost, numbers.dropped, numbers.targets) = (9, 4, 2);
        assert_eq!(
            line(&numbers, 12.4),
            "2 processes · 12 spans/s · 75.0 % linked: no_wake 1 same_task 3 · 9 events lost · 4 spans not sent"
        );
    }
}
