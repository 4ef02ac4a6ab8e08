//! What is remarked of noise, from made-up runs that have it.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use bookstore_bench::noise::Weight;
use bookstore_bench::{Run, Summary};

mod simulated;

/// The remarks of an experiment whose runs were changed.
fn remarks(modes: &[&str], rounds: u32, change: impl Fn(&mut Run)) -> Vec<(Weight, String)> {
    let (experiment, mut runs) = simulated::experiment(modes, rounds, 5).unwrap();
    runs.iter_mut().for_each(change);
    let remarks = Summary::new(experiment, runs, None).results.remarks;
    remarks.into_iter().map(|remark| (remark.weight, remark.text.replace('\u{a0}', " "))).collect()
}

/// Multiplies the processor time of services and agent.
fn slow(run: &mut Run, factor: f64) {
    for phase in &mut run.phases {
        let cpu = &mut phase.cpu_s;
        cpu.services.values_mut().chain(&mut cpu.agent).for_each(|seconds| *seconds *= factor);
    }
}

fn says(remarks: &[(Weight, String)], text: &str) -> bool {
    remarks.iter().any(|(_, remark)| remark.contains(text))
}

#[test]
fn drift_is_told_from_none() {
    let drifting = remarks(&["none", "manual"], 12, |run| slow(run, 1.0 + 0.05 * f64::from(run.round)));
    assert!(says(&drifting, "CPU per request of none rose in the course of the rounds"), "{drifting:?}");
    let improving = remarks(&["none", "manual"], 12, |run| slow(run, 1.0 / (1.0 + 0.05 * f64::from(run.round))));
    assert!(says(&improving, "of none fell in the course"), "{improving:?}");
    // The odd rounds are slow, the even ones are not.
    let restless = remarks(&["none", "manual"], 12, |run| slow(run, 1.0 + 0.3 * f64::from(run.round % 2)));
    assert!(says(&restless, "with no clear trend"), "{restless:?}");
}

#[test]
fn what_comes_later_in_a_round_and_is_slower_is_noticed() {
    let later = remarks(&["none", "manual", "ebpf"], 12, |run| slow(run, 1.0 + 0.05 * f64::from(run.position)));
    assert!(
        says(&later, "What ran last in a round used about 8.9 % more CPU per request than what ran first"),
        "{later:?}"
    );
    let plain = remarks(&["none", "manual", "ebpf"], 12, |_| {});
    assert!(!says(&plain, "What ran last"), "{plain:?}");
}

#[test]
fn two_of_the_same_show_how_noisy_it_is() {
    let same = remarks(&["none", "none"], 12, |_| {});
    assert!(says(&same, "none (2) and none are the same, so all that differs between them is noise"), "{same:?}");
}

#[test]
fn a_quiet_and_complete_experiment_has_no_doubts() {
    let quiet = remarks(&["none", "manual"], 12, |_| {});
    assert!(quiet.iter().all(|(weight, _)| *weight == Weight::Note), "{quiet:?}");
    let odd = remarks(&["none", "manual"], 13, |_| {});
    assert!(says(&odd, "13 rounds are not a multiple of 2"), "{odd:?}");
}
