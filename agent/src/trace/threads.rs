//! Programs without tasks in which each connection has a thread of its own.
//!
//! That a thread read a request says little: the threads of event loops, and those below schedulers (Go's goroutines), read
//! and write for many. It says all where a thread serves one connection as long as it lasts, and nothing else. A program
//! shows that it is like that by doing so often, and never otherwise: loops and scheduled threads are a few per processor,
//! and come again. One thread at two connections, or one connection with two threads, and it is not believed any more.

use std::collections::VecDeque;

use foldhash::HashMap;

/// Threads that must have served one connection each before any is believed: more than a program has event loops, which
/// are two per processor at most, and get the first connections in turn.
pub(crate) const ENOUGH: u64 = 1_024;

/// Threads that are remembered. Those that serve many connections come back much sooner.
const MOST: usize = 4_096;

/// The threads of one process that serve.
#[derive(Debug, Default)]
pub(crate) struct Threads {
    /// The connection of each.
    connections: HashMap<u32, u64>,
    oldest: VecDeque<u32>,
    served: u64,
    /// It is no such program.
    shared: bool,
}

impl Threads {
    /// It is no such program, and never will be.
    pub(crate) fn are_shared(&mut self) {
        if !self.shared {
            *self = Self { shared: true, ..Self::default() };
        }
    }

    /// A thread read a request on a connection, or wrote the answer.
    pub(crate) fn serves(&mut self, thread: u32, socket: u64) {
        if self.shared {
            return;
        }
        match self.connections.get(&thread) {
            Some(own) if *own == socket => {}
            Some(_) => self.are_shared(),
            None => {
                if self.oldest.len() == MOST
                    && let Some(oldest) = self.oldest.pop_front()
                {
                    self.connections.remove(&oldest);
                }
                self.connections.insert(thread, socket);
                self.oldest.push_back(thread);
                self.served += 1;
            }
        }
    }

    /// The connection that a thread serves, where it does nothing else.
    pub(crate) fn connection(&self, thread: u32) -> Option<u64> {
        if self.served < ENOUGH { None } else { self.connections.get(&thread).copied() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_is_believed_when_enough_had_a_connection_each_and_what_is_kept_is_bounded() {
        let mut threads = Threads::default();
        for thread in 1..=10_000_u32 {
            threads.serves(thread, u64::from(thread));
            threads.serves(thread, u64::from(thread));
            assert_eq!(threads.connection(thread).is_some(), u64::from(thread) >= ENOUGH);
        }
        assert_eq!((threads.connections.len(), threads.oldest.len()), (MOST, MOST));
        threads.serves(9_999, 1);
        assert_eq!(threads.connection(10_000), None);
        threads.serves(10_001, 10_001);
        assert!(threads.connections.is_empty(), "for good");
    }
}
