//! Where spans and metrics go: to a collector, or into a file.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;

use anyhow::Context as _;
use serde::Serialize;

use super::arguments::Output;
use crate::export::{Exporter, Message};

/// Where they go.
pub(super) enum Sink {
    Collector(Exporter),
    File(Lines),
    Nowhere,
}

/// A file of OTLP as JSON lines.
pub(super) struct Lines {
    file: BufWriter<File>,
    /// How errors call it.
    name: String,
    failure: Option<io::Error>,
}

impl Sink {
    /// Opens what the command line names.
    pub(super) fn open(output: &Output) -> anyhow::Result<Self> {
        match (&output.otlp_file, &output.endpoint) {
            (Some(path), _) => {
                let name = path.display().to_string();
                // There are paths and statements of others in it.
                let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
                let file = BufWriter::new(file.with_context(|| format!("{name} cannot be written"))?);
                Ok(Self::File(Lines { file, name, failure: None }))
            }
            (None, endpoint) => {
                Ok(Self::Collector(Exporter::new(endpoint.as_ref().context("no collector is named")?)?))
            }
        }
    }

    /// Sends a message on, or drops it.
    pub(super) fn send(&mut self, message: Message) {
        match self {
            Self::Collector(exporter) => exporter.send(message),
            Self::File(lines) => lines.write(&message),
            Self::Nowhere => {}
        }
    }

    /// Sends a message on, once there is room for it.
    pub(super) fn send_in_time(&mut self, message: Message) {
        match self {
            Self::Collector(exporter) => exporter.send_in_time(message),
            Self::File(_) | Self::Nowhere => self.send(message),
        }
    }

    /// Spans that could not be sent.
    pub(super) fn dropped(&self) -> u64 {
        if let Self::Collector(exporter) = self { exporter.dropped() } else { 0 }
    }

    /// Ends it. Gives how many spans could not be sent.
    pub(super) fn finish(self) -> anyhow::Result<u64> {
        match self {
            Self::Collector(exporter) => Ok(exporter.finish()),
            Self::File(Lines { mut file, name, failure }) => {
                let failure = failure.or(file.flush().err());
                failure.map_or(Ok(0), Err).with_context(|| format!("{name} could not be written"))
            }
            Self::Nowhere => Ok(0),
        }
    }
}

impl Lines {
    /// After the first failure nothing more is written.
    fn write(&mut self, message: &Message) {
        if self.failure.is_some() {
            return;
        }
        let written = match message {
            Message::Spans(batch) => batch.read().map_err(io::Error::other).and_then(|spans| self.line(&spans)),
            Message::Metrics(metrics) => self.line(metrics),
        };
        self.failure = written.err();
    }

    fn line(&mut self, message: &impl Serialize) -> io::Result<()> {
        serde_json::to_writer(&mut self.file, message)?;
        self.file.write_all(b"\n")
    }
}
