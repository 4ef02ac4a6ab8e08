//! The agent links programs that it was not tuned on, and never wrongly.

#![cfg(target_os = "linux")]

use bookstore_agent::discover::probes;
use bookstore_foreign::built::{Combination, VERSIONS, folder};
use bookstore_foreign::judged::Figures;
use bookstore_foreign::session::{self, Outcome};
use bookstore_runtime::testing::{TestDatabase, skip};

/// Requests of a run.
const REQUESTS: usize = 1_600;

/// Whether there is what it takes; else a line says what is missing.
fn can_run(what: &str, combination: &Combination) -> bool {
    let missing = session::obstacle().or_else(|| {
        (!combination.executable(&folder()).exists()).then(|| "it is not built (tests/foreign/build)".to_owned())
    });
    if let Some(why) = &missing {
        skip(&format!("the agent on {what}"), why);
    }
    missing.is_none()
}

/// The database of PostgreSQL's own that is always there.
fn database() -> Option<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let own = runtime.block_on(TestDatabase::postgres())?.config.url.expose().clone();
    let (server, _) = own.rsplit_once('/').expect("a URL with a database");
    Some(format!("{server}/postgres"))
}

/// Links of these kinds, of these shapes of request.
fn sum(outcome: &Outcome, shapes: &[&str], kinds: &[&str]) -> Figures {
    let figures =
        shapes.iter().flat_map(|shape| kinds.iter().filter_map(|kind| outcome.judged.shapes[*shape].get(*kind)));
    figures.fold(Figures::default(), |a, b| Figures {
        right: a.right + b.right,
        wrong: a.wrong + b.wrong,
        unlinked: a.unlinked + b.unlinked,
        cancelled: a.cancelled + b.cancelled,
        missing: a.missing + b.missing,
    })
}

fn assert_never_wrong(outcome: &Outcome) {
    assert_eq!(outcome.judged.wrong(), 0, "{outcome:#?}");
    assert_eq!(outcome.judged.cancelled_wrong, 0, "{outcome:#?}");
    assert!(outcome.judged.all.values().all(|figures| figures.missing == 0), "{outcome:#?}");
}

#[test]
fn programs_of_other_versions_and_runtimes_are_linked_and_never_wrongly() {
    let database = database();
    for (versions, build, runtime) in [
        ("old", "release", "multi_thread"),
        ("new", "release", "current_thread"),
        ("new", "stripped", "multi_thread"),
        ("old", "stripped", "current_thread"),
    ] {
        let combination = Combination::new(versions, build, runtime);
        if !can_run(&format!("{versions} {build} {runtime}"), &combination) {
            continue;
        }
        let outcome = session::harbour(&folder(), &combination, database.as_deref(), REQUESTS).expect("a run");
        assert_never_wrong(&outcome);
        if build == "stripped" {
            // Who spawned what is not seen: only what a request's own task asks is linked.
            let Figures { right, .. } = sum(&outcome, &["sequence", "join", "relay"], &["http.client"]);
            assert!(right > 0, "{outcome:#?}");
        } else {
            let Figures { right, unlinked, .. } =
                sum(&outcome, &["sequence", "join", "spawn", "stream"], &["http.client", "rpc.client"]);
            assert!(right > 99 * unlinked, "{outcome:#?}");
        }
    }
}

#[test]
fn in_a_stripped_executable_wakes_are_found_where_symbols_said_that_they_are() {
    for versions in VERSIONS {
        let of = |build| Combination::new(versions, build, "multi_thread").executable(&folder());
        let (named, stripped) = (of("release"), of("stripped"));
        if !named.exists() || !stripped.exists() {
            skip(&format!("wakes in a stripped executable of {versions}"), "it is not built (tests/foreign/build)");
            continue;
        }
        let named = probes(&named).expect("an executable");
        let stripped = probes(&stripped).expect("an executable");
        assert_eq!(named.wake.len(), 2, "{versions}: wake_by_val and wake_by_ref");
        assert_eq!(stripped.wake, named.wake, "{versions}");
    }
}

#[test]
fn programs_of_other_languages_are_seen_and_never_linked_wrongly() {
    let tide = Combination::new("new", "release", "multi_thread");
    if !can_run("Python and Go", &tide) {
        return;
    }
    let others = [
        ("quay-single", session::quay("single")),
        ("quay-threads", session::quay("threads")),
        ("jetty", session::jetty(&folder())),
    ];
    for (service, command) in others {
        let Some(mut command) = command else {
            skip(&format!("the agent on {service}"), "its language is not installed");
            continue;
        };
        let outcome = session::other(&folder(), &tide, service, &mut command, REQUESTS).expect("a run");
        assert_never_wrong(&outcome);
        // Both ends of its calls are seen, and known to be one.
        assert!(outcome.judged.all["cross_process"].right > 0, "{outcome:#?}");
        // Only where each connection has a thread of its own that says something, once it has shown.
        let is_linked = service == "quay-threads";
        assert_eq!(outcome.reasons.contains_key("same_thread"), is_linked, "{outcome:#?}");
        assert_eq!(outcome.judged.all["http.client"].right > 0, is_linked, "{outcome:#?}");
    }
}
