//! Writes recordings.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, fchown};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use prost::Message as _;

use super::{Entry, MAGIC, Record, VERSION};
use crate::event::LAYOUT;
use crate::pipeline::Input;

/// Writes a recording. After its first failure, and when it is full, it takes no more.
pub struct Writer<W: Write> {
    to: GzEncoder<Counted<W>>,
    /// Bytes of the file that are left.
    most: u64,
    events: u64,
    full: bool,
    failure: Option<io::Error>,
    /// Reused for each record.
    record: Vec<u8>,
}

/// What was recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Events.
    pub events: u64,
    /// Bytes of the file.
    pub bytes: u64,
    /// It ends before the agent did, because it had no room for more.
    pub full: bool,
}

impl Writer<BufWriter<File>> {
    /// Makes a new file, for the eyes of its owner only: what was captured is in it. It belongs to whose folder it is in, as
    /// far as that can be had, so that who has root's rights to record needs none to replay. One of the same name is replaced.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn create(path: &Path, most: u64) -> io::Result<Self> {
        // Not written over: it may be readable for others, or be a link to something else.
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        let folder = path.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
        if let Ok(owner) = std::fs::metadata(folder) {
            // By its descriptor: in another's folder the name may be something else by now.
            let _not_ours_to_give = fchown(&file, Some(owner.uid()), Some(owner.gid()));
        }
        Self::new(BufWriter::new(file), most)
    }
}

impl<W: Write> Writer<W> {
    /// Begins a recording of so many bytes at most, and some 100 KB that are still being packed.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn new(to: W, most: u64) -> io::Result<Self> {
        let mut to = Counted { to, bytes: 0 };
        to.write_all(&MAGIC)?;
        to.write_all(&VERSION.to_le_bytes())?;
        to.write_all(&LAYOUT.to_le_bytes())?;
        // The events of a busy machine have to be packed while they come.
        let to = GzEncoder::new(to, Compression::fast());
        Ok(Self { to, most, events: 0, full: false, failure: None, record: Vec::new() })
    }

    /// Adds an event as it left the ring.
    pub fn event(&mut self, raw: &[u8]) {
        let before = self.is_open();
        self.put(Entry::Event(raw.to_vec()));
        self.events += u64::from(before && self.failure.is_none());
    }

    /// Adds what else went into the pipeline.
    pub fn input(&mut self, input: &Input) {
        self.put(input.into());
    }

    /// Whether it has no room for more, or could not be written.
    #[must_use]
    pub fn is_full(&self) -> bool {
        !self.is_open()
    }

    /// Ends it.
    ///
    /// # Errors
    /// The first failure to write.
    pub fn finish(mut self) -> io::Result<Recorded> {
        if self.failure.is_none() {
            self.write(Entry::End(self.events));
        }
        if let Some(error) = self.failure {
            return Err(error);
        }
        let mut counted = self.to.finish()?;
        counted.flush()?;
        Ok(Recorded { events: self.events, bytes: counted.bytes, full: self.full })
    }

    fn is_open(&self) -> bool {
        self.failure.is_none() && !self.full
    }

    fn put(&mut self, entry: Entry) {
        if self.is_open() {
            self.write(entry);
            self.full = self.to.get_ref().bytes >= self.most;
        }
    }

    fn write(&mut self, entry: Entry) {
        self.record.clear();
        self.record.extend_from_slice(&[0; 4]);
        let record = Record { entry: Some(entry) };
        let written = record.encode(&mut self.record).map_err(io::Error::other).and_then(|()| {
            let length = u32::try_from(self.record.len() - 4).map_err(io::Error::other)?;
            self.record[..4].copy_from_slice(&length.to_le_bytes());
            self.to.write_all(&self.record)
        });
        self.failure = written.err();
    }
}

/// A writer that counts.
struct Counted<W> {
    to: W,
    bytes: u64,
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.to.write(bytes)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}
