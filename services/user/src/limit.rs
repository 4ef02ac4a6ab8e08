//! Limits on how often something may be tried, in bounded memory.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, Hash, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How many keys a limiter remembers: a few megabytes at the very most.
const CAPACITY: usize = 50_000;

/// So many tries at once, then one more every so often, for each key apart.
///
/// The algorithm is GCRA: for a key it remembers one instant, at which all its tries will have been paid off. Keys are
/// remembered as hashes under a random key of the process, so neither their length nor their choice costs memory.
#[derive(Debug)]
pub(crate) struct Limiter {
    /// The debt that a key may have: its number of tries times `interval`.
    burst: Duration,
    /// What one try costs, and how long it takes to be paid off.
    interval: Duration,
    /// How many keys are remembered.
    capacity: usize,
    /// Makes the hashes that stand for keys.
    hasher: RandomState,
    /// When each key's tries will have been paid off.
    paid_off_at: Mutex<HashMap<u64, Instant>>,
}

/// No more tries for now.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("no more tries for {retry_after:?}")]
pub(crate) struct Exhausted {
    /// When to come back.
    pub(crate) retry_after: Duration,
}

impl Limiter {
    /// `tries` at once and as many in each `window`; none when `tries` is 0, which means no limit.
    pub(crate) fn new(tries: u32, window: Duration) -> Option<Self> {
        Self::with_capacity(tries, window, CAPACITY)
    }

    fn with_capacity(tries: u32, window: Duration, capacity: usize) -> Option<Self> {
        let interval = window.checked_div(tries)?;
        Some(Self {
            burst: interval * tries,
            interval,
            capacity,
            hasher: RandomState::new(),
            paid_off_at: Mutex::default(),
        })
    }

    /// Whether a try would be let through, without counting one.
    pub(crate) fn check(&self, key: impl Hash, now: Instant) -> Result<(), Exhausted> {
        let key = self.hasher.hash_one(key);
        let debt = self.debt(&self.lock(), key, now);
        self.room_for_one(debt)
    }

    /// Counts a try, or refuses it.
    pub(crate) fn take(&self, key: impl Hash, now: Instant) -> Result<(), Exhausted> {
        let key = self.hasher.hash_one(key);
        let mut paid_off_at = self.lock();
        let debt = self.debt(&paid_off_at, key, now);
        self.room_for_one(debt)?;
        if paid_off_at.len() >= self.capacity && !paid_off_at.contains_key(&key) {
            forget_some(&mut paid_off_at, now);
        }
        paid_off_at.insert(key, now + debt + self.interval);
        Ok(())
    }

    /// Takes back a try that turned out not to count.
    pub(crate) fn give_back(&self, key: impl Hash) {
        let key = self.hasher.hash_one(key);
        if let Some(paid_off_at) = self.lock().get_mut(&key)
            && let Some(earlier) = paid_off_at.checked_sub(self.interval)
        {
            *paid_off_at = earlier;
        }
    }

    /// What the tries of a key still cost.
    fn debt(&self, paid_off_at: &HashMap<u64, Instant>, key: u64, now: Instant) -> Duration {
        paid_off_at.get(&key).map_or(Duration::ZERO, |at| at.saturating_duration_since(now))
    }

    fn room_for_one(&self, debt: Duration) -> Result<(), Exhausted> {
        match (debt + self.interval).checked_sub(self.burst) {
            Some(retry_after) if !retry_after.is_zero() => Err(Exhausted { retry_after }),
            _ => Ok(()),
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Instant>> {
        // The map is whole between any two statements, so a panic elsewhere does not spoil it.
        self.paid_off_at.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes room: forgets what is paid off and, if that is nothing, the half that owes least.
///
/// Whoever fills the memory with many keys thereby pushes out keys with few tries, not the one with many.
fn forget_some(paid_off_at: &mut HashMap<u64, Instant>, now: Instant) {
    let before = paid_off_at.len();
    paid_off_at.retain(|_, at| *at > now);
    if paid_off_at.len() < before || before == 0 {
        return;
    }
    let mut instants: Vec<Instant> = paid_off_at.values().copied().collect();
    let middle = instants.len() / 2;
    let (_, median, _) = instants.select_nth_unstable(middle);
    let median = *median;
    paid_off_at.retain(|_, at| *at > median);
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn tries_run_out_and_come_back_one_by_one() {
        let limiter = Limiter::new(3, 3 * MINUTE).unwrap();
        let start = Instant::now();
        for _ in 0..3 {
            assert_eq!(limiter.check("ada", start), Ok(()));
            assert_eq!(limiter.take("ada", start), Ok(()));
        }
        let refused = limiter.take("ada", start).unwrap_err();
        assert_eq!(refused.retry_after, MINUTE);
        assert_eq!(limiter.check("ada", start), Err(refused));
        assert_eq!(limiter.take("another", start), Ok(()), "keys are apart");

        assert_eq!(limiter.take("ada", start + MINUTE), Ok(()));
        assert!(limiter.take("ada", start + MINUTE).is_err());
        assert_eq!(limiter.take("ada", start + 10 * MINUTE), Ok(()));
    }

    #[test]
    fn what_is_given_back_does_not_count() {
        let limiter = Limiter::new(2, MINUTE).unwrap();
        let now = Instant::now();
        for _ in 0..100 {
            limiter.take("ada", now).unwrap();
            limiter.give_back("ada");
        }
        limiter.take("ada", now).unwrap();
        limiter.take("ada", now).unwrap();
        assert!(limiter.take("ada", now).is_err());
    }

    #[test]
    fn no_tries_means_no_limit() {
        assert!(Limiter::new(0, MINUTE).is_none());
    }

    #[test]
    fn memory_is_bounded_and_a_flood_does_not_free_the_one_that_is_shut_out() {
        let limiter = Limiter::with_capacity(3, MINUTE, 100).unwrap();
        let now = Instant::now();
        for _ in 0..3 {
            limiter.take("victim", now).unwrap();
        }
        for key in 0..10_000 {
            limiter.take(key, now).unwrap();
            assert!(limiter.lock().len() <= 100);
        }
        assert!(limiter.take("victim", now).is_err());
    }
}
