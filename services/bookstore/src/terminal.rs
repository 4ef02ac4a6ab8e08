//! What is written to the terminal. A reader that has gone away (`| head`) is no reason to stop a shop, so failures to
//! write are left alone.

use std::fmt::Display;
use std::io::{IsTerminal, Write as _};

/// The width where none can be asked for.
const DEFAULT_WIDTH: usize = 100;

/// A line to standard output: what was asked for.
pub(crate) fn say(line: impl Display) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// A line to standard error: what one should know beside it.
pub(crate) fn note(line: impl Display) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// Colours, or none.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Style {
    coloured: bool,
}

impl Style {
    /// As standard output can show it: a terminal, unless `NO_COLOR` is set (no-color.org) or it is a dumb one.
    pub(crate) fn of_stdout() -> Self {
        let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").map_or(cfg!(unix), |term| term == "dumb");
        Self { coloured: std::io::stdout().is_terminal() && !set("NO_COLOR") && !dumb }
    }

    /// Without colours.
    #[cfg(test)]
    pub(crate) const PLAIN: Self = Self { coloured: false };

    /// `text` in a colour of ECMA-48's "select graphic rendition".
    pub(crate) fn paint(self, code: &str, text: impl Display) -> String {
        let text = text.to_string();
        if self.coloured && !text.is_empty() { format!("\x1b[{code}m{text}\x1b[0m") } else { text }
    }

    pub(crate) fn bold(self, text: impl Display) -> String {
        self.paint("1", text)
    }

    pub(crate) fn dim(self, text: impl Display) -> String {
        self.paint("2", text)
    }

    pub(crate) fn red(self, text: impl Display) -> String {
        self.paint("31", text)
    }

    pub(crate) fn green(self, text: impl Display) -> String {
        self.paint("32", text)
    }
}

/// How many characters fit in a line of standard output.
pub(crate) fn width() -> usize {
    let asked = terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
    let told = || std::env::var("COLUMNS").ok()?.parse().ok();
    asked.or_else(told).unwrap_or(DEFAULT_WIDTH)
}
