//! The OpenAPI document says all that there is, and what it says is so.

use std::collections::BTreeSet;

use bookstore_runtime::testing::TestDatabase;
use reqwest::Method;
use serde_json::Value;

use crate::shop::{Answer, Shop};

const METHODS: [Method; 6] = [Method::GET, Method::PUT, Method::POST, Method::DELETE, Method::PATCH, Method::OPTIONS];

fn entries(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

fn operations(document: &Value) -> Vec<(&String, &String, &Value)> {
    let paths = entries(&document["paths"]);
    paths.flat_map(|(path, item)| entries(item).map(move |(method, operation)| (path, method, operation))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn routes_and_document_are_the_same() {
    let shop = Shop::open(TestDatabase::sqlite()).await;
    let document = Answer::of(shop.ask(Method::GET, "/api/v1/openapi.json")).await;
    assert_eq!((document.status, &document.headers["content-type"]), (200, &"application/json".parse().unwrap()));
    let document = document.body;
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"), "{}", document["openapi"]);
    for (path, item) in entries(&document["paths"]) {
        let described: BTreeSet<_> = entries(item).map(|(method, _)| method.to_uppercase()).collect();
        let concrete = path.replace("{id}", "1").replace("{book_id}", "1");
        for method in METHODS {
            let answer = Answer::of(shop.ask(method.clone(), &concrete)).await;
            let is_routed = answer.status != 405;
            assert_eq!(is_routed, described.contains(method.as_str()), "{method} {path}: {answer:?}");
            if !is_routed {
                let allowed = answer.headers["allow"].to_str().unwrap().split(',').map(|name| name.trim().to_owned());
                let allowed: BTreeSet<_> = allowed.filter(|name| name != "HEAD").collect();
                assert_eq!(allowed, described, "{path}");
            }
        }
    }
    // The table of the specification.
    let listed: Vec<_> = operations(&document).iter().map(|(path, method, _)| format!("{method} {path}")).collect();
    for call in [
        "post /api/v1/users",
        "post /api/v1/sessions",
        "delete /api/v1/sessions",
        "get /api/v1/books",
        "get /api/v1/books/{id}",
        "get /api/v1/basket",
        "put /api/v1/basket/items/{book_id}",
        "delete /api/v1/basket/items/{book_id}",
        "post /api/v1/orders",
        "get /api/v1/orders",
        "get /api/v1/orders/{id}",
    ] {
        assert!(listed.iter().any(|operation| operation == call), "{call} is missing");
    }
}

#[test]
fn every_answer_has_a_schema() {
    let document = bookstore_storefront::api::document();
    let mut ids = BTreeSet::new();
    for (path, method, operation) in operations(&document) {
        let name = format!("{method} {path}");
        assert!(ids.insert(operation["operationId"].as_str().unwrap()), "{name} has no id of its own");
        assert!(operation["summary"].as_str().is_some_and(|text| !text.is_empty()), "{name}");
        let expected: &[&str] = match (operation["security"].is_null(), operation["requestBody"].is_null()) {
            (true, true) => &["500", "503", "504"],
            (true, false) => &["400", "413", "415", "422", "500", "503", "504"],
            (false, true) => &["401", "500", "503", "504"],
            (false, false) => &["400", "401", "413", "415", "422", "500", "503", "504"],
        };
        for status in expected {
            assert!(operation["responses"].get(status).is_some(), "{name} lacks {status}");
        }
        for (status, response) in entries(&operation["responses"]) {
            assert!(response["description"].as_str().is_some_and(|text| !text.is_empty()), "{name} {status}");
            assert!(response["headers"]["x-request-id"].is_object(), "{name} {status}");
            if status == "204" {
                continue;
            }
            let kind = if status.starts_with('2') { "application/json" } else { "application/problem+json" };
            let content = &response["content"];
            assert_eq!(entries(content).map(|(kind, _)| kind).collect::<Vec<_>>(), [kind], "{name} {status}");
            assert!(content[kind]["schema"].is_object(), "{name} {status}");
        }
    }
    let session = &document["components"]["securitySchemes"]["session"];
    assert_eq!((&session["type"], &session["scheme"]), (&"http".into(), &"bearer".into()));
}

#[test]
fn nothing_is_referred_to_that_is_not_there() {
    fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
        match value {
            Value::Object(members) => {
                found.extend(members.get("$ref").and_then(Value::as_str));
                members.values().for_each(|value| references(value, found));
            }
            Value::Array(items) => items.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }
    let document = bookstore_storefront::api::document();
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(found.len() > 20, "{found:?}");
    for reference in found {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_shows_every_operation_and_loads_nothing() {
    let shop = Shop::open(TestDatabase::sqlite()).await;
    let page = shop.ask(Method::GET, "/api/v1/docs").send().await.unwrap();
    assert_eq!(page.headers()["content-type"], "text/html; charset=utf-8");
    let policy = page.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.starts_with("default-src 'none'"), "{policy}");
    let page = page.text().await.unwrap();
    let document = bookstore_storefront::api::document();
    for (path, _, operation) in operations(&document) {
        assert!(page.contains(&format!("id=\"{}\"", operation["operationId"].as_str().unwrap())), "{path}");
    }
    for (name, _) in entries(&document["components"]["schemas"]) {
        assert!(page.contains(&format!("id=\"schema-{name}\"")), "{name}");
    }
    for loads in ["<script", "<link", "<img", "@import", "url(", "src="] {
        assert!(!page.contains(loads), "{loads}");
    }
}
