//! Events by their times.
//!
//! A syscall's event is sent when it is over, but a write counts from its begin; and each processor sends its own. So
//! events come nearly in order, and are held back for a moment in which earlier ones may still come.

use std::collections::VecDeque;

use crate::event::{Event, What};

/// How long, in nanoseconds, an event is held back: longer than a syscall that does not block takes, and than the
/// thread that makes it may be kept off its processor meanwhile.
pub const HELD_BACK: u64 = 50_000_000;

/// Bytes that events may take that are held back at once. A busy machine has a tenth of it; what is beyond leaves before its
/// time, so that memory stays bounded whatever the kernel says.
pub const MOST_BYTES: usize = 8 << 20;

/// Events in the order of their times.
#[derive(Debug, Default)]
pub struct Ordered {
    events: VecDeque<Event>,
    /// What they take.
    bytes: usize,
    /// The time of the last event that was handed on.
    reached: u64,
    late: u64,
    early: u64,
}

impl Ordered {
    /// Adds an event. One that comes when later ones were handed on already is late: it is counted, and takes its turn
    /// now.
    pub fn add(&mut self, event: Event) {
        self.late += u64::from(event.time < self.reached);
        self.bytes += weight(&event);
        // It belongs at the end or close to it, behind those of the same time.
        if self.events.back().is_none_or(|last| last.time <= event.time) {
            return self.events.push_back(event);
        }
        let place = self.events.partition_point(|it| it.time <= event.time);
        self.events.insert(place, event);
    }

    /// The next event that is no later than a time.
    pub fn until(&mut self, time: u64) -> Option<Event> {
        if self.next_time()? > time { None } else { self.pop() }
    }

    /// The next event, if there are more than may be held back.
    pub fn beyond(&mut self) -> Option<Event> {
        if self.bytes <= MOST_BYTES {
            return None;
        }
        self.early += 1;
        self.pop()
    }

    /// The time of the next event.
    #[must_use]
    pub fn next_time(&self) -> Option<u64> {
        self.events.front().map(|event| event.time)
    }

    fn pop(&mut self) -> Option<Event> {
        let event = self.events.pop_front()?;
        self.bytes -= weight(&event);
        self.reached = self.reached.max(event.time);
        Some(event)
    }

    /// How many came late.
    #[must_use]
    pub fn late(&self) -> u64 {
        self.late
    }

    /// How many left before their time, because there were too many.
    #[must_use]
    pub fn early(&self) -> u64 {
        self.early
    }

    /// How many are held back.
    #[must_use]
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// Whether none is held back.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }
}

/// What an event takes here, in bytes.
fn weight(event: &Event) -> usize {
    let captured = match &event.what {
        What::Read(data) | What::Write(data) => data.bytes.len(),
        _ => 0,
    };
    size_of::<Event>() + captured
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Data;

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

    #[test]
    fn what_is_held_back_is_bounded_and_the_oldest_leave_first() {
        let address = ([127, 0, 0, 1], 80).into();
        let data = |bytes: usize| Data {
            socket: 1,
            sequence: 0,
            moved: bytes,
            local: address,
            remote: address,
            bytes: vec![0; bytes].into(),
        };
        let mut ordered = Ordered::default();
        let mut left = Vec::new();
        for time in 0..2_000_u64 {
            ordered.add(Event { what: What::Read(data(16_384)), ..event(time, 0) });
            left.extend(std::iter::from_fn(|| ordered.beyond()).map(|event| event.time));
            assert!(ordered.len() * 16_384 <= MOST_BYTES);
        }
        assert_eq!(left, (0..left.len() as u64).collect::<Vec<_>>());
        assert_eq!((ordered.early(), ordered.len() + left.len()), (left.len() as u64, 2_000));
        while ordered.until(u64::MAX).is_some() {}
        assert_eq!((ordered.bytes, ordered.late()), (0, 0));
    }
}
