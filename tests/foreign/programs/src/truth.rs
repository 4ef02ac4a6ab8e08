//! What really happened: each operation as a line of the truth log. It comes from an argument that all code hands on by
//! hand; no tracer has part in it.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use http::HeaderMap;

/// Requests on whose behalf something is under way.
static UNDER_WAY: AtomicU32 = AtomicU32::new(0);
static LOG: OnceLock<(String, Mutex<BufWriter<File>>)> = OnceLock::new();

/// Opens the log of this process in `TRUTH_DIR`.
pub fn open(service: &str) {
    let folder = std::env::var("TRUTH_DIR").expect("TRUTH_DIR names the folder of truth logs");
    let file = File::create(format!("{folder}/{service}.jsonl")).expect("the truth log can be written");
    let _ = LOG.set((service.to_owned(), Mutex::new(BufWriter::new(file))));
}

/// Writes down what has not been written yet, when nothing is under way any more.
pub fn finish() {
    let since = Instant::now();
    while UNDER_WAY.load(Ordering::Relaxed) > 0 && since.elapsed() < Duration::from_secs(5) {
        std::thread::yield_now();
    }
    if let Some((_, log)) = LOG.get() {
        log.lock().unwrap_or_else(PoisonError::into_inner).flush().expect("the truth log can be written");
    }
}

/// What a request carries from hop to hop.
#[derive(Clone)]
pub struct Call {
    pub id: Arc<str>,
    pub hop: Arc<str>,
    calls: Arc<Calls>,
}

/// How many there were on a request's behalf.
struct Calls(AtomicU32);

impl Drop for Calls {
    fn drop(&mut self) {
        UNDER_WAY.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Call {
    /// The one that the headers tell of.
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let header = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(Arc::from);
        let (id, hop) = (header("x-request-id")?, header("x-hop")?);
        UNDER_WAY.fetch_add(1, Ordering::Relaxed);
        Some(Self { id, hop, calls: Arc::new(Calls(AtomicU32::new(0))) })
    }

    /// The hop of the next operation on its behalf.
    pub fn next(&self) -> String {
        format!("{}.{}", self.hop, self.calls.0.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// What kind of request it is: ids begin with that.
    pub fn shape(&self) -> &str {
        self.id.split('-').next().unwrap_or_default()
    }
}

/// An operation under way. Dropped before [`end`](Self::end) it was cancelled.
pub struct Operation {
    call: Call,
    hop: String,
    /// `"op":"…","kind":"…"` and what else is particular to it.
    fields: String,
    start: u128,
    ended: bool,
}

impl Operation {
    pub fn received(call: &Call, kind: &str) -> Self {
        Self::new(call, call.hop.to_string(), format!(r#""op":"received","kind":"{kind}""#))
    }

    pub fn called(call: &Call, hop: &str, kind: &str) -> Self {
        Self::new(call, hop.to_owned(), format!(r#""op":"called","kind":"{kind}","parent":"{}""#, call.hop))
    }

    pub fn statement(call: &Call, text: &str, slot: &str) -> Self {
        let fields =
            format!(r#""op":"statement","kind":"sql","parent":"{}","slot":"{slot}","name":"{text}""#, call.hop);
        Self::new(call, call.next(), fields)
    }

    fn new(call: &Call, hop: String, fields: String) -> Self {
        Self { call: call.clone(), hop, fields, start: now(), ended: false }
    }

    pub fn end(mut self) {
        self.ended = true;
    }
}

impl Drop for Operation {
    fn drop(&mut self) {
        let Some((service, log)) = LOG.get() else { return };
        let Self { call, hop, fields, start, ended } = self;
        let (end, id) = (now(), &call.id);
        let cancelled = if *ended { "" } else { r#","cancelled":true"# };
        let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = writeln!(
            log,
            r#"{{{fields},"service":"{service}","request":"{id}","hop":"{hop}","start_unix_nano":{start},"end_unix_nano":{end}{cancelled}}}"#
        );
    }
}

fn now() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos()
}
