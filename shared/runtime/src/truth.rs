//! The truth log: what this process was asked, what it asked of others and of its database.
//!
//! Tracers are judged by it, so it owes nothing to any of them: each line comes from a [`Call`], which is an argument of
//! the code that makes calls, and works the same with telemetry off. It is kept in scoring runs only, that is where
//! `BOOKSTORE_TRUTH_DIR` names a folder: each process writes `<service>.jsonl` in it. Such a run also
//!
//! * ends each statement in a comment (sqlcommenter's form, `/*slot='catalog-4'*/`), so that the statement can be told
//!   apart on the wire. Slots are used again and again, so texts repeat and prepared statements are cached as in life;
//! * lets manual spans record request id and hop.
//!
//! One line an operation, written when it ends:
//!
//! ```json
//! {"op":"received","service":"catalog","request":"0199…","hop":"1.2","kind":"http","name":"GET /books/{id}",
//!  "peer":"127.0.0.1:53412","start_unix_nano":1,"end_unix_nano":2}
//! {"op":"called","service":"storefront","request":"0199…","hop":"1.2","parent":"1","kind":"http", …}
//! {"op":"statement","service":"catalog","request":"0199…","hop":"1.2.3","parent":"1.2","kind":"sql",
//!  "name":"SELECT …","slot":"catalog-4", …}
//! {"op":"pool","service":"catalog","what":"connect", …}
//! ```
//!
//! `"cancelled":true` marks what was dropped before its end. What a pool does by itself (`connect`, `ping`, and
//! `rollback` of a transaction that was dropped) belongs to no request.

mod grpc;
mod slots;

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::Path;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;

pub(crate) use grpc::Observed;
use slots::{Slot, Slots};

use crate::Call;

/// The variable that names the folder.
pub const DIRECTORY: &str = "BOOKSTORE_TRUTH_DIR";

static TRUTH: OnceLock<Truth> = OnceLock::new();

/// The log of this process.
#[derive(Debug)]
pub(crate) struct Truth {
    service: &'static str,
    slots: Slots,
    log: Mutex<Log>,
}

#[derive(Debug)]
struct Log {
    file: BufWriter<File>,
    /// The first line that could not be written: a truth with gaps is none.
    failure: Option<io::Error>,
}

/// Whether this is a scoring run.
#[must_use]
pub fn is_kept() -> bool {
    TRUTH.get().is_some()
}

/// Opens the log of this process.
///
/// # Errors
/// When the file cannot be made, or is there: that of another run, or of this one, whose process was started again.
pub(crate) fn open(directory: &Path, service: &'static str) -> io::Result<()> {
    let path = directory.join(format!("{service}.jsonl"));
    let file = File::create_new(&path)
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))?;
    let log = Mutex::new(Log { file: BufWriter::new(file), failure: None });
    TRUTH
        .set(Truth { service, slots: Slots::new(service), log })
        .map_err(|_| io::Error::other("the truth log of this process is open already"))
}

/// Writes down what has not been written yet.
///
/// # Errors
/// When the disk does not take it, or has not taken a line before.
pub(crate) fn flush() -> io::Result<()> {
    let Some(truth) = TRUTH.get() else { return Ok(()) };
    let mut log = truth.log.lock().unwrap_or_else(PoisonError::into_inner);
    match log.failure.take() {
        Some(error) => Err(error),
        None => log.file.flush(),
    }
}

/// A line of the log. Times are nanoseconds since the Unix epoch.
#[derive(Debug, Serialize)]
struct Line<'a> {
    op: &'static str,
    service: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    request: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hop: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    peer: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    slot: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    what: Option<&'static str>,
    start_unix_nano: u64,
    end_unix_nano: u64,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    cancelled: bool,
}

impl Truth {
    fn write(&self, line: &Line<'_>) {
        let Ok(mut text) = serde_json::to_vec(line) else { return };
        text.push(b'\n');
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        if log.failure.is_none()
            && let Err(error) = log.file.write_all(&text)
        {
            log.failure = Some(error);
        }
    }
}

/// An operation under way. Dropped before [`end`](Self::end) it was cancelled.
#[derive(Debug)]
pub(crate) struct Operation {
    truth: &'static Truth,
    op: &'static str,
    kind: &'static str,
    call: Call,
    name: String,
    peer: Option<String>,
    slot: Option<Slot>,
    start_unix_nano: u64,
    ended: bool,
}

impl Operation {
    /// This process is asked: `call` is what came in.
    pub(crate) fn received(call: &Call, kind: &'static str, name: String, peer: Option<String>) -> Option<Self> {
        Self::start("received", kind, call, name, peer)
    }

    /// This process asks another one: `call` is what goes out.
    pub(crate) fn called(call: &Call, kind: &'static str, name: String, peer: Option<String>) -> Option<Self> {
        Self::start("called", kind, call, name, peer)
    }

    /// A statement that `call` asks of the database.
    pub(crate) fn statement(call: &Call, sql: &str) -> Option<Self> {
        let truth = TRUTH.get()?;
        let mut operation = Self::start("statement", "sql", &call.child(), sql.to_owned(), None)?;
        operation.slot = Some(truth.slots.take());
        Some(operation)
    }

    /// The same, where the text cannot carry a comment: the driver's own `COMMIT` and `ROLLBACK`.
    pub(crate) fn bare_statement(call: &Call, sql: &str) -> Option<Self> {
        TRUTH.get()?;
        Self::start("statement", "sql", &call.child(), sql.to_owned(), None)
    }

    fn start(op: &'static str, kind: &'static str, call: &Call, name: String, peer: Option<String>) -> Option<Self> {
        let truth = TRUTH.get()?;
        let start_unix_nano = unix_nano();
        Some(Self { truth, op, kind, call: call.clone(), name, peer, slot: None, start_unix_nano, ended: false })
    }

    /// The call that stands for this operation.
    pub(crate) fn call(&self) -> &Call {
        &self.call
    }

    /// The statement's text as it goes to the database.
    pub(crate) fn text(&self) -> Option<String> {
        self.slot.as_ref().map(|slot| format!("{} /*slot='{slot}'*/", self.name))
    }

    /// It has come to its end, well or not.
    pub(crate) fn end(mut self) {
        self.close(false);
    }

    fn close(&mut self, cancelled: bool) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        let hop = self.call.hop();
        // What came in names its caller by having the same hop.
        let parent = if self.op == "received" { None } else { hop.rsplit_once('.').map(|(parent, _)| parent) };
        let slot = self.slot.take();
        self.truth.write(&Line {
            op: self.op,
            service: self.truth.service,
            request: Some(self.call.request_id()),
            hop: Some(hop),
            parent,
            kind: Some(self.kind),
            name: Some(&self.name),
            peer: self.peer.as_deref(),
            slot: slot.as_ref().map(Slot::as_str),
            what: None,
            start_unix_nano: self.start_unix_nano,
            end_unix_nano: unix_nano(),
            cancelled,
        });
        if let Some(slot) = slot {
            self.truth.slots.give_back(slot, cancelled);
        }
    }
}

impl Drop for Operation {
    fn drop(&mut self) {
        self.close(true);
    }
}

/// What a connection pool does by itself.
pub(crate) fn pool(what: &'static str) {
    let Some(truth) = TRUTH.get() else { return };
    let now = unix_nano();
    truth.write(&Line {
        op: "pool",
        service: truth.service,
        request: None,
        hop: None,
        parent: None,
        kind: None,
        name: None,
        peer: None,
        slot: None,
        what: Some(what),
        start_unix_nano: now,
        end_unix_nano: now,
        cancelled: false,
    });
}

/// A transaction that is open. Dropped before it was [`closed`](Self::close), the pool rolls it back by itself.
#[derive(Debug, Default)]
pub(crate) struct OpenTransaction {
    closed: bool,
}

impl OpenTransaction {
    /// It was committed or rolled back.
    pub(crate) fn close(mut self) {
        self.closed = true;
    }
}

impl Drop for OpenTransaction {
    fn drop(&mut self) {
        if !self.closed {
            pool("rollback");
        }
    }
}

fn unix_nano() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| u64::try_from(now.as_nanos()).unwrap_or(u64::MAX))
}
