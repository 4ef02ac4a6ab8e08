//! What the documents say is what was measured, and what the code knows.
//!
//! Sections between markers are rendered from their source. `UPDATE_DOCS=1 cargo test -p bookstore --test documents`
//! writes them again.
#![expect(clippy::unwrap_used, reason = "a story that cannot go on has failed")]

use std::path::PathBuf;

use bookstore::expected;
use serde_json::Value;

fn file(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

/// Compares a marked section of a document with what it should be, or writes it.
fn section(document: &str, name: &str, expected: &str) {
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
