//! The catalog as its callers see it, on each database.

#![expect(clippy::unwrap_used, reason = "a test that meets the unexpected should fail there")]

mod shop;

use std::collections::HashSet;
use std::time::Duration;

use bookstore_proto::catalog::{Book, Subject};
use bookstore_runtime::testing::{TestDatabase, on_each_database};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use serde_json::Value;

use shop::{Mood, Shop, file, ids, with_shop};

#[tokio::test]
async fn a_book_is_what_the_file_says() {
    with_shop(async |shop| {
        let file = file();
        for id in [1, 3, 911] {
            let book: Book = shop.get(&format!("/books/{id}")).await.json().await.unwrap();
            let told = [
                book.id.to_string(),
                book.title,
                book.author,
                book.year.to_string(),
                book.subject,
                book.price.amount.to_string(),
            ];
            assert_eq!(told.as_slice(), file[&id]);
            assert_eq!((book.price.currency.as_str(), book.available), ("EUR", None));
        }
        assert!(shop.asked().is_empty(), "the row only");
    })
    .await;
}

#[tokio::test]
async fn what_is_not_there_is_404() {
    with_shop(async |shop| {
        for path in ["/books/0", "/books/99999", "/books/-1", "/books/one", "/books/99999/cover.svg", "/nothing"] {
            let response = shop.get(path).await;
            assert_eq!(response.status(), 404, "{path}");
            let problem: Value = response.json().await.unwrap();
            assert!(problem["request_id"].is_string() && problem["detail"].is_string(), "{path}: {problem}");
        }
    })
    .await;
}

#[tokio::test]
async fn pages_follow_one_another_and_hold_every_book_once() {
    with_shop(async |shop| {
        let first = shop.page(&[]).await;
        assert_eq!((first.page, first.per_page, first.total), (1, 24, 911));
        assert_eq!(ids(&first.items), (1..=24).collect::<Vec<_>>());
        for sort in ["", "title", "author", "year", "-year", "price", "-price"] {
            let mut seen = HashSet::new();
            for page in 1..=10 {
                let page = shop.page(&[("sort", sort), ("per_page", "100"), ("page", &page.to_string())]).await;
                seen.extend(ids(&page.items));
            }
            assert_eq!(seen.len(), 911, "{sort}");
        }
        let beyond = shop.page(&[("page", "4294967295")]).await;
        assert_eq!((beyond.items.len(), beyond.total), (0, 911));
    })
    .await;
}

#[tokio::test]
async fn sorted_lists_are_sorted_and_ties_go_by_id() {
    with_shop(async |shop| {
        let books = async |sort| shop.page(&[("sort", sort), ("per_page", "100")]).await.items;
        let oldest = books("year").await;
        assert_eq!(oldest[0].title, "The Epic of Gilgamesh");
        assert!(oldest.is_sorted_by_key(|book| (book.year, book.id)));
        assert!(books("-year").await.is_sorted_by_key(|book| (-book.year, book.id)));
        assert!(books("price").await.is_sorted_by_key(|book| (book.price.amount, book.id)));
        assert!(books("-price").await.is_sorted_by_key(|book| (-book.price.amount, book.id)));
        let titles: Vec<String> = books("title").await.into_iter().map(|book| book.title).collect();
        let place = |title| titles.iter().position(|found| found == title);
        assert!(place("The Adventures of Tom Sawyer") < place("Aelita"), "articles do not count: {titles:?}");
        let authors = books("author").await;
        assert_eq!(authors[0].author, "A. E. Housman");
    })
    .await;
}

#[tokio::test]
async fn a_subject_holds_its_own_and_the_list_of_subjects_counts_them() {
    with_shop(async |shop| {
        let subjects: Vec<Subject> = shop.get("/subjects").await.json().await.unwrap();
        assert!(subjects.is_sorted_by(|a, b| a.subject < b.subject));
        assert_eq!(subjects.iter().map(|subject| subject.books).sum::<u64>(), 911);
        for Subject { subject, books } in &subjects {
            let page = shop.page(&[("subject", subject)]).await;
            assert_eq!(page.total, *books, "{subject}");
            assert!(page.items.iter().all(|book| book.subject == *subject));
        }
        assert_eq!(shop.page(&[("subject", "Cookery")]).await.total, 0);
        let both = shop.page(&[("subject", "Travel"), ("q", "stevenson"), ("sort", "year")]).await;
        let titles: Vec<&str> = both.items.iter().map(|book| book.title.as_str()).collect();
        assert_eq!(titles, ["An Inland Voyage", "Travels with a Donkey in the Cévennes", "In the South Seas"]);
    })
    .await;
}

#[tokio::test]
async fn searches_find_what_one_means() {
    with_shop(async |shop| {
        for (q, best) in [
            ("middlemarch", "Middlemarch"),
            ("MIDDLEM", "Middlemarch"),
            ("odyssey", "The Odyssey"),
            ("emma", "Emma"),
            ("faust", "Faust"),
            ("nature", "Nature"),
            ("hamlet shakespeare", "Hamlet"),
            ("moby dick", "Moby-Dick; or, The Whale"),
            ("mobydick", "Moby-Dick; or, The Whale"),
            ("d'urbervilles", "Tess of the d’Urbervilles"),
            ("urbervilles", "Tess of the d’Urbervilles"),
            ("alice wonderland", "Alice’s Adventures in Wonderland"),
            ("les miserables", "Les Misérables"),
            ("svejk", "The Good Soldier Švejk"),
            ("genji murasaki", "The Tale of Genji"),
            ("prince machiavelli", "The Prince"),
            ("the time mach", "The Time Machine"),
        ] {
            assert_eq!(shop.titles(q).await.first().map(String::as_str), Some(best), "{q}");
        }
        let bronte: HashSet<String> = shop.titles("Bronte").await.into_iter().collect();
        for title in ["Jane Eyre", "Wuthering Heights", "The Tenant of Wildfell Hall"] {
            assert!(bronte.contains(title), "{bronte:?}");
        }
        assert_eq!(shop.titles("Brontë").await.len(), bronte.len());
        // A word in the title before one in the author's name.
        assert_eq!(shop.titles("confessions").await.len(), 4);
        assert_eq!(shop.titles("zzzz").await, [""; 0]);
    })
    .await;
}

#[tokio::test]
async fn no_search_breaks_the_query_language() {
    with_shop(async |shop| {
        for q in [
            "\"",
            "*",
            "AND",
            "OR",
            "NOT",
            "NEAR(a b)",
            "a AND",
            "jane \"",
            "-jane",
            "title:jane",
            "a:*",
            "'",
            "''",
            "\\",
            "&",
            "|",
            "!",
            "<->",
            "(",
            ")",
            "{}",
            "^jane",
            "jane*",
            "%",
            "_",
            "\0",
            "café",
            "道",
            "ʼ",
            "1e5",
            "a.b@c.de",
            "http://x.yz/a?b",
        ] {
            shop.page(&[("q", q)]).await;
        }
        let (mut runner, text) = (TestRunner::deterministic(), ".{1,40}");
        for _ in 0..200 {
            let q = text.new_tree(&mut runner).unwrap().current();
            shop.page(&[("q", &q), ("per_page", "1")]).await;
        }
        // What is quoted is still a word.
        assert_eq!(shop.titles("\"pride\" AND prejudice").await, ["Pride and Prejudice"]);
        assert_eq!(shop.titles("\"*\"").await, [""; 0]);
    })
    .await;
}

#[tokio::test]
async fn what_makes_no_sense_is_422_and_says_what() {
    with_shop(async |shop| {
        assert_eq!(shop.refusal("per_page=0").await, "per_page must be a whole number, 1 to 100.");
        assert_eq!(shop.refusal("page=zero").await, "page must be a whole number, 1 or more.");
        assert_eq!(shop.refusal("sort=color").await, "sort must be one of: title, author, year, -year, price, -price.");
        assert!(shop.refusal(&format!("q={}", "a".repeat(201))).await.contains("200 characters"));
        assert!(shop.refusal("subject=a%00b").await.contains("/subjects"));
        assert!(shop.refusal("page=1&page=2").await.contains("page"));
    })
    .await;
}

#[tokio::test]
async fn books_by_id_come_in_the_order_asked_without_the_unknown() {
    with_shop(async |shop| {
        let page = shop.page(&[("ids", "30,2,99999,2,7")]).await;
        assert_eq!((ids(&page.items), page.total), (vec![30, 2, 7], 3));
        assert!(page.items.iter().all(|book| book.available.is_none()));
        assert!(shop.asked().is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_page_asks_inventory_once_for_all_its_books() {
    with_shop(async |shop| {
        let response = shop.get_with("/books?per_page=3&page=2", "x-request-id", "story-1").await;
        let page: bookstore_proto::catalog::BookPage = response.json().await.unwrap();
        assert_eq!(page.items.iter().map(|book| book.available).collect::<Vec<_>>(), [Some(4), Some(5), Some(6)]);
        assert_eq!(shop.asked(), [("story-1".to_owned(), vec![4, 5, 6])]);
        // Nothing found, nothing to ask.
        shop.page(&[("q", "zzzz")]).await;
        assert_eq!(shop.asked().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_page_is_served_without_availability_when_inventory_cannot_say() {
    for (mood, timeout) in [(Mood::Hangs, 50), (Mood::Fails, 5_000)] {
        let database = TestDatabase::sqlite();
        let shop = Shop::open(&database, mood, Duration::from_millis(timeout)).await;
        let page = shop.page(&[("per_page", "2")]).await;
        assert_eq!(ids(&page.items), [1, 2], "{mood:?}");
        assert!(page.items.iter().all(|book| book.available.is_none()), "{mood:?}");
        assert_eq!(shop.asked().len(), 1, "{mood:?}");
        shop.close().await;
    }
}

#[tokio::test]
async fn a_cover_is_drawn_once_for_each_caller() {
    with_shop(async |shop| {
        let drawn = shop.get("/books/1/cover.svg").await;
        assert_eq!(drawn.headers()["content-type"], "image/svg+xml");
        assert!(drawn.headers()["cache-control"].to_str().unwrap().contains("max-age=86400"));
        let tag = drawn.headers()["etag"].to_str().unwrap().to_owned();
        assert!(tag.starts_with('"') && tag.ends_with('"'), "strong: {tag}");
        let svg = drawn.text().await.unwrap();
        assert!(svg.starts_with("<svg ") && svg.contains("<title>Pride and Prejudice, by Jane Austen</title>"));
        for held in [tag.clone(), format!("\"other\", {tag}"), format!("W/{tag}"), "*".to_owned()] {
            let again = shop.get_with("/books/1/cover.svg", "if-none-match", &held).await;
            assert_eq!(again.status(), 304, "{held}");
            assert_eq!(again.headers()["etag"], tag);
            assert_eq!(again.text().await.unwrap(), "");
        }
        let other = shop.get_with("/books/2/cover.svg", "if-none-match", &tag).await;
        assert_eq!(other.status(), 200);
    })
    .await;
}

#[tokio::test]
async fn a_second_start_serves_the_same_books() {
    on_each_database(async |database| {
        for _ in 0..2 {
            let shop = Shop::open(&database, Mood::Answers, Duration::from_secs(5)).await;
            assert_eq!(shop.page(&[]).await.total, 911, "{}", database.name);
            assert_eq!(shop.titles("middlemarch").await, ["Middlemarch"]);
            shop.close().await;
        }
    })
    .await;
}
