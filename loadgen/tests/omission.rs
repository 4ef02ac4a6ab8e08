//! That waiting counts: a server that stands still now and then, seen by an open loop and by a closed one.
//!
//! The server answers in 1 ms, but stands still for the first 200 ms of each second. Of requests whose begins are spread
//! evenly, 200 in 1000 meet the standstill, and wait for what is left of it: 1 to 200 ms, all alike likely. So the latency
//! at quantile q is 1 ms up to q = 0.8, and (q − 0.8) · 1000 ms from there on.

mod common;

use std::time::Duration;

use bookstore_loadgen::{Extent, Outcome, Scenario};
use common::{InProcess, closed, open};
use tokio::time::Instant;

const ANSWER: Duration = Duration::from_millis(1);

/// Stands still for the first 200 ms of each second since it was made.
fn stalling() -> InProcess {
    let begun = Instant::now();
    InProcess::new(move |_| async move {
        let in_second = Duration::from_micros(u64::from(begun.elapsed().subsec_micros()));
        let still = Duration::from_millis(200).saturating_sub(in_second);
        tokio::time::sleep(still + ANSWER).await;
        (200, String::new())
    })
}

fn ms(outcome: &Outcome, quantile: f64) -> f64 {
    let nanos = outcome.latency.value_at_quantile(quantile);
    Duration::from_nanos(nanos).as_secs_f64() * 1e3
}

#[tokio::test(start_paused = true)]
async fn an_open_loop_sees_all_of_the_wait() {
    let server = stalling();
    let mut customers = server.customers(&Scenario::of_path("/").unwrap(), 300).await;
    let outcome = customers.run(&open(1000.0, 3), |_| {}, std::future::pending()).await;

    assert_eq!((outcome.visits.offered, outcome.visits.done, outcome.visits.skipped), (3_000, 3_000, 0));
    assert_eq!((outcome.ok, outcome.error_count()), (3_000, 0));
    // Tokio's timers round up to the millisecond; a histogram of three digits adds a thousandth.
    for (quantile, expected) in
        [(0.5, 1.0), (0.79, 1.0), (0.85, 50.0), (0.9, 100.0), (0.95, 150.0), (0.99, 190.0), (1.0, 200.0)]
    {
        let seen = ms(&outcome, quantile);
        assert!((seen - expected).abs() <= 2.0, "at {quantile}: {seen} ms, expected {expected} ms");
    }
    let mean = outcome.latency.mean() / 1e6;
    // 0.8 · 1 ms + 0.2 · 101 ms.
    assert!((mean - 21.0).abs() <= 1.0, "{mean} ms");
}

#[tokio::test(start_paused = true)]
async fn a_closed_loop_omits_it() {
    let server = stalling();
    let mut customers = server.customers(&Scenario::of_path("/").unwrap(), 10).await;
    let outcome = customers.run(&closed(Extent::For(Duration::from_secs(3))), |_| {}, std::future::pending()).await;

    // In each second ten requests wait, and ten make 800 answers each: one in 80 · 10 waits, and 99 % see nothing of it.
    assert!(outcome.requests > 3_000, "{}", outcome.requests);
    assert!(ms(&outcome, 0.9) <= 3.0, "p90 {} ms", ms(&outcome, 0.9));
    assert!(ms(&outcome, 0.99) <= 3.0, "p99 {} ms", ms(&outcome, 0.99));
    assert!(ms(&outcome, 1.0) >= 195.0, "it was there all the same: {} ms", ms(&outcome, 1.0));
}

#[tokio::test(start_paused = true)]
async fn an_open_loop_with_too_few_customers_skips_and_does_not_delay() {
    let server = stalling();
    let mut customers = server.customers(&Scenario::of_path("/").unwrap(), 100).await;
    let outcome = customers.run(&open(1000.0, 3), |_| {}, std::future::pending()).await;

    // A hundred wait for the standstill to end; the other hundred that come meanwhile find nobody.
    assert_eq!(outcome.visits.offered, 3_000);
    assert!((294..=306).contains(&outcome.visits.skipped), "{:?}", outcome.visits);
    assert_eq!(outcome.visits.done + outcome.visits.skipped, 3_000);
    assert!(Duration::from_nanos(outcome.lag.max()) <= Duration::from_millis(2), "nobody was delayed");
    assert_eq!(outcome.missed(1), Some(bookstore_loadgen::Missed::Shop));
    assert!(outcome.visits_per_s() < 910.0 && outcome.visits_per_s() > 890.0, "{}", outcome.visits_per_s());
}

#[tokio::test(start_paused = true)]
async fn time_to_think_is_no_latency() {
    let server = InProcess::shop(|_| None);
    let scenario =
        common::scenario("think = { fixed = \"500ms\" }", "{ get = \"/a\" }, { get = \"/b\" }, { get = \"/c\" }");
    let mut customers = server.customers(&scenario, 20).await;
    let outcome = customers.run(&open(10.0, 2), |_| {}, std::future::pending()).await;

    assert_eq!((outcome.visits.done, outcome.requests), (20, 60));
    assert!(ms(&outcome, 1.0) <= 3.0, "{} ms", ms(&outcome, 1.0));
    // The last visit begins at 1.9 s, thinks twice, and is made to its end.
    assert!(outcome.elapsed > Duration::from_millis(2_900), "{:?}", outcome.elapsed);
    assert_eq!(outcome.window, Duration::from_secs(2));
}
