mod encoder;
mod random;

use std::iter::repeat_n;

use super::table::MAX_KEPT;
use super::{Decoder, MAX_VALUE, huffman};
use crate::wire::Invalid;
use crate::wire::http2::head::Name;

type Fields = Vec<(Name, String)>;

fn decode(decoder: &mut Decoder, block: &[u8]) -> Result<Fields, Invalid> {
    let mut fields = Fields::new();
    decoder.decode(block, &mut |name, value| fields.push((name, value.to_owned())))?;
    Ok(fields)
}

/// What a decoder should tell of a field.
fn seen(name: &str, value: &str) -> (Name, String) {
    let name = Name::of(name.as_bytes());
    (name, if name.is_kept() { value.to_owned() } else { String::new() })
}

fn all(fields: &[(&str, &str)]) -> Fields {
    fields.iter().map(|(name, value)| seen(name, value)).collect()
}

fn unknown() -> (Name, String) {
    (Name::Unknown, String::new())
}

fn hex(digits: &str) -> Vec<u8> {
    let digits: Vec<u8> = digits.bytes().filter(|digit| !digit.is_ascii_whitespace()).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

/// RFC 7541, C.3 and C.4: the same requests without and with the Huffman code.
const REQUESTS: [[&str; 3]; 2] = [
    [
        "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
        "8286 84be 5808 6e6f 2d63 6163 6865",
        "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65",
    ],
    [
        "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
        "8286 84be 5886 a8eb 1064 9cbf",
        "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
    ],
];

/// RFC 7541, C.5 and C.6: the same answers without and with the Huffman code, with a table of 256 bytes.
const ANSWERS: [[&str; 3]; 2] = [
    [
        "4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3120 474d
         546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
        "4803 3330 37c1 c0bf",
        "88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970 7738 666f
         6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b
         2076 6572 7369 6f6e 3d31",
    ],
    [
        "4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7
         8f0b 97c8 e9ae 82ae 43d3",
        "4883 640e ffc1 c0bf",
        "88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335
         dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07",
    ],
];

fn requests() -> [Fields; 3] {
    let get = [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "www.example.com")];
    [
        all(&get),
        all(&[&get[..], &[("cache-control", "no-cache")]].concat()),
        all(&[
            (":method", "GET"),
            (":scheme", "https"),
            (":path", "/index.html"),
            (":authority", "www.example.com"),
            ("custom-key", "custom-value"),
        ]),
    ]
}

fn answers() -> [Fields; 3] {
    let answer = |status| [(":status", status), ("cache-control", ""), ("date", ""), ("location", "")];
    [
        all(&answer("302")),
        all(&answer("307")),
        all(&[&answer("200")[..], &[("content-encoding", ""), ("set-cookie", "")]].concat()),
    ]
}

#[test]
fn requests_of_the_rfc() {
    for blocks in REQUESTS {
        for mut decoder in [Decoder::new(), Decoder::late()] {
            for (block, (fields, size)) in blocks.iter().zip(requests().into_iter().zip([57, 110, 164])) {
                assert_eq!(decode(&mut decoder, &hex(block)), Ok(fields));
                assert_eq!(decoder.table.size(), size);
            }
        }
    }
}

#[test]
fn answers_of_the_rfc() {
    for blocks in ANSWERS {
        for mut decoder in [Decoder::new(), Decoder::late()] {
            // The size that the RFC's text sets: 256.
            assert_eq!(decode(&mut decoder, &[0x3f, 0xe1, 0x01]), Ok(Vec::new()));
            for (block, (fields, size)) in blocks.iter().zip(answers().into_iter().zip([222, 222, 215])) {
                assert_eq!(decode(&mut decoder, &hex(block)), Ok(fields));
                assert_eq!(decoder.table.size(), size);
            }
        }
    }
}

#[test]
fn the_rfc_from_the_middle() {
    for [_, second, third] in REQUESTS {
        let [_, mut fields_2, mut fields_3] = requests();
        fields_2[3] = unknown();
        fields_3[3] = unknown();
        let mut decoder = Decoder::late();
        assert_eq!(decode(&mut decoder, &hex(second)), Ok(fields_2));
        assert_eq!(decode(&mut decoder, &hex(third)), Ok(fields_3));
    }
    for [_, second, third] in ANSWERS {
        let [_, mut fields_2, mut fields_3] = answers();
        fields_2[1..4].fill(unknown());
        fields_3[1] = unknown();
        fields_3[3] = unknown();
        let mut decoder = Decoder::late();
        assert_eq!(decode(&mut decoder, &hex(second)), Ok(fields_2));
        assert_eq!(decode(&mut decoder, &hex(third)), Ok(fields_3));
    }
}

#[test]
fn strings_of_the_rfc() {
    for (code, text) in [
        ("f1e3 c2e5 f23a 6ba0 ab90 f4ff", "www.example.com"),
        ("a8eb 1064 9cbf", "no-cache"),
        ("25a8 49e9 5bb8 e8b4 bf", "custom-value"),
        ("640e ff", "307"),
        ("d07a be94 1054 d444 a820 0595 040b 8166 e082 a62d 1bff", "Mon, 21 Oct 2013 20:13:21 GMT"),
        ("9d29 ad17 1863 c78f 0b97 c8e9 ae82 ae43 d3", "https://www.example.com"),
    ] {
        let mut output = Vec::new();
        assert_eq!(huffman::decode(&hex(code), 4096, &mut output), Ok(text.len()));
        assert_eq!(output, text.as_bytes());
        assert_eq!(huffman::decode(&hex(code), 2, &mut output), Ok(text.len()));
        assert_eq!(output, &text.as_bytes()[..2]);
    }
}

#[test]
fn strings_that_are_wrong() {
    let mut output = Vec::new();
    // Eight bits of padding; padding of zeros; a code that is cut off; EOS.
    for code in ["ff", "00", "ff ff", "ff ff ff ff"] {
        assert!(huffman::decode(&hex(code), 4096, &mut output).is_err(), "{code}");
    }
    assert_eq!(huffman::decode(&[], 4096, &mut output), Ok(0));
    // "0" (five zeros) and three bits of padding.
    assert_eq!(huffman::decode(&[0b0000_0111], 4096, &mut output), Ok(1));
}

#[test]
fn blocks_that_are_wrong() {
    for block in ["80", "be", "7f", "40", "41 05 61", "82 c1", "40 81 00 00", "ff 80 80 80 80 80 01", "00 7f"] {
        assert!(decode(&mut Decoder::new(), &hex(block)).is_err(), "{block}");
    }
    // The same index, where older entries may be.
    assert_eq!(decode(&mut Decoder::late(), &hex("be")), Ok(vec![unknown()]));
}

#[test]
fn a_name_from_before_is_inserted_as_unknown() {
    let mut decoder = Decoder::late();
    // A literal with the name of index 70, then user-agent: it; then both by index, and one from before.
    let block = hex("7f07 0161 7a02 6974 bf be c0");
    let user_agent = seen("user-agent", "it");
    assert_eq!(decode(&mut decoder, &block), Ok(vec![unknown(), user_agent.clone(), unknown(), user_agent, unknown()]));
}

#[test]
fn an_update_of_the_size_evicts() {
    let mut decoder = Decoder::new();
    assert_eq!(decode(&mut decoder, &hex("7a 02 6974 be")).map(|fields| fields.len()), Ok(2));
    assert_eq!(decode(&mut decoder, &hex("20 3f e1 1f be")), Err(Invalid("HPACK: an index beyond the table")));
}

/// A field with a value of so many bytes, to be inserted.
fn insertion(length: usize) -> Vec<u8> {
    let mut block = vec![0x7a];
    encoder::integer(&mut block, 0, 7, length);
    block.extend(repeat_n(b'v', length));
    block
}

#[test]
fn an_entry_that_is_larger_than_the_table_empties_it() {
    let mut decoder = Decoder::new();
    decode(&mut decoder, &insertion(10)).unwrap();
    decode(&mut decoder, &insertion(4096)).unwrap();
    assert_eq!(decoder.table.size(), 0);
    assert!(decode(&mut decoder, &hex("be")).is_err());
}

#[test]
fn a_table_that_is_larger_than_what_is_kept() {
    let mut decoder = Decoder::new();
    // 2^20.
    decode(&mut decoder, &hex("3f e1 ff 3f")).unwrap();
    for _ in 0..100 {
        decode(&mut decoder, &insertion(1000)).unwrap();
    }
    assert!(decoder.table.size() <= MAX_KEPT);
    // The newest, one that is not kept, and one that never was, which cannot be told from it any more.
    let fields = decode(&mut decoder, &hex("be ff 22 ff 7f")).unwrap();
    assert_eq!(fields, [seen("user-agent", &"v".repeat(1000)), unknown(), unknown()]);

    decode(&mut decoder, &insertion(MAX_KEPT + 1)).unwrap();
    let fields = decode(&mut decoder, &hex("be bf")).unwrap();
    assert_eq!(fields, [seen("user-agent", &"v".repeat(MAX_VALUE)), unknown()]);
    decode(&mut decoder, &insertion(1)).unwrap();
    assert_eq!(decode(&mut decoder, &hex("be bf")).unwrap(), [seen("user-agent", "v"), unknown()]);
}

#[test]
fn long_values_are_cut_between_characters() {
    for (first, character, kept) in [
        ("", "a", MAX_VALUE),
        ("", "é", MAX_VALUE),
        ("a", "é", MAX_VALUE - 1),
        ("", "€", MAX_VALUE - 2),
        ("a", "🦀", MAX_VALUE - 3),
    ] {
        let value = first.to_owned() + &character.repeat(MAX_VALUE);
        let mut block = vec![0x7a];
        encoder::integer(&mut block, 0, 7, value.len());
        block.extend_from_slice(value.as_bytes());
        let fields = decode(&mut Decoder::new(), &block).unwrap();
        assert_eq!(fields, [seen("user-agent", &value[..kept])]);
    }
    let fields = decode(&mut Decoder::new(), &[0x7a, 0x03, b'a', 0xff, b'b']).unwrap();
    assert_eq!(fields, [seen("user-agent", "a\u{fffd}b")]);
}
