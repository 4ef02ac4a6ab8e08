//! What became of each span and log record: exported, refused by a full queue, or lost on the way.
//!
//! The SDK's batch processors drop silently when their queue is full. In front of each stands a processor of ours that
//! admits no more than the queue holds, so the SDK's own drop cannot happen and the count is exact.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use opentelemetry::{Context, InstrumentationScope};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::logs::{BatchLogProcessor, LogProcessor, SdkLogRecord};
use opentelemetry_sdk::trace::{BatchSpanProcessor, Span, SpanData, SpanProcessor};

use crate::background::aloud;

/// The account of one signal.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// Most items waiting.
    capacity: usize,
    /// Items waiting now.
    pending: AtomicUsize,
    /// Set at shutdown: what comes later is lost.
    closed: AtomicBool,
    /// Items handed to the exporter.
    submitted: AtomicU64,
    /// Items that found the queue full.
    queue_full: AtomicU64,
    /// Items that came after shutdown.
    already_shutdown: AtomicU64,
    /// Items that the collector took.
    exported: AtomicU64,
    /// Items whose export ran out of time.
    timed_out: AtomicU64,
    /// Items whose export failed in another way.
    failed: AtomicU64,
}

/// What a ledger says at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) pending: u64,
    pub(crate) submitted: u64,
    pub(crate) queue_full: u64,
    pub(crate) already_shutdown: u64,
    pub(crate) exported: u64,
    pub(crate) timed_out: u64,
    pub(crate) failed: u64,
}

impl Account {
    /// Everything that was lost so far.
    pub(crate) fn dropped(&self) -> u64 {
        self.queue_full + self.already_shutdown + self.timed_out + self.failed
    }
}

impl Ledger {
    /// An account for a queue of this capacity.
    pub(crate) fn new(capacity: usize) -> Arc<Self> {
        Arc::new(Self { capacity, ..Self::default() })
    }

    /// Whether one more item may enter the queue; if not, it is counted as lost.
    pub(crate) fn admit(&self) -> bool {
        if self.closed.load(Relaxed) {
            self.already_shutdown.fetch_add(1, Relaxed);
            return false;
        }
        // Counted before it enters and taken off after it left: never less than what the queue holds.
        if self.pending.fetch_add(1, Relaxed) >= self.capacity {
            self.pending.fetch_sub(1, Relaxed);
            self.queue_full.fetch_add(1, Relaxed);
            return false;
        }
        true
    }

    /// Items left the queue for the exporter.
    pub(crate) fn taken(&self, items: usize) {
        self.pending.fetch_sub(items, Relaxed);
        self.submitted.fetch_add(items as u64, Relaxed);
    }

    /// An export came to its end.
    pub(crate) fn finished(&self, items: usize, result: &OTelSdkResult) {
        let counter = match result {
            Ok(()) => &self.exported,
            Err(OTelSdkError::Timeout(_)) => &self.timed_out,
            Err(_) => &self.failed,
        };
        counter.fetch_add(items as u64, Relaxed);
    }

    /// The collector refused items of an export that it took otherwise.
    pub(crate) fn refused(&self, items: usize) {
        self.failed.fetch_add(items as u64, Relaxed);
    }

    /// Nothing is admitted from here on.
    pub(crate) fn close(&self) {
        self.closed.store(true, Relaxed);
    }

    /// Most items that may wait.
    pub(crate) fn capacity(&self) -> usize {
        self.capacity
    }

    /// The account now.
    pub(crate) fn read(&self) -> Account {
        Account {
            pending: self.pending.load(Relaxed) as u64,
            submitted: self.submitted.load(Relaxed),
            queue_full: self.queue_full.load(Relaxed),
            already_shutdown: self.already_shutdown.load(Relaxed),
            exported: self.exported.load(Relaxed),
            timed_out: self.timed_out.load(Relaxed),
            failed: self.failed.load(Relaxed),
        }
    }
}

/// Whether a collector answers. Says so when that changes, and only then.
pub(crate) struct Collector {
    /// The address, as shown: scheme, host and port.
    address: String,
    state: AtomicU8,
}

const UNKNOWN: u8 = 0;
const UP: u8 = 1;
const DOWN: u8 = 2;

impl Collector {
    /// The collector at an address.
    pub(crate) fn new(address: String) -> Arc<Self> {
        Arc::new(Self { address, state: AtomicU8::new(UNKNOWN) })
    }

    /// Its address.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Whether the last export failed.
    pub(crate) fn is_known_down(&self) -> bool {
        self.state.load(Relaxed) == DOWN
    }

    /// Learns from an export's outcome.
    pub(crate) fn heard(&self, result: &OTelSdkResult) {
        match result {
            Ok(()) => {
                if self.state.swap(UP, Relaxed) == DOWN {
                    aloud(|| {
                        tracing::info!(collector = self.address, "the collector answers: telemetry flows again");
                    });
                }
            }
            Err(error) => {
                if self.state.swap(DOWN, Relaxed) != DOWN {
                    aloud(|| {
                        tracing::warn!(
                            collector = self.address,
                            reason = %error,
                            "no collector at {}: telemetry is dropped until it answers",
                            self.address
                        );
                    });
                }
            }
        }
    }
}

impl fmt::Debug for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.address)
    }
}

/// Counts spans in, cuts long values, and hands them to the SDK's batch processor.
#[derive(Debug)]
pub(crate) struct CountedSpans {
    pub(crate) inner: BatchSpanProcessor,
    pub(crate) ledger: Arc<Ledger>,
    /// Most characters of an attribute's text.
    pub(crate) value_length: Option<usize>,
}

impl SpanProcessor for CountedSpans {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, mut span: SpanData) {
        if !span.span_context.is_sampled() || !self.ledger.admit() {
            return;
        }
        if let Some(limit) = self.value_length {
            crate::limits::shorten(&mut span, limit);
        }
        self.inner.on_end(span);
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.ledger.close();
        self.inner.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}

/// Counts log records in and hands them to the SDK's batch processor.
#[derive(Debug)]
pub(crate) struct CountedLogs {
    pub(crate) inner: BatchLogProcessor,
    pub(crate) ledger: Arc<Ledger>,
}

impl LogProcessor for CountedLogs {
    fn emit(&self, record: &mut SdkLogRecord, scope: &InstrumentationScope) {
        if self.ledger.admit() {
            self.inner.emit(record, scope);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.ledger.close();
        self.inner.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ledger_admits_what_the_queue_holds_until_it_is_closed() {
        let ledger = Ledger::new(2);
        assert_eq!([ledger.admit(), ledger.admit(), ledger.admit()], [true, true, false]);
        ledger.taken(2);
        assert!(ledger.admit());
        ledger.finished(2, &Err(OTelSdkError::Timeout(Duration::from_secs(1))));
        ledger.close();
        assert!(!ledger.admit());
        let account = ledger.read();
        assert_eq!((account.pending, account.submitted, account.queue_full), (1, 2, 1));
        assert_eq!((account.timed_out, account.already_shutdown, account.dropped()), (2, 1, 4));
    }
}
