//! On hand + reserved + sold is what was restocked, book by book.

use super::databases::Reader;
use super::{Broken, Finding};

const LEVELS: &str = "SELECT s.book_id, s.on_hand, s.reserved, s.sold, \
    CAST(COALESCE((SELECT SUM(r.quantity) FROM restocks r WHERE r.book_id = s.book_id), 0) AS BIGINT) FROM stock s \
    ORDER BY s.book_id";

pub(super) async fn check(inventory: &mut Reader) -> anyhow::Result<Finding> {
    let levels: Vec<(i64, i64, i64, i64, i64)> = inventory.rows(LEVELS).await?;
    let rows = levels.len();
    let broken = levels
        .into_iter()
        .filter(|(_, on_hand, reserved, sold, restocked)| on_hand + reserved + sold != *restocked)
        .map(|(book_id, on_hand, reserved, sold, restocked)| Broken {
            table: "inventory.stock",
            id: book_id.to_string(),
            what: format!(
                "on_hand {on_hand} + reserved {reserved} + sold {sold} = {}, but {restocked} were restocked",
                on_hand + reserved + sold
            ),
        })
        .collect();
    Ok(Finding { invariant: "stock changes only by restocking", rows, broken })
}
