//! What the documents say is what was measured, and what the code knows.
//!
//! Sections between markers are rendered from their source. `UPDATE_DOCS=1 cargo test -p bookstore --test documents`
//! writes them again.
#![expect(clippy::unwrap_used, reason = "a story that cannot go on has failed")]

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use bookstore::expected;
use bookstore_bench::{Question, Summary};
use serde_json::Value;

fn file(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

/// Compares a marked section of a document with what it should be, or writes it.
fn section(document: &str, name: &str, expected: &str) {
    // Tests run side by side, and several may write one document.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let path = file(document);
    let text = std::fs::read_to_string(&path).unwrap();
    let (begin, end) = (format!("<!-- begin: {name} -->\n"), format!("<!-- end: {name} -->"));
    let (before, rest) = text.split_once(&begin).unwrap_or_else(|| panic!("{document} has no section {name}"));
    let (found, after) = rest.split_once(&end).unwrap_or_else(|| panic!("{document} has no end of section {name}"));
    let expected = format!("\n{}\n\n", expected.trim());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, format!("{before}{begin}{expected}{end}{after}")).unwrap();
    } else {
        assert_eq!(found, expected, "{document} is not what its source says: UPDATE_DOCS=1 writes it again");
    }
}

/// A file of measurements.
struct Measured(Value);

impl Measured {
    fn read(path: &str) -> Self {
        Self(serde_json::from_str(&std::fs::read_to_string(file(path)).unwrap()).unwrap())
    }

    fn at(&self, path: &str) -> &Value {
        self.0.pointer(path).unwrap_or_else(|| panic!("{path} was not measured"))
    }

    fn text(&self, path: &str) -> String {
        let value = self.at(path);
        value.as_str().map_or_else(|| value.to_string(), str::to_owned)
    }

    /// The middle of several runs, and the least and the most.
    fn spread(&self, path: &str, digits: usize) -> String {
        let at = |which: &str| format!("{:.digits$}", self.at(&format!("{path}/{which}")).as_f64().unwrap());
        format!("{} ({} to {})", at("median"), at("min"), at("max"))
    }

    fn machine(&self) -> String {
        let [cpus, model, kernel, command] =
            ["cpus", "model", "kernel", "command"].map(|what| self.text(&format!("/machine/{what}")));
        format!("on {cpus} × {model}, Linux {kernel}, by `{command}`")
    }
}

#[test]
fn performance_is_what_was_measured() {
    let result = Measured::read("docs/results/performance.json");
    let number = |path: &str| result.text(path);
    let spread = |path: &str, digits: usize| result.spread(path, digits);
    let rows = [
        ("Ready after the start, empty data directory", format!("{} s", spread("/start/first_s", 2)), "≤ 2 s"),
        ("Ready after the start, with data", format!("{} s", spread("/start/again_s", 2)), "≤ 2 s"),
        (
            "The five services together after 1,000 purchases, resident",
            format!("{:.1} MiB", number("/memory/total_mib").parse::<f64>().unwrap()),
            "≤ 100 MiB",
        ),
        (
            "Catalog's `GET /books/{id}` to the barest handler, answers a second",
            spread("/route/catalog_to_bare/ratio", 2),
            "≥ 0.8",
        ),
        ("The barest handler, answers a second", spread("/route/bare_per_s", 0), ""),
        ("Catalog's `GET /books/{id}`, answers a second", spread("/route/catalog_per_s", 0), ""),
        ("Storefront's `GET /api/v1/books/{id}`, answers a second", spread("/route/storefront_per_s", 0), ""),
        (
            "200 at once for the last 50 copies",
            format!(
                "{} orders, {} refused as out of stock, {} of anything else, in {} s; invariants hold: {}",
                number("/rush/orders"),
                number("/rush/out_of_stock"),
                number("/rush/anything_else"),
                number("/rush/seconds"),
                number("/rush/invariants_hold"),
            ),
            "50, 150, 0",
        ),
    ];
    let mut table = String::from("| what | measured | should be |\n| --- | --- | --- |\n");
    for (what, measured, should) in rows {
        table.push_str(&format!("| {what} | {measured} | {should} |\n"));
    }
    table.push_str(&format!("\nThis was {}.\n", result.machine()));
    let other = Measured::read("docs/results/frame-pointers.json");
    table.push_str(&format!(
        "\nFrame pointers: the catalog's route in a build with them answers {} times as often as in one without, {}.\n",
        other.spread("/frame_pointers/ratio", 2),
        other.machine()
    ));
    section("docs/performance.md", "figures", &table);
}

/// What two databases have in common: where their results are, and how they are called.
const DATABASES: [(&str, &str); 2] = [("sqlite", "SQLite"), ("postgres", "PostgreSQL")];

#[test]
fn the_price_is_what_was_measured() {
    let mut text = String::new();
    for (name, title) in DATABASES {
        let folder = format!("docs/results/bench-{name}");
        let summary = Summary::read(&file(&format!("{folder}/summary.json"))).unwrap();
        text.push_str(&price(&summary, title, name));
    }
    let discarding = Summary::read(&file("docs/results/bench-discard/summary.json")).unwrap();
    let mode = |summary: &Summary| summary.results.modes.last().unwrap().clone();
    let receiver = |summary: &Summary| 1_000.0 * mode(summary).cpu_ms.unwrap().receiver;
    let keeping = Summary::read(&file("docs/results/bench-sqlite/summary.json")).unwrap();
    text.push_str(&format!(
        "compare takes {:.0} µs of CPU a request to keep what `manual` sends, and {:.0} µs to count it and throw it away \
         ([page](results/bench-discard/index.html), `{}`).\n",
        receiver(&keeping),
        receiver(&discarding),
        discarding.experiment.command,
    ));
    section("docs/performance.md", "price", &text);
}

/// One experiment as a table.
fn price(summary: &Summary, title: &str, name: &str) -> String {
    let (results, experiment) = (&summary.results, &summary.experiment);
    let comparison = results.comparisons.last().unwrap();
    let spread = |mode: usize, question: Question| {
        let spread = results.modes[mode].values[&question];
        format!("{:.2} ({:.2} to {:.2})", spread.median, spread.min, spread.max)
    };
    let mut text = format!(
        "**{title}**, {}, {} rounds ([page](results/bench-{name}/index.html), \
         [summary.json](results/bench-{name}/summary.json), `{}`):\n\n\
         | what | none | manual | ratio (99 %) | verdict |\n| --- | --- | --- | --- | --- |\n",
        experiment.scenario.split(':').next().unwrap(),
        experiment.rounds,
        experiment.command,
    );
    for question in Question::ALL {
        let Some(verdict) = comparison.verdicts.get(&question) else { continue };
        let interval = verdict.log_ratio.unwrap();
        let [low, high] = interval.at_99.map(f64::exp);
        text.push_str(&format!(
            "| {}, {} | {} | {} | {:.3} ({low:.3} to {high:.3}) | {} |\n",
            question.name(),
            question.unit(),
            spread(0, question),
            spread(1, question),
            interval.mean.exp(),
            verdict.outcome.words(),
        ));
    }
    let manual = results.modes.last().unwrap();
    let per_span = comparison.us_per_span.unwrap();
    text.push_str(&format!(
        "\nThat is {:.1} µs of the services’ CPU a span (99 %: {:.1} to {:.1}), of {:.1} spans a request; {} spans lost of \
         {} requests; {} requests failed. On {} × {}, {}.\n\n",
        per_span.mean,
        per_span.at_99[0],
        per_span.at_99[1],
        manual.spans_per_request.unwrap(),
        manual.spans_dropped,
        manual.requests,
        manual.failed,
        experiment.machine.cpus,
        experiment.machine.model,
        experiment.machine.kernel,
    ));
    text
}

/// What seeing from outside costs beside doing it by hand: one experiment with all modes.
#[test]
fn the_agents_price_is_what_was_measured() {
    let summary = Summary::read(&file("docs/results/bench-agent/summary.json")).unwrap();
    let (results, experiment) = (&summary.results, &summary.experiment);
    assert_eq!(experiment.modes, ["none", "manual", "ebpf", "both"]);
    let mut text = format!(
        "{}, PostgreSQL, {} rounds ([page](results/bench-agent/index.html), \
         [summary.json](results/bench-agent/summary.json), `{}`); in parentheses the ratio to `none`, and where it lies by 99 %:\n\n\
         | what | none | manual | ebpf | both |\n| --- | --- | --- | --- | --- |\n",
        experiment.scenario.split(':').next().unwrap(),
        experiment.rounds,
        experiment.command,
    );
    for question in Question::ALL {
        text.push_str(&format!("| {}, {} |", question.name(), question.unit()));
        for mode in &results.modes {
            text.push_str(&format!(" {:.2}", mode.values[&question].median));
            if let Some(comparison) = results.comparisons.iter().find(|it| it.mode == mode.mode) {
                let interval = comparison.verdicts[&question].log_ratio.unwrap();
                let [low, high] = interval.at_99.map(f64::exp);
                text.push_str(&format!(" ({:.3}, {low:.3} to {high:.3})", interval.mean.exp()));
            }
            text.push_str(" |");
        }
        text.push('\n');
    }
    let mut row = |what: &str, cell: &dyn Fn(&str) -> String| {
        let cells: Vec<_> = experiment.modes.iter().map(|mode| cell(mode)).collect();
        text.push_str(&format!("| {what} | {} |\n", cells.join(" | ")));
    };
    let mode = |name: &str| results.modes.iter().find(|it| it.mode == name).unwrap();
    row("CPU of the agent to that of the services, at the fixed rate", &|name| {
        let cpu = mode(name).cpu_ms.unwrap();
        format!("{:.0} %", 100.0 * cpu.agent / cpu.services)
    });
    row("Peak memory of the agent, MiB", &|name| {
        let phases = summary.runs.iter().filter(|run| run.mode == name).flat_map(|run| &run.phases);
        let most = phases.filter_map(|phase| phase.rss_peak_mib.get("agent")).copied().reduce(f64::max);
        most.map_or_else(|| "–".to_owned(), |most| format!("{most:.1}"))
    });
    row("Spans a request", &|name| format!("{:.1}", mode(name).spans_per_request.unwrap_or_default()));
    row("Spans lost, of requests", &|name| format!("{} of {}", mode(name).spans_dropped, mode(name).requests));
    row("Requests failed", &|name| mode(name).failed.to_string());
    let machine = &experiment.machine;
    text.push_str(&format!("\nOn {} × {}, {}.\n", machine.cpus, machine.model, machine.kernel));
    section("docs/performance.md", "agent-price", &text);
}

#[test]
fn the_score_is_what_was_measured() {
    let mut text = String::from(
        "| scenario | database | links judged | right | wrong | unlinked | cancelled, right | spans expected | missing | lost |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for scenario in ["mixed", "browse", "purchase", "rush", "sequence", "join", "spawn", "fanout", "hedge"] {
        for (name, title) in DATABASES {
            let report = Measured::read(&format!("docs/results/score/{name}-{scenario}.json"));
            let edges = report.at("/edges").as_object().unwrap();
            let sum = |what: &str| edges.values().map(|row| row[what].as_u64().unwrap()).sum::<u64>();
            text.push_str(&format!(
                "| {scenario} | {title} | {} | {} | {} | {} | {} of {} | {} | {} | {} |\n",
                sum("total") - sum("cancelled"),
                sum("right"),
                sum("wrong"),
                sum("unlinked"),
                report.text("/cancelled/right"),
                report.text("/cancelled/total"),
                report.text("/spans/expected"),
                report.text("/spans/missing"),
                report.text("/spans/dropped"),
            ));
            assert_eq!(report.text("/concurrency"), "64");
        }
    }
    section("docs/performance.md", "score", &text);
}

#[test]
fn the_agents_score_is_what_was_measured() {
    let mut text = String::from(
        "| scenario | linked by | kind | links | right | wrong | unlinked | cancelled | spans expected | missing |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    let runs = ["sequence", "join", "spawn", "fanout", "mixed", "hedge"].map(|scenario| (scenario, scenario, "task"));
    for (file, scenario, linked_by) in runs.into_iter().chain([("mixed-by-thread", "mixed", "thread")]) {
        let report = Measured::read(&format!("docs/results/agent/{file}.json"));
        assert_eq!((report.text("/side"), report.text("/concurrency")), ("ebpf".to_owned(), "64".to_owned()));
        for kind in ["http.client", "rpc.client", "db.client", "cross_process"] {
            let at = |what: &str| report.at(&format!("/edges/{kind}/{what}")).as_u64().unwrap();
            let judged = at("total") - at("cancelled");
            // Cut off, not rounded: 100 % means all of them.
            let percent = (1e4 * at("right") as f64 / judged as f64).floor() / 100.0;
            text.push_str(&format!(
                "| {scenario} | {linked_by} | `{kind}` | {judged} | {percent:.2} % | {} | {} | {} | {} | {} |\n",
                at("wrong"),
                at("unlinked"),
                at("cancelled"),
                report.text("/spans/expected"),
                report.text("/spans/missing"),
            ));
        }
    }
    section("docs/agent.md", "agent", &text);
}

#[test]
fn the_agents_score_at_any_load_is_what_was_measured() {
    let mut text = String::from(
        "| scenario | at once | `http.client` | `rpc.client` | `db.client` | `cross_process` | wrong | unlinked | missing |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for scenario in ["sequence", "join", "spawn", "fanout", "mixed"] {
        for concurrency in [1, 16, 64, 256] {
            let suffix = if concurrency == 64 { String::new() } else { format!("-{concurrency}") };
            let report = Measured::read(&format!("docs/results/agent/{scenario}{suffix}.json"));
            assert_eq!(report.text("/concurrency"), concurrency.to_string());
            let kinds = ["http.client", "rpc.client", "db.client", "cross_process"];
            let at = |kind: &str, what: &str| report.at(&format!("/edges/{kind}/{what}")).as_u64().unwrap();
            let sum = |what: &str| kinds.iter().map(|kind| at(kind, what)).sum::<u64>();
            let right =
                kinds.map(|kind| format!("{} of {}", at(kind, "right"), at(kind, "total") - at(kind, "cancelled")));
            text.push_str(&format!(
                "| {scenario} | {concurrency} | {} | {} | {} | {} of {} |\n",
                right.join(" | "),
                sum("wrong"),
                sum("unlinked"),
                report.text("/spans/missing"),
                report.text("/spans/expected"),
            ));
        }
    }
    section("docs/agent.md", "agent-load", &text);
}

#[test]
fn the_instruments_are_what_was_measured() {
    let (oha, intake) =
        (Measured::read("docs/results/loadgen-oha.json"), Measured::read("docs/results/compare-intake.json"));
    let text = format!(
        "| what | measured | should be |\n| --- | --- | --- |\n\
         | `bookstore load` to `oha`, requests a second on one core, {} pairs | {} | ≥ 0.9 |\n\
         | compare, spans a second of one core, holding {:.0} of at most {:.0} MiB | {} | ≥ 50000 |\n\n\
         The first was {}; the second {}.\n",
        oha.text("/pairs"),
        oha.spread("/ratio", 2),
        intake.at("/held_mib").as_f64().unwrap(),
        intake.at("/most_mib").as_f64().unwrap(),
        intake.text("/spans_per_cpu_s").trim_end_matches(".0"),
        oha.machine(),
        intake.machine(),
    );
    section("docs/performance.md", "instruments", &text);
}

#[test]
fn telemetry_is_what_the_tests_check() {
    section("docs/telemetry.md", "emitted", &expected::document());
}

#[test]
fn the_cards_to_try_are_those_that_payment_knows() {
    for document in ["README.md", "services/storefront/src/web/checkout.rs"] {
        let text = std::fs::read_to_string(file(document)).unwrap().replace(' ', "");
        for card in bookstore_payment::TEST_CARDS {
            assert!(text.contains(card.number), "{document} lacks {}", card.number);
        }
    }
}
