//! What is done with a request of each signal: take it apart, keep what is valid, say what was not.

use std::time::{SystemTime, UNIX_EPOCH};

use bookstore_otlp::Message;
use bookstore_otlp::collector::{
    ExportLogsPartialSuccess, ExportLogsServiceRequest, ExportLogsServiceResponse, ExportMetricsPartialSuccess,
    ExportMetricsServiceRequest, ExportMetricsServiceResponse, ExportTracePartialSuccess, ExportTraceServiceRequest,
    ExportTraceServiceResponse,
};
use bookstore_otlp::common::{InstrumentationScope, Resource};
use bookstore_otlp::layers::{LayerError, RECORDS, RESOURCE, RESOURCES, SCOPE, SCOPES, field, fields};
use bookstore_otlp::logs::LogRecord;
use bookstore_otlp::metrics::Metric;
use bookstore_otlp::trace::Span;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::App;
use crate::store::{Group, NewLog, NewMetric, NewOrigin, NewSpan, Signals, Store};

/// A signal of OTLP.
pub(crate) trait Signal: Sized + 'static {
    /// The request, whole: as JSON is read.
    type Request: DeserializeOwned;
    /// What a request is a batch of.
    type Record: Message + Default;
    /// A record made ready to be kept.
    type New;
    /// The answer.
    type Answer: Message + Default + Serialize;

    /// The layers of a request that was read whole.
    fn layers(request: Self::Request) -> impl Iterator<Item = Layer<Self::Record>>;

    /// Makes a record ready to be kept.
    fn take(record: Self::Record, now: u64, refused: &mut Refused) -> Option<Self::New>;

    /// So many records, where they need not be looked into; none where they do.
    fn count(records: u64) -> Option<Signals>;

    /// Keeps a batch.
    fn keep(store: &Store, groups: Vec<Group<Self::New>>, rejected: u64);

    /// The answer, with how many were refused and why, if any were.
    fn answer(partial: Option<(i64, String)>) -> Self::Answer;
}

/// What came from one resource, by scope.
pub(crate) struct Layer<T> {
    resource: Option<Resource>,
    scopes: Vec<(Option<InstrumentationScope>, Vec<T>)>,
}

/// How many were refused, and why the first was.
#[derive(Debug, Default)]
pub(crate) struct Refused {
    count: u64,
    reason: Option<&'static str>,
}

impl Refused {
    fn add(&mut self, count: u64, reason: &'static str) {
        self.count += count;
        self.reason.get_or_insert(reason);
    }

    fn valid<T>(&mut self, result: Result<T, &'static str>) -> Option<T> {
        result.inspect_err(|reason| self.add(1, reason)).ok()
    }
}

/// A request taken apart.
pub(crate) struct Batch<S: Signal> {
    groups: Vec<Group<S::New>>,
    refused: Refused,
}

/// A single record, resource or scope may have this many bytes: what it takes when decoded is many times that.
const MOST_RECORD: usize = 1 << 20;

/// A request may have this many records: they are kept until all of them were read, and an empty one takes two bytes.
const MOST_RECORDS: usize = 250_000;

impl<S: Signal> Batch<S> {
    /// Reads the binary form record by record, so that no more than one of them is decoded at a time.
    pub(crate) fn from_protobuf(body: &[u8]) -> Result<Self, LayerError> {
        let now = unix_nano();
        let (mut groups, mut refused, mut count) = (Vec::new(), Refused::default(), 0_usize);
        for resource in fields(body, RESOURCES) {
            let resource = resource?;
            let mut scopes = Vec::new();
            for scope in fields(resource, SCOPES) {
                let scope = scope?;
                let mut records = Vec::new();
                for record in fields(scope, RECORDS) {
                    let record = record?;
                    count += 1;
                    if record.len() > MOST_RECORD || count > MOST_RECORDS {
                        refused.add(1, "a record of more than 1 MiB, or more than 250,000 records in one request");
                        continue;
                    }
                    records.extend(S::take(S::Record::decode(record)?, now, &mut refused));
                }
                if !records.is_empty() {
                    scopes.push((name_of(small_field(scope, SCOPE)?), records));
                }
            }
            if !scopes.is_empty() {
                groups.push(Group { origin: NewOrigin::new(small_field(resource, RESOURCE)?), scopes });
            }
        }
        Ok(Self { groups, refused })
    }

    /// Takes apart what was read whole.
    pub(crate) fn from_request(request: S::Request) -> Self {
        let now = unix_nano();
        let mut refused = Refused::default();
        let groups = S::layers(request).map(|layer| Group {
            origin: NewOrigin::new(layer.resource),
            scopes: layer
                .scopes
                .into_iter()
                .map(|(scope, records)| {
                    let records = records.into_iter().filter_map(|record| S::take(record, now, &mut refused));
                    (name_of(scope), records.collect())
                })
                .collect(),
        });
        let groups = groups.collect();
        Self { groups, refused }
    }

    /// Keeps what is valid, and answers.
    pub(crate) fn take_in(self, store: &Store) -> S::Answer {
        let Refused { count, reason } = self.refused;
        S::keep(store, self.groups, count);
        S::answer(reason.map(|reason| (count.try_into().unwrap_or(i64::MAX), reason.to_owned())))
    }
}

/// Takes the binary form in, and answers.
pub(crate) fn take_protobuf<S: Signal>(app: &App, body: &[u8]) -> Result<S::Answer, LayerError> {
    let answer = if app.discard && S::count(0).is_some() {
        discard::<S>(&app.store, body)?;
        S::answer(None)
    } else {
        Batch::<S>::from_protobuf(body)?.take_in(&app.store)
    };
    app.store.count_bytes(body.len());
    Ok(answer)
}

/// Counts the records of the binary form by resource, without looking into them.
fn discard<S: Signal>(store: &Store, body: &[u8]) -> Result<(), LayerError> {
    for resource in fields(body, RESOURCES) {
        let resource = resource?;
        let mut records = 0;
        for scope in fields(resource, SCOPES) {
            for record in fields(scope?, RECORDS) {
                record?;
                records += 1;
            }
        }
        if let Some(counts) = S::count(records) {
            store.count_only(&NewOrigin::new(small_field(resource, RESOURCE)?), counts);
        }
    }
    Ok(())
}

/// A resource or a scope; one that is absurdly large is left out, as if it had not been sent.
fn small_field<T: Message + Default>(message: &[u8], number: u32) -> Result<Option<T>, LayerError> {
    let mut total = 0;
    for bytes in fields(message, number) {
        total += bytes?.len();
    }
    if total > MOST_RECORD { Ok(None) } else { field(message, number) }
}

fn name_of(scope: Option<InstrumentationScope>) -> String {
    scope.map(|scope| scope.name).unwrap_or_default()
}

/// Spans.
pub(crate) struct Traces;

impl Signal for Traces {
    type Request = ExportTraceServiceRequest;
    type Record = Span;
    type New = NewSpan;
    type Answer = ExportTraceServiceResponse;

    fn layers(request: Self::Request) -> impl Iterator<Item = Layer<Span>> {
        request.resource_spans.into_iter().map(|it| Layer {
            resource: it.resource,
            scopes: it.scope_spans.into_iter().map(|it| (it.scope, it.spans)).collect(),
        })
    }

    fn take(record: Span, _: u64, refused: &mut Refused) -> Option<NewSpan> {
        refused.valid(NewSpan::new(record))
    }

    fn count(spans: u64) -> Option<Signals> {
        Some(Signals { spans, ..Signals::default() })
    }

    fn keep(store: &Store, groups: Vec<Group<NewSpan>>, rejected: u64) {
        store.add_spans(groups, rejected);
    }

    fn answer(partial: Option<(i64, String)>) -> Self::Answer {
        let partial_success =
            partial.map(|(rejected_spans, error_message)| ExportTracePartialSuccess { rejected_spans, error_message });
        ExportTraceServiceResponse { partial_success }
    }
}

/// Log records.
pub(crate) struct Logs;

impl Signal for Logs {
    type Request = ExportLogsServiceRequest;
    type Record = LogRecord;
    type New = NewLog;
    type Answer = ExportLogsServiceResponse;

    fn layers(request: Self::Request) -> impl Iterator<Item = Layer<LogRecord>> {
        request.resource_logs.into_iter().map(|it| Layer {
            resource: it.resource,
            scopes: it.scope_logs.into_iter().map(|it| (it.scope, it.log_records)).collect(),
        })
    }

    fn take(record: LogRecord, now: u64, refused: &mut Refused) -> Option<NewLog> {
        refused.valid(NewLog::new(record, now))
    }

    fn count(logs: u64) -> Option<Signals> {
        Some(Signals { logs, ..Signals::default() })
    }

    fn keep(store: &Store, groups: Vec<Group<NewLog>>, rejected: u64) {
        store.add_logs(groups, rejected);
    }

    fn answer(partial: Option<(i64, String)>) -> Self::Answer {
        let partial_success = partial.map(|(rejected_log_records, error_message)| ExportLogsPartialSuccess {
            rejected_log_records,
            error_message,
        });
        ExportLogsServiceResponse { partial_success }
    }
}

/// Metrics.
pub(crate) struct Metrics;

impl Signal for Metrics {
    type Request = ExportMetricsServiceRequest;
    type Record = Metric;
    type New = NewMetric;
    type Answer = ExportMetricsServiceResponse;

    fn layers(request: Self::Request) -> impl Iterator<Item = Layer<Metric>> {
        request.resource_metrics.into_iter().map(|it| Layer {
            resource: it.resource,
            scopes: it.scope_metrics.into_iter().map(|it| (it.scope, it.metrics)).collect(),
        })
    }

    fn take(record: Metric, _: u64, refused: &mut Refused) -> Option<NewMetric> {
        let (metric, rejected) = NewMetric::new(record);
        if rejected > 0 {
            refused.add(rejected, "a data point needs a value, and its metric a name");
        }
        (!metric.points.is_empty()).then_some(metric)
    }

    /// By metrics senders say what they have lost.
    fn count(_: u64) -> Option<Signals> {
        None
    }

    fn keep(store: &Store, groups: Vec<Group<NewMetric>>, rejected: u64) {
        store.add_metrics(groups, rejected);
    }

    fn answer(partial: Option<(i64, String)>) -> Self::Answer {
        let partial_success = partial.map(|(rejected_data_points, error_message)| ExportMetricsPartialSuccess {
            rejected_data_points,
            error_message,
        });
        ExportMetricsServiceResponse { partial_success }
    }
}

/// Now, in nanoseconds since the Unix epoch.
pub(crate) fn unix_nano() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_nanos().try_into().unwrap_or(u64::MAX)
}
