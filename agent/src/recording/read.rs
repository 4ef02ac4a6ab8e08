//! Reads recordings, and lets them go through the pipeline again.

use std::io::{self, BufReader, Read};

use flate2::bufread::GzDecoder;
use prost::Message as _;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

use super::{Entry, MAGIC, MOST_OF_A_RECORD, Record, VERSION};
use crate::event::{Event, LAYOUT};
use crate::otlp::Batch;
use crate::pipeline::{Done, Input, Pipeline};
use crate::trace::LinkBy;

/// Why a recording cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It is something else.
    #[error("it is no recording of bookstore-agent (bookstore-agent record makes them)")]
    Other,
    /// It is of another version of the agent.
    #[error("it is of another version of bookstore-agent ({what} {found}, this one reads {known}): record it again")]
    Version {
        /// Whose version.
        what: &'static str,
        /// The file's.
        found: u32,
        /// The one that is read.
        known: u32,
    },
    /// It ends in the middle.
    #[error("it is cut off after {records} records: the agent was killed while it recorded, or the copy is not whole")]
    Cut {
        /// Records before.
        records: u64,
    },
    /// What is in it makes no sense.
    #[error("record {record} is broken: {reason}")]
    Broken {
        /// Which, from 1.
        record: u64,
        /// How.
        reason: String,
    },
    /// The file.
    #[error("it cannot be read: {0}")]
    Io(#[from] io::Error),
}

/// What went into the pipeline, one after the other.
#[derive(Debug)]
pub struct Reader<R: Read> {
    from: GzDecoder<BufReader<R>>,
    records: u64,
    events: u64,
    ended: bool,
    /// Reused for each record.
    record: Vec<u8>,
}

/// One thing that went in.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// An event as it left the ring.
    Event(Vec<u8>),
    /// What else.
    Input(Input),
}

impl<R: Read> Reader<R> {
    /// Reads the head.
    ///
    /// # Errors
    /// When this is no recording, or one of another version.
    pub fn new(from: R) -> Result<Self, ReadError> {
        let mut from = BufReader::new(from);
        let mut head = [[0; 4]; 4];
        for word in &mut head {
            from.read_exact(word).map_err(|error| match error.kind() {
                io::ErrorKind::UnexpectedEof => ReadError::Other,
                _ => ReadError::Io(error),
            })?;
        }
        let [first, second, version, layout] = head;
        if [first, second].concat() != MAGIC {
            return Err(ReadError::Other);
        }
        for (what, found, known) in [("format", version, VERSION), ("events", layout, LAYOUT)] {
            let found = u32::from_le_bytes(found);
            if found != known {
                return Err(ReadError::Version { what, found, known });
            }
        }
        Ok(Self { from: GzDecoder::new(from), records: 0, events: 0, ended: false, record: Vec::new() })
    }

    /// The next thing; none at the end.
    fn read(&mut self) -> Result<Option<Step>, ReadError> {
        let mut length = [0; 4];
        self.fill(&mut length)?;
        let record = self.records + 1;
        let broken = |reason: String| ReadError::Broken { record, reason };
        let length = u32::from_le_bytes(length);
        if length > MOST_OF_A_RECORD {
            return Err(broken(format!("it would have {length} bytes")));
        }
        let mut bytes = std::mem::take(&mut self.record);
        bytes.resize(length as usize, 0);
        self.fill(&mut bytes)?;
        let decoded = Record::decode(&*bytes).map_err(|error| broken(error.to_string()))?;
        self.record = bytes;
        self.records = record;
        let input = match decoded.entry.ok_or_else(|| broken("it says nothing that is known".to_owned()))? {
            Entry::Event(raw) => {
                self.events += 1;
                return Ok(Some(Step::Event(raw)));
            }
            Entry::End(events) if events == self.events => return Ok(None),
            Entry::End(events) => return Err(broken(format!("{} events were read of {events}", self.events))),
            Entry::Watch(watch) => watch.into(),
            Entry::Forget(it) => Input::Forget { at: it.at, pid: it.pid },
            Entry::WakesAreSeen(it) => Input::WakesAreSeen { at: it.at, pid: it.pid },
            Entry::Lose(it) => Input::Lose { from: it.from, until: it.until },
            Entry::Turn(it) => Input::Turn { now: it.now, epoch: it.epoch },
            Entry::Flush(it) => Input::Flush { epoch: it.epoch },
        };
        Ok(Some(Step::Input(input)))
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), ReadError> {
        let records = self.records;
        self.from.read_exact(bytes).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => ReadError::Cut { records },
            // What gzip does not like.
            io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => {
                ReadError::Broken { record: records + 1, reason: error.to_string() }
            }
            _ => ReadError::Io(error),
        })
    }
}

impl<R: Read> Iterator for Reader<R> {
    type Item = Result<Step, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let next = self.read().transpose();
        self.ended = !matches!(next, Some(Ok(_)));
        next
    }
}

/// Lets a recording go through the pipeline again. The same recording and seed give the same spans, to the byte.
///
/// # Errors
/// Where the recording cannot be read; what came before was handed on.
pub fn replay(from: impl Read, link_by: LinkBy, seed: u64, export: &mut dyn FnMut(Batch)) -> Result<Done, ReadError> {
    let mut ids = ChaCha8Rng::seed_from_u64(seed);
    let mut pipeline = Pipeline::new(link_by, || ids.next_u64());
    let mut reader = Reader::new(from)?;
    let mut epoch = 0;
    while let Some(recorded) = reader.next() {
        match recorded? {
            Step::Event(raw) => {
                let unknown = || ReadError::Broken {
                    record: reader.records,
                    reason: "the event in it is none that is known".to_owned(),
                };
                pipeline.event(Event::read(&raw).ok_or_else(unknown)?);
            }
            Step::Input(input) => {
                if let Input::Turn { epoch: now, .. } | Input::Flush { epoch: now } = input {
                    epoch = now;
                }
                pipeline.tell(input);
            }
        }
        // Nobody is there to be told.
        drop(pipeline.take_unwanted());
        pipeline.take().into_iter().for_each(&mut *export);
    }
    // A recording that was full ends before the agent did.
    pipeline.tell(Input::Flush { epoch });
    pipeline.take().into_iter().for_each(export);
    Ok(pipeline.done())
}
