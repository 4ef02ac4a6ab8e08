use std::collections::BTreeMap;

use loona_hpack::huffman::HuffmanDecoder;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::encoder::{Encoder, Way};
use super::{decode, seen};
use crate::wire::http2::head::Name;
use crate::wire::http2::hpack::{Decoder, huffman};

const NAMES: [&str; 14] = [
    ":authority",
    ":method",
    ":path",
    ":scheme",
    ":status",
    "content-type",
    "cookie",
    "grpc-status",
    "host",
    "traceparent",
    "user-agent",
    "x-hop",
    "x-other",
    "x-request-id",
];

/// Few names and few values, so that they meet again.
fn field() -> impl Strategy<Value = (String, String)> {
    let values = prop_oneof![4 => "[a-c]{1,2}", 1 => "[ -~äß€]{0,200}"];
    (select(&NAMES[..]).prop_map(str::to_owned), values)
}

fn way() -> impl Strategy<Value = Way> {
    any::<[bool; 4]>().prop_map(|[indexed, name_indexed, insert, huffman]| Way {
        indexed,
        name_indexed,
        insert,
        huffman,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(100) })]

    /// Whole, every field is known. From the middle, exactly those are unknown that need what was sent before.
    #[test]
    fn decodes_what_was_encoded(
        blocks in vec((proptest::option::weighted(0.2, 0..300_usize), vec((field(), way()), 0..12)), 1..12),
        start in 0..12_usize,
    ) {
        let start = start.min(blocks.len());
        let mut encoder = Encoder::new();
        let (mut whole, mut late) = (Decoder::new(), Decoder::late());
        for (number, (size, fields)) in blocks.into_iter().enumerate() {
            let mut block = Vec::new();
            if let Some(size) = size {
                encoder.resize(size, &mut block);
            }
            let mut truth = Vec::new();
            let mut known = Vec::new();
            for ((name, value), way) in fields {
                let since = encoder.field(number, &name, &value, way, &mut block);
                truth.push(seen(&name, &value));
                known.push(since >= start);
            }
            prop_assert_eq!(decode(&mut whole, &block)?, &truth[..]);
            if number >= start {
                let fields = decode(&mut late, &block)?;
                prop_assert_eq!(fields.len(), truth.len());
                for ((field, truth), known) in fields.into_iter().zip(truth).zip(known) {
                    prop_assert_eq!(field, if known { truth } else { super::unknown() });
                }
            }
        }
    }

    /// Against an encoder that is not ours.
    #[test]
    fn decodes_what_another_encoded(lists in vec(vec(field(), 0..12), 1..12), start in 0..12_usize) {
        let mut encoder = loona_hpack::Encoder::new();
        let (mut whole, mut late) = (Decoder::new(), Decoder::late());
        let mut unknown = 0;
        // This encoder inserts each name once, with its first value.
        let mut before = BTreeMap::new();
        for (number, list) in lists.into_iter().enumerate() {
            let fields = list.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
            let block = encoder.encode(fields);
            let truth: Vec<_> = list.iter().map(|(name, value)| seen(name, value)).collect();
            prop_assert_eq!(decode(&mut whole, &block)?, &truth[..]);
            if number < start {
                before.extend(list);
                continue;
            }
            for (field, truth) in decode(&mut late, &block)?.into_iter().zip(truth) {
                if field.0 == Name::Unknown {
                    unknown += 1;
                } else {
                    prop_assert_eq!(field, truth);
                }
            }
        }
        prop_assert!(unknown == 0 || !before.is_empty());
    }

    #[test]
    fn the_huffman_code_is_that_of_another(bytes in vec(any::<u8>(), 0..300)) {
        let code = huffman::encode(&bytes);
        let mut output = Vec::new();
        prop_assert_eq!(huffman::decode(&code, usize::MAX, &mut output)?, bytes.len());
        prop_assert_eq!(&output, &bytes);
        prop_assert_eq!(HuffmanDecoder::new().decode(&code).unwrap(), bytes);
    }

    #[test]
    fn takes_any_bytes(block in vec(any::<u8>(), 0..200)) {
        let _ = decode(&mut Decoder::new(), &block);
        let _ = decode(&mut Decoder::late(), &block);
        let _ = huffman::decode(&block, 10, &mut Vec::new());
    }
}
