//! A purchase in a real browser: Chromium, through chromedriver.
//!
//! Needs Debian's `chromium` and `chromium-driver`, or the same elsewhere. Leaves its screenshots in
//! `target/screenshots`.
#![expect(clippy::unwrap_used, reason = "a story that cannot go on has failed")]

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use bookstore_harness::shop::temporary;
use bookstore_harness::wait;
use fantoccini::{Client, ClientBuilder, Locator};
use serde_json::json;
use tokio::process::{Child, Command};

mod common;
use common::options;

struct Browser {
    client: Client,
    _driver: Child,
    _profile: tempfile::TempDir,
}

impl Browser {
    async fn start() -> Option<Self> {
        let (Some(driver), Some(chromium)) = (find("chromedriver"), find("chromium")) else {
            let why = "no chromium and chromedriver on this machine (Debian: apt install chromium chromium-driver)";
            bookstore_runtime::testing::skip("a purchase in a browser", why);
            return None;
        };
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let driver = Command::new(driver)
            .arg(format!("--port={port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let profile = temporary();
        let profile_argument = format!("--user-data-dir={}", profile.path().display());
        let arguments = json!([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-sync",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            "--disable-component-update",
            "--window-size=1280,1400",
            profile_argument
        ]);
        let capabilities = json!({"goog:chromeOptions": {"binary": chromium, "args": arguments}});
        let capabilities = capabilities.as_object().unwrap().clone();
        let client = wait::until("chromedriver", async || {
            let mut builder = ClientBuilder::new(hyper_util::client::legacy::connect::HttpConnector::new());
            builder.capabilities(capabilities.clone()).connect(&format!("http://127.0.0.1:{port}")).await.ok()
        })
        .await;
        Some(Self { client, _driver: driver, _profile: profile })
    }

    async fn fill(&self, name: &str, text: &str) {
        let field = self.client.find(Locator::Css(&format!("main [name={name}]"))).await.unwrap();
        field.clear().await.unwrap();
        field.send_keys(text).await.unwrap();
    }

    /// Presses the button of the form that leads there.
    async fn submit(&self, action: &str) {
        let button = format!(
            "main form[action^='{action}'] button[type=submit], main form[action^='{action}'] button:not([type])"
        );
        self.client.find(Locator::Css(&button)).await.unwrap().click().await.unwrap();
    }

    async fn wait_for_path(&self, part: &str) {
        wait::until(&format!("a page at {part}"), async || {
            self.client.current_url().await.ok()?.path().contains(part).then_some(())
        })
        .await;
    }

    async fn screenshot(&self, name: &str) {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("screenshots");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(format!("{name}.png")), self.client.screenshot().await.unwrap()).unwrap();
    }

    async fn text(&self) -> String {
        self.client.find(Locator::Css("body")).await.unwrap().text().await.unwrap()
    }
}

fn find(program: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?).map(|folder| folder.join(program)).find(|path| path.is_file())
}

#[tokio::test]
async fn somebody_buys_a_book_in_a_browser() {
    let Some(browser) = Browser::start().await else { return };
    let shop = options("sqlite").start().await;
    let client = &browser.client;

    client.goto(&shop.ready.storefront).await.unwrap();
    assert!(client.find_all(Locator::Css("main a[href^='/books/']")).await.unwrap().len() >= 12);
    browser.screenshot("1-books").await;
    client.goto(&format!("{}/?q=middlemarch", shop.ready.storefront)).await.unwrap();
    client.find(Locator::Css("main a[href^='/books/']")).await.unwrap().click().await.unwrap();
    browser.wait_for_path("/books/").await;
    browser.screenshot("2-book").await;
    browser.submit("/basket").await;
    browser.wait_for_path("/basket").await;
    assert!(browser.text().await.contains("Middlemarch"));
    browser.screenshot("3-basket").await;

    // Buying needs an account; the basket of the guest goes along.
    client.goto(&format!("{}/register?next=%2Fcheckout", shop.ready.storefront)).await.unwrap();
    browser.fill("name", "Ada").await;
    browser.fill("email", "ada@example.org").await;
    browser.fill("password", "correct horse battery staple").await;
    browser.submit("/register").await;
    browser.wait_for_path("/checkout").await;
    browser.fill("number", "4000000000000002").await;
    browser.fill("expiry", "12/39").await;
    browser.fill("cvc", "123").await;
    browser.screenshot("4-checkout").await;
    browser.submit("/checkout").await;
    // Not "declined": the page lists the cards to try, and what each does.
    wait::until("the decline to be said", async || browser.text().await.contains("Nothing was charged").then_some(()))
        .await;
    browser.screenshot("5-declined").await;
    browser.fill("number", "4242 4242 4242 4242").await;
    browser.fill("expiry", "12/39").await;
    browser.fill("cvc", "123").await;
    browser.submit("/checkout").await;
    browser.wait_for_path("/orders/").await;
    assert!(browser.text().await.contains("Middlemarch"));

    // The foot of the page: how long it took, and how many spans its trace has.
    wait::until("the number of spans", async || browser.text().await.contains(" spans").then_some(())).await;
    browser.screenshot("6-order").await;
    let trace = client.find(Locator::Css("footer a[href*='/traces/']")).await.unwrap();
    let trace = trace.attr("href").await.unwrap().unwrap();
    client.goto(&trace).await.unwrap();
    wait::until("the waterfall", async || browser.text().await.contains("storefront").then_some(())).await;
    browser.screenshot("7-trace").await;
    client.goto(&shop.ready.compare).await.unwrap();
    browser.screenshot("8-requests").await;

    // Signed out, the order is nobody's business.
    let order = shop.http.get(format!("{}/orders", shop.ready.storefront)).send().await.unwrap();
    assert!(!order.text().await.unwrap().contains("Middlemarch"));
    tokio::time::timeout(Duration::from_secs(10), browser.client.clone().close()).await.unwrap().unwrap();
    let (well, said) = shop.check().await;
    assert!(well, "{said}");
    shop.stop().await;
}
