//! Where the bytes of events are kept until nobody needs them any more: one allocation for many of them, used again and again.

use std::collections::VecDeque;

use prost::bytes::{Bytes, BytesMut};

/// Bytes of one allocation: those of a hundred events, and too few for it to matter that the last of them holds it.
const PIECE: usize = 64 << 10;

/// Allocations that are kept to be used again: of a busy machine as many hold what waits for its turn.
const MOST: usize = 16;

pub(super) struct Room {
    current: BytesMut,
    /// Those that are full, oldest first, whose events may be gone by now.
    full: VecDeque<BytesMut>,
}

impl Default for Room {
    fn default() -> Self {
        Self { current: BytesMut::with_capacity(PIECE), full: VecDeque::new() }
    }
}

impl Room {
    /// A copy of some bytes.
    pub(super) fn keep(&mut self, bytes: &[u8]) -> Bytes {
        if bytes.is_empty() {
            return Bytes::new();
        }
        if self.current.capacity() < bytes.len() {
            self.turn(bytes.len());
        }
        self.current.extend_from_slice(bytes);
        self.current.split().freeze()
    }

    fn turn(&mut self, least: usize) {
        let is_free = |piece: &mut BytesMut| piece.try_reclaim(PIECE.max(least));
        let free = if self.full.front_mut().is_some_and(is_free) { self.full.pop_front() } else { None };
        let next = free.unwrap_or_else(|| BytesMut::with_capacity(PIECE.max(least)));
        self.full.push_back(std::mem::replace(&mut self.current, next));
        if self.full.len() > MOST {
            self.full.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_stays_as_it_was() {
        let mut room = Room::default();
        let kept: Vec<Bytes> = (0..=255_u8).map(|byte| room.keep(&vec![byte; 1 + usize::from(byte) * 400])).collect();
        for (byte, bytes) in (0..=255_u8).zip(kept) {
            assert!(bytes.len() == 1 + usize::from(byte) * 400 && bytes.iter().all(|it| *it == byte));
        }
        assert!(room.keep(&[]).is_empty());
    }

    #[test]
    fn what_nobody_needs_is_used_again() {
        let mut room = Room::default();
        let mut waiting = VecDeque::new();
        let mut places = std::collections::HashSet::new();
        for number in 0..10_000_u32 {
            let bytes = room.keep(&[number.to_ne_bytes().as_slice(); 250].concat());
            places.insert(bytes.as_ptr());
            waiting.push_back(bytes);
            if waiting.len() > 200 {
                waiting.pop_front();
            }
        }
        assert!(places.len() < 1_000, "{} places for 10,000 pieces", places.len());
    }
}
