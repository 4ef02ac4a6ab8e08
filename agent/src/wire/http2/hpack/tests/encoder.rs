//! An encoder that takes every way that HPACK has, as it is told to.

use std::collections::VecDeque;

use super::super::huffman;
use super::super::table::{STATIC, STATIC_ENTRIES};

/// How a field is to be sent. What is impossible is sent in full.
#[derive(Clone, Copy, Debug)]
pub(super) struct Way {
    /// By an index, if it is in a table.
    pub(super) indexed: bool,
    /// Its name by an index, if it is in a table.
    pub(super) name_indexed: bool,
    /// Insert it.
    pub(super) insert: bool,
    pub(super) huffman: bool,
}

/// It knows of each entry the first block that a decoder must have seen to know it.
pub(super) struct Encoder {
    table: VecDeque<(String, String, usize)>,
    limit: usize,
}

impl Encoder {
    pub(super) fn new() -> Self {
        Self { table: VecDeque::new(), limit: 4096 }
    }

    pub(super) fn resize(&mut self, limit: usize, block: &mut Vec<u8>) {
        integer(block, 0x20, 5, limit);
        self.limit = limit;
        self.evict(limit);
    }

    /// Appends a field to the block with this number. The first block that a decoder must have seen to know it.
    pub(super) fn field(&mut self, number: usize, name: &str, value: &str, way: Way, block: &mut Vec<u8>) -> usize {
        let find = |wanted: &dyn Fn(&str, &str) -> bool| {
            let fixed = STATIC.iter().position(|(name, value)| wanted(name, value)).map(|at| (at + 1, number));
            let dynamic = self.table.iter().position(|(name, value, _)| wanted(name, value));
            // The dynamic one, for it is the harder one.
            dynamic.map(|at| (at + 1 + STATIC_ENTRIES, self.table[at].2)).or(fixed)
        };
        if way.indexed
            && let Some((index, since)) = find(&|n, v| n == name && v == value)
        {
            integer(block, 0x80, 7, index);
            return since;
        }
        let (index, since) = find(&|n, _| n == name).filter(|_| way.name_indexed).unwrap_or((0, number));
        let (first, prefix) = if way.insert { (0x40, 6) } else { (0x10, 4) };
        integer(block, first, prefix, index);
        if index == 0 {
            string(block, name, way.huffman);
        }
        string(block, value, way.huffman);
        let size = name.len() + value.len() + 32;
        if way.insert {
            self.evict(self.limit.saturating_sub(size));
            if size <= self.limit {
                self.table.push_front((name.to_owned(), value.to_owned(), since));
            }
        }
        since
    }

    fn evict(&mut self, size: usize) {
        while self.table.iter().map(|(name, value, _)| name.len() + value.len() + 32).sum::<usize>() > size {
            self.table.pop_back();
        }
    }
}

pub(super) fn integer(block: &mut Vec<u8>, first: u8, prefix: u32, value: usize) {
    let most = (1 << prefix) - 1;
    if value < most {
        return block.push(first | value as u8);
    }
    block.push(first | most as u8);
    let mut value = value - most;
    while value >= 128 {
        block.push(value as u8 | 0x80);
        value >>= 7;
    }
    block.push(value as u8);
}

fn string(block: &mut Vec<u8>, text: &str, huffman: bool) {
    let bytes = if huffman { huffman::encode(text.as_bytes()) } else { text.as_bytes().to_vec() };
    integer(block, if huffman { 0x80 } else { 0 }, 7, bytes.len());
    block.extend(bytes);
}
