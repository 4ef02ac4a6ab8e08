//! The worked example of docs/method.md: its recorded files are what the generator makes, its output what they come to.
//!
//! `UPDATE_DOCS=1 cargo test -p bookstore-score --test method` writes both again.
#![expect(clippy::unwrap_used, reason = "a story that cannot go on has failed")]

mod support;

use std::path::{Path, PathBuf};
use std::sync::Once;

use bookstore_otlp::logs::{LogRecord, LogsData, ResourceLogs, ScopeLogs};
use bookstore_otlp::metrics::MetricsData;
use bookstore_otlp::trace::TracesData;
use bookstore_score::{Report, Setting, files};
use support::{Recording, resource};

const DATA: &str = "tests/data";

fn path(relative: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(relative)
}

/// Compares a file with what it should hold, or writes it.
fn file(path: &Path, expected: &str) {
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, expected).unwrap();
    }
    let found = std::fs::read_to_string(path).unwrap();
    assert!(found == expected, "{} is not what its source says: UPDATE_DOCS=1 writes it again", path.display());
}

/// Six requests, spoiled in the four ways that the document tells of.
fn example() -> Recording {
    let mut recording = Recording::of(6);
    recording.hang("r-2 statement 1.2.1", "r-3 server 1.2");
    recording.hang("r-5 statement 1.2.3.1", "r-5 client 1.2.3");
    recording.lose("r-4 server 1.1");
    recording.lost.push(("user".to_owned(), 1));
    recording.hang("ROLLBACK", "r-1 server 1.2");
    recording
}

fn lines<T: serde::Serialize>(values: impl IntoIterator<Item = T>) -> String {
    values.into_iter().map(|value| serde_json::to_string(&value).unwrap() + "\n").collect()
}

#[test]
fn the_recorded_files_are_what_the_generator_makes() {
    static RECORDED: Once = Once::new();
    // Once, because the other story reads what this one may write.
    RECORDED.call_once(record);
}

fn record() {
    let recording = example();
    let mut otlp = lines(recording.exports().into_iter().map(|it| TracesData { resource_spans: it.resource_spans }));
    otlp.push_str(&lines([MetricsData { resource_metrics: recording.metrics().resource_metrics }]));
    let record = LogRecord { severity_text: "INFO".to_owned(), body: Some("ready".into()), ..LogRecord::default() };
    let scope_logs = vec![ScopeLogs { log_records: vec![record], ..ScopeLogs::default() }];
    let logs = ResourceLogs { resource: Some(resource("catalog")), scope_logs, ..ResourceLogs::default() };
    otlp.push_str(&lines([LogsData { resource_logs: vec![logs] }]));
    file(&path(DATA).join("spans.jsonl"), &otlp);
    for service in ["catalog", "inventory", "storefront", "user"] {
        // A line is written when its operation has ended.
        let mut records: Vec<_> = recording.truth.iter().filter(|record| record.service == service).collect();
        records.sort_by_key(|record| record.end_unix_nano);
        file(&path(DATA).join(format!("truth/{service}.jsonl")), &lines(records));
    }
}

#[test]
fn the_document_shows_what_the_recorded_files_come_to() {
    the_recorded_files_are_what_the_generator_makes();
    let data = path(DATA);
    let verdict = files::score(&[data.join("spans.jsonl")], &[data.join("truth")]).unwrap();
    let table = Report::of(&[verdict], Setting::default()).table(100);
    let document = path("../docs/method.md");
    let text = std::fs::read_to_string(&document).unwrap();
    let (begin, end) = ("<!-- begin: worked example -->\n", "<!-- end: worked example -->");
    let (before, rest) = text.split_once(begin).unwrap();
    let (_, after) = rest.split_once(end).unwrap();
    file(&document, &format!("{before}{begin}\n```text\n{table}```\n\n{end}{after}"));
}

#[test]
fn the_document_knows_all_fields_and_kinds() {
    let text = std::fs::read_to_string(path("../docs/method.md")).unwrap();
    let mut names: Vec<_> = bookstore_score::EdgeKind::ALL.iter().map(|kind| kind.name().to_owned()).collect();
    for record in &example().truth {
        let record = serde_json::to_value(record).unwrap();
        names.extend(record.as_object().unwrap().keys().cloned());
        names.push(record["op"].as_str().unwrap().to_owned());
    }
    for name in names {
        assert!(text.contains(&format!("`{name}`")), "docs/method.md does not tell of {name}");
    }
}
