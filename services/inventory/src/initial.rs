//! The copies that the shop opens with.
//!
//! They go through the ledger like every other restocking, under ids made from the book's: what is there already is
//! left alone, so this runs at each start, and only books that the catalogue has gained since are added.

use bookstore_runtime::db::Tx;
use bookstore_runtime::{Call, Db};
use sqlx::AssertSqlSafe;
use tracing::{Span, instrument};

use crate::model::MOST_COPIES_A_RESTOCK;
use crate::sql::{placeholders, rows};

/// How many books one statement handles.
const CHUNK: usize = 100;

/// How many copies of each book there are at first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InitialCopies {
    /// As in a real shop: 20 to 400 of most books, 0 to 5 of one in sixteen. The same at each first start.
    Varied,
    /// As many of each: for tests and measurements.
    Uniform(u32),
}

impl InitialCopies {
    fn of(self, book_id: i64) -> i64 {
        match self {
            Self::Uniform(copies) => i64::from(copies).min(MOST_COPIES_A_RESTOCK),
            Self::Varied => {
                let scattered = scatter(book_id.unsigned_abs());
                let (kind, amount) = (scattered % 16, (scattered >> 32) as u32);
                i64::from(if kind == 0 { amount % 6 } else { 20 + amount % 381 })
            }
        }
    }
}

/// Spreads neighbouring numbers over all 64 bits (the finaliser of SplitMix64: Steele, Lea and Flood, 2014).
fn scatter(number: u64) -> u64 {
    let mut z = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The id of a book's first restocking: a UUID of version 8 (RFC 9562, section 5.8) that ends in the book's id.
fn restock_id(book_id: i64) -> String {
    format!("b00c5704-0000-8000-8000-{book_id:012x}")
}

/// Restocks the books 1 to `books` for the first time, all in one transaction; those that were, are left alone.
#[instrument(name = "initial stock", parent = None, skip_all, fields(bookstore.books = books, bookstore.books.added))]
pub(crate) async fn restock(
    db: &Db,
    call: &Call,
    books: u32,
    copies: InitialCopies,
    now_ms: i64,
) -> Result<(), sqlx::Error> {
    let book_ids: Vec<i64> = (1..=i64::from(books)).collect();
    let mut tx = db.begin(call).await?;
    let mut added = 0;
    for some in book_ids.chunks(CHUNK) {
        added += restock_some(&mut tx, some, copies, now_ms).await?;
    }
    tx.commit().await?;
    Span::current().record("bookstore.books.added", added);
    if added > 0 {
        tracing::info!(books = added, "books restocked for the first time");
    }
    Ok(())
}

async fn restock_some(tx: &mut Tx, book_ids: &[i64], copies: InitialCopies, now_ms: i64) -> Result<usize, sqlx::Error> {
    let values = rows(1, 1, book_ids.len());
    let text = format!("INSERT INTO stock (book_id) VALUES {values} ON CONFLICT (book_id) DO NOTHING");
    let mut add_books = sqlx::query(AssertSqlSafe(text));
    for id in book_ids {
        add_books = add_books.bind(*id);
    }
    add_books.execute(tx.run()).await?;

    // The ledger has no row for a restocking of nothing.
    let some: Vec<_> = book_ids.iter().map(|id| (*id, copies.of(*id))).filter(|(_, copies)| *copies > 0).collect();
    if some.is_empty() {
        return Ok(0);
    }
    let values = rows(1, 4, some.len());
    let text = format!(
        "INSERT INTO restocks (restock_id, book_id, quantity, restocked_at_ms) VALUES {values} \
         ON CONFLICT (restock_id) DO NOTHING RETURNING book_id, restock_id"
    );
    let mut add_to_ledger = sqlx::query_as(AssertSqlSafe(text));
    for (id, copies) in some {
        add_to_ledger = add_to_ledger.bind(restock_id(id)).bind(id).bind(copies).bind(now_ms);
    }
    let new: Vec<(i64, String)> = add_to_ledger.fetch_all(tx.run()).await?;
    if new.is_empty() {
        return Ok(0);
    }

    let (of_books, of_restocks) = (placeholders(1, new.len()), placeholders(new.len() + 1, new.len()));
    let text = format!(
        "UPDATE stock SET version = version + 1, on_hand = on_hand + (SELECT quantity FROM restocks \
         WHERE restocks.book_id = stock.book_id AND restocks.restock_id IN ({of_restocks})) \
         WHERE book_id IN ({of_books})"
    );
    let mut add_copies = sqlx::query(AssertSqlSafe(text));
    for (book_id, _) in &new {
        add_copies = add_copies.bind(*book_id);
    }
    for (_, restock_id) in &new {
        add_copies = add_copies.bind(restock_id.clone());
    }
    add_copies.execute(tx.run()).await?;
    Ok(new.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn most_books_are_there_and_some_are_scarce() {
        let copies: Vec<_> = (1..=520).map(|id| InitialCopies::Varied.of(id)).collect();
        let scarce = copies.iter().filter(|copies| **copies <= 5).count();
        assert!((15..60).contains(&scarce), "{scarce}");
        assert!(copies.iter().all(|copies| (0..=5).contains(copies) || (20..=400).contains(copies)));
        assert_eq!(InitialCopies::Uniform(50).of(3), 50);
    }

    #[test]
    fn the_id_is_a_uuid() {
        let id = uuid::Uuid::parse_str(&restock_id(520)).unwrap();
        assert_eq!(id.get_version_num(), 8);
    }
}
