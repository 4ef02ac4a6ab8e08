//! The launcher: starts all, keeps all running, leaves nothing behind.
#![cfg(target_os = "linux")]

use std::net::TcpListener;
use std::process::Stdio;

use bookstore_harness::shop::{arguments, family, is_alive, signal, temporary};
use bookstore_harness::wait;
use bookstore_runtime::testing::TestDatabase;
use reqwest::StatusCode;
use rustix::process::Signal;
use sqlx::{Connection as _, PgConnection};
use tokio::process::Command;

mod common;
use common::{databases, executable, options};

#[tokio::test]
async fn ctrl_c_leaves_no_process_behind() {
    for database in databases() {
        let shop = options(database).start().await;
        let started = family(shop.launcher_pid());
        assert!(started.len() >= 6, "{started:?}");
        shop.stop().await;
        gone(&started).await;
    }
}

#[tokio::test]
async fn nor_does_killing_the_launcher() {
    for database in databases() {
        let shop = options(database).start().await;
        let started = family(shop.launcher_pid());
        signal(shop.launcher_pid(), Signal::KILL);
        gone(&started).await;
    }
}

async fn gone(processes: &[i32]) {
    wait::until("all processes to end", async || processes.iter().all(|pid| !is_alive(*pid)).then_some(())).await;
}

#[tokio::test]
async fn a_service_that_dies_is_started_again_on_its_port() {
    let shop = options("sqlite").start().await;
    let ada = shop.customer().await;
    for service in ["catalog", "inventory", "payment", "user", "storefront", "compare"] {
        shop.kill(service);
    }
    wait::until("a purchase after all were killed", async || {
        let put = ada.request(reqwest::Method::PUT, "/basket/items/1").json(&serde_json::json!({"quantity": 1}));
        if put.send().await.ok()?.status() != StatusCode::OK {
            return None;
        }
        let key = uuid::Uuid::new_v4().to_string();
        let order = ada.order(&key, bookstore_harness::customer::GOOD_CARD).send().await.ok()?;
        (order.status() == StatusCode::CREATED).then_some(())
    })
    .await;
    let (well, said) = shop.check().await;
    assert!(well, "{said}");
    shop.stop().await;
}

#[tokio::test]
async fn a_port_in_use_is_named_with_its_owner_and_a_way_out() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let folder = temporary();
    let mut command = Command::new(executable());
    command.args(["up", "--no-tour", "--port", &port, "--data-dir"]).arg(folder.path().join("shop"));
    let output = command.stdin(Stdio::null()).output().await.unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    for part in [&*port, &std::process::id().to_string(), "--port 0"] {
        assert!(said.contains(part), "{part} is missing: {said}");
    }
}

#[tokio::test]
async fn two_shops_do_not_share_a_data_directory() {
    let shop = options("sqlite").start().await;
    let mut command = Command::new(executable());
    command.args(["up", "--no-tour", "--port", "0", "--data-dir"]).arg(&shop.folder);
    let output = command.stdin(Stdio::null()).output().await.unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(said.contains(&*shop.folder.to_string_lossy()), "{said}");
    shop.stop().await;
}

#[tokio::test]
async fn health_can_be_asked_without_a_shell() {
    let shop = options("sqlite").start().await;
    let healthcheck =
        async |url: String| Command::new(executable()).args(["healthcheck", &url]).output().await.unwrap();
    for service in shop.ready.services.values() {
        for path in ["livez", "readyz"] {
            let output = healthcheck(format!("{}/{path}", service.url)).await;
            assert!(output.status.success(), "{output:?}");
        }
    }
    let nobody = healthcheck("http://127.0.0.1:1/livez".to_owned()).await;
    assert!(!nobody.status.success());
    assert_eq!(String::from_utf8_lossy(&nobody.stderr).trim().lines().count(), 1, "{nobody:?}");
    shop.stop().await;
}

#[tokio::test]
async fn a_shop_outlives_its_launcher_in_its_data() {
    for database in databases() {
        let home = temporary();
        let folder = home.path().join("shop");
        let shop = options(database).folder(&folder).start().await;
        let ada = shop.customer().await;
        let order = ada.buy(5).await;
        shop.stop().await;
        // `check` also on one that is stopped.
        let (well, said) = bookstore_harness::shop::check(&executable(), &folder).await;
        assert!(well, "{said}");
        let shop = options(database).folder(&folder).start().await;
        let again =
            shop.http.get(format!("{}/api/v1/orders/{}", shop.ready.storefront, order.id)).bearer_auth(&ada.token);
        assert_eq!(again.send().await.unwrap().status(), StatusCode::OK);
        shop.stop().await;
    }
}

#[tokio::test]
async fn as_root_nothing_but_the_launcher_runs_as_root() {
    if !rustix::process::geteuid().is_root() {
        bookstore_runtime::testing::skip("running as root", "this is not root");
        return;
    }
    for database in databases() {
        let shop = options(database).start().await;
        for pid in family(shop.launcher_pid()) {
            let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
            let uid = status.lines().find_map(|line| line.strip_prefix("Uid:")).unwrap();
            assert!(uid.split_whitespace().all(|id| id != "0"), "{:?}: {uid}", arguments(pid));
        }
        shop.stop().await;
    }
}

#[tokio::test]
async fn verify_finds_every_edge() {
    for database in databases() {
        let mut command = Command::new(executable());
        let output = command.args(["verify", "--database", database, "--json"]).output().await.unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
}

#[tokio::test]
async fn without_a_collector_the_shop_goes_on_and_counts_what_it_lost() {
    let nobody = [("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1"), ("RUST_LOG", "info")];
    let shop = options("sqlite").env(nobody).start().await;
    shop.customer().await.buy(2).await;
    let folder = shop.folder.clone();
    let temporary = shop.stop().await;
    let log = std::fs::read_to_string(folder.join("logs/storefront.log")).unwrap();
    let said = log.lines().filter(|line| line.contains("no collector")).count();
    assert_eq!(said, 1, "{log}");
    drop(temporary);
}

#[tokio::test]
async fn a_server_of_ones_own_gets_a_database_for_each_service() {
    let Some(database) = TestDatabase::postgres().await else { return };
    let url = database.config.url.expose();
    let (server, prefix) = url.rsplit_once('/').unwrap();
    let shop = options(&format!("{server}/{prefix}")).start().await;
    shop.customer().await.buy(1).await;
    // The password is kept nowhere, so `check` has to be told; and says so.
    let (well, said) = shop.check().await;
    assert!(!well && said.contains("--database"), "{said}");
    let mut check = Command::new(executable());
    let check = check.args(["check", "--database", url, "--data-dir"]).arg(&shop.folder).output().await.unwrap();
    assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stdout));
    let mut connection = PgConnection::connect(&format!("{server}/postgres")).await.unwrap();
    let made: Vec<String> = sqlx::query_scalar("SELECT datname FROM pg_database WHERE datname LIKE $1 ORDER BY 1")
        .bind(format!("{prefix}\\_%"))
        .fetch_all(&mut connection)
        .await
        .unwrap();
    let expected = ["catalog", "inventory", "payment", "storefront", "user"].map(|name| format!("{prefix}_{name}"));
    assert_eq!(made, expected);
    let said = std::fs::read_to_string(shop.folder.join("shop.json")).unwrap();
    let password = url.split(':').nth(2).unwrap().split('@').next().unwrap();
    assert!(!said.contains(password), "{said}");
    shop.stop().await;
}
