//! Files are read as they come, and what cannot be read says where and why.

mod support;

use std::collections::BTreeMap;

use bookstore_otlp::collector::ExportMetricsServiceRequest;
use bookstore_otlp::metrics::temporality;
use bookstore_score::{Spans, Truth, files};
use support::{Recording, losses, point};

fn truth(lines: &str) -> Result<Truth, String> {
    let mut truth = Truth::default();
    truth.read(lines.as_bytes(), "a.jsonl").map_err(|error| error.to_string())?;
    Ok(truth)
}

fn spans(lines: &str) -> Result<Spans, String> {
    let mut spans = Spans::default();
    spans.read_json_lines(lines.as_bytes(), "b.jsonl").map_err(|error| error.to_string())?;
    Ok(spans)
}

#[test]
fn a_truth_log_may_have_what_is_new_and_lack_what_does_not_matter() {
    let lines = r#"
{"op":"received","service":"a","request":"r","hop":"1","kind":"http","color":"blue"}

{"op":"called","service":"a","request":"r","hop":"1.1","parent":"1","kind":"grpc","start_unix_nano":"1","end_unix_nano":2}
{"op":"statement","service":"a","request":"r","hop":"1.2","slot":"a-1","start_unix_nano":"18446744073709551615","end_unix_nano":0}
{"op":"statement","service":"a","request":"work","hop":"1.1","cancelled":true,"start_unix_nano":null}
{"op":"pool","service":"a","what":"ping"}"#;
    let truth = truth(lines).unwrap();
    assert_eq!((truth.operations(), truth.requests()), (4, 1));
}

#[test]
fn a_line_of_truth_that_cannot_be_read_is_named_with_the_reason() {
    let good = r#"{"op":"received","service":"a","request":"r","hop":"1","kind":"http"}"#;
    for (bad, expected) in [
        (
            r#"{"op":"sent"}"#,
            "column 12: unknown variant `sent`, expected one of `received`, `called`, `statement`, `pool`",
        ),
        (r#"{"op":"received","#, "column 17: EOF while parsing a value"),
        (r#"{"op":"received"}"#, "column 17: missing field `service`"),
        (r#"{"op":"pool","service":"a"}"#, "column 1: a pool line needs `what`: connect, ping or rollback"),
        (
            r#"{"op":"called","service":"a","hop":"1.1","kind":"http"}"#,
            "column 1: an operation needs `request`, the id of its request",
        ),
        (
            r#"{"op":"called","service":"a","request":"r","kind":"http"}"#,
            "column 1: an operation needs `hop`, its place in its request, such as 1.2",
        ),
        (r#"{"op":"called","service":"a","request":"r","hop":"1.1"}"#, "column 1: a call needs a `kind`: http or grpc"),
        (
            r#"{"op":"called","service":"a","request":"r","hop":"1.1","kind":"sql"}"#,
            "column 1: a call needs a `kind`: http or grpc",
        ),
        (
            r#"{"op":"statement","service":"a","request":"r","hop":"1.1","kind":"http"}"#,
            "column 1: a statement's `kind` is sql",
        ),
        (
            r#"{"op":"statement","service":"a","request":"r","hop":"1.1","slot":"a-1"}"#,
            "column 1: a slot needs `start_unix_nano` and `end_unix_nano`: slot and time name the statement",
        ),
        (
            r#"{"op":"pool","service":"a","what":"ping","start_unix_nano":"soon"}"#,
            "column 65: invalid value: string \"soon\", expected nanoseconds since 1970, as a whole number or a string of one",
        ),
    ] {
        let error = truth(&format!("{good}\n\n{bad}\n{good}")).unwrap_err();
        assert!(error.starts_with(&format!("a.jsonl, line 3, {expected}")), "{bad}: {error}");
    }
    assert_eq!(
        truth("\n \n").unwrap_err(),
        "a.jsonl is empty, but should hold a truth log: one operation a line, in JSON"
    );
}

#[test]
fn lines_of_all_signals_are_read_and_others_refused() {
    let lines = r#"{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"a"}}]},"scopeSpans":[{"spans":[{"traceId":"00000000000000000000000000000001","spanId":"0000000000000001","name":"x","kind":2,"startTimeUnixNano":"1","endTimeUnixNano":2},{"traceId":"01","spanId":"0000000000000001"}]}]}]}
{"resourceLogs":[{"anything":[1,2,3]}]}
{"resourceMetrics":[]}"#;
    assert_eq!(spans(lines).unwrap().len(), 1, "and one has no valid trace id");
    let error = spans("{\"resourceMetrics\":[]}\n{\"spans\":[]}").unwrap_err();
    assert_eq!(
        error,
        "b.jsonl, line 2, column 1: no OTLP message: it has neither resourceSpans, resourceMetrics nor resourceLogs"
    );
    let error = spans(r#"{"resourceSpans":[{"scopeSpans":7}]}"#).unwrap_err();
    assert!(error.starts_with("b.jsonl, line 1, column 33: invalid type: integer `7`"), "{error}");
    assert_eq!(
        spans("").unwrap_err(),
        "b.jsonl is empty, but should hold OTLP/JSON: a message with resourceSpans a line"
    );
}

#[test]
fn of_losses_the_last_point_of_each_series_counts() {
    let mut spans = Spans::default();
    let (exported, processed) = ("otel.sdk.exporter.span.exported", "otel.sdk.processor.span.processed");
    let cumulative = temporality::CUMULATIVE;
    let mut add = |metrics| spans.add_metrics(&ExportMetricsServiceRequest { resource_metrics: vec![metrics] });
    add(losses("a", exported, cumulative, vec![point(2, 5, Some("timeout")), point(2, 900, None)]));
    add(losses("a", exported, cumulative, vec![point(1, 4, Some("timeout")), point(1, 1, Some("export_failed"))]));
    add(losses("a", processed, cumulative, vec![point(3, 7, Some("queue_full"))]));
    add(losses("a", "otel.sdk.exporter.log.exported", cumulative, vec![point(3, 50, Some("timeout"))]));
    // What counts since the last time is added up.
    add(losses("b", exported, temporality::DELTA, vec![point(1, 2, Some("timeout"))]));
    add(losses("b", exported, temporality::DELTA, vec![point(2, 3, Some("timeout"))]));
    add(losses("c", exported, cumulative, vec![point(1, 0, Some("timeout"))]));
    // A second process of one service.
    let mut other = losses("b", exported, cumulative, vec![point(1, 10, Some("timeout"))]);
    other.resource.as_mut().unwrap().attributes.pop();
    add(other);
    assert_eq!(spans.dropped(), BTreeMap::from([("a".to_owned(), 5 + 1 + 7), ("b".to_owned(), 2 + 3 + 10)]));
}

#[test]
fn a_folder_is_all_its_logs_of_which_one_may_be_empty() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    let score = |otlp: &str, truth: &str| {
        let paths = [otlp, truth].map(|name| folder.path().join(name));
        files::score(&paths[..1], &paths[1..]).map_err(|error| error.to_string())
    };
    let mut recording = Recording::of(2);
    let expected = recording.judge();
    std::fs::create_dir(folder.path().join("truth")).unwrap();
    let error = score("spans.jsonl", "truth").unwrap_err();
    assert!(error.ends_with("truth holds no file whose name ends in .jsonl"), "{error}");
    write("truth/idle.jsonl", "");
    let error = score("spans.jsonl", "truth").unwrap_err();
    assert!(error.contains("idle.jsonl is empty"), "{error}");
    for service in ["catalog", "inventory", "storefront", "user"] {
        let records = recording.truth.iter().filter(|record| record.service == service);
        let lines: Vec<_> = records.map(|record| serde_json::to_string(record).unwrap()).collect();
        write(&format!("truth/{service}.jsonl"), &lines.join("\n"));
    }
    write("truth/notes.txt", "no log");
    let error = score("spans.jsonl", "truth").unwrap_err();
    assert!(error.starts_with("cannot read ") && error.ends_with("spans.jsonl"), "{error}");
    recording.spans.rotate_left(7);
    let lines: Vec<_> = recording.exports().iter().map(|it| serde_json::to_string(it).unwrap()).collect();
    write("spans.jsonl", &lines.join("\n"));
    let found = score("spans.jsonl", "truth").unwrap();
    assert_eq!((found.edges, found.spans, found.traces), (expected.edges, expected.spans, expected.traces));
}
