//! Events by their times.
//!
//! A syscall's event is sent when it is over, but a write counts from its begin; and each processor sends its own. So
//! events come nearly in order, and are held back for a moment in which earlier ones may still come.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::event::Event;

/// How long, in nanoseconds, an event is held back: longer than a syscall that does not block takes, and than the
/// thread that makes it may be kept off its processor meanwhile.
pub const HELD_BACK: u64 = 50_000_000;

/// Events in the order of their times.
#[derive(Debug, Default)]
pub struct Ordered {
    heap: BinaryHeap<Reverse<Timed>>,
    next: u64,
    /// The time of the last event that was handed on.
    reached: u64,
    late: u64,
}

#[derive(Debug)]
struct Timed {
    time: u64,
    /// Equal times stay in the order in which they came.
    number: u64,
    event: Event,
}

impl PartialEq for Timed {
    fn eq(&self, other: &Self) -> bool {
        (self.time, self.number) == (other.time, other.number)
    }
}

impl Eq for Timed {}

impl PartialOrd for Timed {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Timed {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.time, self.number).cmp(&(other.time, other.number))
    }
}

impl Ordered {
    /// Adds an event. One that comes when later ones were handed on already is late: it is counted, and takes its turn
    /// now.
    pub fn add(&mut self, event: Event) {
        self.late += u64::from(event.time < self.reached);
        let number = self.next;
        self.next += 1;
        self.heap.push(Reverse(Timed { time: event.time, number, event }));
    }

    /// The next event that is no later than a time.
    pub fn until(&mut self, time: u64) -> Option<Event> {
        if self.heap.peek()?.0.time > time {
            return None;
        }
        let Reverse(first) = self.heap.pop()?;
        self.reached = self.reached.max(first.time);
        Some(first.event)
    }

    /// How many came late.
    #[must_use]
    pub fn late(&self) -> u64 {
        self.late
    }

    /// How many are held back.
    #[must_use]
    pub fn len(&self) -> usize {
        self.heap.len()
    }

    /// Whether none is held back.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::What;

    fn event(time: u64, task: u64) -> Event {
        Event { process: 1, thread: 1, time, task, what: What::Exec }
    }

    #[test]
    fn events_leave_in_the_order_of_their_times_and_late_ones_are_counted() {
        let mut ordered = Ordered::default();
        for (time, task) in [(30, 1), (10, 2), (20, 3), (20, 4)] {
            ordered.add(event(time, task));
        }
        let mut tasks = Vec::new();
        while let Some(event) = ordered.until(25) {
            tasks.push(event.task);
        }
        assert_eq!((tasks, ordered.late()), (vec![2, 3, 4], 0));
        ordered.add(event(15, 5));
        assert_eq!(ordered.until(25).map(|event| event.task), Some(5));
        assert_eq!((ordered.late(), ordered.len()), (1, 1));
    }
}
