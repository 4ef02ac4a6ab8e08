//! The order in which requests were handed to an HTTP/2 connection.
//!
//! tower's buffer, in front of tonic's channel, is a task of its own. It takes one request after the other, hands it to the
//! connection, and wakes whoever asked, who then waits for the answer itself. So it wakes callers in the order in which
//! streams are opened: the n-th wake is the n-th stream's, shifted by what was before the agent, or by a wake that was not
//! needed. Where the streams around one are known, they show the shift, and so who asked for the one between them.

use std::collections::{BTreeMap, VecDeque};

use super::{Rank, ServerId, TaskId};

/// Wakes, and known streams, that are kept.
const KEPT: usize = 8_192;

/// How many known streams on each side have to fit.
const FITTING: usize = 3;

/// How far the shift may be from the last one.
const DRIFT: i64 = 24;

/// Callers in their order.
#[derive(Debug, Default)]
pub(super) struct Order {
    /// The buffer's task.
    pub(super) worker: Option<TaskId>,
    /// Whom it woke, the newest last; and how many of them are forgotten.
    handed: VecDeque<ServerId>,
    forgotten: i64,
    known: BTreeMap<Rank, ServerId>,
    /// Number of a wake less that of its stream, as it was last.
    shift: Option<i64>,
}

impl Order {
    /// A request of this caller was handed on.
    pub(super) fn handed(&mut self, caller: ServerId) {
        if self.handed.len() == KEPT {
            self.handed.pop_front();
            self.forgotten += 1;
        }
        self.handed.push_back(caller);
    }

    /// Who asked for a stream became known by itself.
    pub(super) fn known(&mut self, rank: Rank, caller: ServerId) {
        self.known.insert(rank, caller);
        if self.known.len() > KEPT {
            self.known.pop_first();
        }
    }

    /// Events were lost, and with them the order.
    pub(super) fn lose(&mut self) {
        self.handed.clear();
        self.known.clear();
        self.shift = None;
    }

    /// Who asked for a stream, if its neighbours leave one answer.
    pub(super) fn caller(&mut self, rank: Rank) -> Option<ServerId> {
        let before = self.known.range(..rank).rev().take(FITTING);
        let after = self.known.range(rank + 1..).take(FITTING);
        let near: Vec<(Rank, ServerId)> = before.chain(after).map(|(rank, caller)| (*rank, *caller)).collect();
        if near.len() < 2 * FITTING {
            return None;
        }
        let around = self.shift.map_or_else(|| self.all_shifts(rank), |shift| shift - DRIFT..=shift + DRIFT);
        let fits = |shift: &i64| near.iter().all(|(rank, caller)| self.at(*rank, *shift) == Some(*caller));
        let mut shifts = around.filter(fits);
        let shift = shifts.next()?;
        let caller = self.at(rank, shift)?;
        // Several shifts fit where one caller asks again and again; then they agree on who it was.
        if shifts.any(|other| self.at(rank, other) != Some(caller)) {
            return None;
        }
        self.shift = Some(shift);
        Some(caller)
    }

    fn at(&self, rank: Rank, shift: i64) -> Option<ServerId> {
        let index = i64::try_from(rank).ok()? + shift - self.forgotten;
        self.handed.get(usize::try_from(index).ok()?).copied()
    }

    /// All shifts by which the stream has a wake that is kept.
    fn all_shifts(&self, rank: Rank) -> std::ops::RangeInclusive<i64> {
        let rank = i64::try_from(rank).unwrap_or(i64::MAX);
        let first = self.forgotten - rank;
        first..=first + i64::try_from(self.handed.len()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Twenty streams of as many callers, of which one is not known; the agent missed the first two wakes.
    fn order(missing: Rank) -> Order {
        let mut order = Order::default();
        for rank in 0..20 {
            if rank >= 2 {
                order.handed(100 + rank);
            }
            if rank != missing {
                order.known(rank, 100 + rank);
            }
        }
        order
    }

    #[test]
    fn neighbours_show_who_asked() {
        assert_eq!(order(10).caller(10), Some(110));
        assert_eq!(order(18).caller(18), None, "too few are known after it");
    }

    #[test]
    fn a_shift_between_the_neighbours_leaves_no_answer() {
        let mut order = order(10);
        order.handed.remove(8);
        assert_eq!(order.caller(10), None);
    }

    #[test]
    fn one_caller_that_asks_again_and_again_is_one_answer() {
        let mut order = Order::default();
        for rank in 0..20 {
            order.handed(7);
            if rank != 10 {
                order.known(rank, 7);
            }
        }
        assert_eq!(order.caller(10), Some(7));
    }
}
