//! Runs become one report, as JSON, as a table, and held against thresholds.
#![expect(clippy::unwrap_used, reason = "a story that cannot go on has failed")]

mod support;

use bookstore_score::verdict::{EdgeKind, Links, Presence, SpanKind};
use bookstore_score::{Report, Setting, Thresholds, Verdict};
use serde_json::{Value, json};
use support::Recording;

fn setting() -> Setting {
    Setting { side: "manual".to_owned(), concurrency: Some(64), ..Setting::default() }
}

fn json(report: &Report) -> Value {
    serde_json::from_str(&report.json()).unwrap()
}

/// A run that has nothing but links of statements.
fn run(right: u64, wrong: u64, unlinked: u64) -> Verdict {
    let links = Links { right, wrong, unlinked, cancelled: 1 };
    Verdict { edges: [(EdgeKind::DbClient, links)].into(), ..Verdict::default() }
}

fn thresholds(min_right: &[&str], max_wrong: &[&str]) -> Thresholds {
    let parse = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
    Thresholds { min_right: parse(min_right), max_wrong: parse(max_wrong), max_missing: None }
}

#[test]
fn the_json_has_the_keys_that_scripts_read() {
    let json = json(&Report::of(&[Recording::of(4).judge()], setting()));
    assert_eq!((&json["side"], &json["concurrency"], &json["requests"]), (&json!("manual"), &json!(64), &json!(4)));
    let row = &json["edges"]["http.client"];
    for (key, value) in [("total", 12), ("right", 10), ("wrong", 0), ("unlinked", 0), ("cancelled", 2)] {
        assert_eq!(row[key], value, "{key}");
    }
    assert_eq!(row["right_percent"], 100.0);
    assert_eq!(row["wrong_interval"], json!([0.0, 30.0]), "the rule of three: 3 of 10");
    let edges: Vec<_> = json["edges"].as_object().unwrap().keys().collect();
    assert_eq!(edges, ["cross_process", "db.client", "http.client", "internal", "rpc.client"]);
    assert_eq!(json["cancelled"], json!({"total": 4, "right": 3, "wrong": 0, "unlinked": 0, "missing": 1}));
    for (key, value) in [("expected", 54), ("seen", 54), ("missing", 0), ("duplicate", 0), ("dropped", 0)] {
        assert_eq!(json["spans"][key], value, "{key}");
    }
    assert_eq!(json["spans"]["by_kind"]["rpc.client"], json!({"expected": 4, "seen": 4, "missing": 0}));
    assert_eq!(json["traces"], json!({"total": 4, "whole": 4}));
    assert_eq!(json["pool"], json!({"seen": 2, "parented": 0}));
    assert_eq!((&json["runs"], &json["breaches"]), (&json!(1), &Value::Null));
}

#[test]
fn a_kind_without_links_has_no_percentage() {
    let json = json(&Report::of(&[run(0, 0, 0)], setting()));
    let row = &json["edges"]["db.client"];
    assert_eq!((&row["total"], &row["right_percent"], &row["right_interval"]), (&json!(1), &Value::Null, &Value::Null));
}

#[test]
fn runs_are_added_up_and_what_differs_between_them_widens_the_interval() {
    // As in the statistics' own test: 90, 80 and 100 of 100.
    let json = json(&Report::of(&[run(90, 6, 4), run(80, 16, 4), run(100, 0, 0)], setting()));
    let row = &json["edges"]["db.client"];
    assert_eq!((&row["total"], &row["right"], &row["wrong"]), (&json!(303), &json!(270), &json!(22)));
    assert_eq!(row["right_percent"], 90.0);
    let [low, high] = [0, 1].map(|at| row["right_interval"][at].as_f64().unwrap());
    assert!((low - 73.316).abs() < 0.005 && (high - 96.719).abs() < 0.005, "{low} to {high}");
    assert!((row["design_effect"].as_f64().unwrap() - 11.111).abs() < 0.001, "{row}");
}

#[test]
fn nothing_wrong_is_claimed_only_of_many_links() {
    let few = Report::of(&[run(29_999, 0, 0)], setting()).table(100);
    assert!(few.contains("Wrong: 0 seen, db.client at most 0.02 %; to say 0 takes 30,000 links of a kind."), "{few}");
    assert!(!few.contains("Wrong: 0 ("), "{few}");
    let many = Report::of(&[run(15_000, 0, 0), run(15_000, 0, 0)], setting()).table(100);
    assert!(many.contains("Wrong: 0 (db.client; with 95 %, at most 0.01 %)."), "{many}");
    assert!(!many.contains("0 seen"), "{many}");
    assert!(few.contains("One run cannot show") && !many.contains("One run cannot show"));
}

#[test]
fn no_line_is_wider_than_the_terminal() {
    let mut recording = Recording::of(6);
    recording.hang("r-1 statement 1.1.1", "r-3 server 1.1");
    recording.hang("ROLLBACK", "r-1 server 1.2");
    recording.lose("r-2 server 1.2");
    let millions = Verdict { edges: run(12_345_678, 1, 2).edges, ..recording.judge() };
    let report = Report::of(&[recording.judge(), millions], setting()).held_to(&thresholds(&["all=99.999"], &[]));
    for width in [73, 80, 99, 100, 200] {
        for line in report.table(width).lines() {
            assert!(line.chars().count() <= width, "{} of {width}: {line}", line.chars().count());
        }
    }
    assert!(report.table(100).contains("(95 %)") && !report.table(80).contains("(95 %)"));
}

#[test]
fn thresholds_are_held_or_it_is_said_which_is_not() {
    let run = Verdict {
        spans: [(SpanKind::RpcClient, Presence { expected: 7, seen: 0, missing: 7 })].into(),
        ..run(970, 20, 10)
    };
    let report = Report::of(&[run], setting());
    let breaches = |min: &[&str], max: &[&str]| thresholds(min, max).breaches(&report);
    assert!(breaches(&["db.client=97"], &["db.client=2", "all=2"]).is_empty());
    assert_eq!(
        breaches(&["db.client=97.1"], &["db.client=1.9"]),
        [
            "db.client: 970 of 1000 links are right, 97.000 %, less than 97.1 %",
            "db.client: 20 of 1000 links are wrong, 2.000 %, more than 1.9 %",
        ]
    );
    // Each kind: one whose spans are all missing is no better than a wrong one; of one that nobody expected, nothing.
    assert_eq!(
        breaches(&["all=50"], &[]),
        ["rpc.client: no link to judge (7 spans missing), but at least 50 % are to be right"]
    );
    assert_eq!(
        breaches(&["internal=1"], &[]),
        ["internal: no link to judge (0 spans missing), but at least 1 % are to be right"]
    );
    let held = report.clone().held_to(&thresholds(&["db.client=97"], &[]));
    assert!(held.table(100).ends_with("Thresholds: held.\n"));
    assert_eq!(json(&held)["breaches"], json!([]));
    let not = report.clone().held_to(&thresholds(&["db.client=98"], &[]));
    assert!(not.table(100).contains("Thresholds: not held.\n  db.client: 970 of 1000"));
    assert_eq!(not.breaches().len(), 1);
    assert!(!report.held_to(&Thresholds::default()).table(100).contains("Thresholds"), "nothing was asked");
}
