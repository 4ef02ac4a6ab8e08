//! Puts others in the place of all request ids and hops of a recording: of equal length on the wire, each at random, so
//! that two ends of a request have not even in common that theirs are the same.

use std::collections::{BTreeMap, HashMap, HashSet};

use bookstore_agent::event::{Event, What};
use bookstore_agent::recording::{Reader, Step, Writer};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

use crate::shop::Recording;

/// What was put in others' places.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) plain_ids: usize,
    pub(crate) packed_ids: usize,
    pub(crate) plain_hops: usize,
    pub(crate) packed_hops: usize,
}

/// What stands before a hop in the clear.
const HOP: &[u8] = b"x-hop: ";

/// Huffman codes of the characters in ids and hops, by their length in bits (RFC 7541, appendix B).
const FIVE: [(u8, u32); 6] = [(b'0', 0x0), (b'1', 0x1), (b'2', 0x2), (b'a', 0x3), (b'c', 0x4), (b'e', 0x5)];
const SIX: [(u8, u32); 12] = [
    (b'-', 0x16),
    (b'.', 0x17),
    (b'3', 0x19),
    (b'4', 0x1a),
    (b'5', 0x1b),
    (b'6', 0x1c),
    (b'7', 0x1d),
    (b'8', 0x1e),
    (b'9', 0x1f),
    (b'b', 0x23),
    (b'd', 0x24),
    (b'f', 0x25),
];

/// A string packed as HPACK does; none if there is something in it that ids and hops have not.
fn pack(text: &[u8]) -> Option<Vec<u8>> {
    let (mut bits, mut count, mut packed) = (0_u64, 0, Vec::new());
    let mut put = |code: u32, length: u32| {
        bits = bits << length | u64::from(code);
        count += length;
        while count >= 8 {
            count -= 8;
            packed.push(u8::try_from(bits >> count & 0xff).unwrap());
        }
        count
    };
    let mut left = 0;
    for character in text {
        let five = FIVE.iter().find(|(it, _)| it == character).map(|(_, code)| (*code, 5));
        let six = || SIX.iter().find(|(it, _)| it == character).map(|(_, code)| (*code, 6));
        let (code, length) = five.or_else(six)?;
        left = put(code, length);
    }
    if left > 0 {
        put((1 << (8 - left)) - 1, 8 - left);
    }
    Some(packed)
}

/// What was packed, if it is nothing but ids' and hops' characters.
fn unpack(packed: &[u8]) -> Option<Vec<u8>> {
    let bits: Vec<u32> = packed.iter().flat_map(|byte| (0..8).rev().map(move |at| u32::from(byte >> at & 1))).collect();
    let code = |bits: &[u32]| bits.iter().fold(0, |code, bit| code << 1 | bit);
    let mut rest = &bits[..];
    let mut text = Vec::new();
    while rest.len() >= 5 {
        let found = [(5, &FIVE[..]), (6, &SIX[..])].into_iter().find_map(|(length, codes)| {
            let code = code(rest.get(..length)?);
            codes.iter().find(|(_, it)| *it == code).map(|(character, _)| (*character, length))
        });
        match found {
            Some((character, length)) => {
                text.push(character);
                rest = &rest[length..];
            }
            None => break,
        }
    }
    (rest.len() < 8 && rest.iter().all(|bit| *bit == 1)).then_some(text)
}

/// Another character at random, as long when it is packed. What separates stays.
fn other(character: u8, random: &mut ChaCha8Rng, digits_only: bool) -> u8 {
    if matches!(character, b'-' | b'.') {
        return character;
    }
    let class = if FIVE.iter().any(|(it, _)| *it == character) { &FIVE[..] } else { &SIX[..] };
    let fits = |it: &&(u8, u32)| it.0.is_ascii_digit() || (!digits_only && it.0.is_ascii_alphabetic());
    let class: Vec<u8> = class.iter().filter(fits).map(|(it, _)| *it).collect();
    class[usize::try_from(random.next_u32()).unwrap() % class.len()]
}

fn others(text: &[u8], random: &mut ChaCha8Rng, digits_only: bool) -> Vec<u8> {
    text.iter().map(|character| other(*character, random, digits_only)).collect()
}

/// The recording with other ids and hops.
pub(crate) fn mask(recording: &Recording) -> (Recording, Counts) {
    let names = recording.names();
    let plain: HashSet<&[u8]> = names.iter().map(String::as_bytes).collect();
    let packed: HashMap<Vec<u8>, &[u8]> =
        names.iter().map(|it| (pack(it.as_bytes()).unwrap(), it.as_bytes())).collect();
    let mut begins = [false; 256];
    for text in plain.iter().copied().chain(packed.keys().map(Vec::as_slice)).chain([HOP]) {
        begins[usize::from(text[0])] = true;
    }
    let mut mask = Mask {
        begins,
        lengths: (lengths(plain.iter().copied()), lengths(packed.keys().map(Vec::as_slice))),
        plain,
        packed,
        random: ChaCha8Rng::seed_from_u64(7),
        counts: Counts::default(),
    };
    let mut steps = Reader::new(&*recording.bytes).unwrap().collect::<Result<Vec<_>, _>>().unwrap();
    // An id may begin in one piece and end in the next: what each end of a connection sent or received is one text.
    let mut texts: BTreeMap<_, Vec<usize>> = BTreeMap::new();
    for (number, step) in steps.iter().enumerate() {
        if let Some((whose, _)) = captured(step) {
            texts.entry(whose).or_default().push(number);
        }
    }
    for numbers in texts.values() {
        let lengths: Vec<usize> = numbers.iter().map(|number| captured(&steps[*number]).unwrap().1).collect();
        let mut text = Vec::new();
        for (number, length) in numbers.iter().zip(&lengths) {
            text.extend_from_slice(tail(&mut steps[*number], *length));
        }
        mask.text(&mut text);
        let mut rest = &text[..];
        for (number, length) in numbers.iter().zip(&lengths) {
            let (piece, next) = rest.split_at(*length);
            tail(&mut steps[*number], *length).copy_from_slice(piece);
            rest = next;
        }
    }
    let mut bytes = Vec::new();
    let mut writer = Writer::new(&mut bytes, u64::MAX).unwrap();
    for step in &steps {
        match step {
            Step::Event(raw) => writer.event(raw),
            Step::Input(input) => writer.input(input),
        }
    }
    writer.finish().unwrap();
    (recording.with(bytes), mask.counts)
}

/// Which end of which connection sent or received bytes, and how many of them were captured.
fn captured(step: &Step) -> Option<((u32, u64, bool), usize)> {
    let Step::Event(raw) = step else { return None };
    let event = Event::read(raw).unwrap();
    match event.what {
        What::Read(data) => Some(((event.process, data.socket, true), data.bytes.len())),
        What::Write(data) => Some(((event.process, data.socket, false), data.bytes.len())),
        _ => None,
    }
}

/// The bytes that were captured are the last ones of an event.
fn tail(step: &mut Step, length: usize) -> &mut [u8] {
    let Step::Event(raw) = step else { return &mut [] };
    let start = raw.len() - length;
    &mut raw[start..]
}

fn lengths<'a>(of: impl Iterator<Item = &'a [u8]>) -> Vec<usize> {
    let mut lengths: Vec<usize> = of.map(<[u8]>::len).collect();
    lengths.sort_unstable();
    lengths.dedup();
    lengths
}

struct Mask<'a> {
    plain: HashSet<&'a [u8]>,
    packed: HashMap<Vec<u8>, &'a [u8]>,
    /// The bytes by which one of them, or the name of a hop's header, begins.
    begins: [bool; 256],
    /// How long the plain and the packed ones may be.
    lengths: (Vec<usize>, Vec<usize>),
    random: ChaCha8Rng,
    counts: Counts,
}

impl Mask<'_> {
    fn text(&mut self, raw: &mut [u8]) {
        let mut at = 0;
        while at < raw.len() {
            if !self.begins[usize::from(raw[at])] {
                at += 1;
            } else if let Some(length) = find(raw, at, &self.lengths.0, |it| self.plain.contains(it)) {
                let new = others(&raw[at..at + length], &mut self.random, false);
                raw[at..at + length].copy_from_slice(&new);
                self.counts.plain_ids += 1;
                at += length;
            } else if let Some(length) = find(raw, at, &self.lengths.1, |it| self.packed.contains_key(it)) {
                let text = self.packed[&raw[at..at + length]];
                let new = pack(&others(text, &mut self.random, false)).unwrap();
                raw[at..at + length].copy_from_slice(&new);
                self.counts.packed_ids += 1;
                at += length;
                self.packed_hop(&mut raw[at..]);
            } else if raw[at..].starts_with(HOP) {
                at += HOP.len();
                let length = raw[at..].iter().take_while(|it| it.is_ascii_digit() || **it == b'.').count();
                let new = others(&raw[at..at + length], &mut self.random, true);
                raw[at..at + length].copy_from_slice(&new);
                self.counts.plain_hops += 1;
                at += length;
            } else {
                at += 1;
            }
        }
    }

    /// The hop is the field behind the id (RFC 7541, 6.2), unless it is in the table.
    fn packed_hop(&mut self, rest: &mut [u8]) {
        let Some(first) = rest.first().copied().filter(|first| first & 0x80 == 0 && first & 0x60 != 0x20) else {
            return;
        };
        let (most, mut at) = if first & 0x40 == 0 { (0x0f, 1) } else { (0x3f, 1) };
        if first & most == most {
            // The index goes on.
            while rest.get(at).is_some_and(|byte| byte & 0x80 != 0) {
                at += 1;
            }
            at += 1;
        } else if first & most == 0 {
            // The name in full.
            at += 1 + usize::from(rest.get(at).copied().unwrap_or_default() & 0x7f);
        }
        let Some(length) = rest.get(at).filter(|byte| *byte & 0x80 != 0).map(|byte| usize::from(byte & 0x7f)) else {
            return;
        };
        let Some(packed) = rest.get_mut(at + 1..at + 1 + length) else { return };
        if let Some(hop) =
            unpack(packed).filter(|it| !it.is_empty() && it.iter().all(|it| it.is_ascii_digit() || *it == b'.'))
        {
            packed.copy_from_slice(&pack(&others(&hop, &mut self.random, true)).unwrap());
            self.counts.packed_hops += 1;
        }
    }
}

/// The length of what stands at a place.
fn find(raw: &[u8], at: usize, lengths: &[usize], is: impl Fn(&[u8]) -> bool) -> Option<usize> {
    lengths.iter().copied().find(|length| raw.get(at..at + length).is_some_and(&is))
}

#[test]
fn what_is_packed_is_unpacked_and_others_are_as_long() {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    for text in ["1", "1.2.13", "0199c3a2-7b1e-7d60-8f00-0123456789ab"] {
        let packed = pack(text.as_bytes()).unwrap();
        assert_eq!(unpack(&packed).unwrap(), text.as_bytes());
        assert_eq!(pack(&others(text.as_bytes(), &mut random, false)).unwrap().len(), packed.len());
    }
    // RFC 7541, C.6.1: "302".
    assert_eq!(pack(b"302").unwrap(), [0x64, 0x02]);
    assert_eq!(pack(b"x"), None);
}
