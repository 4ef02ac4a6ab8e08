//! `summary.json` and its folder: what is written is read again, and nothing is ever half written.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;

use bookstore_bench::code_cost::CodeCost;
use bookstore_bench::{Error, Outcome, Question, Results, Summary, write};

mod simulated;

fn summary(modes: &[&str], rounds: u32) -> Summary {
    let (experiment, runs) = simulated::experiment(modes, rounds, 5).unwrap();
    Summary::new(experiment, runs, Some(CodeCost { crates_with: Some(2), ..CodeCost::default() }))
}

fn names(folder: &std::path::Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn what_is_written_is_read_again_and_leads_to_the_same_results() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("deep/down");
    let written = summary(&["none", "manual"], 12);
    write(&target, &written).unwrap();
    assert_eq!(names(&target), ["index.html", "summary.json"]);
    let read = Summary::read(&target.join("summary.json")).unwrap();
    assert_eq!(read, written);
    assert_eq!(Results::of(&read.experiment, &read.runs), written.results);
    assert_eq!(read.page().unwrap(), fs::read_to_string(target.join("index.html")).unwrap());
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let error = write(&file.join("below"), &summary(&["none", "manual"], 2)).unwrap_err();
    assert!(error.to_string().starts_with(&format!("cannot write {}", file.join("below").display())), "{error}");
}

#[test]
fn when_the_page_cannot_be_put_in_place_the_old_summary_stays() {
    let folder = tempfile::tempdir().unwrap();
    // Nothing can be renamed over a folder that holds something.
    fs::create_dir_all(folder.path().join("index.html/occupied")).unwrap();
    fs::write(folder.path().join("summary.json"), "old").unwrap();
    let error = write(folder.path(), &summary(&["none", "manual"], 2)).unwrap_err();
    assert!(error.to_string().contains("index.html, so nothing was changed there"), "{error}");
    assert_eq!(fs::read_to_string(folder.path().join("summary.json")).unwrap(), "old");
    assert_eq!(names(folder.path()), ["index.html", "summary.json"], "no temporary file is left");
}

#[test]
fn when_the_first_page_cannot_be_put_in_place_no_summary_is_left() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("index.html/occupied")).unwrap();
    write(folder.path(), &summary(&["none", "manual"], 2)).unwrap_err();
    assert_eq!(names(folder.path()), ["index.html"]);
}

#[test]
fn what_is_no_summary_or_another_version_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("summary.json");
    assert!(matches!(Summary::read(&path).unwrap_err(), Error::Read { .. }));
    fs::write(&path, "{}").unwrap();
    assert!(matches!(Summary::read(&path).unwrap_err(), Error::Parse { .. }));
    fs::write(&path, r#"{"schema": 99, "other": true}"#).unwrap();
    let error = Summary::read(&path).unwrap_err();
    assert!(error.to_string().contains("version 99"), "{error}");
}

#[test]
fn a_histogram_that_cannot_be_read_stops_the_page_and_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut summary = summary(&["none", "manual"], 2);
    summary.runs[0].phases[0].latency.histogram = "?".into();
    assert!(matches!(write(folder.path(), &summary).unwrap_err(), Error::Latency(_)));
    assert_eq!(names(folder.path()), [""; 0]);
}

#[test]
fn the_text_says_the_verdict_first_and_fits_the_terminal() {
    let text = summary(&["none", "manual"], 12).text(72);
    let first = text.lines().next().unwrap();
    assert!(first.starts_with("manual costs ") && first.contains("% more CPU"), "{text}");
    for row in ["Requests per second at saturation", "Latency, 99th percentile", "Peak memory, services"] {
        assert!(text.lines().any(|line| line.starts_with(row)), "{row}:\n{text}");
    }
    let sentences = text.lines().take_while(|line| !line.is_empty());
    assert!(sentences.map(|line| line.chars().count()).all(|width| width <= 72), "{text}");
}

#[test]
fn the_made_up_price_is_found_and_two_of_the_same_do_not_differ() {
    let summary = summary(&["none", "none", "manual"], 18);
    let found: Vec<_> = summary.primary().map(|(mode, verdict)| (mode, verdict.unwrap().outcome)).collect();
    assert_eq!(found[1], ("manual", Outcome::More));
    assert_eq!(found[0].0, "none (2)");
    assert!(!found[0].1.is_difference(), "{found:?}");
    let ratio = summary.results.comparisons[1].verdicts[&Question::ServicesCpu].log_ratio.unwrap();
    let [low, high] = ratio.at_99.map(f64::exp);
    assert!(low < 1.123 && 1.123 < high, "{low} {high}");
    // 12.3 % of 1.9 ms over 9.4 spans, drift included.
    let per_span = summary.results.comparisons[1].us_per_span.unwrap();
    assert!(per_span.at_99[0] < 25.8 && 24.8 < per_span.at_99[1], "{per_span:?}");
}
