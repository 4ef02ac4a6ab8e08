//! Known secrets are planted, a book is bought with them, and everything that was exported, logged or stored is searched.
#![expect(clippy::unwrap_used, reason = "a story that cannot go on has failed")]

use std::path::Path;

use bookstore_harness::customer::expect;
use bookstore_harness::shop::Options;
use bookstore_harness::{Customer, Sink, wait};
use reqwest::StatusCode;
use serde_json::json;

mod common;
use common::{databases, executable, options};

const PASSWORD: &str = "geheimnis-Tr0ub4dor&3-planted";
const CARD: &str = "378282246310005";
const CVC: &str = "7391";
const EMAIL: &str = "planted@example.org";

/// What was planted, and whether it is in a text.
struct Secrets(Vec<(&'static str, String)>);

impl Secrets {
    fn found_in(&self, text: &str) -> Vec<&'static str> {
        let is_in = |secret: &str| if secret.len() > 4 { text.contains(secret) } else { stands_alone(text, secret) };
        self.0.iter().filter(|(_, secret)| is_in(secret)).map(|(name, _)| *name).collect()
    }
}

/// Whether a text has this as a word of its own: four digits are part of many an id.
fn stands_alone(text: &str, word: &str) -> bool {
    let inside = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    text.match_indices(word)
        .any(|(at, _)| !text[..at].ends_with(inside) && !text[at + word.len()..].starts_with(inside))
}

/// All logs at their most talkative, and the headers that hold secrets asked for.
fn talkative(options: Options, sink: &Sink) -> Options {
    options.env(sink.environment()).env([
        ("RUST_LOG", "debug"),
        ("OTEL_INSTRUMENTATION_HTTP_SERVER_CAPTURE_REQUEST_HEADERS", "authorization,cookie,user-agent"),
    ])
}

/// Buys with everything that is secret, by API and by cookie.
async fn buy(shop: &bookstore_harness::Shop) -> Secrets {
    let ada = Customer::with(&shop.http, &shop.ready.storefront, EMAIL, PASSWORD, "Ada").await;
    ada.put(1, 1).await;
    let card = json!({"card": {"number": CARD, "expiry": "12/39", "cvc": CVC}});
    let order = ada.request(reqwest::Method::POST, "/orders").header("idempotency-key", "planted").json(&card);
    expect(order.send().await.unwrap(), StatusCode::CREATED).await;
    let cookie = format!("planted{}", uuid::Uuid::new_v4().simple());
    let page = shop.http.get(&shop.ready.storefront).header("cookie", format!("session={cookie}"));
    assert_eq!(page.send().await.unwrap().status(), StatusCode::OK);
    Secrets(vec![
        ("password", PASSWORD.to_owned()),
        ("token", ada.token.clone()),
        ("cookie", cookie),
        ("card number", CARD.to_owned()),
        ("CVC", CVC.to_owned()),
    ])
}

/// The texts in all that was exported, with how many spans and logs there were.
async fn exported(sink: &Sink) -> (String, usize, usize) {
    // Metrics come last, at the end of each process.
    let kept = wait::until("spans, metrics and logs", async || {
        let kept = sink.kept();
        (!kept.traces.is_empty() && !kept.logs.is_empty() && !kept.metrics.is_empty()).then_some(kept)
    })
    .await;
    let mut texts: Vec<String> = kept.traces.iter().map(|request| serde_json::to_string(request).unwrap()).collect();
    texts.extend(kept.metrics.iter().map(|request| serde_json::to_string(request).unwrap()));
    texts.extend(kept.logs.iter().map(|request| serde_json::to_string(request).unwrap()));
    // And the bodies as they came, should something be in them that the messages here do not know.
    texts.extend(kept.raw.iter().map(|body| String::from_utf8_lossy(body).escape_default().to_string()));
    let texts = texts.join("\n");
    (texts, kept.spans().len(), kept.log_records().len())
}

#[tokio::test]
async fn no_secret_leaves_the_shop() {
    for database in databases() {
        let sink = Sink::start().await;
        let shop = talkative(options(database), &sink).start().await;
        let secrets = buy(&shop).await;
        let folder = shop.folder.clone();
        let home = shop.stop().await;

        let (texts, spans, logs) = exported(&sink).await;
        assert!(spans > 30 && logs > 10, "{spans} spans and {logs} logs are too few to prove anything");
        assert!(texts.contains(EMAIL) || texts.contains("storefront"), "the search searches nothing");
        assert_eq!(secrets.found_in(&texts), Vec::<&str>::new());
        let files = search(&folder, &secrets);
        assert!(files > 5, "{files} files are too few to prove anything");
        bookstore_runtime::testing::note(&format!(
            "searched {spans} spans, {logs} logs, {} KiB of OTLP and {files} files ({database}): no secret",
            texts.len() / 1024
        ));
        drop(home);
    }
}

/// Searches every file of a data directory: databases and logs.
fn search(folder: &Path, secrets: &Secrets) -> usize {
    let mut files = 0;
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files += search(&path, secrets);
        } else if let Ok(bytes) = std::fs::read(&path) {
            files += 1;
            let mut found = secrets.found_in(&String::from_utf8_lossy(&bytes));
            // In a database's pages four digits stand next to anything.
            found.retain(|name| *name != "CVC" || path.extension().is_some_and(|extension| extension == "log"));
            assert_eq!(found, Vec::<&str>::new(), "{}", path.display());
        }
    }
    files
}

#[tokio::test]
async fn the_search_would_find_every_one() {
    if !cfg!(debug_assertions) {
        bookstore_runtime::testing::skip(
            "the search for secrets with redaction off",
            "a release build cannot switch it off",
        );
        return;
    }
    let sink = Sink::start().await;
    let shop = talkative(Options::new(executable()), &sink).env([("BOOKSTORE_REDACTION", "off")]).start().await;
    let secrets = buy(&shop).await;
    shop.stop().await;
    let (texts, spans, logs) = exported(&sink).await;
    let all: Vec<_> = secrets.0.iter().map(|(name, _)| *name).collect();
    assert_eq!(secrets.found_in(&texts), all, "in {spans} spans and {logs} logs");
}

#[test]
fn the_search_looks_for_whole_words() {
    assert!(stands_alone("cvc=\"7391\" ok", "7391"));
    assert!(stands_alone("7391", "7391"));
    assert!(!stands_alone("0a2f-7391-11", "7391"));
    assert!(!stands_alone("17391", "7391"));
}
