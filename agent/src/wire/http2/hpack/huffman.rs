//! The Huffman code of HPACK (RFC 7541, section 5.2 and Appendix B).
//!
//! The code is canonical: ordered by length and then by symbol, its codes are consecutive numbers. So the lengths of
//! Appendix B say all of it, and the tables here are made from them at compile time.

use crate::wire::Invalid;

/// How many bits each symbol's code has (Appendix B). The last one is EOS, which never stands in a string.
const LENGTHS: [u8; 257] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, //
    28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28, //
    6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, //
    5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10, //
    13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, //
    7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, //
    15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, //
    6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28, //
    20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, //
    24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, //
    22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, //
    21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23, //
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, //
    19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27, //
    20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, //
    26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, //
    30,
];

const EOS: u16 = 256;
const SHORTEST: u8 = 5;
const LONGEST: u8 = 30;

/// The symbols in the order of their codes.
static SYMBOLS: [u16; 257] = symbols();
/// The codes of each length from [`SHORTEST`] on.
static GROUPS: [Group; (LONGEST - SHORTEST + 1) as usize] = groups();
/// Symbol and length of the code that the next eight bits begin with; length 0 where it is longer than these eight.
/// Nearly all that headers are made of has a short code.
static SHORT: [(u8, u8); 256] = short();

/// Codes of one length, aligned left in 32 bits.
#[derive(Clone, Copy)]
struct Group {
    length: u8,
    first: u32,
    /// The first value after them, which is 2^32 for the last group.
    end: u64,
    /// Where in [`SYMBOLS`] the first one's is.
    index: usize,
}

const fn symbols() -> [u16; 257] {
    let mut symbols = [0; 257];
    let mut next = 0;
    let mut length = SHORTEST;
    while length <= LONGEST {
        let mut symbol = 0;
        while symbol < LENGTHS.len() {
            if LENGTHS[symbol] == length {
                symbols[next] = symbol as u16;
                next += 1;
            }
            symbol += 1;
        }
        length += 1;
    }
    symbols
}

const fn groups() -> [Group; (LONGEST - SHORTEST + 1) as usize] {
    let mut groups = [Group { length: 0, first: 0, end: 0, index: 0 }; (LONGEST - SHORTEST + 1) as usize];
    let mut code = 0;
    let mut index = 0;
    let mut length = SHORTEST;
    while length <= LONGEST {
        let mut group = Group { length, first: code as u32, end: code, index };
        let mut symbol = 0;
        while symbol < LENGTHS.len() {
            if LENGTHS[symbol] == length {
                group.end += 1 << (32 - length);
                index += 1;
            }
            symbol += 1;
        }
        code = group.end;
        groups[(length - SHORTEST) as usize] = group;
        length += 1;
    }
    groups
}

const fn short() -> [(u8, u8); 256] {
    let symbols = symbols();
    let mut short = [(0, 0); 256];
    let mut next = 0;
    let mut prefix = 0;
    while LENGTHS[symbols[next] as usize] <= 8 {
        let length = LENGTHS[symbols[next] as usize];
        let end = prefix + (1 << (8 - length));
        while prefix < end {
            short[prefix] = (symbols[next] as u8, length);
            prefix += 1;
        }
        next += 1;
    }
    short
}

/// The symbol whose code begins the window, and how many bits that is.
fn first_symbol(window: u32) -> (u16, u32) {
    let [next, ..] = window.to_be_bytes();
    let (symbol, length) = SHORT[usize::from(next)];
    if length > 0 {
        return (symbol.into(), length.into());
    }
    for group in &GROUPS {
        if u64::from(window) < group.end {
            let number = window.saturating_sub(group.first) >> (32 - group.length);
            let symbol = SYMBOLS.get(group.index + number as usize).copied().unwrap_or(EOS);
            return (symbol, group.length.into());
        }
    }
    (EOS, LONGEST.into())
}

/// Decodes a string: its first `keep` bytes replace what `output` held, and its whole length is returned.
pub(super) fn decode(input: &[u8], keep: usize, output: &mut Vec<u8>) -> Result<usize, Invalid> {
    output.clear();
    let mut input = input.iter();
    let mut length = 0;
    // The next bits, aligned left, and how many of them there are. Zeros follow them.
    let mut window: u64 = 0;
    let mut bits: u32 = 0;
    loop {
        while bits <= 56
            && let Some(byte) = input.next()
        {
            window |= u64::from(*byte) << (56 - bits);
            bits += 8;
        }
        let (symbol, size) = first_symbol((window >> 32) as u32);
        if size > bits {
            break;
        }
        let Ok(byte) = u8::try_from(symbol) else {
            return Err(Invalid("HPACK: a string with the end-of-string symbol in it"));
        };
        if output.len() < keep {
            output.push(byte);
        }
        length += 1;
        window <<= size;
        bits -= size;
    }
    // What is left is padding: fewer than eight bits, all of them ones (section 5.2).
    let ones = u64::MAX.checked_shl(64 - bits).unwrap_or(0);
    if bits > 7 || window != ones { Err(Invalid("HPACK: a string with wrong padding")) } else { Ok(length) }
}

/// Encodes, as RFC 7541 says it in prose: the codes by counting, and bit by bit.
#[cfg(test)]
pub(super) fn encode(text: &[u8]) -> Vec<u8> {
    let mut codes = vec![(0_u32, 0_u8); LENGTHS.len()];
    let mut code = 0_u64;
    for symbol in SYMBOLS {
        let length = LENGTHS[usize::from(symbol)];
        codes[usize::from(symbol)] = ((code >> (32 - length)) as u32, length);
        code += 1 << (32 - length);
    }
    let mut bits: Vec<bool> = Vec::new();
    for byte in text {
        let (code, length) = codes[usize::from(*byte)];
        bits.extend((0..length).rev().map(|bit| code >> bit & 1 == 1));
    }
    bits.resize(bits.len().next_multiple_of(8), true);
    bits.chunks(8).map(|bits| bits.iter().fold(0, |byte, bit| byte << 1 | u8::from(*bit))).collect()
}
