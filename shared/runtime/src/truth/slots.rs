//! Names for statements in flight, from a pool that grows to as many as there are at once.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long the slot of a cancelled statement rests: the database may still be at work on it.
const REST: Duration = Duration::from_secs(5);

/// The slots of one process.
#[derive(Debug)]
pub(super) struct Slots {
    service: &'static str,
    state: Mutex<Vec<State>>,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Taken,
    FreeFrom(Instant),
}

/// A slot that is taken: `catalog-4`.
#[derive(Debug)]
pub(super) struct Slot {
    number: usize,
    name: String,
}

impl Slots {
    pub(super) fn new(service: &'static str) -> Self {
        Self { service, state: Mutex::default() }
    }

    /// The lowest one that is free, so that there are no more of them than statements at once.
    pub(super) fn take(&self) -> Slot {
        let now = Instant::now();
        let mut states = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let free = states.iter().position(|state| matches!(state, State::FreeFrom(from) if *from <= now));
        let number = free.unwrap_or_else(|| {
            states.push(State::Taken);
            states.len() - 1
        });
        states[number] = State::Taken;
        Slot { number, name: format!("{}-{number}", self.service) }
    }

    pub(super) fn give_back(&self, slot: Slot, cancelled: bool) {
        let from = Instant::now() + if cancelled { REST } else { Duration::ZERO };
        let mut states = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(state) = states.get_mut(slot.number) {
            *state = State::FreeFrom(from);
        }
    }
}

impl Slot {
    pub(super) fn as_str(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_as_many_as_statements_at_once() {
        let slots = Slots::new("catalog");
        let (first, second) = (slots.take(), slots.take());
        assert_eq!((first.as_str(), second.as_str()), ("catalog-0", "catalog-1"));
        slots.give_back(first, false);
        assert_eq!(slots.take().as_str(), "catalog-0");
        slots.give_back(second, false);
        assert_eq!(slots.take().as_str(), "catalog-1");
    }

    #[test]
    fn what_was_cancelled_is_not_named_again_at_once() {
        let slots = Slots::new("catalog");
        slots.give_back(slots.take(), true);
        assert_eq!(slots.take().as_str(), "catalog-1");
    }
}
