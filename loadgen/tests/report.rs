//! The result as JSON: its shape, and that it says what was.

mod common;

use std::collections::BTreeSet;

use base64::Engine as _;
use bookstore_loadgen::report::{Asked, Report};
use bookstore_loadgen::{Extent, Outcome, Plan, Rate, Scenario};
use common::{InProcess, closed, open, problem};
use hdrhistogram::Histogram;
use hdrhistogram::serialization::Deserializer;
use serde_json::Value;

/// Every path of the JSON that is documented in `report.rs`; of lists, that of their elements.
const SHAPE: &str = "
    arrivals began_unix_ms customers elapsed_s
    generator.cores_busy generator.lag_us.max generator.lag_us.mean generator.lag_us.min generator.lag_us.p50
    generator.lag_us.p90 generator.lag_us.p99 generator.lag_us.p99_9 generator.late generator.threads
    histogram interrupted
    latency_us.max latency_us.mean latency_us.min latency_us.p50 latency_us.p90 latency_us.p99 latency_us.p99_9
    loop outcomes.errors.503 outcomes.ok outcomes.refusals.card-declined
    rate requests.per_s requests.total scenario seed
    steps[].count steps[].histogram steps[].latency_us.max steps[].latency_us.mean steps[].latency_us.min
    steps[].latency_us.p50 steps[].latency_us.p90 steps[].latency_us.p99 steps[].latency_us.p99_9 steps[].name
    target tidying.failed tidying.requests
    visits.cut_off visits.done visits.failed visits.offered visits.skipped
    visits_per_s.asked visits_per_s.missed visits_per_s.reached
    window_s";

async fn outcome_of(plan: &Plan) -> Outcome {
    let server = InProcess::shop(|seen| match (seen.path.as_str(), seen.body.contains("4000000000000002")) {
        ("/api/v1/orders", true) => Some((402, problem("/problems/card-declined"))),
        ("/api/v1/books/3", _) => Some((503, "busy".to_owned())),
        _ => None,
    });
    let scenario = common::scenario("declined_cards = 0.3", r#""book", "basket", "buy""#);
    let mut customers = server.customers(&scenario, 8).await;
    customers.run(plan, |_| {}, std::future::pending()).await
}

fn asked(plan: &Plan, rate: Option<Rate>) -> Asked {
    Asked {
        target: "http://shop.test".to_owned(),
        scenario: "test".to_owned(),
        seed: 1,
        rate,
        arrivals: plan.arrivals.clone(),
        customers: 8,
        threads: 1,
    }
}

fn paths(value: &Value, before: &str, into: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let dot = if before.is_empty() { "" } else { "." };
                paths(value, &format!("{before}{dot}{name}"), into);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| paths(value, &format!("{before}[]"), into)),
        _ => drop(into.insert(before.to_owned())),
    }
}

fn decoded(text: &Value) -> Histogram<u64> {
    let bytes = base64::engine::general_purpose::STANDARD.decode(text.as_str().expect("text")).expect("base64");
    Deserializer::new().deserialize(&mut bytes.as_slice()).expect("a histogram")
}

#[tokio::test(start_paused = true)]
async fn the_shape_is_that_of_the_documentation() {
    let plan = open(50.0, 4);
    let outcome = outcome_of(&plan).await;
    let json = serde_json::to_value(Report::new(&asked(&plan, Some(Rate::Constant(50.0))), &outcome)).unwrap();
    let mut seen = BTreeSet::new();
    paths(&json, "", &mut seen);
    let documented: BTreeSet<_> = SHAPE.split_whitespace().map(str::to_owned).collect();
    assert_eq!(seen, documented);
}

#[tokio::test(start_paused = true)]
async fn it_says_what_was() {
    let plan = open(50.0, 4);
    let outcome = outcome_of(&plan).await;
    let json = serde_json::to_value(Report::new(&asked(&plan, Some(Rate::Constant(50.0))), &outcome)).unwrap();
    assert_eq!((&json["loop"], &json["rate"], &json["arrivals"]), (&"open".into(), &"50".into(), &"even".into()));
    assert_eq!((&json["window_s"], &json["visits"]["offered"]), (&4.0.into(), &200.into()));
    assert_eq!(json["visits_per_s"], serde_json::json!({ "asked": 50.0, "reached": 50.0, "missed": null }));

    let count = |path: &str| json.pointer(path).unwrap().as_u64().unwrap();
    let (ok, declined, busy) =
        (count("/outcomes/ok"), count("/outcomes/refusals/card-declined"), count("/outcomes/errors/503"));
    assert!(declined > 0 && busy > 0);
    assert_eq!(ok + declined + busy, count("/requests/total"));
    assert_eq!(count("/visits/failed"), busy, "who meets an error goes");

    // What is encoded is what was measured, and its points are those that are printed.
    let all = decoded(&json["histogram"]);
    assert_eq!(all, outcome.latency);
    assert_eq!(all.len(), ok + declined);
    let printed = json["latency_us"]["p99"].as_f64().unwrap() * 1e3;
    let encoded = all.value_at_quantile(0.99) as f64;
    assert!((printed - encoded).abs() <= encoded / 1_000.0, "{printed} ns printed, {encoded} ns encoded");
    let steps = json["steps"].as_array().unwrap();
    assert_eq!(steps.iter().map(|step| decoded(&step["histogram"]).len()).sum::<u64>(), all.len());
    assert_eq!(steps.iter().map(|step| step["count"].as_u64().unwrap()).sum::<u64>(), count("/requests/total"));
}

#[tokio::test(start_paused = true)]
async fn what_there_is_not_is_null() {
    let plan = closed(Extent::Visits(10));
    let server = InProcess::new(|_| async { (503, String::new()) });
    let mut customers = server.customers(&Scenario::of_path("/").unwrap(), 8).await;
    let outcome = customers.run(&plan, |_| {}, std::future::pending()).await;
    let json = serde_json::to_value(Report::new(&asked(&plan, None), &outcome)).unwrap();
    assert_eq!(json["loop"], "closed");
    for path in ["/rate", "/arrivals", "/latency_us", "/visits_per_s/asked", "/generator/lag_us", "/steps/0/latency_us"]
    {
        assert_eq!(json.pointer(path), Some(&Value::Null), "{path}");
    }
    assert!(decoded(&json["histogram"]).is_empty());
}
