//! What all operations share.

use std::sync::Arc;
use std::time::Duration;

use bookstore_runtime::Db;

use crate::clock::Clock;
use crate::watched::Watched;

/// The stock and its reservations. Its operations are in [`crate::stock`], [`crate::reservations`] and
/// [`crate::expiry`].
pub(crate) struct Inventory {
    pub(crate) db: Db,
    /// How long a reservation is held.
    pub(crate) time_to_live_ms: i64,
    pub(crate) clock: Clock,
    /// Who is to be told of changes.
    pub(crate) watched: Arc<Watched>,
}

impl Inventory {
    pub(crate) fn new(db: Db, time_to_live: Duration, clock: Clock, watched: Arc<Watched>) -> Self {
        Self { db, time_to_live_ms: i64::try_from(time_to_live.as_millis()).unwrap_or(i64::MAX / 2), clock, watched }
    }
}
