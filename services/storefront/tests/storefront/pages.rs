//! The pages, as somebody at a browser meets them.

mod browser;

use bookstore_runtime::testing::on_each_database;
use reqwest::StatusCode;

use crate::shop::{CARD, POOR_CARD, Shop};
use browser::{Browser, Page};

const PASSWORD: &str = "correct horse battery";

fn card(number: &str) -> [(&str, &str); 3] {
    [("number", number), ("expiry", "04/39"), ("cvc", "739")]
}

/// A story of a new shop, told on each database.
async fn story(told: impl AsyncFn(Shop)) {
    on_each_database(async |database| told(Shop::open(database).await).await).await;
}

/// Nothing in a page may run or load that the policy would have to be loosened for.
fn assert_nothing_inline(path: &str, page: &Page) {
    let text = page.text.to_ascii_lowercase();
    for inline in ["<style", " style=", " onclick=", " onload=", " onerror=", "javascript:", "http-equiv"] {
        assert!(!text.contains(inline), "{path} has {inline}");
    }
    for script in text.split("<script").skip(1) {
        assert!(script.starts_with(" src=\"/assets/"), "{path}: a script that is not ours");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_protects_its_visitor() {
    story(async |shop| {
        let mut browser = Browser::at(&shop.url);
        for path in ["/", "/books/1", "/basket", "/login", "/register", "/no/such/page"] {
            let page = browser.get(path).await;
            assert!(page.header("content-type").starts_with("text/html"), "{path}");
            let policy = page.header("content-security-policy");
            for rule in ["default-src 'none'", "script-src 'self';", "style-src 'self';", "frame-ancestors 'none'"] {
                assert!(policy.contains(rule), "{path}: {policy}");
            }
            assert!(!policy.contains("unsafe"), "{path}: {policy}");
            assert_eq!(page.header("x-content-type-options"), "nosniff", "{path}");
            assert_eq!(page.header("referrer-policy"), "same-origin", "{path}");
            assert_eq!(page.header("cache-control"), "no-store", "{path}");
            assert!(!page.header("x-request-id").is_empty(), "{path}");
            assert!(page.text.contains("Made in "), "{path}");
            assert_nothing_inline(path, &page);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_are_pages_for_browsers_and_problems_for_programs() {
    story(async |shop| {
        let mut browser = Browser::at(&shop.url);
        for (path, status) in [("/no/such/page", 404), ("/books/999999", 404), ("/books/x", 404), ("/logout", 405)] {
            let page = browser.get(path).await;
            assert_eq!(page.status.as_u16(), status, "{path}");
            assert!(page.header("content-type").starts_with("text/html"), "{path}");
            assert!(page.text.contains(page.header("x-request-id")), "{path} names its request");
        }
        assert_eq!(browser.get("/logout").await.header("allow"), "POST");
        for path in ["/api/v1/no/such/thing", "/api", "/covers/x", "/assets/site.css"] {
            let page = browser.get(path).await;
            assert_eq!(page.status, StatusCode::NOT_FOUND, "{path}");
            assert_eq!(page.header("content-type"), "application/problem+json", "{path}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_typed_is_shown_as_text() {
    story(async |shop| {
        let mut browser = Browser::at(&shop.url);
        let query = "%22%3E%3Cscript%3Ealert(1)%3C%2Fscript%3E%3Cimg+src%3Dx+onerror%3Dalert(1)%3E";
        let page = browser.get(&format!("/?q={query}&subject={query}")).await;
        assert_eq!(page.status, StatusCode::OK);
        assert!(page.text.contains("alert(1)"), "the search is shown");
        assert!(!page.text.contains("<script>") && !page.text.contains("<img src=x"));

        browser.register("<b>Ada</b> \"quoted\"", "ada@example.org").await;
        let page = browser.get("/").await;
        assert!(page.text.contains("Sign out") && page.text.contains("Ada"));
        assert!(!page.text.contains("<b>Ada") && !page.text.contains("\"quoted\""));

        let mut stranger = Browser::at(&shop.url);
        let form = stranger.get("/login").await;
        let wrong = [("email", "\"><script>alert(1)</script>"), ("password", "never shown again")];
        let refused = stranger.submit(&form, "/login", &wrong).await;
        assert!(refused.status.is_client_error());
        assert!(!refused.text.contains("<script>alert") && !refused.text.contains("never shown again"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_was_not_made_for_the_visitor_changes_nothing() {
    story(async |shop| {
        let (mut browser, mut other) = (Browser::at(&shop.url), Browser::at(&shop.url));
        let page = browser.get("/books/1").await;
        let others = other.get("/books/1").await.hidden_field("/basket/items", "csrf");
        let token = page.hidden_field("/basket/items", "csrf");
        let item = [("book_id", "1"), ("quantity", "1")];
        let with = |token| [item[0], item[1], ("csrf", token)];
        let ours = [("origin", shop.url.as_str()), ("sec-fetch-site", "same-origin")];

        for (why, fields, headers) in [
            ("no token", &item[..], &ours[..]),
            ("an empty token", &with(""), &ours),
            ("another visitor's token", &with(&others), &ours),
            ("a token that was never given", &with("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"), &ours),
            ("another site", &with(&token), &[("origin", "https://evil.example")]),
            ("another site, by its metadata", &with(&token), &[("sec-fetch-site", "cross-site")]),
            ("a sandboxed frame", &with(&token), &[("origin", "null")]),
        ] {
            let refused = browser.post("/basket/items", fields, headers).await;
            assert_eq!(refused.status, StatusCode::FORBIDDEN, "{why}");
            assert!(browser.get("/basket").await.text.contains("still empty"), "{why}");
        }

        // A guest without a cookie was given no form; a made-up cookie has no token.
        let mut nobody = Browser::at(&shop.url);
        assert_eq!(nobody.post("/basket/items", &with(&token), &ours).await.status, StatusCode::FORBIDDEN);
        // Signing in without wanting to is forged as well.
        let log_in = [("email", "eve@example.org"), ("password", PASSWORD), ("csrf", others.as_str())];
        assert_eq!(browser.post("/login", &log_in, &ours).await.status, StatusCode::FORBIDDEN);

        let put = browser.post("/basket/items", &with(&token), &ours).await;
        assert_eq!(put.location(), "/basket?added=1");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_signs_in_on_the_way_and_the_basket_comes_along() {
    story(async |shop| {
        let mut browser = Browser::at(&shop.url);
        browser.clone().register("Ada", "ada@example.org").await;

        let first = browser.get("/").await;
        let guest = first.sets("bookstore_guest").unwrap().to_owned();
        assert!(guest.contains("; Path=/; HttpOnly; SameSite=Lax; Max-Age="), "{guest}");
        assert!(!guest.contains("Secure") && !guest.contains("Domain"), "{guest}");
        assert!(browser.get("/").await.sets("bookstore_guest").is_none(), "one is enough");
        browser.put_in_basket(1, "2").await;

        let to_sign_in = browser.get("/checkout").await;
        assert_eq!(to_sign_in.location(), "/login?next=%2Fcheckout");
        let form = browser.follow(&to_sign_in).await;
        // Planted by somebody else: it must not become the session.
        browser.set_cookie("bookstore_session", "planted");
        let entered = browser.submit(&form, "/login", &[("email", "ada@example.org"), ("password", PASSWORD)]).await;
        assert_eq!(entered.location(), "/checkout");
        let session = entered.sets("bookstore_session").unwrap();
        assert!(session.ends_with("; Path=/; HttpOnly; SameSite=Lax"), "{session}");
        assert!(entered.sets("bookstore_guest").unwrap().contains("Max-Age=0"));
        assert_ne!(browser.cookie("bookstore_session"), Some("planted"));

        let till = browser.follow(&entered).await;
        assert_eq!(till.status, StatusCode::OK);
        assert!(till.text.contains("2 × "), "the guest's two copies");

        // The form of before belongs to a guest who is gone.
        let old = form.hidden_field("/login", "csrf");
        assert_eq!(browser.post("/logout", &[("csrf", &old)], &[]).await.status, StatusCode::FORBIDDEN);
        let out = browser.submit(&till, "/logout", &[]).await;
        assert_eq!(out.location(), "/");
        assert!(browser.cookie("bookstore_session").is_none());
        assert_eq!(browser.get("/orders").await.location(), "/login?next=%2Forders");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_signing_in_nobody_is_sent_to_another_site() {
    story(async |shop| {
        Browser::at(&shop.url).register("Ada", "ada@example.org").await;
        for next in
            ["https://evil.example/", "//evil.example", "/\\evil.example", "/\t/evil.example", "javascript:alert(1)"]
        {
            let mut browser = Browser::at(&shop.url);
            let query = form_urlencoded::Serializer::new(String::new()).append_pair("next", next).finish();
            let form = browser.get(&format!("/login?{query}")).await;
            assert_eq!(form.hidden_field("/login", "next"), "/", "{next}");
            let token = form.hidden_field("/login", "csrf");
            let fields = [("email", "ada@example.org"), ("password", PASSWORD), ("csrf", &token), ("next", next)];
            assert_eq!(browser.post("/login", &fields, &[]).await.location(), "/", "{next}");
            assert_eq!(browser.get(&format!("/login?{query}")).await.location(), "/", "{next}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_double_click_buys_once() {
    story(async |shop| {
        let mut browser = Browser::at(&shop.url);
        browser.register("Ada", "ada@example.org").await;
        browser.put_in_basket(1, "1").await;
        let till = browser.get("/checkout").await;

        // The second click comes while the first one's order is being paid.
        let gate = shop.upstreams.gate("authorise");
        let (mut one, mut two) = (browser.clone(), browser.clone());
        let (number, again) = (card(CARD), card(CARD));
        let (first, (second, waiting)) = tokio::join!(one.submit(&till, "/checkout", &number), async {
            shop.upstreams.arrived("authorise", 1).await;
            let second = two.submit(&till, "/checkout", &again).await;
            let waiting = two.follow(&second).await;
            gate.open();
            (second, waiting)
        });
        assert!(waiting.text.contains("Under way"));
        assert_eq!(waiting.header("refresh"), "2", "it looks again by itself");
        let third = browser.submit(&till, "/checkout", &card(CARD)).await;
        let order = |page: &Page| page.location().split('?').next().unwrap().to_owned();
        assert_eq!(order(&first), order(&second));
        assert_eq!(order(&first), order(&third));

        let bought = browser.follow(&third).await;
        assert!(bought.text.contains("The books are yours"), "{}", bought.text);
        assert_eq!(browser.get("/orders").await.text.matches("class=\"order-row\"").count(), 1);
        assert!(browser.get("/basket").await.text.contains("still empty"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_that_is_refused_is_never_shown_and_the_next_form_may_have_another() {
    story(async |shop| {
        let mut browser = Browser::at(&shop.url);
        browser.register("Ada", "ada@example.org").await;
        browser.put_in_basket(1, "1").await;
        let till = browser.get("/checkout").await;

        let unreadable = browser
            .submit(&till, "/checkout", &[("number", "4242424242424241"), ("expiry", "13/39"), ("cvc", "73")])
            .await;
        assert_eq!(unreadable.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(unreadable.text.matches("aria-invalid=\"true\"").count(), 3);
        let declined = browser.submit(&unreadable, "/checkout", &card(POOR_CARD)).await;
        assert_eq!(declined.status, StatusCode::PAYMENT_REQUIRED);
        assert!(declined.text.contains("The card was declined."));
        for (page, secrets) in [(&unreadable, ["4242424242424241", "13/39"]), (&declined, [POOR_CARD, "739"])] {
            for secret in secrets {
                assert!(!page.text.contains(&format!("\"{secret}\"")), "{secret} came back");
            }
        }
        assert!(!declined.text.contains(POOR_CARD));

        let bought = browser.submit(&declined, "/checkout", &card(CARD)).await;
        assert!(bought.location().starts_with("/orders/"), "{}", bought.text);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_pays_for_a_basket_that_was_not_shown() {
    story(async |shop| {
        let mut browser = Browser::at(&shop.url);
        browser.register("Ada", "ada@example.org").await;
        browser.put_in_basket(1, "1").await;
        let till = browser.get("/checkout").await;
        browser.put_in_basket(2, "1").await;
        let refused = browser.submit(&till, "/checkout", &card(CARD)).await;
        assert_eq!(refused.status, StatusCode::CONFLICT);
        assert!(refused.text.contains("The basket has changed."));
        assert!(browser.get("/orders").await.text.contains("No orders yet"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn style_and_script_are_kept_for_good_and_covers_are_asked_for_again() {
    story(async |shop| {
        let mut browser = Browser::at(&shop.url);
        let page = browser.get("/").await;
        for (before, kind) in [("rel=\"stylesheet\" href=\"", "text/css"), ("<script src=\"", "text/javascript")] {
            let path = page.text.split(before).nth(1).unwrap().split('"').next().unwrap();
            let asset = browser.get(path).await;
            assert_eq!(asset.header("cache-control"), "public, max-age=31536000, immutable", "{path}");
            assert!(asset.header("content-type").starts_with(kind), "{path}");
            assert!(asset.sets("bookstore_guest").is_none(), "{path}");
        }
        let cover = browser.get("/covers/1.svg").await;
        assert_eq!(cover.header("content-type"), "image/svg+xml");
        assert!(cover.header("content-security-policy").contains("sandbox"));
        let etag = cover.header("etag").to_owned();
        let again = browser.get_with("/covers/1.svg", &[("if-none-match", &etag)]).await;
        assert_eq!(again.status, StatusCode::NOT_MODIFIED);
        assert_eq!((again.header("etag"), again.text.as_str()), (etag.as_str(), ""));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stock_is_told_as_it_changes_and_until_the_shop_closes() {
    story(async |mut shop| {
        let mut browser = Browser::at(&shop.url);
        let page = browser.get("/books/1").await;
        assert!(page.text.contains("In stock: 10 copies"), "also without a script");

        let mut stream = shop.ask(reqwest::Method::GET, "/books/1/stock").send().await.unwrap();
        assert_eq!(stream.headers()["content-type"], "text/event-stream");
        let mut told = String::new();
        for (on_hand, words) in [(10, "In stock: 10 copies"), (2, "Only 2 left"), (0, "Sold out")] {
            shop.upstreams.world().stock.insert(1, on_hand);
            while !told.contains(words) {
                told.push_str(std::str::from_utf8(&stream.chunk().await.unwrap().unwrap()).unwrap());
            }
        }
        shop.terminate();
        while stream.chunk().await.unwrap().is_some() {}
        shop.until(async || shop.has_ended()).await;
    })
    .await;
}

/// Streams stay open, and a connection to a service has room for 256 requests.
#[tokio::test(flavor = "multi_thread")]
async fn who_watches_stock_keeps_nobody_from_buying() {
    story(async |shop| {
        let mut watching = Vec::new();
        loop {
            let answer = shop.ask(reqwest::Method::GET, "/books/1/stock").send().await.unwrap();
            if answer.status() != StatusCode::OK {
                assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
                assert!(answer.headers().contains_key("retry-after"));
                break;
            }
            watching.push(answer);
            assert!(watching.len() <= 256, "the number of streams has a limit");
        }
        assert!(watching.len() > 200, "{}", watching.len());
        let ada = shop.customer("ada").await;
        ada.put(&shop, 1, 1).await;
        assert_eq!(ada.buy(&shop, "key", CARD).await.status, 201);

        // Who goes makes room.
        watching.clear();
        shop.until(async || {
            shop.ask(reqwest::Method::GET, "/books/1/stock").send().await.unwrap().status() == StatusCode::OK
        })
        .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn books_are_shown_while_nobody_knows_who_asks() {
    story(async |shop| {
        let mut browser = Browser::at(&shop.url);
        browser.register("Ada", "ada@example.org").await;
        shop.upstreams.down("session");
        assert_eq!(browser.get("/").await.status, StatusCode::OK);
        assert_eq!(browser.get("/books/1").await.status, StatusCode::OK);
        let basket = browser.get("/basket").await;
        assert_eq!(basket.status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(basket.header("content-type").starts_with("text/html"));
        assert!(basket.text.contains("Try again"));
        shop.upstreams.heal("session");
        assert!(browser.get("/orders").await.text.contains("No orders yet"), "the session is still there");
    })
    .await;
}
