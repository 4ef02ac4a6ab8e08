//! What visits do, what is counted of them, and how a run ends.

mod common;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bookstore_loadgen::{Extent, Outcome, Plan, PrepareError, Preparing, Scenario};
use common::{InProcess, closed, open, problem, scenario};

const BUY: &str = r#""book", "basket", "buy""#;

async fn visits(server: &InProcess, scenario: &Scenario, count: u64) -> Outcome {
    let mut customers = server.customers(scenario, 4).await;
    customers.run(&closed(Extent::Visits(count)), |_| {}, std::future::pending()).await
}

#[tokio::test(start_paused = true)]
async fn a_purchase_is_made_by_somebody_with_a_session_and_a_key_of_its_own() {
    let server = InProcess::shop(|_| None);
    let outcome = visits(&server, &scenario("", BUY), 100).await;

    assert_eq!((outcome.visits.offered, outcome.visits.done, outcome.ok, outcome.requests), (100, 100, 300, 300));
    assert_eq!(outcome.tidying.requests, 0, "who has bought has an empty basket");
    let steps: Vec<_> = outcome.steps.iter().map(|step| (step.name.as_str(), step.count)).collect();
    assert_eq!(steps, [("book", 100), ("basket", 100), ("buy", 100)]);

    let seen = server.seen();
    let orders: Vec<_> = seen.iter().filter(|seen| seen.line() == "POST /api/v1/orders").collect();
    let keys: BTreeSet<_> = orders.iter().map(|order| &order.idempotency_key).collect();
    assert_eq!((orders.len(), keys.len()), (100, 100));
    let sessions: BTreeSet<_> = orders.iter().map(|order| &order.authorization).collect();
    assert_eq!(sessions.len(), 4, "four customers, each with an account of its own: {sessions:?}");
    assert!(orders.iter().all(|order| order.authorization.starts_with("Bearer token-of-load-")));
    assert!(
        seen.iter().filter(|seen| seen.path.starts_with("/api/v1/books/")).all(|seen| seen.authorization.is_empty())
    );
    assert_eq!(server.connections(), 4, "a connection a customer");
}

#[tokio::test(start_paused = true)]
async fn a_second_run_makes_the_same_visits_and_new_orders() {
    let server = InProcess::shop(|_| None);
    let mut customers = server.customers(&scenario("", BUY), 1).await;
    let plan = closed(Extent::Visits(10));
    customers.run(&plan, |_| {}, std::future::pending()).await;
    customers.run(&plan, |_| {}, std::future::pending()).await;
    let lines = server.lines();
    assert_eq!(lines[..30], lines[30..]);
    let keys: BTreeSet<_> =
        server.seen().into_iter().map(|seen| seen.idempotency_key).filter(|key| !key.is_empty()).collect();
    assert_eq!(keys.len(), 20, "{keys:?}");

    let other = Plan { first_visit: 1_000, ..plan };
    customers.run(&other, |_| {}, std::future::pending()).await;
    assert_ne!(server.lines()[..30], server.lines()[60..], "other visits from another number on");
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_is_the_same_work_whoever_does_it_and_when() {
    let mixed = Scenario::load("mixed").unwrap();
    let sorted = |server: &InProcess| {
        let mut lines: Vec<_> = server.seen().iter().map(|seen| format!("{} {}", seen.line(), seen.body)).collect();
        lines.retain(|line| !line.contains("per_page") && !line.contains("password"));
        lines.sort();
        lines
    };
    let (one, many, slow) = (InProcess::shop(|_| None), InProcess::shop(|_| None), InProcess::shop(|_| None));
    let mut customers = one.customers(&mixed, 1).await;
    customers.run(&closed(Extent::Visits(300)), |_| {}, std::future::pending()).await;
    let mut customers = many.customers(&mixed, 17).await;
    customers.run(&closed(Extent::Visits(300)), |_| {}, std::future::pending()).await;
    let mut customers = slow.customers(&mixed, 5).await;
    customers.run(&Plan { extent: Extent::Visits(300), ..open(20.0, 1) }, |_| {}, std::future::pending()).await;
    assert!(sorted(&one).len() > 600);
    assert_eq!(sorted(&one), sorted(&many));
    assert_eq!(sorted(&one), sorted(&slow));
    let declined = |line: &&String| line.contains("4000000000000002");
    assert!(
        sorted(&one).iter().any(|line| declined(&line)),
        "one in twenty orders is paid with a card that is declined"
    );
}

#[tokio::test(start_paused = true)]
async fn refusals_that_are_right_are_no_errors_and_leave_an_empty_basket() {
    let server = InProcess::shop(|seen| {
        (seen.method == "POST" && seen.body.contains("4000000000000002"))
            .then(|| (402, problem("/problems/card-declined")))
    });
    let outcome = visits(&server, &scenario("declined_cards = 0.5", BUY), 200).await;
    let declined = outcome.refusals["card-declined"];
    // Binomial: 100 ± 5 · √50.
    assert!((65..=135).contains(&declined), "{declined}");
    assert_eq!((outcome.ok + declined, outcome.error_count(), outcome.visits.done), (600, 0, 200));
    assert_eq!((outcome.tidying.requests, outcome.tidying.failed), (declined, 0));
    assert_eq!(outcome.latency.len(), 600, "a refusal is an answer");
    let lines = server.lines();
    let deletions = lines.iter().filter(|line| line.starts_with("DELETE /api/v1/basket/items/")).count();
    assert_eq!(deletions as u64, declined);
}

#[tokio::test(start_paused = true)]
async fn sold_out_is_a_refusal_or_an_error_as_the_scenario_says() {
    let server = || {
        let left = AtomicU64::new(50);
        InProcess::shop(move |seen| {
            let buys = seen.line() == "POST /api/v1/orders";
            let sold_out =
                buys && left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_err();
            sold_out.then(|| (409, problem("/problems/out-of-stock")))
        })
    };
    let rush = Scenario::load("rush").unwrap();
    let outcome = visits(&server(), &rush, 80).await;
    assert_eq!((outcome.refusals["out-of-stock"], outcome.error_count(), outcome.visits.done), (30, 0, 80));
    let outcome = visits(&server(), &Scenario::load("purchase").unwrap(), 80).await;
    assert_eq!((outcome.errors["409 out-of-stock"], outcome.refusals.len(), outcome.visits.failed), (30, 0, 30));
}

#[tokio::test(start_paused = true)]
async fn a_rush_is_for_one_book() {
    let server = InProcess::shop(|_| None);
    visits(&server, &Scenario::load("rush").unwrap(), 20).await;
    let books: BTreeSet<_> = server.lines().into_iter().filter(|line| line.starts_with("GET")).collect();
    assert_eq!(books, BTreeSet::from(["GET /api/v1/books/1".to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn errors_are_counted_by_kind_and_end_the_visit() {
    for (answer, kind) in [
        ((503, problem("/problems/service-unavailable")), "503 service-unavailable"),
        ((404, problem("about:blank")), "404"),
        ((500, "no problem".to_owned()), "500"),
        ((204, String::new()), "unexpected 204"),
        // Which card was it?
        ((402, problem("/problems/card-declined")), "402 card-declined"),
    ] {
        let server = InProcess::shop(move |seen| seen.line().ends_with("/items/2").then(|| answer.clone()));
        let outcome = visits(&server, &scenario("[books]\nhot_ids = [2]", BUY), 10).await;
        assert_eq!(outcome.errors.get(kind), Some(&10), "{:?}", outcome.errors);
        assert_eq!((outcome.visits.failed, outcome.visits.done), (10, 0), "{kind}");
        assert_eq!((outcome.requests, outcome.steps[2].count), (20, 0), "{kind}: nobody went on to buy");
        assert_eq!(outcome.latency.len(), 10, "{kind}: the latency of an error does not count");
    }
}

#[tokio::test(start_paused = true)]
async fn a_declined_card_that_is_accepted_is_an_error() {
    let server = InProcess::shop(|_| None);
    let outcome = visits(&server, &scenario("declined_cards = 1", BUY), 3).await;
    assert_eq!(outcome.errors.get("unexpected 201"), Some(&3), "{:?}", outcome.errors);
}

#[tokio::test(start_paused = true)]
async fn who_waits_too_long_goes_and_the_time_counts() {
    let server = InProcess::new(|seen| async move {
        if seen.path == "/slow" {
            tokio::time::sleep(Duration::from_secs(60)).await;
        }
        (200, String::new())
    });
    let scenario = scenario("", "{ get = \"/quick\" }, { get = \"/slow\" }");
    let outcome = visits(&server, &scenario, 4).await;
    assert_eq!((outcome.ok, outcome.errors["timeout"]), (4, 4), "{:?}", outcome.errors);
    let slow = &outcome.steps[1];
    assert_eq!(slow.latency.len(), 4);
    // To three digits.
    assert!((9_990..10_010).contains(&Duration::from_nanos(slow.latency.min()).as_millis()), "{}", slow.latency.min());
}

#[tokio::test(start_paused = true)]
async fn long_answers_are_read_to_their_end() {
    let server = InProcess::new(|_| async { (200, "long ".repeat(200_000)) });
    let outcome = visits(&server, &scenario("", "{ get = \"/a\" }, { get = \"/b\" }"), 20).await;
    assert_eq!((outcome.ok, outcome.error_count(), server.connections()), (40, 0, 4), "{:?}", outcome.errors);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_was_closed_meanwhile_is_no_error() {
    let server = InProcess::shop(|_| None).closing_after(Duration::from_millis(1_500));
    let gets = scenario("think = { fixed = \"1s\" }", "{ get = \"/a\" }, { get = \"/b\" }, { get = \"/c\" }");
    let mut customers = server.customers(&gets, 1).await;
    let outcome = customers.run(&closed(Extent::Visits(5)), |_| {}, std::future::pending()).await;
    assert_eq!((outcome.visits.done, outcome.error_count()), (5, 0), "{:?}", outcome.errors);
    assert!(server.connections() > 3, "{}", server.connections());
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_breaks_under_a_request_is_an_error() {
    let server = InProcess::new(|_| async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        (200, String::new())
    });
    let server = server.closing_after(Duration::from_millis(500));
    let outcome = visits(&server, &scenario("", "{ get = \"/a\" }"), 8).await;
    assert_eq!((outcome.errors["broken"], outcome.visits.failed), (8, 8), "{:?}", outcome.errors);
}

#[tokio::test(start_paused = true)]
async fn a_shop_that_has_gone_is_asked_now_and_then() {
    let server = InProcess::shop(|_| None).closing_after(Duration::from_secs(1));
    let mut customers = server.customers(&scenario("", "{ get = \"/a\" }"), 1).await;
    server.close();
    let outcome = customers.run(&closed(Extent::For(Duration::from_secs(3))), |_| {}, std::future::pending()).await;
    // The connection that there was lasts a second; then a try each tenth of a second.
    assert!((15..=21).contains(&outcome.errors["connect"]), "{:?}", outcome.errors);
    assert!(outcome.ok > 300, "{}", outcome.ok);
}

#[tokio::test(start_paused = true)]
async fn the_first_interrupt_ends_the_run_with_what_there_is() {
    let server = InProcess::shop(|_| None);
    let scenario = scenario("think = { fixed = \"300ms\" }", BUY);
    let mut customers = server.customers(&scenario, 50).await;
    let cancel = tokio::time::sleep(Duration::from_millis(2_050));
    let outcome = customers.run(&open(10.0, 3_600), |_| {}, cancel).await;
    assert!(outcome.interrupted);
    assert!((2_050..2_060).contains(&outcome.elapsed.as_millis()), "{:?}", outcome.elapsed);
    assert_eq!(outcome.visits.offered, 21);
    let under_way = outcome.visits.cut_off;
    assert!((6..=7).contains(&under_way), "each takes 603 ms: {:?}", outcome.visits);
    assert_eq!(outcome.visits.done + under_way, 21);
    assert_eq!(outcome.missed(1), None);

    // The next run begins with empty baskets, and on new connections where a request was under way.
    let before = server.lines().len();
    let outcome = customers.run(&closed(Extent::Visits(5)), |_| {}, std::future::pending()).await;
    assert_eq!((outcome.visits.done, outcome.tidying.requests), (5, 0));
    let removed = server.lines()[before..].iter().take_while(|line| line.starts_with("DELETE")).count();
    assert!(removed > 0, "{:?}", &server.lines()[before..]);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_dropped_can_be_followed_by_another() {
    let server = InProcess::shop(|_| None);
    let mut customers = server.customers(&scenario("", BUY), 3).await;
    let endless = open(100.0, 3_600);
    let run = customers.run(&endless, |_| {}, std::future::pending());
    assert!(tokio::time::timeout(Duration::from_secs(1), run).await.is_err());
    let outcome = customers.run(&closed(Extent::Visits(7)), |_| {}, std::future::pending()).await;
    assert_eq!((outcome.visits.done, outcome.error_count(), customers.count()), (7, 0, 3));
}

#[tokio::test(start_paused = true)]
async fn who_watches_is_told_every_second() {
    let server = InProcess::shop(|_| None);
    let mut customers = server.customers(&scenario("", "{ get = \"/a\" }"), 10).await;
    let mut told = Vec::new();
    let outcome = customers.run(&open(100.0, 5), |progress| told.push(*progress), std::future::pending()).await;
    assert!((4..=5).contains(&told.len()), "{}", told.len());
    for (second, progress) in (1_u64..).zip(&told) {
        assert_eq!(progress.elapsed.as_secs(), second);
        assert!((progress.visits_per_s - 100.0).abs() < 12.0, "{progress:?}");
        assert!((1..=2).contains(&progress.p99.as_millis()), "{progress:?}");
        assert_eq!((progress.errors, progress.skipped), (0, 0));
    }
    assert_eq!(outcome.visits.done, 500);
}

#[tokio::test(start_paused = true)]
async fn preparation_says_how_far_it_is_and_waits_for_a_shop_that_is_busy() {
    let refused = Arc::new(AtomicU64::new(0));
    let server = {
        let refused = Arc::clone(&refused);
        InProcess::shop(move |seen| {
            let again = seen.path.ends_with("/users") && refused.fetch_add(1, Ordering::SeqCst) < 3;
            again.then(|| (429, problem("/problems/too-often")))
        })
    };
    let options =
        bookstore_loadgen::Options { customers: 10.try_into().unwrap(), seed: 1, timeout: Duration::from_secs(1) };
    let target = "http://shop.test".parse().unwrap();
    let purchase = Scenario::load("purchase").unwrap();
    let mut told = Vec::new();
    bookstore_loadgen::Customers::prepare_on(server, &target, &purchase, options, &mut |now| told.push(now))
        .await
        .unwrap();
    assert_eq!(told.first(), Some(&Preparing::Books { read: 3, of: 3 }));
    assert_eq!(told.last(), Some(&Preparing::Customers { ready: 10, of: 10 }));
    assert_eq!(refused.load(Ordering::SeqCst), 13);
}

#[tokio::test(start_paused = true)]
async fn a_shop_that_is_none_is_said_so() {
    let options =
        bookstore_loadgen::Options { customers: 1.try_into().unwrap(), seed: 1, timeout: Duration::from_secs(1) };
    let target = "http://shop.test".parse().unwrap();
    let prepare = async |server: InProcess, scenario: Scenario| -> PrepareError {
        let prepared = bookstore_loadgen::Customers::prepare_on(server, &target, &scenario, options, &mut |_| {}).await;
        prepared.err().expect("no shop")
    };
    let browse = || Scenario::load("browse").unwrap();
    let error = prepare(InProcess::new(|_| async { (200, "<html>".to_owned()) }), browse()).await.to_string();
    assert!(
        error.contains("GET /api/v1/books") && error.contains("<html>") && error.contains("http://shop.test"),
        "{error}"
    );
    let error = prepare(InProcess::new(|_| async { (404, String::new()) }), browse()).await.to_string();
    assert!(error.contains("404"), "{error}");
    let nothing = r#"{"items":[],"page":1,"per_page":100,"total":0}"#;
    let error = prepare(InProcess::new(move |_| async { (200, nothing.to_owned()) }), browse()).await.to_string();
    assert!(error.contains("no books"), "{error}");
    let hot = scenario("[books]\nhot_ids = [4711]", "\"book\"");
    let error = prepare(InProcess::shop(|_| None), hot).await.to_string();
    assert!(error.contains("4711"), "{error}");
    let hot = scenario("[books]\nhot = 4", "\"book\"");
    let error = prepare(InProcess::shop(|_| None), hot).await.to_string();
    assert!(error.contains("has only 3"), "{error}");
}
