//! On hand + reserved + sold is what was restocked, book by book.

use super::databases::Reader;
use super::{Broken, Finding};

/// Books that were restocked and have no row count too, as if they had an empty one.
const LEVELS: &str = "SELECT b.book_id, CAST(COALESCE(s.on_hand, 0) AS BIGINT), CAST(COALESCE(s.reserved, 0) AS BIGINT), \
    CAST(COALESCE(s.sold, 0) AS BIGINT), \
    CAST(COALESCE((SELECT SUM(r.quantity) FROM restocks r WHERE r.book_id = b.book_id), 0) AS BIGINT) \
    FROM (SELECT book_id FROM stock UNION SELECT book_id FROM restocks) b LEFT JOIN stock s ON s.book_id = b.book_id \
    ORDER BY b.book_id";

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
