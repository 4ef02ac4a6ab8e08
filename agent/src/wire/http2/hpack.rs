//! HPACK (RFC 7541), for a reader that may have come late.
//!
//! A decoder that starts in the middle of a connection does not know what the dynamic table holds. Still, a field that
//! is sent in full is known, one from the static table is known, and so is one whose insertion was seen. Every other
//! one is unknown, and is told as such: nothing is ever guessed.

mod huffman;
mod table;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use self::table::{Dynamic, Entry, STATIC_ENTRIES};
use super::head::Name;
use crate::wire::Invalid;

/// What is kept of a value: longer ones are cut. Targets and `tracestate` are long at times; nothing longer than this
/// helps anyone.
const MAX_VALUE: usize = 8 << 10;

/// What is decoded of a value: a character that lies across the cut is at most three bytes longer.
const MAX_VALUE_BYTES: usize = MAX_VALUE + 3;

/// What is decoded of a name: more than the longest that is kept has.
const MAX_NAME_BYTES: usize = 32;

/// Decodes the header blocks of one direction, which must come in their order.
#[derive(Debug)]
pub(super) struct Decoder {
    table: Dynamic,
    /// For what comes in the Huffman code.
    text: Vec<u8>,
}

impl Decoder {
    /// For a direction that is seen from its start.
    pub(super) fn new() -> Self {
        Self { table: Dynamic::new(), text: Vec::new() }
    }

    /// For a direction whose start was not seen, or of which a part is missing.
    pub(super) fn late() -> Self {
        Self { table: Dynamic::unknown(), text: Vec::new() }
    }

    /// Decodes a header block, which must be whole. Each of its fields goes to `field`, with an empty value unless its
    /// name is one whose values are kept.
    pub(super) fn decode(&mut self, block: &[u8], field: &mut dyn FnMut(Name, &str)) -> Result<(), Invalid> {
        let mut block = Input(block);
        while let Some(first) = block.0.first() {
            match first {
                // Section 6.1.
                0x80.. => {
                    let index = block.integer(7)?;
                    let entry = lookup(&self.table, index)?;
                    field(entry.name, entry.value);
                }
                // Section 6.2.1.
                0x40..=0x7f => self.literal(&mut block, 6, true, field)?,
                // Section 6.3.
                0x20..=0x3f => self.table.resize(block.integer(5)?),
                // Sections 6.2.2 and 6.2.3.
                0x00..=0x1f => self.literal(&mut block, 4, false, field)?,
            }
        }
        Ok(())
    }

    /// A field whose value is there as a string, and whose name as a string or by index (section 6.2).
    fn literal(
        &mut self,
        block: &mut Input<'_>,
        prefix: u32,
        insert: bool,
        field: &mut dyn FnMut(Name, &str),
    ) -> Result<(), Invalid> {
        let (name, name_length) = match block.integer(prefix)? {
            0 => {
                let (name, length) = block.string()?.decode(MAX_NAME_BYTES, &mut self.text)?;
                (Name::of(name), length)
            }
            index => {
                let entry = lookup(&self.table, index)?;
                (entry.name, entry.name_length)
            }
        };
        let value = block.string()?;
        if name.is_kept() {
            let (bytes, length) = value.decode(MAX_VALUE_BYTES, &mut self.text)?;
            let text = cut(bytes);
            field(name, &text);
            if insert {
                self.table.insert(name, name_length, Some(text.into()), length);
            }
        } else {
            field(name, "");
            if insert {
                let (_, length) = value.decode(0, &mut self.text)?;
                self.table.insert(name, name_length, None, length);
            }
        }
        Ok(())
    }
}

/// The entry of an index into both tables (section 2.3.3).
fn lookup(table: &Dynamic, index: usize) -> Result<Entry<'_>, Invalid> {
    match index.checked_sub(STATIC_ENTRIES + 1) {
        Some(dynamic) => table.get(dynamic),
        None => table::fixed(index).ok_or(Invalid("HPACK: index 0")),
    }
}

/// A value as text, cut to what is kept of it.
fn cut(bytes: &[u8]) -> Cow<'_, str> {
    match String::from_utf8_lossy(bytes) {
        Cow::Borrowed(text) => Cow::Borrowed(&text[..text.floor_char_boundary(MAX_VALUE)]),
        Cow::Owned(mut text) => {
            text.truncate(text.floor_char_boundary(MAX_VALUE));
            Cow::Owned(text)
        }
    }
}

/// What is left of a header block.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn byte(&mut self) -> Result<u8, Invalid> {
        let (byte, rest) = self.0.split_first().ok_or(CUT_OFF)?;
        self.0 = rest;
        Ok(*byte)
    }

    /// An integer with a prefix of so many bits (section 5.1).
    fn integer(&mut self, prefix: u32) -> Result<usize, Invalid> {
        let prefix = u8::MAX >> 8u32.saturating_sub(prefix);
        let first = self.byte()? & prefix;
        if first < prefix {
            return Ok(first.into());
        }
        // Five bytes hold all 32 bits of the largest that there is, a table's size.
        let mut value = u64::from(prefix);
        for shift in [0, 7, 14, 21, 28] {
            let byte = self.byte()?;
            value += u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return usize::try_from(value).map_err(|_| TOO_LARGE);
            }
        }
        Err(TOO_LARGE)
    }

    /// A string as it was sent (section 5.2).
    fn string(&mut self) -> Result<Text<'a>, Invalid> {
        let huffman = self.0.first().is_some_and(|first| first & 0x80 != 0);
        let length = self.integer(7)?;
        let (bytes, rest) = self.0.split_at_checked(length).ok_or(CUT_OFF)?;
        self.0 = rest;
        Ok(Text { bytes, huffman })
    }
}

const CUT_OFF: Invalid = Invalid("HPACK: a header block that is cut off");
const TOO_LARGE: Invalid = Invalid("HPACK: an integer that is too large");

struct Text<'a> {
    bytes: &'a [u8],
    huffman: bool,
}

impl<'a> Text<'a> {
    /// Its first `keep` bytes, and the length of the whole.
    fn decode<'t>(&self, keep: usize, text: &'t mut Vec<u8>) -> Result<(&'t [u8], usize), Invalid>
    where
        'a: 't,
    {
        if self.huffman {
            let length = huffman::decode(self.bytes, keep, text)?;
            Ok((text, length))
        } else {
            Ok((self.bytes.get(..keep).unwrap_or(self.bytes), self.bytes.len()))
        }
    }
}
