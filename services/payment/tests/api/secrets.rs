//! Of a card's number and CVC nothing is left behind: not in the database's files, not in an answer.

use std::path::Path;
use std::time::Duration;

use crate::support::{CVC, Shop, new_id, request};
use bookstore_payment::MIGRATIONS;
use bookstore_runtime::testing::TestDatabase;
use bookstore_runtime::{Call, Db};
use sqlx::{Column as _, Row as _};

/// Not one of the numbers that the code itself knows.
const NUMBER: &str = "4929123456789056";

#[tokio::test]
async fn neither_number_nor_cvc_is_kept() {
    let database = TestDatabase::sqlite();
    let shop = Shop::start(&database).await;
    let id = new_id();
    let payment = shop.authorise(request(&id, NUMBER)).await.unwrap();
    shop.capture(&id).await.unwrap();
    let answer = format!("{payment:?}");
    assert!(!answer.contains(&NUMBER[..12]) && !answer.contains(CVC), "{answer}");

    // While it runs the newest rows are in the write-ahead log, afterwards in the file itself.
    search(&database, &id);
    shop.stop().await;
    search(&database, &id);
    assert_eq!(columns(&database).await, COLUMNS);
}

/// Searches the files of the database.
fn search(database: &TestDatabase, id: &str) {
    let file = database.config.url.expose().strip_prefix("sqlite:").unwrap();
    let mut searched = Vec::new();
    for entry in std::fs::read_dir(Path::new(file).parent().unwrap()).unwrap() {
        searched.extend(std::fs::read(entry.unwrap().path()).unwrap());
    }
    assert!(contains(&searched, id.as_bytes()), "the payment itself must be found");
    assert!(contains(&searched, b"9056"), "the last digits must be found");
    assert!(!contains(&searched, NUMBER.as_bytes()), "the number was kept");
    assert!(!contains(&searched, &NUMBER.as_bytes()[..12]), "most of the number was kept");
}

/// Three digits stand anywhere in a binary file, so the CVC is looked for by what there is room for.
const COLUMNS: &[&str] = &[
    "payment_id",
    "status",
    "user_id",
    "amount",
    "currency",
    "card_brand",
    "card_last4",
    "card_expiry",
    "decline_reason",
    "created_at",
    "updated_at",
];

async fn columns(database: &TestDatabase) -> Vec<String> {
    let db = Db::connect(&database.config, &MIGRATIONS).await.unwrap();
    let call = Call::new_root(Duration::from_secs(10));
    let row = sqlx::query("SELECT * FROM payments").fetch_one(db.run(&call)).await.unwrap();
    db.close().await;
    row.columns().iter().map(|column| column.name().to_owned()).collect()
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}
