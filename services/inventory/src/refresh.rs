//! Changes that others made.
//!
//! Several instances of the service may work on one database. What this one changes it tells its watchers itself; what
//! another changed, and what was committed although its caller had hung up, is found by reading the books that are
//! watched every few seconds: one statement for up to [`crate::sql::LONGEST`] books, none when nobody watches, and no
//! trace, since it belongs to no request.

use std::time::Duration;

use bookstore_runtime::Call;

use crate::inventory::Inventory;
use bookstore_telemetry::quietly;

/// How long one reading may take.
const BUDGET: Duration = Duration::from_secs(10);

impl Inventory {
    /// Reads what is watched again and again, for as long as it is polled.
    pub(crate) async fn keep_refreshing(&self, every: Duration) {
        loop {
            tokio::time::sleep(every).await;
            let book_ids = self.watched.book_ids();
            if book_ids.is_empty() {
                continue;
            }
            let call = Call::new_root(BUDGET);
            match quietly(self.levels(&call, &book_ids)).await {
                Ok(levels) => self.watched.publish(&levels),
                Err(error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "cannot read the stock that is watched");
                }
            }
        }
    }
}
