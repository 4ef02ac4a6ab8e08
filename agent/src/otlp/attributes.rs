//! Attributes, written as they are told.
//!
//! A span has some twenty. As messages each would be texts to be allocated, measured, written and freed, for nothing but their
//! bytes; so these are all that there is of them. Protobuf says how long a message is before it says what is in it: here each
//! length is known from that of a text.

use std::fmt::{Display, Write as _};
use std::net::IpAddr;

use prost::bytes::BytesMut;
use prost::encoding::{WireType, bool, encode_key, encode_varint, encoded_len_varint, int64, key_len};

/// Numbers of fields (opentelemetry-proto, `common.proto` and `trace.proto`).
mod field {
    pub(super) const OF_SPAN: u32 = 9;
    pub(super) const KEY: u32 = 1;
    pub(super) const VALUE: u32 = 2;
    pub(super) const STRING: u32 = 1;
    pub(super) const BOOL: u32 = 2;
    pub(super) const INT: u32 = 3;
    pub(super) const ARRAY: u32 = 5;
    pub(super) const OF_ARRAY: u32 = 1;
}

/// The attributes of a span, as they are in its message. Used again for the next one.
#[derive(Debug, Default)]
pub(super) struct Attributes {
    bytes: BytesMut,
    /// A text that is put together: how long it is shows only then.
    text: String,
    /// The last address, and its text: one span after the other is of the same few.
    address: Option<(IpAddr, String)>,
}

impl Attributes {
    /// What was written.
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
    }

    pub(super) fn str(&mut self, key: &str, value: &str) {
        str(&[key], value, &mut self.bytes);
    }

    /// A text that is put together.
    pub(super) fn display(&mut self, key: &str, value: impl Display) {
        self.text.clear();
        // A text takes whatever is written into it.
        let _written = write!(self.text, "{value}");
        str(&[key], &self.text, &mut self.bytes);
    }

    pub(super) fn address(&mut self, key: &str, value: IpAddr) {
        let text = match &mut self.address {
            Some((last, text)) if *last == value => text,
            last => &mut last.insert((value, value.to_string())).1,
        };
        str(&[key], text, &mut self.bytes);
    }

    pub(super) fn int(&mut self, key: &str, value: impl Into<i64>) {
        let value = value.into();
        attribute(&[key], int64::encoded_len(field::INT, &value), &mut self.bytes);
        int64::encode(field::INT, &value, &mut self.bytes);
    }

    pub(super) fn bool(&mut self, key: &str, value: bool) {
        attribute(&[key], bool::encoded_len(field::BOOL, &value), &mut self.bytes);
        bool::encode(field::BOOL, &value, &mut self.bytes);
    }

    /// A list with one text in it. The key is put together.
    pub(super) fn list(&mut self, key: [&str; 2], value: &str) {
        let element = size(field::STRING, value.len());
        let list = size(field::OF_ARRAY, element);
        attribute(&key, size(field::ARRAY, list), &mut self.bytes);
        head(field::ARRAY, list, &mut self.bytes);
        head(field::OF_ARRAY, element, &mut self.bytes);
        bytes(field::STRING, value.as_bytes(), &mut self.bytes);
    }
}

/// An attribute whose value is a text.
fn str(key: &[&str], value: &str, into: &mut BytesMut) {
    attribute(key, size(field::STRING, value.len()), into);
    bytes(field::STRING, value.as_bytes(), into);
}

/// An attribute up to its value, an `AnyValue` of so many bytes.
fn attribute(key: &[&str], value: usize, into: &mut BytesMut) {
    let length = key.iter().map(|part| part.len()).sum();
    head(field::OF_SPAN, size(field::KEY, length) + size(field::VALUE, value), into);
    head(field::KEY, length, into);
    key.iter().for_each(|part| into.extend_from_slice(part.as_bytes()));
    head(field::VALUE, value, into);
}

/// A text, or bytes.
pub(super) fn bytes(field: u32, value: &[u8], into: &mut BytesMut) {
    head(field, value.len(), into);
    into.extend_from_slice(value);
}

/// What is before a text, or bytes, or a message of so many bytes.
fn head(field: u32, length: usize, into: &mut BytesMut) {
    encode_key(field, WireType::LengthDelimited, into);
    encode_varint(length as u64, into);
}

/// How many bytes these take, with what is before them.
const fn size(field: u32, length: usize) -> usize {
    key_len(field) + encoded_len_varint(length as u64) + length
}
