//! Log lines in the terminal: for a person, or one JSON object a line. To standard error, so that standard output stays
//! free for what a program was asked to print.

mod line;

use std::io::{IsTerminal as _, Write as _};

use tracing::level_filters::LevelFilter;
use tracing::{Event, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Context, Layer};

use crate::LogFormat;

/// The trace and span id of the current span, where there is one.
pub(crate) type Ids = fn() -> Option<(String, String)>;

/// What `RUST_LOG` asks for (`info`, `warn,bookstore_catalog=debug`); `info` if nothing. The second value is what to
/// warn of.
pub(crate) fn targets(value: Option<String>) -> (Targets, Option<String>) {
    let default = || Targets::new().with_default(LevelFilter::INFO);
    match value.as_deref().map(str::trim) {
        None | Some("") => (default(), None),
        Some(value) => match value.parse() {
            Ok(targets) => (targets, None),
            Err(error) => (default(), Some(format!("RUST_LOG: {value:?} is not understood ({error}); info is used"))),
        },
    }
}

/// Writes log lines.
#[derive(Debug)]
pub(crate) struct Terminal {
    format: LogFormat,
    service: String,
    ids: Ids,
    colours: bool,
}

impl Terminal {
    /// Lines of this form from this service.
    pub(crate) fn new(format: LogFormat, service: String, ids: Ids) -> Self {
        let colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        Self { format, service, ids, colours }
    }
}

impl<S: Subscriber> Layer<S> for Terminal {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let now = jiff::Timestamp::now();
        let line = match self.format {
            LogFormat::Pretty => line::pretty(event, now, &self.service, self.colours),
            LogFormat::Json => line::json(event, now, &self.service, (self.ids)()),
        };
        // One write a line keeps lines of several threads and processes whole. A closed terminal is no reason to stop.
        let _closed = std::io::stderr().lock().write_all(line.as_bytes());
    }
}
