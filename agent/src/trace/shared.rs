//! Which connection the streams are of that tasks are seen to read.
//!
//! A task that reads a stream's body shows the stream's number and an address that all streams of its connection have in
//! common. Which connection that is shows by itself: it is one that has such a stream open each time.

use std::collections::HashMap;

/// Addresses that are kept.
const MOST: usize = 4_096;

/// Where in the key the stream's number is is settled after so many.
const SETTLED: u32 = 64;

/// How much more often one half has to be a stream's number than the other: a place in a list may be one by chance.
const CLEAR: u32 = 4;

/// Addresses, and what they may stand for.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    sockets: HashMap<u64, Vec<u64>>,
    /// How often either half of a key was the number of an open stream.
    halves: [u32; 2],
}

impl Shared {
    /// The connection and stream that a task reads, if there is no doubt. `open` gives the connections that have a stream
    /// open.
    pub(crate) fn stream(&mut self, shared: u64, key: [u32; 2], open: impl Fn(u64) -> Vec<u64>) -> Option<(u64, u64)> {
        let half = self.half(key, &open)?;
        let stream = u64::from(key[half]);
        let now = open(stream);
        if now.is_empty() {
            return None;
        }
        if self.sockets.len() >= MOST && !self.sockets.contains_key(&shared) {
            self.sockets.clear();
        }
        // What is another address's for certain is not this one's: two connections that are used in step have the same
        // streams open.
        let taken: Vec<u64> = self
            .sockets
            .iter()
            .filter(|(address, sockets)| **address != shared && sockets.len() == 1)
            .filter_map(|(_, sockets)| sockets.first().copied())
            .collect();
        let may_be = self.sockets.entry(shared).or_insert_with(|| now.clone());
        may_be.retain(|socket| now.contains(socket) && (!taken.contains(socket)));
        match may_be[..] {
            [socket] => Some((socket, stream)),
            [] => {
                // The address is another connection's by now, or the stream is not known.
                self.sockets.remove(&shared);
                None
            }
            _ => None,
        }
    }

    /// The same for what was read before it was clear: by what is known now, which nothing is concluded from.
    pub(crate) fn earlier(&self, shared: u64, key: [u32; 2]) -> Option<(u64, u64)> {
        let [first, second] = self.halves;
        match self.sockets.get(&shared)?[..] {
            [socket] => Some((socket, u64::from(key[usize::from(second > first)]))),
            _ => None,
        }
    }

    /// A connection is closed.
    pub(crate) fn forget(&mut self, socket: u64) {
        self.sockets.retain(|_, sockets| !sockets.contains(&socket));
    }

    /// Which half of the key is the number of the stream.
    fn half(&mut self, key: [u32; 2], open: &impl Fn(u64) -> Vec<u64>) -> Option<usize> {
        let [first, second] = self.halves;
        if first.max(second) < SETTLED || first.abs_diff(second) < CLEAR {
            for (count, half) in self.halves.iter_mut().zip(key) {
                *count += u32::from(!open(u64::from(half)).is_empty());
            }
        }
        let [first, second] = self.halves;
        if first.abs_diff(second) < CLEAR { None } else { Some(usize::from(second > first)) }
    }
}
