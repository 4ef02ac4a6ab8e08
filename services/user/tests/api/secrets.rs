//! Of passwords and tokens only hashes are kept.

use std::path::Path;

use bookstore_runtime::testing::TestDatabase;

use crate::support::{PASSWORD, Service, json_of, new_email, new_user, string};

#[tokio::test]
async fn neither_password_nor_token_is_kept() {
    let database = TestDatabase::sqlite();
    let service = Service::start(&database).await;
    let email = new_email();
    let response = service.post("/users", &new_user(&email)).await;
    let id = string(&json_of(response).await, "id");
    let token = service.token(&email).await;
    // While it runs the newest rows are in the write-ahead log, afterwards in the file itself.
    search(&database, &id, &token);
    service.stop().await;
    search(&database, &id, &token);
}

/// Searches the files of the database.
fn search(database: &TestDatabase, id: &str, token: &str) {
    let file = database.config.url.expose().strip_prefix("sqlite:").unwrap();
    let mut searched = Vec::new();
    for entry in std::fs::read_dir(Path::new(file).parent().unwrap()).unwrap() {
        searched.extend(std::fs::read(entry.unwrap().path()).unwrap());
    }
    let contains = |needle: &str| searched.windows(needle.len()).any(|window| window == needle.as_bytes());
    assert!(contains(id), "the account itself must be found");
    assert!(contains("$argon2id$"), "the hash must be found");
    assert!(!contains(PASSWORD), "the password was kept");
    assert!(!contains(token), "the token was kept");
}
