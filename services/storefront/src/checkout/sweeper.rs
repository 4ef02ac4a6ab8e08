//! Finishes or undoes sagas whose owner is gone, and sagas that wait for their next attempt.

use std::sync::Arc;
use std::time::Duration;

use bookstore_runtime::time::unix_ms;
use bookstore_runtime::{Call, Drain};
use bookstore_telemetry::quietly;
use tokio::sync::Semaphore;
use tokio::time::MissedTickBehavior;
use tracing::{Instrument as _, info, info_span, warn};

use super::Checkout;
use super::runner::End;
use crate::metrics;

/// How many sagas are taken over at once.
const AT_ONCE: usize = 16;
/// How many sagas one round looks at.
const BATCH: i64 = 64;
/// How long a statement may take.
const BUDGET: Duration = Duration::from_secs(5);
/// How long a guest's basket is kept untouched.
const GUEST_BASKET_AGE_MS: i64 = 30 * 24 * 60 * 60 * 1_000;
/// How many old baskets are removed at once.
const PORTION: i64 = 1_000;
/// How often old baskets are looked for.
const GUEST_BASKET_INTERVAL: Duration = Duration::from_secs(60 * 60);

impl Checkout {
    /// Ends the leases of all sagas: whoever held them is gone, since nobody else can use this database.
    pub(crate) async fn take_all_over(&self) {
        match quietly(self.store.orphan_all(&Call::new_root(BUDGET))).await {
            Ok(0) => {}
            Ok(sagas) => info!(sagas, "unfinished sagas were found from before"),
            // Then they are found when their leases run out.
            Err(error) => warn!(%error, "unfinished sagas could not be looked for"),
        }
    }

    /// Takes sagas over whose leases have run out, until the drain begins.
    pub(crate) async fn keep_sweeping(&self) {
        let places = Arc::new(Semaphore::new(AT_ONCE));
        let mut rounds = tokio::time::interval(self.config.sweep_interval);
        rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while until(&self.drain, rounds.tick()).await {
            if let Err(error) = self.sweep(&places).await {
                warn!(%error, "unfinished sagas could not be looked for");
            }
        }
    }

    /// Takes what is due over, as far as there is room for it.
    async fn sweep(&self, places: &Arc<Semaphore>) -> sqlx::Result<()> {
        let call = Call::new_root(BUDGET);
        // Mostly there is nothing to do, and that leaves no trace.
        for (order_id, version) in quietly(self.store.due(&call, unix_ms(), BATCH)).await? {
            let Ok(place) = Arc::clone(places).try_acquire_owned() else { break };
            let call = Call::new_root(BUDGET);
            let claimed = self.store.claim(&call, &order_id, version, &self.owner, self.lease_until_ms()).await?;
            let Some(saga) = claimed else { continue };
            metrics::SAGAS_RECOVERED.add(1, &[("bookstore.saga.step", saga.step.as_str())]);
            // A trace of its own: the one it began in is over.
            let span = info_span!(parent: None, "checkout.recover", bookstore.order.id = order_id, bookstore.saga.step = %saga.step);
            let checkout = self.clone();
            let run = async move {
                let _place = place;
                info!(bookstore.order.id = order_id, bookstore.saga.step = %saga.step, attempts = saga.attempts,
                    "an unfinished saga is taken over");
                if checkout.run(&call, saga, None).await == End::Left {
                    info!(bookstore.order.id = order_id, "the saga is left for later");
                }
            };
            tokio::spawn(self.running.track_future(run.instrument(span)));
        }
        Ok(())
    }

    /// Removes the baskets of guests who have not come back, until the drain begins.
    pub(crate) async fn keep_removing_old_baskets(&self) {
        let mut rounds = tokio::time::interval(GUEST_BASKET_INTERVAL);
        rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while until(&self.drain, rounds.tick()).await {
            if let Err(error) = self.remove_old_baskets().await {
                warn!(%error, "old baskets of guests could not be removed");
            }
        }
    }

    /// Removes them in portions, so that no transaction is long, until there are none or the drain begins.
    async fn remove_old_baskets(&self) -> sqlx::Result<()> {
        let before_ms = unix_ms() - GUEST_BASKET_AGE_MS;
        while !self.drain.has_begun() {
            let call = Call::new_root(BUDGET);
            match quietly(self.store.remove_old_guests(&call, before_ms, PORTION)).await? {
                0 => break,
                baskets => info!(baskets, "old baskets of guests were removed"),
            }
        }
        Ok(())
    }
}

/// Waits for `event`; says no when the drain began first.
async fn until<T>(drain: &Drain, event: impl Future<Output = T>) -> bool {
    tokio::select! {
        biased;
        () = drain.begun() => false,
        _ = event => true,
    }
}
