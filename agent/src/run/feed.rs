//! What goes into the pipeline, and into the recording of it: one cannot have what the other has not.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use anyhow::Context as _;

use crate::event::Event;
use crate::pipeline::{Input, Pipeline};
use crate::recording::{Recorded, Writer};

/// The pipeline, and the recording if there is one.
pub(super) struct Feed<R> {
    pub(super) pipeline: Pipeline<R>,
    recording: Option<Writer<BufWriter<File>>>,
}

impl<R: FnMut() -> u64> Feed<R> {
    /// Records into a file of so many bytes at most.
    pub(super) fn new(pipeline: Pipeline<R>, recording: Option<(&Path, u64)>) -> anyhow::Result<Self> {
        let recording = recording.map(|(path, most)| {
            Writer::create(path, most).with_context(|| format!("{} cannot be written", path.display()))
        });
        Ok(Self { pipeline, recording: recording.transpose()? })
    }

    pub(super) fn event(&mut self, raw: &[u8], event: Event) {
        if let Some(recording) = &mut self.recording {
            recording.event(raw);
        }
        self.pipeline.event(event);
    }

    pub(super) fn tell(&mut self, input: Input) {
        if let Some(recording) = &mut self.recording {
            recording.input(&input);
        }
        self.pipeline.tell(input);
    }

    /// Whether the recording has no room for more.
    pub(super) fn is_full(&self) -> bool {
        self.recording.as_ref().is_some_and(Writer::is_full)
    }

    /// Ends the recording.
    pub(super) fn finish(&mut self) -> anyhow::Result<Option<Recorded>> {
        self.recording.take().map(Writer::finish).transpose().context("the recording could not be written")
    }
}
