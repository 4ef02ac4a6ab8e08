//! A file of the fuzzer as one connection's pieces, and what must hold of what a parser makes of them.
//!
//! ```text
//! cut │ head length length [missing] bytes… │ head length length …
//! ```
//!
//! `cut`: into pieces of how many bytes everything is cut for comparison. `head`: bit 0 is the direction, bit 1 says that bytes
//! are missing after the piece. Lengths are little-endian, and end with the file.

use std::collections::HashMap;

use bookstore_agent::wire::{Direction, Event, Exchange, Piece, Place};

use crate::Parser;
use crate::memory;

/// What a parser may hold: so much, and so much for each byte that it was given. A name with its statement takes a hundred
/// bytes and the smallest message that sets one has fourteen.
const HELD: usize = 256 << 10;
const HELD_A_BYTE: usize = 64;

/// A piece: which way, its bytes, and how many are missing after them.
pub type Said<'a> = (Direction, &'a [u8], usize);

/// Reads a file.
pub fn read(file: &[u8]) -> (usize, Vec<Said<'_>>) {
    let Some((cut, mut rest)) = file.split_first() else { return (1, Vec::new()) };
    let mut talk = Vec::new();
    while let [head, low, high, after @ ..] = rest {
        let (missing, after) = match (head & 2 != 0, after.split_first()) {
            (true, Some((missing, after))) => (usize::from(*missing), after),
            _ => (0, after),
        };
        // As much as a number can say: a transfer of which nearly nothing was captured.
        let missing = if missing == 255 { usize::MAX } else { missing };
        let length = usize::from(u16::from_le_bytes([*low, *high])).min(after.len());
        let (bytes, after) = after.split_at(length);
        let direction = if head & 1 == 0 { Direction::ToServer } else { Direction::ToClient };
        talk.push((direction, bytes, missing));
        rest = after;
    }
    (usize::from(*cut).max(1), talk)
}

/// The file of a conversation.
pub fn write(cut: u8, talk: &[(Direction, &[u8])]) -> Vec<u8> {
    let mut file = vec![cut];
    for (direction, bytes) in talk {
        let [low, high] = u16::try_from(bytes.len()).unwrap_or(u16::MAX).to_le_bytes();
        file.extend([u8::from(*direction == Direction::ToClient), low, high]);
        file.extend_from_slice(bytes);
    }
    file
}

/// Gives a conversation to a parser, whole and in small pieces, and looks at everything that must hold.
pub fn check<P: Parser>(file: &[u8], new: impl Fn() -> P) {
    let (cut, talk) = read(file);
    let whole = run(new(), &talk, usize::MAX);
    let all_there = talk.iter().all(|(.., missing)| *missing == 0);
    // Where it lost its place it goes on with the next piece that begins as a message does: there pieces matter.
    if let Some(whole) = whole.filter(|_| all_there) {
        assert_eq!(run(new(), &talk, cut), Some(whole), "in pieces of {cut}");
    }
}

/// Gives a conversation to a parser that may have come late: everything but what pieces make of it.
pub fn check_late<P: Parser>(file: &[u8], late: P) {
    run(late, &read(file).1, usize::MAX);
}

/// The events, with places from the start of their direction; none if the parser lost its place.
fn run<P: Parser>(mut parser: P, talk: &[Said<'_>], cut: usize) -> Option<Vec<Event<usize>>> {
    let given: usize = talk.iter().map(|(_, bytes, _)| bytes.len()).sum();
    let (mut all, mut stages) = (Vec::new(), HashMap::new());
    let mut at = [0_usize; 2];
    let mut understood = true;
    for (direction, bytes, missing) in talk {
        let mut chunks = bytes.chunks(cut.min(bytes.len().max(1))).peekable();
        let mut first = true;
        while let Some(bytes) = chunks.next().or((first && *missing > 0).then_some(&[][..])) {
            first = false;
            let missing = if chunks.peek().is_none() { *missing } else { 0 };
            let at = &mut at[usize::from(*direction == Direction::ToClient)];
            let mut events = Vec::new();
            understood &= parser.push(*direction, Piece { bytes, missing, stamp: *at }, &mut events).is_ok();
            for event in &mut events {
                follow(event, &mut stages);
                let place = place(event);
                assert!(place.offset <= bytes.len().saturating_add(missing) || place.stamp < *at, "{place:?}");
                *place = Place { stamp: 0, offset: place.stamp.saturating_add(place.offset) };
            }
            *at = at.saturating_add(bytes.len()).saturating_add(missing);
            all.append(&mut events);
        }
    }
    let kept_its_place = !parser.lost();
    let with_parser = memory::held();
    drop(parser);
    let held = with_parser.saturating_sub(memory::held());
    assert!(held <= HELD + HELD_A_BYTE * given, "the parser holds {held} bytes after {given}");
    (understood && kept_its_place).then_some(all)
}

/// One request, then at most one answer, then at most one end.
fn follow(event: &Event<usize>, stages: &mut HashMap<Exchange, u8>) {
    let (exchange, stage) = match event {
        Event::Request(exchange, ..) => (exchange, 1),
        Event::Response(exchange, ..) => (exchange, 2),
        Event::End(exchange, ..) => (exchange, 3),
    };
    let before = stages.insert(*exchange, stage).unwrap_or(0);
    assert!(if stage == 1 { before == 0 } else { (1..stage).contains(&before) }, "{event:?} after stage {before}");
}

fn place(event: &mut Event<usize>) -> &mut Place<usize> {
    let (Event::Request(_, _, place) | Event::Response(_, _, place) | Event::End(_, _, place)) = event;
    place
}
