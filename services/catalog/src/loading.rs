//! How the books get into the database.
//!
//! A checksum says which version of the list was loaded, so a start with the list unchanged is one look-up, and a changed
//! list changes the rows.

use std::time::Duration;

use bookstore_runtime::db::Tx;
use bookstore_runtime::{Call, Db};
use sha2::{Digest as _, Sha256};
use sqlx::AssertSqlSafe;
use tracing::instrument;

use crate::shelf::{self, Entry};
use crate::words::{fold, sort_key, words};

/// How long it may take.
const BUDGET: Duration = Duration::from_secs(60);
/// How many books one statement inserts.
const CHUNK: usize = 50;
/// The version of what is derived from the list; changed when `words` folds differently, so that rows follow.
const DERIVED: &[u8] = b"1";

const COLUMNS: [&str; 12] = [
    "id",
    "title",
    "author",
    "year",
    "subject",
    "price",
    "title_key",
    "title_sort",
    "author_sort",
    "title_words",
    "author_words",
    "subject_words",
];

/// Brings the database to the list that is part of this program. All or nothing; by one instance, if several start.
pub(crate) async fn load(db: &Db, books: &[Entry]) -> Result<(), sqlx::Error> {
    load_version(db, books, &checksum(shelf::TSV)).await
}

fn checksum(list: &str) -> String {
    hex::encode(Sha256::new().chain_update(DERIVED).chain_update(list).finalize())
}

#[instrument(name = "load books", parent = None, skip_all, fields(bookstore.books = books.len()))]
async fn load_version(db: &Db, books: &[Entry], checksum: &str) -> Result<(), sqlx::Error> {
    let call = Call::new_root(BUDGET);
    let loaded: Option<(String,)> =
        sqlx::query_as("SELECT checksum FROM shelf WHERE id = 1").fetch_optional(db.run(&call)).await?;
    if loaded.is_some_and(|(loaded,)| loaded == checksum) {
        return Ok(());
    }
    let mut tx = db.begin(&call).await?;
    // Who writes this row first loads; another instance waits here, and then finds nothing to do.
    let claimed = sqlx::query(
        "INSERT INTO shelf (id, checksum) VALUES (1, $1) \
         ON CONFLICT (id) DO UPDATE SET checksum = excluded.checksum WHERE shelf.checksum <> excluded.checksum",
    )
    .bind(checksum)
    .execute(tx.run())
    .await?
    .rows_affected();
    if claimed == 1 {
        for some in books.chunks(CHUNK) {
            put(&mut tx, some).await?;
        }
        let last = books.last().map_or(0, |book| book.id);
        sqlx::query("DELETE FROM books WHERE id > $1").bind(last).execute(tx.run()).await?;
    }
    tx.commit().await?;
    if claimed == 1 {
        tracing::info!(books = books.len(), "books loaded");
    }
    Ok(())
}

/// Inserts books, or updates those that are there.
async fn put(tx: &mut Tx, books: &[Entry]) -> Result<(), sqlx::Error> {
    let rows: Vec<String> = (0..books.len())
        .map(|row| {
            let places: Vec<String> =
                (1..=COLUMNS.len()).map(|column| format!("${}", row * COLUMNS.len() + column)).collect();
            format!("({})", places.join(", "))
        })
        .collect();
    let updates: Vec<String> = COLUMNS[1..].iter().map(|column| format!("{column} = excluded.{column}")).collect();
    let text = format!(
        "INSERT INTO books ({}) VALUES {} ON CONFLICT (id) DO UPDATE SET {}",
        COLUMNS.join(", "),
        rows.join(", "),
        updates.join(", ")
    );
    let mut query = sqlx::query(AssertSqlSafe(text));
    for book in books {
        query = query
            .bind(book.id)
            .bind(book.title.clone())
            .bind(book.author.clone())
            .bind(book.year)
            .bind(book.subject.clone())
            .bind(book.price)
            .bind(fold(&book.title))
            .bind(sort_key(&book.title))
            .bind(fold(&book.author))
            .bind(words(&book.title))
            .bind(words(&book.author))
            .bind(words(&book.subject));
    }
    query.execute(tx.run()).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use bookstore_runtime::testing::on_each_database;

    use super::*;
    use crate::listing::{Page, Sort};
    use crate::store::Store;
    use crate::words::Search;

    fn entry(id: i64, title: &str) -> Entry {
        let (author, subject) = ("Ann Author".to_owned(), "Fiction".to_owned());
        Entry { id, title: title.to_owned(), author, year: 1900, subject, price: 999 }
    }

    async fn titles(store: &Store, search: &str) -> Vec<String> {
        let search = (!search.is_empty()).then(|| Search::new(search));
        let page = Page { search, subject: None, sort: Sort::Relevance, number: 1, size: 100 };
        let (books, total) = store.page(&Call::new_root(BUDGET), &page).await.unwrap();
        assert_eq!(total, books.len() as u64);
        books.into_iter().map(|book| book.title).collect()
    }

    #[tokio::test]
    async fn rows_and_words_follow_the_list() {
        on_each_database(|database| async move {
            let db = Db::connect_with(&database.config, crate::migrations).await.unwrap();
            let store = Store::new(db.clone());
            load_version(&db, &[entry(1, "Old Hat"), entry(2, "Kept"), entry(3, "Gone")], "a").await.unwrap();
            assert_eq!(titles(&store, "").await, ["Old Hat", "Kept", "Gone"], "{}", database.name);

            // The same version is not read again.
            load_version(&db, &[], "a").await.unwrap();
            assert_eq!(titles(&store, "").await.len(), 3);

            load_version(&db, &[entry(1, "New Hat"), entry(2, "Kept")], "b").await.unwrap();
            assert_eq!(titles(&store, "").await, ["New Hat", "Kept"]);
            assert_eq!(titles(&store, "hat").await, ["New Hat"]);
            assert_eq!(titles(&store, "old").await, [""; 0]);
            assert_eq!(titles(&store, "gone").await, [""; 0]);
            db.close().await;
        })
        .await;
    }

    #[tokio::test]
    async fn several_instances_may_start_at_once() {
        on_each_database(|database| async move {
            let db = Db::connect_with(&database.config, crate::migrations).await.unwrap();
            let books = shelf::books().unwrap();
            let (one, two, three) = tokio::join!(load(&db, &books), load(&db, &books), load(&db, &books));
            for outcome in [one, two, three] {
                outcome.unwrap();
            }
            let count: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM books")
                .fetch_one(db.run(&Call::new_root(BUDGET)))
                .await
                .unwrap();
            assert_eq!(count, i64::from(shelf::BOOKS), "{}", database.name);
            db.close().await;
        })
        .await;
    }
}
