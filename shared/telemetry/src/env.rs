//! Every standard `OTEL_*` name and what becomes of it here: one table, which `docs/telemetry.md` shows and
//! [`config`](crate::config) obeys.

/// What becomes of a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// It is honoured; the default is shown.
    Works(&'static str),
    /// Setting it gives a warning that says why, and nothing else changes.
    Refused,
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Variable {
    /// The variable's name.
    pub(crate) name: &'static str,
    /// Whether it works.
    pub(crate) effect: Effect,
    /// What it takes, or why it is refused.
    pub(crate) note: &'static str,
}

const fn works(name: &'static str, default: &'static str, note: &'static str) -> Variable {
    Variable { name, effect: Effect::Works(default), note }
}

const fn refused(name: &'static str, note: &'static str) -> Variable {
    Variable { name, effect: Effect::Refused, note }
}

const NO_TLS: &str = "this build speaks plain text to the collector; run a collector beside it that speaks TLS";
const SIGNAL: &str = "as above, for this signal only";
const LOG_LIMITS: &str = "the SDK has no limits for log records";
const NO_SUCH_EXPORTER: &str = "the exporter is not in this build; a collector can speak to it";

/// The table.
#[rustfmt::skip]
pub(crate) const VARIABLES: &[Variable] = &[
    works("OTEL_SDK_DISABLED", "false", "`true` turns all three signals and propagation off"),
    works("OTEL_SERVICE_NAME", "the service's name", "`service.name`; stronger than the resource attribute"),
    works("OTEL_RESOURCE_ATTRIBUTES", "", "`key=value,…`, values percent-encoded; stronger than what is detected"),
    works("OTEL_PROPAGATORS", "tracecontext,baggage", "`tracecontext`, `baggage`, `none`; others are skipped with a warning"),
    works("OTEL_TRACES_SAMPLER", "parentbased_always_on", "`always_on`, `always_off`, `traceidratio`, each also with `parentbased_`"),
    works("OTEL_TRACES_SAMPLER_ARG", "1.0", "the ratio, 0 to 1"),
    works("OTEL_TRACES_EXPORTER", "otlp", "`otlp` or `none`"),
    works("OTEL_METRICS_EXPORTER", "otlp", "`otlp` or `none`"),
    works("OTEL_LOGS_EXPORTER", "otlp", "`otlp` or `none`; the terminal log stays"),
    works("OTEL_BSP_SCHEDULE_DELAY", "5000", "milliseconds between exports of spans"),
    works("OTEL_BSP_EXPORT_TIMEOUT", "30000", "milliseconds that one export of spans may take, its retries included"),
    works("OTEL_BSP_MAX_QUEUE_SIZE", "2048", "spans waiting; more are dropped and counted"),
    works("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "512", "spans in one request; at most the queue's size"),
    works("OTEL_BLRP_SCHEDULE_DELAY", "1000", "milliseconds between exports of log records"),
    works("OTEL_BLRP_EXPORT_TIMEOUT", "30000", "milliseconds that one export of log records may take, its retries included"),
    works("OTEL_BLRP_MAX_QUEUE_SIZE", "2048", "log records waiting; more are dropped and counted"),
    works("OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", "512", "log records in one request; at most the queue's size"),
    works("OTEL_METRIC_EXPORT_INTERVAL", "60000", "milliseconds between exports of metrics"),
    works("OTEL_METRIC_EXPORT_TIMEOUT", "30000", "milliseconds that one export of metrics may take"),
    works("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "cumulative", "`cumulative`, `delta`, `lowmemory`"),
    works("OTEL_ATTRIBUTE_COUNT_LIMIT", "128", "attributes on a span, an event, a link, unless a name below says otherwise"),
    works("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "", "characters of a span attribute's text; the rest is cut off"),
    works("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "128", "attributes on a span"),
    works("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "", "characters of a span attribute's text; the rest is cut off"),
    works("OTEL_SPAN_EVENT_COUNT_LIMIT", "128", "events on a span"),
    works("OTEL_SPAN_LINK_COUNT_LIMIT", "128", "links on a span"),
    works("OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", "128", "attributes on an event"),
    works("OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", "128", "attributes on a link"),
    works("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4317", "with `http/protobuf` port 4318, and `/v1/traces` and so on is appended"),
    works("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "`grpc` or `http/protobuf`"),
    works("OTEL_EXPORTER_OTLP_HEADERS", "", "`key=value,…`, values percent-encoded"),
    works("OTEL_EXPORTER_OTLP_TIMEOUT", "10000", "milliseconds that one request may take"),
    works("OTEL_EXPORTER_OTLP_COMPRESSION", "none", "`gzip` or `none`"),
    works("OTEL_EXPORTER_OTLP_INSECURE", "false", "`true` lets a `grpc` endpoint be given without `http://`"),
    works("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "", "for this signal only; with `http/protobuf` the whole URL, nothing is appended"),
    works("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "", SIGNAL),
    works("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "", SIGNAL),
    works("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "", SIGNAL),
    works("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "", SIGNAL),
    works("OTEL_EXPORTER_OTLP_TRACES_INSECURE", "", SIGNAL),
    works("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "", "for this signal only; with `http/protobuf` the whole URL, nothing is appended"),
    works("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "", SIGNAL),
    works("OTEL_EXPORTER_OTLP_METRICS_HEADERS", "", SIGNAL),
    works("OTEL_EXPORTER_OTLP_METRICS_TIMEOUT", "", SIGNAL),
    works("OTEL_EXPORTER_OTLP_METRICS_COMPRESSION", "", SIGNAL),
    works("OTEL_EXPORTER_OTLP_METRICS_INSECURE", "", SIGNAL),
    works("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "", "for this signal only; with `http/protobuf` the whole URL, nothing is appended"),
    works("OTEL_EXPORTER_OTLP_LOGS_PROTOCOL", "", SIGNAL),
    works("OTEL_EXPORTER_OTLP_LOGS_HEADERS", "", SIGNAL),
    works("OTEL_EXPORTER_OTLP_LOGS_TIMEOUT", "", SIGNAL),
    works("OTEL_EXPORTER_OTLP_LOGS_COMPRESSION", "", SIGNAL),
    works("OTEL_EXPORTER_OTLP_LOGS_INSECURE", "", SIGNAL),
    works("OTEL_INSTRUMENTATION_HTTP_SERVER_CAPTURE_REQUEST_HEADERS", "", "`name,…`: recorded as `http.request.header.<name>`; credentials are redacted"),
    refused("OTEL_INSTRUMENTATION_HTTP_SERVER_CAPTURE_RESPONSE_HEADERS", "response headers are not captured"),
    refused("OTEL_INSTRUMENTATION_HTTP_CLIENT_CAPTURE_REQUEST_HEADERS", "capture them on the server's side"),
    refused("OTEL_INSTRUMENTATION_HTTP_CLIENT_CAPTURE_RESPONSE_HEADERS", "response headers are not captured"),
    refused("OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS", "the methods of RFC 9110 and PATCH are known; others are `_OTHER`"),
    refused("OTEL_SEMCONV_STABILITY_OPT_IN", "one version of the conventions is sent, the stable one"),
    refused("OTEL_LOG_LEVEL", "`RUST_LOG` says what is logged"),
    refused("OTEL_ENTITIES", "set `OTEL_RESOURCE_ATTRIBUTES` instead"),
    refused("OTEL_CONFIG_FILE", "configuration is by these variables only"),
    refused("OTEL_EXPERIMENTAL_CONFIG_FILE", "configuration is by these variables only"),
    refused("OTEL_METRICS_EXEMPLAR_FILTER", "the SDK has no exemplars"),
    refused("OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION", "the conventions' bucket boundaries are sent"),
    refused("OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT", LOG_LIMITS),
    refused("OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT", LOG_LIMITS),
    refused("OTEL_EXPORTER_OTLP_CERTIFICATE", NO_TLS),
    refused("OTEL_EXPORTER_OTLP_CLIENT_KEY", NO_TLS),
    refused("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", NO_TLS),
    refused("OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE", NO_TLS),
    refused("OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY", NO_TLS),
    refused("OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE", NO_TLS),
    refused("OTEL_EXPORTER_OTLP_METRICS_CERTIFICATE", NO_TLS),
    refused("OTEL_EXPORTER_OTLP_METRICS_CLIENT_KEY", NO_TLS),
    refused("OTEL_EXPORTER_OTLP_METRICS_CLIENT_CERTIFICATE", NO_TLS),
    refused("OTEL_EXPORTER_OTLP_LOGS_CERTIFICATE", NO_TLS),
    refused("OTEL_EXPORTER_OTLP_LOGS_CLIENT_KEY", NO_TLS),
    refused("OTEL_EXPORTER_OTLP_LOGS_CLIENT_CERTIFICATE", NO_TLS),
    refused("OTEL_EXPORTER_OTLP_SPAN_INSECURE", "obsolete: use `OTEL_EXPORTER_OTLP_TRACES_INSECURE`"),
    refused("OTEL_EXPORTER_OTLP_METRIC_INSECURE", "obsolete: use `OTEL_EXPORTER_OTLP_METRICS_INSECURE`"),
    refused("OTEL_EXPORTER_ZIPKIN_ENDPOINT", NO_SUCH_EXPORTER),
    refused("OTEL_EXPORTER_ZIPKIN_TIMEOUT", NO_SUCH_EXPORTER),
    refused("OTEL_EXPORTER_PROMETHEUS_HOST", NO_SUCH_EXPORTER),
    refused("OTEL_EXPORTER_PROMETHEUS_PORT", NO_SUCH_EXPORTER),
    refused("OTEL_EXPORTER_JAEGER_ENDPOINT", NO_SUCH_EXPORTER),
    refused("OTEL_EXPORTER_JAEGER_AGENT_HOST", NO_SUCH_EXPORTER),
    refused("OTEL_EXPORTER_JAEGER_AGENT_PORT", NO_SUCH_EXPORTER),
    refused("OTEL_EXPORTER_JAEGER_TIMEOUT", NO_SUCH_EXPORTER),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fmt::Write as _;

    use super::*;

    const BEGIN: &str = "<!-- begin: otel-env -->\n";
    const END: &str = "<!-- end: otel-env -->";

    fn render() -> String {
        let mut table = String::from("| name | here | default | note |\n| --- | --- | --- | --- |\n");
        for Variable { name, effect, note } in VARIABLES {
            let (here, default) = match effect {
                Effect::Works("") => ("works", String::new()),
                Effect::Works(default) => ("works", format!("`{default}`")),
                Effect::Refused => ("refused, with a warning", String::new()),
            };
            writeln!(table, "| `{name}` | {here} | {default} | {note} |").unwrap();
        }
        table
    }

    /// `UPDATE_DOCS=1 cargo test -p bookstore-telemetry` rewrites the table in the page.
    #[test]
    fn the_documentation_shows_this_table() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/telemetry.md");
        let page = std::fs::read_to_string(path).unwrap();
        let start = page.find(BEGIN).expect("the page has the begin marker") + BEGIN.len();
        let end = page.find(END).expect("the page has the end marker");
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(path, format!("{}{}{}", &page[..start], render(), &page[end..])).unwrap();
            return;
        }
        assert_eq!(&page[start..end], render(), "run UPDATE_DOCS=1 cargo test -p bookstore-telemetry");
    }

    #[test]
    fn no_name_is_listed_twice() {
        let names: BTreeSet<_> = VARIABLES.iter().map(|variable| variable.name).collect();
        assert_eq!(names.len(), VARIABLES.len());
    }
}
