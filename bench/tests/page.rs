//! The page: one file, whole, whatever was measured and whatever was not.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeSet;

use bookstore_bench::code_cost::{CodeCost, Lines, ManualCode};
use bookstore_bench::model::{PhaseKind, Receiver};
use bookstore_bench::{Experiment, Run, Summary};

mod simulated;

fn experiment(modes: &[&str], rounds: u32) -> (Experiment, Vec<Run>) {
    simulated::experiment(modes, rounds, 5).unwrap()
}

/// The page, after a look at what every page has to be.
fn page(experiment: Experiment, runs: Vec<Run>, code: Option<CodeCost>) -> String {
    let page = Summary::new(experiment, runs, code).page().unwrap();
    for reference in ["src=", "href=", "url(", "@import", "<script", "<link"] {
        assert!(!page.contains(reference), "{reference} leads out of the page");
    }
    let namespace = "xmlns=\"http://www.w3.org/2000/svg\"";
    assert!(!page.replace(namespace, "").contains("://"), "an address that is no namespace");
    for none in ["NaN", "inf"] {
        let at = page.find(none).filter(|at| !page[*at..].starts_with("info"));
        assert_eq!(at.map(|at| &page[at.saturating_sub(80)..at + 20]), None, "a number that is none");
    }
    let mut ids = BTreeSet::new();
    for id in page.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert!(ids.insert(id), "{id} is there twice");
    }
    for picture in pictures(&page) {
        let document = roxmltree::Document::parse(picture).unwrap_or_else(|error| panic!("{error}: {picture}"));
        let root = document.root_element();
        let has = |name: &str| root.children().any(|child| child.has_tag_name(("http://www.w3.org/2000/svg", name)));
        assert!(has("title") && has("desc"), "a picture that says nothing to who cannot see it: {picture}");
    }
    page
}

fn pictures(page: &str) -> Vec<&str> {
    page.split("<svg ")
        .skip(1)
        .map(|rest| &page[offset(page, rest) - 5..offset(page, rest) + rest.find("</svg>").unwrap() + 6])
        .collect()
}

fn offset(whole: &str, part: &str) -> usize {
    part.as_ptr().addr() - whole.as_ptr().addr()
}

/// What is said by titles of pictures.
fn titles(page: &str) -> Vec<String> {
    let title = |picture: &&str| {
        roxmltree::Document::parse(picture)
            .unwrap()
            .root_element()
            .first_element_child()
            .unwrap()
            .text()
            .unwrap()
            .to_owned()
    };
    pictures(page).iter().map(title).collect()
}

#[test]
fn the_verdict_comes_first_and_every_question_has_a_picture() {
    let (experiment, runs) = experiment(&["none", "manual", "ebpf", "both"], 12);
    let page = page(experiment, runs, None);
    let verdict = page.find("manual costs ").unwrap();
    assert!(verdict < page.find("<h2").unwrap() && verdict < page.find("<svg").unwrap());
    assert_eq!(
        titles(&page),
        [
            "manual against none",
            "ebpf against none",
            "both against none",
            "Processor time per request, by who used it",
            "Latency by percentile",
            "Requests per second at saturation",
            "Peak memory, services",
            "CPU per request of the services in each run, round by round",
        ]
    );
}

#[test]
fn labels_are_text_and_nothing_else() {
    let (mut experiment, mut runs) = experiment(&["none", "manual"], 12);
    let strange = "<b>&\"'x";
    experiment.modes[1] = strange.into();
    experiment.scenario = strange.into();
    for run in runs.iter_mut().filter(|run| run.mode == "manual") {
        run.mode = strange.into();
    }
    let page = page(experiment, runs, None);
    assert!(!page.contains("<b>&"));
    assert!(titles(&page).contains(&format!("{strange} against none")));
}

#[test]
fn what_was_not_measured_is_left_out() {
    let (experiment, mut runs) = experiment(&["none", "manual"], 12);
    for run in &mut runs {
        run.phases.retain(|phase| phase.kind == PhaseKind::FixedRate);
        run.phases[0].rss_peak_mib.clear();
        run.phases[0].spans = None;
    }
    let titles = titles(&page(experiment, runs, None));
    assert!(!titles.iter().any(|title| title.contains("saturation") || title.contains("memory")), "{titles:?}");
    assert!(titles.iter().any(|title| title.contains("Latency")), "{titles:?}");
}

#[test]
fn an_experiment_that_came_to_nothing_has_a_page_too() {
    let (whole, runs) = experiment(&["none", "manual"], 2);
    page(Experiment { modes: Vec::new(), ..whole.clone() }, Vec::new(), None);
    page(whole.clone(), Vec::new(), None);
    page(whole.clone(), runs[..1].to_vec(), None);
    page(Experiment { modes: vec!["none".into()], ..whole.clone() }, runs.clone(), None);
    let mut dead = runs.clone();
    for phase in dead.iter_mut().flat_map(|run| &mut run.phases) {
        phase.requests = 0;
        phase.duration_s = 0.0;
        phase.cpu_s.services.values_mut().for_each(|seconds| *seconds = 0.0);
    }
    page(whole.clone(), dead, None);
    let said = page(whole, runs, None);
    assert!(said.contains("2 rounds are too few to say"), "{said}");
}

#[test]
fn doubts_stand_above_everything_else() {
    let (experiment, mut runs) = experiment(&["none", "manual"], 12);
    runs.pop();
    runs[0].phases[0].errors.insert("timeout".into(), 500);
    runs[1].phases[0].skipped = 3;
    runs[2].steal = Some(0.2);
    runs[3].receiver = Receiver::Discard;
    for run in runs.iter_mut().filter(|run| run.mode == "manual") {
        run.phases[0].spans.as_mut().unwrap().dropped = 100;
    }
    let page = page(experiment, runs, None);
    let above = &page[..page.find("<h2").unwrap()];
    for doubt in [
        "12 rounds that were asked for, 11 ran",
        "of requests failed",
        "did not begin",
        "of spans were lost",
        "hypervisor",
    ] {
        assert!(above.contains(doubt), "{doubt}: {above}");
    }
}

#[test]
fn the_price_in_code_is_shown_or_why_not() {
    let (experiment, runs) = experiment(&["none", "manual"], 12);
    let by_crate = [("services/shop".to_owned(), Lines { files: 2, lines: 1234, of: 4936 })].into();
    let manual = ManualCode { files: 2, lines: 1234, rule: "Counted is all.".into(), by_crate };
    let cost = CodeCost {
        manual: Some(manual),
        crates_with: Some(400),
        crates_without: Some(360),
        binary_with_bytes: Some(3 << 20),
        binary_without_bytes: Some(2 << 20),
        ..CodeCost::default()
    };
    let counted = page(experiment.clone(), runs.clone(), Some(cost)).replace('\u{a0}', " ");
    for text in ["1,234 lines", "25.0 %", "Counted is all.", "+40", "+1.00 MiB"] {
        assert!(counted.contains(text), "{text}");
    }
    let nowhere = tempfile::tempdir().unwrap();
    let not = page(experiment, runs, Some(CodeCost::counted(nowhere.path())));
    assert!(not.contains("Lines were not counted: the sources are not here"));
}
