//! `bookstore load` on a shop that is up.
#![expect(clippy::unwrap_used, reason = "a story that cannot go on has failed")]

use std::process::Output;

use bookstore_harness::Shop;
use serde_json::Value;
use tokio::process::Command;

mod common;
use common::{databases, executable, options};

async fn load(arguments: &[&str]) -> Output {
    Command::new(executable()).arg("load").args(arguments).output().await.unwrap()
}

fn json(output: &Output) -> Value {
    let said = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {said}"))
}

async fn shop(database: &str) -> Shop {
    options(database).env([("BOOKSTORE_INITIAL_COPIES", "1000")]).start().await
}

#[tokio::test]
async fn customers_buy_and_no_copy_and_no_cent_is_lost() {
    for database in databases() {
        let shop = shop(database).await;
        let output = load(&[
            "--target",
            &shop.ready.storefront,
            "--scenario",
            "purchase",
            "--concurrency",
            "4",
            "--visits",
            "40",
            "--json",
        ])
        .await;
        let result = json(&output);
        assert!(output.status.success(), "{database}: {result:#}");
        assert_eq!(result["visits"]["done"], 40, "{database}: {result:#}");
        let outcomes = &result["outcomes"];
        assert_eq!(
            (&outcomes["ok"], &outcomes["errors"]),
            (&120.into(), &serde_json::json!({})),
            "{database}: {result:#}"
        );
        let (well, said) = shop.check().await;
        assert!(well, "{database}: {said}");
        shop.stop().await;
    }
}

#[tokio::test]
async fn shapes_are_for_scoring_runs() {
    let shop = shop("sqlite").await;
    let answer = shop.http.get(format!("{}/api/v1/shapes/join", shop.ready.storefront)).send().await.unwrap();
    assert_eq!(answer.status(), 404);
    shop.stop().await;
}

#[tokio::test]
async fn a_target_that_does_not_answer_is_named() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let target = format!("http://{free}");
    let output = load(&["--target", &target, "--json"]).await;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains(&free.to_string()) && output.stdout.is_empty(), "{said}");
}
