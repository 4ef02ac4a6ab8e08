//! Where the bytes of events are kept until nobody needs them any more: one allocation for many of them.

use prost::bytes::{Bytes, BytesMut};

/// Bytes of one allocation: those of a hundred events, and too few for it to matter that the last of them holds it.
const PIECE: usize = 64 << 10;

#[derive(Default)]
pub(super) struct Room(BytesMut);

impl Room {
    /// A copy of some bytes.
    pub(super) fn keep(&mut self, bytes: &[u8]) -> Bytes {
        if bytes.is_empty() {
            return Bytes::new();
        }
        if self.0.capacity() < bytes.len() {
            self.0 = BytesMut::with_capacity(PIECE.max(bytes.len()));
        }
        self.0.extend_from_slice(bytes);
        self.0.split().freeze()
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
}
