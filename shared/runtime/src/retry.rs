//! Again, where that is safe.
//!
//! Only what is idempotent may be retried, and its caller says so by using this. Waits grow and are jittered, and a
//! budget keeps retries a small share of all calls, so that a service in trouble is not finished off by its clients.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBuilder};
use tower::retry::budget::{Budget as _, TpsBudget};

use crate::Call;

/// How often a call is made at the most.
const ATTEMPTS: usize = 4;
const FIRST_WAIT: Duration = Duration::from_millis(20);
const LONGEST_WAIT: Duration = Duration::from_millis(500);

/// A failure that may pass by itself.
pub trait Transient {
    /// Whether the same call may succeed in a moment.
    fn is_transient(&self) -> bool;
}

impl Transient for tonic::Status {
    fn is_transient(&self) -> bool {
        self.code() == tonic::Code::Unavailable
    }
}

/// The retries of one client. Clones share its budget.
#[derive(Clone, Debug)]
pub struct Retry {
    budget: Arc<TpsBudget>,
}

impl Default for Retry {
    fn default() -> Self {
        // Calls of the last ten seconds; at least ten retries a second; beyond that, one for five calls.
        Self { budget: Arc::new(TpsBudget::new(Duration::from_secs(10), 10, 0.2)) }
    }
}

impl Retry {
    /// Makes an idempotent call, and makes it again while it fails in a way that may pass, the budget allows it, and
    /// the call's deadline is not near.
    ///
    /// # Errors
    /// The last failure.
    pub async fn idempotent<T, E, F, Fut>(&self, call: &Call, mut attempt: F) -> Result<T, E>
    where
        E: Transient,
        F: FnMut() -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        self.budget.deposit();
        let mut waits = ExponentialBuilder::default()
            .with_min_delay(FIRST_WAIT)
            .with_max_delay(LONGEST_WAIT)
            .with_max_times(ATTEMPTS - 1)
            .with_jitter()
            .build();
        loop {
            let error = match attempt().await {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            let Some(wait) = waits.next().filter(|wait| *wait < call.remaining()) else { return Err(error) };
            if !error.is_transient() || !self.budget.withdraw() {
                return Err(error);
            }
            tokio::time::sleep(wait).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    async fn attempts(call: &Call, error: tonic::Status) -> usize {
        let made = Cell::new(0);
        let outcome: Result<(), _> = Retry::default()
            .idempotent(call, || {
                made.set(made.get() + 1);
                std::future::ready(Err(error.clone()))
            })
            .await;
        assert!(outcome.is_err());
        made.get()
    }

    #[tokio::test(start_paused = true)]
    async fn only_what_may_pass_is_tried_again() {
        let call = Call::new_root(Duration::from_secs(10));
        assert_eq!(attempts(&call, tonic::Status::unavailable("")).await, ATTEMPTS);
        assert_eq!(attempts(&call, tonic::Status::internal("")).await, 1);
        let late = Call::new_root(Duration::ZERO);
        assert_eq!(attempts(&late, tonic::Status::unavailable("")).await, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_budget_bounds_the_retries_of_a_client() {
        let retry = Retry::default();
        let made = Cell::new(0_u32);
        let calls = (0..1_000).map(|_| async {
            let call = Call::new_root(Duration::from_secs(10));
            let attempt = || {
                made.set(made.get() + 1);
                std::future::ready(Err::<(), _>(tonic::Status::unavailable("")))
            };
            retry.idempotent(&call, attempt).await
        });
        assert!(futures_util::future::join_all(calls).await.iter().all(Result::is_err));
        // A thousand calls alone, a fifth of them again, and ten a second for the ten seconds that are counted.
        assert!((1_000..=1_500).contains(&made.get()), "{}", made.get());
    }
}
