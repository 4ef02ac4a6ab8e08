//! What is done with a request of each signal: take it apart, keep what is valid, say what was not.

use std::time::{SystemTime, UNIX_EPOCH};

use bookstore_otlp::Message;
use bookstore_otlp::collector::{
    ExportLogsPartialSuccess, ExportLogsServiceRequest, ExportLogsServiceResponse, ExportMetricsPartialSuccess,
    ExportMetricsServiceRequest, ExportMetricsServiceResponse, ExportTracePartialSuccess, ExportTraceServiceRequest,
    ExportTraceServiceResponse,
};
use bookstore_otlp::common::InstrumentationScope;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::store::{Group, NewLog, NewOrigin, NewPoint, NewSpan, Store};

/// A request of OTLP's `Export`.
pub(crate) trait Signal: Message + Default + DeserializeOwned + 'static {
    /// Its answer.
    type Answer: Message + Default + Serialize;

    /// Keeps what is valid in it.
    fn take_in(self, store: &Store) -> Self::Answer;
}

/// How many were refused, and why the first was.
#[derive(Default)]
struct Refused {
    count: u64,
    reason: Option<&'static str>,
}

impl Refused {
    fn valid<T>(&mut self, result: Result<T, &'static str>) -> Option<T> {
        result
            .inspect_err(|reason| {
                self.count += 1;
                self.reason.get_or_insert(reason);
            })
            .ok()
    }

    /// What a partial success says; `None` if all was well.
    fn say<T>(self, partial: impl FnOnce(i64, String) -> T) -> Option<T> {
        let reason = self.reason?;
        Some(partial(self.count.try_into().unwrap_or(i64::MAX), reason.to_owned()))
    }
}

fn name_of(scope: Option<InstrumentationScope>) -> String {
    scope.map(|scope| scope.name).unwrap_or_default()
}

impl Signal for ExportTraceServiceRequest {
    type Answer = ExportTraceServiceResponse;

    fn take_in(self, store: &Store) -> Self::Answer {
        let mut refused = Refused::default();
        let groups = self.resource_spans.into_iter().map(|resource| Group {
            origin: NewOrigin::new(resource.resource),
            scopes: resource
                .scope_spans
                .into_iter()
                .map(|scope| {
                    let spans = scope.spans.into_iter().filter_map(|span| refused.valid(NewSpan::new(span)));
                    (name_of(scope.scope), spans.collect())
                })
                .collect(),
        });
        store.add_spans(groups.collect(), refused.count);
        let partial_success =
            refused.say(|rejected_spans, error_message| ExportTracePartialSuccess { rejected_spans, error_message });
        ExportTraceServiceResponse { partial_success }
    }
}

impl Signal for ExportLogsServiceRequest {
    type Answer = ExportLogsServiceResponse;

    fn take_in(self, store: &Store) -> Self::Answer {
        let now = unix_nano();
        let mut refused = Refused::default();
        let groups = self.resource_logs.into_iter().map(|resource| Group {
            origin: NewOrigin::new(resource.resource),
            scopes: resource
                .scope_logs
                .into_iter()
                .map(|scope| {
                    let logs = scope.log_records.into_iter().filter_map(|log| refused.valid(NewLog::new(log, now)));
                    (name_of(scope.scope), logs.collect())
                })
                .collect(),
        });
        store.add_logs(groups.collect(), refused.count);
        let partial_success = refused.say(|rejected_log_records, error_message| ExportLogsPartialSuccess {
            rejected_log_records,
            error_message,
        });
        ExportLogsServiceResponse { partial_success }
    }
}

impl Signal for ExportMetricsServiceRequest {
    type Answer = ExportMetricsServiceResponse;

    fn take_in(self, store: &Store) -> Self::Answer {
        let mut refused = Refused::default();
        let groups = self.resource_metrics.into_iter().map(|resource| Group {
            origin: NewOrigin::new(resource.resource),
            scopes: resource
                .scope_metrics
                .into_iter()
                .map(|scope| {
                    let points = scope.metrics.into_iter().flat_map(|metric| {
                        let (points, rejected) = NewPoint::of(metric);
                        if rejected > 0 {
                            refused.count += rejected;
                            refused.reason.get_or_insert("a data point needs a value, and its metric a name");
                        }
                        points
                    });
                    (name_of(scope.scope), points.collect())
                })
                .collect(),
        });
        store.add_points(groups.collect(), refused.count);
        let partial_success = refused.say(|rejected_data_points, error_message| ExportMetricsPartialSuccess {
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
