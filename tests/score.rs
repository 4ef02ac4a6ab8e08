//! `bookstore score`: the manual side, held against the truth; a recording, judged again; and what cannot be judged.
#![expect(clippy::unwrap_used, reason = "a story that cannot go on has failed")]

use std::path::Path;
use std::process::Output;

use bookstore_harness::shop::temporary;
use serde_json::Value;
use tokio::process::Command;

mod common;
use common::{databases, executable};

/// More than any story here needs, less than a person would wait.
const CUSTOMERS: &str = "16";

async fn score(arguments: &[&str]) -> Output {
    Command::new(executable()).arg("score").args(arguments).output().await.unwrap()
}

fn json(output: &Output) -> Value {
    let said = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {said}"))
}

/// Everything is right that manual instrumentation can be asked for.
fn is_perfect(report: &Value, what: &str) {
    for (kind, row) in report["edges"].as_object().unwrap() {
        let count = |name: &str| row[name].as_u64().unwrap();
        assert_eq!(count("right") + count("cancelled"), count("total"), "{what}, {kind}: {report:#}");
    }
    let spans = &report["spans"];
    for name in ["missing", "duplicate", "dropped"] {
        assert_eq!(spans[name], 0, "{what}, {name}: {report:#}");
    }
    assert_eq!(spans["seen"], spans["expected"], "{what}");
    for name in ["wrong", "unlinked"] {
        assert_eq!(report["cancelled"][name], 0, "{what}, {name}: {report:#}");
    }
    assert_eq!(report["background"]["parented"], 0, "{what}: {report:#}");
    assert_eq!(report["traces"]["whole"], report["traces"]["total"], "{what}: {report:#}");
}

fn total(report: &Value, kind: &str) -> u64 {
    report["edges"][kind]["total"].as_u64().unwrap()
}

#[tokio::test]
async fn manual_instrumentation_is_right_in_each_scenario() {
    for database in databases() {
        // The shop's own, and the two shapes that are hardest to follow: many at once, and calls that are dropped.
        for scenario in ["mixed", "fanout", "hedge"] {
            let what = format!("{scenario} on {database}");
            let arguments = ["--scenario", scenario, "--database", database, "--concurrency", CUSTOMERS];
            let thresholds =
                ["--requests", "120", "--min-right", "all=100", "--max-wrong", "all=0", "--max-missing", "0", "--json"];
            let output = score(&[&arguments[..], &thresholds[..]].concat()).await;
            let report = json(&output);
            assert!(output.status.success(), "{what}: {report:#}");
            assert!(report["requests"].as_u64().unwrap() >= 120, "{what}");
            is_perfect(&report, &what);
            for kind in ["http.client", "rpc.client", "db.client", "cross_process"] {
                assert!(total(&report, kind) > 120, "{what}: few links of {kind} were judged: {report:#}");
            }
            // Elsewhere a busy machine may run out of time now and then.
            let cancelled = report["cancelled"]["total"].as_u64().unwrap();
            assert!(cancelled > 0 || scenario != "hedge", "{what}: {report:#}");
        }
    }
}

#[tokio::test]
async fn a_recording_is_judged_as_the_run_was() {
    let folder = temporary();
    let record = folder.path().join("record");
    let output = score(&["--requests", "60", "--concurrency", "4", "--json", "--record", text(&record)]).await;
    let live = json(&output);
    let (spans, truth) = (record.join("spans.jsonl"), record.join("truth"));
    let judged = ["--otlp", text(&spans), "--truth", text(&truth), "--json"];
    let again = json(&score(&judged).await);
    for part in ["edges", "spans", "traces", "requests"] {
        assert_eq!(live[part], again[part], "{part}");
    }

    // The same with every tenth span gone: what is missing is missing, and the command says so by its exit code.
    let thinned: Vec<String> = std::fs::read_to_string(&spans).unwrap().lines().map(thin).collect();
    let less = folder.path().join("less.jsonl");
    std::fs::write(&less, thinned.join("\n")).unwrap();
    let strict = ["--otlp", text(&less), "--truth", text(&truth), "--max-missing", "0.1", "--json"];
    let output = score(&strict).await;
    let report = json(&output);
    assert_eq!(output.status.code(), Some(1), "{report:#}");
    assert!(report["spans"]["missing"].as_u64().unwrap() > 0, "{report:#}");
    assert_eq!(report["edges"]["cross_process"]["wrong"], 0, "{report:#}");

    // Spans of this run and the truth of another have nothing to do with each other.
    let other = folder.path().join("other.jsonl");
    let line = r#"{"op":"received","service":"catalog","request":"another","hop":"1","kind":"http"}"#;
    std::fs::write(&other, line).unwrap();
    let output = score(&["--otlp", text(&spans), "--truth", text(&other)]).await;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && output.stdout.is_empty(), "{said}");
    assert!(said.contains("truth"), "{said}");
}

/// One request of a recording without every tenth of its spans.
fn thin(line: &str) -> String {
    let mut request: Value = serde_json::from_str(line).unwrap();
    let mut count = 0;
    for resource in request["resourceSpans"].as_array_mut().into_iter().flatten() {
        for scope in resource["scopeSpans"].as_array_mut().into_iter().flatten() {
            scope["spans"].as_array_mut().unwrap().retain(|_| {
                count += 1;
                count % 10 != 0
            });
        }
    }
    request.to_string()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[tokio::test]
async fn what_cannot_be_scored_is_said() {
    let folder = temporary();
    let broken = folder.path().join("broken.toml");
    std::fs::write(&broken, "about = \"x\"\n[[visit]\n").unwrap();
    let nothing = folder.path().join("nothing");
    for (arguments, expected) in [
        (&["--scenario", "brows"][..], "browse"),
        (&["--scenario", text(&broken)][..], "broken.toml:2:"),
        (&["--min-right", "sql=99"][..], "db.client"),
        (&["--otlp", text(&nothing)][..], "--truth"),
        (&["--otlp", text(&nothing), "--truth", text(&nothing)][..], "nothing"),
        (&["--concurrency", "0"][..], "--concurrency"),
    ] {
        let output = score(arguments).await;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success(), "{arguments:?}");
        assert!(said.contains(expected), "{arguments:?}: {said}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
}
