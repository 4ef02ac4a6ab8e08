//! What follows from runs, computed by hand.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use bookstore_bench::model::{CpuSeconds, PhaseKind, Spans};
use bookstore_bench::{Outcome, Question, Results, Run};

mod simulated;

/// Four rounds of two modes; `manual` takes 3 s of CPU for 1,000 requests and makes 4 spans for each, `none` 2 s.
fn runs() -> (bookstore_bench::Experiment, Vec<Run>) {
    let (experiment, mut runs) = simulated::experiment(&["none", "manual"], 4, 5).unwrap();
    for run in &mut runs {
        let manual = run.mode == "manual";
        for phase in &mut run.phases {
            let seconds = if manual { [1.0, 2.0] } else { [0.5, 1.5] };
            phase.requests = 1000;
            phase.duration_s = if manual { 4.0 } else { 2.0 };
            phase.cpu_s = CpuSeconds {
                services: ["catalog", "user"].map(str::to_owned).into_iter().zip(seconds).collect(),
                database: Some(0.25),
                agent: None,
                receiver: manual.then_some(0.125),
                load: Some(9.0),
            };
            phase.spans = manual.then_some(Spans { exported: 3900, dropped: 100 });
            // What no service is does not count, and of each the highest does.
            let saturated = if phase.kind == PhaseKind::Saturation { 1.0 } else { 0.0 };
            let mib = [("catalog", 10.0 + saturated), ("user", 20.0 - saturated), ("postgres", 500.0)];
            phase.rss_peak_mib = mib.map(|(name, mib)| (name.to_owned(), mib)).into();
        }
    }
    (experiment, runs)
}

#[test]
fn a_run_has_its_price_part_by_part() {
    let (experiment, runs) = runs();
    let results = Results::of(&experiment, &runs);
    let run = results.runs.iter().find(|run| run.mode == "manual").unwrap();
    let cpu = run.cpu_ms.unwrap();
    assert_eq!(
        (cpu.services, cpu.database, cpu.agent, cpu.receiver, cpu.load, cpu.side()),
        (3.0, 0.25, 0.0, 0.125, 9.0, 3.25)
    );
    assert_eq!((run.throughput, run.rss_mib, run.spans_per_request), (Some(250.0), Some(31.0), Some(4.0)));
}

#[test]
fn a_mode_is_compared_within_rounds() {
    let (experiment, runs) = runs();
    let results = Results::of(&experiment, &runs);
    let [comparison] = results.comparisons.as_slice() else { panic!("{:?}", results.comparisons) };
    let ratio = |question: Question| comparison.verdicts[&question].log_ratio.unwrap().mean.exp();
    for (question, expected) in [
        (Question::ServicesCpu, 1.5),
        (Question::InstrumentedCpu, 1.5),
        (Question::SideCpu, 3.25 / 2.25),
        (Question::Throughput, 0.5),
        (Question::Memory, 1.0),
    ] {
        assert!((ratio(question) - expected).abs() < 1e-9, "{question:?}: {}", ratio(question));
    }
    assert_eq!(comparison.verdicts[&Question::PRIMARY].outcome, Outcome::TooFewRounds);
    // 1 ms more, for 4 spans.
    assert!((comparison.us_per_span.unwrap().mean - 250.0).abs() < 1e-9);
}

#[test]
fn a_round_that_lacks_a_mode_is_left_out() {
    let (experiment, mut runs) = runs();
    let lost = runs.iter().position(|run| run.round == 2 && run.mode == "none").unwrap();
    runs.remove(lost);
    let results = Results::of(&experiment, &runs);
    assert_eq!(results.comparisons[0].verdicts[&Question::PRIMARY].rounds, 3);
    assert_eq!(results.modes.iter().map(|mode| mode.runs).collect::<Vec<_>>(), [3, 4]);
}

#[test]
fn without_a_fixed_rate_saturation_stands_in() {
    let (experiment, mut runs) = runs();
    for run in &mut runs {
        run.phases.retain(|phase| phase.kind == PhaseKind::Saturation);
    }
    let results = Results::of(&experiment, &runs);
    assert!(results.runs.iter().all(|run| run.cpu_ms.is_some() && run.p50_ms.is_some()));
}

#[test]
fn no_spans_no_price_of_a_span() {
    let (experiment, mut runs) = runs();
    runs.iter_mut().flat_map(|run| &mut run.phases).for_each(|phase| phase.spans = None);
    assert_eq!(Results::of(&experiment, &runs).comparisons[0].us_per_span, None);
}
