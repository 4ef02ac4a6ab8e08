//! What a book's row calls reserved is in the lines of held and pinned reservations; what it calls sold, in those of
//! committed ones.

use super::databases::Reader;
use super::{Broken, Finding};

/// Books that were reserved and have no row count too, as if they had an empty one.
const LEVELS: &str = "SELECT b.book_id, CAST(COALESCE(s.reserved, 0) AS BIGINT), CAST(COALESCE(s.sold, 0) AS BIGINT), \
    CAST(COALESCE(t.reserved, 0) AS BIGINT), CAST(COALESCE(t.sold, 0) AS BIGINT) \
    FROM (SELECT book_id FROM stock UNION SELECT book_id FROM reservation_lines) b \
    LEFT JOIN stock s ON s.book_id = b.book_id LEFT JOIN (\
        SELECT l.book_id AS book_id, \
            SUM(CASE WHEN r.status IN ('held', 'pinned') THEN l.quantity ELSE 0 END) AS reserved, \
            SUM(CASE WHEN r.status = 'committed' THEN l.quantity ELSE 0 END) AS sold \
        FROM reservation_lines l JOIN reservations r ON r.id = l.reservation_id GROUP BY l.book_id\
    ) t ON t.book_id = b.book_id ORDER BY b.book_id";

pub(super) async fn check(inventory: &mut Reader) -> anyhow::Result<Finding> {
    let levels: Vec<(i64, i64, i64, i64, i64)> = inventory.rows(LEVELS).await?;
    let rows = levels.len();
    let broken = levels
        .into_iter()
        .filter(|(_, reserved, sold, lines_reserved, lines_sold)| (reserved, sold) != (lines_reserved, lines_sold))
        .map(|(book_id, reserved, sold, lines_reserved, lines_sold)| Broken {
            table: "inventory.stock",
            id: book_id.to_string(),
            what: format!(
                "reserved {reserved}, sold {sold}, but reservations say reserved {lines_reserved}, sold {lines_sold}"
            ),
        })
        .collect();
    Ok(Finding { invariant: "reserved and sold are what the reservations say", rows, broken })
}
