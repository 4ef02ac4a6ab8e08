//! Runs one saga: each step is recorded before it is done, and recorded only by whom the saga belongs to.

use std::time::Duration;

use bookstore_proto::CURRENCY;
use bookstore_runtime::Call;
use bookstore_runtime::time::unix_ms;
use tracing::{debug, error, info, warn};

use super::Checkout;
use super::machine::{Move, Outcome, Reply, Step, next};
use super::steps::Answer;
use crate::metrics;
use crate::model::Card;
use crate::store::{Change, Lost, Saga};

/// The longest wait before another attempt.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// The shortest.
const SHORTEST_WAIT: Duration = Duration::from_millis(200);
/// How long it may take to record a step.
const RECORD_LIMIT: Duration = Duration::from_secs(5);

/// How a run ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum End {
    /// The saga has come to its end.
    Settled,
    /// It has not; the sweeper goes on with it.
    Left,
}

impl Checkout {
    /// Runs a saga that is ours to its end, or until a service does not answer. `card` is there in the first run only.
    pub(super) async fn run(&self, call: &Call, mut saga: Saga, card: Option<Card>) -> End {
        let _active = Active::new();
        while !saga.step.is_end() {
            if let Err(lost) = self.step(call, &mut saga, card.as_ref()).await {
                match lost {
                    Stop::Parked => {}
                    Stop::Lost(lost @ Lost::TakenOver) => {
                        info!(bookstore.order.id = saga.order_id, bookstore.saga.step = %saga.step, "{lost}");
                    }
                    Stop::Lost(Lost::Database(cause)) => {
                        warn!(bookstore.order.id = saga.order_id, bookstore.saga.step = %saga.step, error = %cause,
                            "a step of a saga could not be recorded; the sweeper will go on with it");
                    }
                }
                return End::Left;
            }
        }
        count_end(&saga);
        End::Settled
    }

    async fn step(&self, call: &Call, saga: &mut Saga, card: Option<&Card>) -> Result<(), Stop> {
        let step = saga.step;
        let answer = if card.is_some() || step.can_be_resumed() {
            self.perform(&call.with_budget(self.config.step_limit), saga, card).await
        } else {
            Answer::interrupted()
        };
        let (reply, change) = answer.into_parts();
        count_step(step, reply);
        let record = call.with_budget(RECORD_LIMIT);
        let lease_until_ms = self.lease_until_ms();
        match next(step, reply) {
            Move::To(to) => {
                let outcome = if to == Step::Done { Some(Outcome::Confirmed) } else { saga.outcome };
                self.store.advance(&record, saga, to, outcome, change, lease_until_ms).await?;
            }
            Move::Back(to, outcome) => {
                info!(bookstore.order.id = saga.order_id, bookstore.saga.step = %step, reason = change.reason,
                    bookstore.order.outcome = outcome.as_str(), "the order comes to nothing");
                self.store.advance(&record, saga, to, Some(outcome), change, lease_until_ms).await?;
            }
            Move::Again => {
                let wait = wait(saga.attempts);
                if matches!(reply, Reply::Refused(_)) {
                    error!(bookstore.order.id = saga.order_id, bookstore.saga.step = %step,
                        "a service refused a step that it must not refuse; it is tried again");
                }
                warn!(bookstore.order.id = saga.order_id, bookstore.saga.step = %step, attempts = saga.attempts + 1,
                    wait_ms = wait.as_millis(), "a step of a saga was not answered; it is tried again");
                self.store.park(&record, saga, unix_ms().saturating_add(ms(wait))).await?;
                return Err(Stop::Parked);
            }
        }
        debug!(bookstore.order.id = saga.order_id, bookstore.saga.step = %saga.step, "recorded");
        Ok(())
    }

    /// Until when a saga that shows progress now is left to us.
    pub(super) fn lease_until_ms(&self) -> i64 {
        unix_ms().saturating_add(ms(self.config.lease))
    }
}

/// Why a run ends before its saga does.
enum Stop {
    /// A step was not answered; the saga waits for its next attempt.
    Parked,
    /// It is not ours any more, or we cannot tell.
    Lost(Lost),
}

impl From<Lost> for Stop {
    fn from(lost: Lost) -> Self {
        Self::Lost(lost)
    }
}

/// Doubles with each attempt, up to a limit, and is jittered by up to a quarter.
fn wait(attempts: i64) -> Duration {
    let doublings = u32::try_from(attempts.clamp(0, 16)).unwrap_or(0);
    let wait = SHORTEST_WAIT.saturating_mul(1 << doublings).min(LONGEST_WAIT);
    let jitter = u32::from(uuid::Uuid::new_v4().as_bytes()[0]);
    wait - wait / 4 * jitter / 255
}

fn ms(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

fn count_step(step: Step, reply: Reply) {
    let name = match reply {
        Reply::Done => "done",
        Reply::Refused(_) => "refused",
        Reply::Silent => "silent",
    };
    metrics::SAGA_STEPS.add(1, &[("bookstore.saga.step", step.as_str()), ("bookstore.saga.reply", name)]);
    if step.is_compensation() && reply == Reply::Done {
        metrics::SAGA_COMPENSATIONS.add(1, &[("bookstore.saga.step", step.as_str())]);
    }
}

fn count_end(saga: &Saga) {
    let outcome = saga.outcome.unwrap_or(Outcome::Failed);
    metrics::ORDERS.add(1, &[("bookstore.order.outcome", outcome.as_str())]);
    if outcome == Outcome::Confirmed {
        metrics::REVENUE.add(u64::try_from(saga.total).unwrap_or(0), &[("bookstore.currency", CURRENCY)]);
    }
    info!(
        bookstore.order.id = saga.order_id,
        bookstore.order.outcome = outcome.as_str(),
        bookstore.order.total = saga.total,
        "an order has come to its end"
    );
}

/// Counts a saga as under way while it lives.
struct Active;

impl Active {
    fn new() -> Self {
        metrics::SAGAS_ACTIVE.add(1, &[]);
        Self
    }
}

impl Drop for Active {
    fn drop(&mut self) {
        metrics::SAGAS_ACTIVE.add(-1, &[]);
    }
}

/// Nothing but the outcome, where there is nothing else to record.
impl Change {
    pub(super) fn because(reason: &'static str) -> Self {
        Self { reason: Some(reason), ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_up_to_a_limit() {
        for attempts in [0, 1, 5, 16, 1_000_000, i64::MAX] {
            let wait = wait(attempts);
            assert!(wait >= SHORTEST_WAIT / 2 && wait <= LONGEST_WAIT, "{attempts}: {wait:?}");
        }
        assert!(wait(5) > SHORTEST_WAIT * 8);
    }
}
