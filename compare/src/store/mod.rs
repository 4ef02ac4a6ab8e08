//! The last traces, in bounded memory.
//!
//! One lock, held for as long as it takes to move spans that were made ready before into their tables. A span's
//! attributes, events and links stay encoded until somebody looks at them: what a list sorts and filters by are
//! fields, the rest is bytes. Each span knows its origin and by it its side, so that one trace may hold both sides
//! (the agent joined the service's trace) and two traces one request (it did not).

mod counts;
mod list;
mod metrics;
mod origin;
mod span;
mod trace;
mod view;

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::watch;

pub use counts::{Exporter, Service, Signals, Totals};
pub use list::{Cursor, Filter, Page, Summary};
pub use metrics::{Series, Shape, Value};
pub use origin::{Origin, Side};
pub use span::{Kind, Log, Span};
pub use view::{Placed, TraceView};

pub(crate) use metrics::NewMetric;
pub(crate) use origin::NewOrigin;
pub(crate) use span::{NewLog, NewSpan};

use crate::config::Keep;
use crate::ids::TraceId;
use metrics::Metrics;
use origin::Interned;
use trace::{Added, Trace};

/// Things of one kind from one scope of one resource, made ready to be kept.
#[derive(Debug)]
pub(crate) struct Group<T> {
    pub(crate) origin: NewOrigin,
    pub(crate) scopes: Vec<(String, Vec<T>)>,
}

/// The last traces, log records and metrics.
#[derive(Debug)]
pub struct Store {
    inner: Mutex<Inner>,
    keep: Keep,
    /// Counts up with every batch of spans or logs.
    changed: watch::Sender<u64>,
}

#[derive(Debug)]
struct Inner {
    interned: Interned,
    traces: HashMap<TraceId, Trace>,
    /// The traces in the order of their arrival; the first goes first.
    arrival: VecDeque<TraceId>,
    /// What the traces take.
    trace_bytes: usize,
    spans: usize,
    logs: usize,
    loose: VecDeque<Arc<Log>>,
    loose_bytes: usize,
    metrics: Metrics,
    services: counts::Services,
    totals: Totals,
}

/// What the store holds now.
#[derive(Clone, Copy, Debug, serde::Serialize)]
pub struct Holdings {
    /// Traces.
    pub traces: usize,
    /// Spans.
    pub spans: usize,
    /// Log records, with and without a trace.
    pub logs: usize,
    /// Series of metrics.
    pub series: usize,
    /// The memory that all of it takes, in bytes.
    pub bytes: usize,
    /// The most that it may take.
    pub most_bytes: usize,
}

impl Store {
    /// An empty store.
    pub fn new(keep: Keep) -> Self {
        let inner = Inner {
            interned: Interned::default(),
            traces: HashMap::new(),
            arrival: VecDeque::new(),
            trace_bytes: 0,
            spans: 0,
            logs: 0,
            loose: VecDeque::new(),
            loose_bytes: 0,
            metrics: Metrics::new(keep.series, keep.bytes / 16),
            services: counts::Services::default(),
            totals: Totals::default(),
        };
        Self { inner: Mutex::new(inner), keep, changed: watch::Sender::new(0) }
    }

    /// Counts up whenever something was added to a trace.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing between lock and unlock leaves the tables half changed, so a panic elsewhere does not end the service.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn add_spans(&self, groups: Vec<Group<NewSpan>>, rejected: u64) {
        let now = Instant::now();
        let mut inner = self.lock();
        inner.totals.rejected.spans += rejected;
        for group in groups {
            let origin = inner.interned.origin(&group.origin);
            for (scope, spans) in group.scopes {
                let scope = inner.interned.string(&scope);
                inner.totals.received.spans += spans.len() as u64;
                inner.services.count(&origin.service, |counts| counts.spans += spans.len() as u64);
                for span in spans {
                    inner.add_span(&self.keep, span, &origin, &scope, now);
                }
            }
        }
        inner.make_room(&self.keep);
        drop(inner);
        self.changed.send_modify(|count| *count += 1);
    }

    pub(crate) fn add_logs(&self, groups: Vec<Group<NewLog>>, rejected: u64) {
        let mut inner = self.lock();
        inner.totals.rejected.logs += rejected;
        for group in groups {
            let origin = inner.interned.origin(&group.origin);
            for (scope, logs) in group.scopes {
                let scope = inner.interned.string(&scope);
                inner.totals.received.logs += logs.len() as u64;
                inner.services.count(&origin.service, |counts| counts.logs += logs.len() as u64);
                for log in logs {
                    inner.add_log(&self.keep, log.into_log(origin.clone(), scope.clone()));
                }
            }
        }
        inner.make_room(&self.keep);
        drop(inner);
        self.changed.send_modify(|count| *count += 1);
    }

    pub(crate) fn add_metrics(&self, groups: Vec<Group<NewMetric>>, rejected: u64) {
        let mut inner = self.lock();
        let inner = &mut *inner;
        inner.totals.rejected.points += rejected;
        for group in groups {
            let origin = inner.interned.origin(&group.origin);
            for metric in group.scopes.into_iter().flat_map(|(_, metrics)| metrics) {
                let points = metric.points.len() as u64;
                inner.totals.received.points += points;
                inner.services.count(&origin.service, |counts| counts.points += points);
                let (name, unit) = (inner.interned.string(&metric.name), inner.interned.string(&metric.unit));
                inner.metrics.add(&origin, &name, &unit, metric);
            }
        }
        inner.make_room(&self.keep);
    }

    /// Counts a request that could be read.
    pub(crate) fn count_bytes(&self, bytes: usize) {
        self.lock().totals.received_bytes += bytes as u64;
    }

    /// Counts what is not kept.
    pub(crate) fn count_only(&self, origin: &NewOrigin, counts: Signals) {
        let mut inner = self.lock();
        let origin = inner.interned.origin(origin);
        inner.totals.received.add(counts);
        inner.services.count(&origin.service, |all| all.add(counts));
    }

    /// What happened since the start.
    pub fn totals(&self) -> Totals {
        self.lock().totals
    }

    /// What is held now.
    pub fn holdings(&self) -> Holdings {
        let inner = self.lock();
        Holdings {
            traces: inner.traces.len(),
            spans: inner.spans,
            logs: inner.logs + inner.loose.len(),
            series: inner.metrics.len(),
            bytes: inner.bytes(),
            most_bytes: self.keep.bytes,
        }
    }

    /// The services seen, by name.
    pub fn services(&self) -> Vec<Service> {
        let inner = self.lock();
        inner.services.list(&inner.metrics)
    }

    /// Each service's place in the order of first appearance; for a colour that does not change.
    pub fn service_indices(&self) -> HashMap<Arc<str>, usize> {
        self.lock().services.indices()
    }

    /// The last log records without a trace, newest first.
    pub fn loose_logs(&self, most: usize) -> Vec<Arc<Log>> {
        self.lock().loose.iter().rev().take(most).cloned().collect()
    }

    /// The last point of each series whose name starts with `prefix`, by service and name.
    pub fn series(&self, service: Option<&str>, prefix: &str) -> Vec<Series> {
        let wanted = |series: &&Series| {
            series.name.starts_with(prefix) && service.is_none_or(|service| *series.origin.service == *service)
        };
        let mut series: Vec<_> = self.lock().metrics.iter().filter(wanted).cloned().collect();
        series.sort_by(|a, b| (&a.origin.service, &a.name, a.time).cmp(&(&b.origin.service, &b.name, b.time)));
        series
    }
}

impl Inner {
    fn bytes(&self) -> usize {
        self.trace_bytes + self.loose_bytes + self.metrics.bytes() + self.interned.bytes()
    }

    fn trace(&mut self, id: TraceId) -> &mut Trace {
        self.traces.entry(id).or_insert_with(|| {
            self.arrival.push_back(id);
            self.trace_bytes += trace::OVERHEAD;
            Trace::new()
        })
    }

    fn add_span(&mut self, keep: &Keep, span: NewSpan, origin: &Arc<Origin>, scope: &Arc<str>, now: Instant) {
        let id = span.trace;
        let name = self.interned.string(span.name());
        let span = span.into_span(name, origin.clone(), scope.clone());
        let trace = self.trace(id);
        let before = trace.bytes;
        let added = trace.add_span(span, now, keep.spans_per_trace, most_trace_bytes(keep));
        self.trace_bytes += trace.bytes - before;
        match added {
            Added::Kept => self.spans += 1,
            Added::Duplicate => self.totals.duplicate_spans += 1,
            Added::LeftOut => self.totals.left_out.spans += 1,
        }
        if added == Added::Kept && self.trace_bytes > keep.bytes {
            self.make_room(keep);
        }
    }

    fn add_log(&mut self, keep: &Keep, log: Log) {
        if let Some(id) = log.trace {
            let trace = self.trace(id);
            let before = trace.bytes;
            let added = trace.add_log(log, keep.logs_per_trace, most_trace_bytes(keep));
            self.trace_bytes += trace.bytes - before;
            match added {
                Added::Kept => self.logs += 1,
                Added::Duplicate | Added::LeftOut => self.totals.left_out.logs += 1,
            }
            return;
        }
        self.loose_bytes += log.bytes();
        self.loose.push_back(Arc::new(log));
        while self.loose.len() > keep.loose_logs || self.loose_bytes > keep.bytes / 16 {
            let Some(oldest) = self.loose.pop_front() else { return };
            self.loose_bytes -= oldest.bytes();
            self.forget_log(&oldest);
        }
    }

    /// Lets the oldest traces go, each whole, until what is left fits.
    fn make_room(&mut self, keep: &Keep) {
        while self.traces.len() > keep.traces || self.bytes() > keep.bytes {
            // Strings that only evicted spans used may be enough.
            self.interned.prune();
            if self.traces.len() <= keep.traces && self.bytes() <= keep.bytes {
                return;
            }
            let Some(trace) = self.arrival.pop_front().and_then(|id| self.traces.remove(&id)) else {
                return self.forget_the_rest();
            };
            self.trace_bytes -= trace.bytes;
            self.spans -= trace.spans.len();
            self.logs -= trace.logs.len();
            self.totals.evicted_traces += 1;
            self.totals.evicted_spans += trace.spans.len() as u64;
            self.forget(trace);
        }
    }

    /// Drops a trace, and notes which of its strings nothing else uses.
    fn forget(&mut self, mut trace: Trace) {
        trace.root = None;
        trace.services.clear();
        for (_, span) in trace.spans {
            self.interned.leaving(&span.name);
            self.interned.leaving(&span.scope);
            self.interned.leaving_origin(&span.origin);
        }
        for log in trace.logs {
            self.forget_log(&log);
        }
    }

    fn forget_log(&mut self, log: &Log) {
        self.interned.leaving(&log.scope);
        self.interned.leaving_origin(&log.origin);
    }

    /// With all traces gone, what takes the room are resources and names, kept by series and by log records without a
    /// trace: those are few, but each may have a large one of its own.
    fn forget_the_rest(&mut self) {
        self.loose.clear();
        self.loose_bytes = 0;
        self.metrics.clear();
        self.interned.prune_now();
    }
}

/// One trace may take this much of the whole, so that a runaway does not push all others out.
fn most_trace_bytes(keep: &Keep) -> usize {
    keep.bytes / 4
}
