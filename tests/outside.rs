//! The agent beside the shop, on a real kernel.
#![cfg(target_os = "linux")]

use bookstore_harness::shop::{Options, Shop, family, is_alive, signal};
use bookstore_harness::wait;
use bookstore_runtime::testing::skip;
use rustix::process::Signal;
use serde_json::Value;
use tokio::process::Command;

mod common;
use common::{databases, executable};

/// Whether the agent can run here; says what is lacking.
fn can_look() -> bool {
    if !rustix::process::geteuid().is_root() {
        skip("the agent beside the shop", "it needs root's rights");
        return false;
    }
    if let Err(obstacle) = bookstore_agent::preflight::check() {
        skip("the agent beside the shop", &obstacle.to_string());
        return false;
    }
    true
}

fn watched(instrumentation: &str) -> Options {
    Options::new(executable()).args(&["--instrumentation", instrumentation])
}

/// The sides whose traces of a request compare holds.
async fn sides(shop: &Shop, request_id: &str) -> Vec<String> {
    let list: Value = get(shop, &format!("/api/v1/traces?q={request_id}")).await;
    let mut sides = Vec::new();
    for head in list["traces"].as_array().expect("a list") {
        let trace = get(shop, &format!("/api/v1/traces/{}", head["trace_id"].as_str().expect("an id"))).await;
        sides.push(trace["spans"][0]["side"].as_str().expect("a side").to_owned());
    }
    sides
}

async fn get(shop: &Shop, path: &str) -> Value {
    let answer = shop.http.get(format!("{}{path}", shop.ready.compare)).send().await.expect("an answer");
    answer.json().await.expect("JSON")
}

#[tokio::test]
async fn what_is_bought_is_seen_from_outside_and_nothing_stays_behind() {
    if !can_look() {
        return;
    }
    let shop = watched("ebpf").start().await;
    let processes = family(shop.launcher_pid());
    let answer = shop.http.get(format!("{}/api/v1/books", shop.ready.storefront)).send().await.unwrap();
    let request_id = answer.headers()["x-request-id"].to_str().unwrap().to_owned();
    wait::until("the agent's trace", async || {
        sides(&shop, &request_id).await.contains(&"ebpf".to_owned()).then_some(())
    })
    .await;
    shop.stop().await;
    assert!(processes.iter().all(|pid| !is_alive(*pid)));
}

#[tokio::test]
async fn a_shop_whose_agent_is_killed_ends_in_order() {
    if !can_look() {
        return;
    }
    let shop = watched("both").start().await;
    shop.customer().await.buy(1).await;
    let processes = family(shop.launcher_pid());
    signal(shop.launcher_pid(), Signal::KILL);
    wait::until("all processes to end", async || processes.iter().all(|pid| !is_alive(*pid)).then_some(())).await;
    let (well, said) = bookstore_harness::shop::check(&executable(), &shop.folder).await;
    assert!(well, "{said}");
}

#[tokio::test]
async fn every_edge_that_goes_through_a_socket_is_found() {
    if !can_look() {
        return;
    }
    for database in databases() {
        let mut command = Command::new(executable());
        let arguments = ["verify", "--instrumentation", "ebpf", "--database", database, "--json"];
        let output = command.args(arguments).output().await.unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
        let verdict: Value = serde_json::from_str(&said).unwrap();
        let seen = verdict["edges"].as_array().unwrap().iter().filter(|edge| edge["side"] == "ebpf");
        assert!(seen.count() > 10, "{said}");
    }
}
