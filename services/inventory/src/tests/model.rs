//! What the inventory should do, in memory: the reference that the database is compared with.

use std::collections::BTreeMap;

use crate::model::{Lines, Shortage, Status};

use super::TIME_TO_LIVE_MS;

/// On hand, reserved and sold of one book.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Copies {
    pub(super) on_hand: i64,
    pub(super) reserved: i64,
    pub(super) sold: i64,
}

/// What an operation should answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Is(Status),
    OutOfStock(Vec<Shortage>),
    AlreadyExists,
    NotFound,
    Ended,
}

#[derive(Clone, Debug)]
struct Entry {
    status: Status,
    lines: Option<Lines>,
}

/// The whole state.
pub(super) struct Model {
    pub(super) now_ms: i64,
    pub(super) stock: BTreeMap<i64, Copies>,
    reservations: BTreeMap<usize, Entry>,
}

impl Model {
    pub(super) fn new(now_ms: i64, books: &[i64]) -> Self {
        Self { now_ms, stock: books.iter().map(|id| (*id, Copies::default())).collect(), reservations: BTreeMap::new() }
    }

    pub(super) fn restock(&mut self, book_id: i64, quantity: i64) {
        self.stock.entry(book_id).or_default().on_hand += quantity;
    }

    pub(super) fn reserve(&mut self, slot: usize, lines: &Lines) -> Answer {
        self.expire_if_due(slot);
        if let Some(entry) = self.reservations.get(&slot) {
            return match &entry.lines {
                Some(before) if before != lines => Answer::AlreadyExists,
                _ => Answer::Is(entry.status),
            };
        }
        if !self.shortages(lines).is_empty() {
            self.expire_due();
        }
        let shortages = self.shortages(lines);
        if !shortages.is_empty() {
            return Answer::OutOfStock(shortages);
        }
        for line in lines.as_slice() {
            let copies = self.stock.get_mut(&line.book_id).unwrap();
            copies.on_hand -= line.quantity;
            copies.reserved += line.quantity;
        }
        let status = Status::Held { expires_at_ms: self.now_ms + TIME_TO_LIVE_MS };
        self.reservations.insert(slot, Entry { status, lines: Some(lines.clone()) });
        Answer::Is(status)
    }

    pub(super) fn pin(&mut self, slot: usize) -> Answer {
        self.expire_if_due(slot);
        match self.status(slot) {
            None => Answer::NotFound,
            Some(Status::Held { .. } | Status::Pinned) => self.become_(slot, Status::Pinned),
            Some(Status::Committed) => Answer::Is(Status::Committed),
            Some(Status::Released | Status::Expired) => Answer::Ended,
        }
    }

    pub(super) fn commit(&mut self, slot: usize) -> Answer {
        self.expire_if_due(slot);
        match self.status(slot) {
            None => Answer::NotFound,
            Some(Status::Held { .. } | Status::Pinned) => self.become_(slot, Status::Committed),
            Some(Status::Committed) => Answer::Is(Status::Committed),
            Some(Status::Released | Status::Expired) => Answer::Ended,
        }
    }

    pub(super) fn release(&mut self, slot: usize) -> Answer {
        self.expire_if_due(slot);
        match self.status(slot) {
            None => {
                let entry = Entry { status: Status::Released, lines: None };
                self.reservations.insert(slot, entry);
                Answer::Is(Status::Released)
            }
            Some(Status::Held { .. } | Status::Pinned) => self.become_(slot, Status::Released),
            Some(Status::Committed) => Answer::Ended,
            Some(end) => Answer::Is(end),
        }
    }

    pub(super) fn expire_due(&mut self) -> u64 {
        let slots: Vec<_> = self.reservations.keys().copied().collect();
        slots.into_iter().map(|slot| u64::from(self.expire_if_due(slot))).sum()
    }

    fn expire_if_due(&mut self, slot: usize) -> bool {
        let due = matches!(self.status(slot), Some(Status::Held { expires_at_ms }) if expires_at_ms <= self.now_ms);
        if due {
            self.become_(slot, Status::Expired);
        }
        due
    }

    fn status(&self, slot: usize) -> Option<Status> {
        self.reservations.get(&slot).map(|entry| entry.status)
    }

    fn become_(&mut self, slot: usize, status: Status) -> Answer {
        let entry = self.reservations.get_mut(&slot).unwrap();
        entry.status = status;
        for line in entry.lines.as_ref().unwrap().as_slice() {
            let copies = self.stock.get_mut(&line.book_id).unwrap();
            match status {
                Status::Committed => {
                    copies.reserved -= line.quantity;
                    copies.sold += line.quantity;
                }
                Status::Released | Status::Expired => {
                    copies.reserved -= line.quantity;
                    copies.on_hand += line.quantity;
                }
                Status::Held { .. } | Status::Pinned => {}
            }
        }
        Answer::Is(status)
    }

    fn shortages(&self, lines: &Lines) -> Vec<Shortage> {
        let short = lines.as_slice().iter().filter_map(|line| {
            let available = self.stock.get(&line.book_id).map_or(0, |copies| copies.on_hand);
            (available < line.quantity).then_some(Shortage {
                book_id: line.book_id,
                requested: line.quantity,
                available,
            })
        });
        short.collect()
    }
}
