//! Whether it has to be seen which task wakes which.
//!
//! Wakes are the most frequent of all events, each a breakpoint for the process and some work for the agent, and they tell
//! something only of connections whose task carries what others ask. Many a service has none.

/// Requests after which a process is taken for one that asks nothing over such connections.
const ENOUGH: u32 = 1_000;

/// How long, in nanoseconds, after they are seen again wakes are not relied on: a request that is written now may have been
/// asked for before.
const SETTLED: u64 = 1_000_000_000;

/// Whether the wakes of one process are seen.
#[derive(Debug, Default)]
pub(crate) struct Wakes {
    state: State,
    /// Whether they should be seen, if that was not told yet.
    wish: Option<bool>,
}

#[derive(Debug)]
enum State {
    /// Yes, but so many requests were served and none of them would have told anything.
    Idle(u32),
    /// No.
    Off,
    /// They would tell something, and are not seen yet.
    Missed,
    /// Yes, since this time, and for good.
    Needed(u64),
}

impl Default for State {
    fn default() -> Self {
        Self::Idle(0)
    }
}

impl Wakes {
    /// The process serves a request.
    pub(crate) fn serves(&mut self) {
        if let State::Idle(served) = &mut self.state {
            *served += 1;
            if *served >= ENOUGH {
                self.state = State::Off;
                self.wish = Some(false);
            }
        }
    }

    /// Wakes would tell for whom a request is that is written at this time. Gives whether they can be relied on.
    pub(crate) fn would_tell(&mut self, time: u64) -> bool {
        match self.state {
            State::Idle(_) => self.state = State::Needed(0),
            // Nobody was told that they need not be seen.
            State::Off if self.wish.take().is_some() => self.state = State::Needed(0),
            State::Off => {
                self.state = State::Missed;
                self.wish = Some(true);
            }
            State::Missed | State::Needed(_) => {}
        }
        matches!(self.state, State::Needed(since) if time >= since)
    }

    /// They are seen again.
    pub(crate) fn are_seen(&mut self, at: u64) {
        self.state = State::Needed(at.saturating_add(SETTLED));
    }

    /// Whether they should be seen, where that has changed.
    pub(crate) fn take_wish(&mut self) -> Option<bool> {
        self.wish.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_never_needs_them_goes_without() {
        let mut wakes = Wakes::default();
        (1..ENOUGH).for_each(|_| wakes.serves());
        assert_eq!(wakes.take_wish(), None);
        wakes.serves();
        assert_eq!((wakes.take_wish(), wakes.take_wish()), (Some(false), None));
        // It does after all.
        assert!(!wakes.would_tell(10));
        assert_eq!(wakes.take_wish(), Some(true));
        assert!(!wakes.would_tell(20));
        wakes.are_seen(30);
        assert!(!wakes.would_tell(40), "of what was asked before they say nothing");
        assert!(wakes.would_tell(30 + SETTLED));
        (0..=ENOUGH).for_each(|_| wakes.serves());
        assert_eq!(wakes.take_wish(), None, "it keeps them");
    }

    #[test]
    fn who_needs_them_before_they_are_gone_keeps_them() {
        let mut wakes = Wakes::default();
        (0..ENOUGH).for_each(|_| wakes.serves());
        assert!(wakes.would_tell(10));
        assert_eq!(wakes.take_wish(), None);
    }

    #[test]
    fn who_needs_them_keeps_them() {
        let mut wakes = Wakes::default();
        assert!(wakes.would_tell(0));
        (0..=ENOUGH).for_each(|_| wakes.serves());
        assert_eq!(wakes.take_wish(), None);
    }
}
