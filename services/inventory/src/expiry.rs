//! The end of reservations whose time is up.
//!
//! The task asks for the time at which the next reservation falls due, and sleeps until then, but never longer than a
//! new reservation lives: so it need not be told of new ones, and sees those of another instance that has died. Asking
//! leaves no trace; a sweep that has something to do is a request of its own with a trace of its own.

use std::error::Error as _;
use std::time::Duration;

use bookstore_runtime::Call;
use tracing::{Span, instrument};

use crate::error::Error;
use crate::inventory::Inventory;
use crate::model::CallerId;
use bookstore_telemetry::quietly;

/// How many reservations are read at once.
const BATCH: i64 = 100;
/// The longest sleep, however far away the next expiry is.
const LONGEST_SLEEP: Duration = Duration::from_secs(15);
/// The shortest, so that what cannot be swept is not asked for in a loop.
const SHORTEST_SLEEP: Duration = Duration::from_millis(5);
/// How long to wait when the database could not do it.
const AFTER_FAILURE: Duration = Duration::from_secs(2);
/// How long a sweep may take.
const BUDGET: Duration = Duration::from_secs(30);

const NEXT: &str = "SELECT MIN(expires_at_ms) FROM reservations WHERE status = 'held'";
const DUE: &str = "SELECT id FROM reservations WHERE status = 'held' AND expires_at_ms <= $1 AND id > $2 \
    ORDER BY id LIMIT $3";

impl Inventory {
    /// Expires what falls due, for as long as it is polled. A failure is logged and tried again.
    pub(crate) async fn keep_expiring(&self) {
        loop {
            let sleep = match self.until_next_expiry().await {
                Ok(Duration::ZERO) => match self.sweep(&Call::new_root(BUDGET)).await {
                    Ok(()) => SHORTEST_SLEEP,
                    Err(error) => after_failure(&error, "cannot expire reservations"),
                },
                Ok(sleep) => sleep,
                Err(error) => after_failure(&error, "cannot read which reservation expires next"),
            };
            tokio::time::sleep(sleep.max(SHORTEST_SLEEP)).await;
        }
    }

    /// Zero when a reservation is due.
    pub(crate) async fn until_next_expiry(&self) -> Result<Duration, Error> {
        let call = Call::new_root(BUDGET);
        let read = sqlx::query_scalar(NEXT).fetch_one(self.db.run(&call));
        let next: Option<i64> = quietly(read).await?;
        let left_ms = next.map_or(i64::MAX, |next| next.saturating_sub(self.clock.now_ms()));
        let sleep_ms = left_ms.min(self.time_to_live_ms).max(0);
        Ok(Duration::from_millis(sleep_ms.unsigned_abs()).min(LONGEST_SLEEP))
    }

    /// One sweep of the task: the root of a trace.
    #[instrument(name = "expire reservations", parent = None, skip_all, fields(bookstore.request.id = call.request_id(), bookstore.hop = call.hop_on_spans(), bookstore.reservations.expired))]
    pub(crate) async fn sweep(&self, call: &Call) -> Result<(), Error> {
        let expired = self.expire_due(call).await?;
        Span::current().record("bookstore.reservations.expired", expired);
        tracing::info!(expired, "reservations expired");
        Ok(())
    }

    /// Expires every reservation that is due and answers how many this call did. One that cannot be expired does not
    /// keep the others; the last such failure is the answer.
    pub(crate) async fn expire_due(&self, call: &Call) -> Result<u64, Error> {
        let now_ms = self.clock.now_ms();
        let (mut expired, mut failure, mut after) = (0, None, String::new());
        loop {
            let due: Vec<String> =
                sqlx::query_scalar(DUE).bind(now_ms).bind(after).bind(BATCH).fetch_all(self.db.run(call)).await?;
            let Some(last) = due.last() else { break };
            after = last.clone();
            for id in &due {
                match self.expire(call, CallerId::stored(id)?, now_ms).await {
                    Ok(done) => expired += u64::from(done),
                    Err(error) => failure = Some(error),
                }
            }
        }
        failure.map_or(Ok(expired), Err)
    }
}

/// Logs a failure of the task; answers how long to wait before the next attempt.
fn after_failure(error: &Error, message: &'static str) -> Duration {
    let cause = error.source().unwrap_or(error);
    tracing::error!(error = cause, "{message}");
    AFTER_FAILURE
}
