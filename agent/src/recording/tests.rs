use std::io::Write as _;

use proptest::prelude::*;

use super::*;
use crate::trace::LinkBy;

/// An event as the kernel side writes it: a close, which is the smallest one of a connection.
fn close(pid: u32, time: u64, socket: u64) -> Vec<u8> {
    let mut raw = Vec::new();
    for word in [3, pid, pid, 0] {
        raw.extend_from_slice(&u32::to_ne_bytes(word));
    }
    for word in [time, 7, socket] {
        raw.extend_from_slice(&u64::to_ne_bytes(word));
    }
    raw
}

/// Bytes of a connection, likewise.
fn data(kind: u32, pid: u32, time: u64, socket: u64, bytes: &[u8]) -> Vec<u8> {
    let mut raw = close(pid, time, socket);
    raw[..4].copy_from_slice(&kind.to_ne_bytes());
    let length = u32::try_from(bytes.len()).expect("it is short");
    for word in [1, length, length] {
        raw.extend_from_slice(&u32::to_ne_bytes(word));
    }
    raw.extend_from_slice(&[80_u16.to_ne_bytes(), 50_000_u16.to_ne_bytes()].concat());
    raw.extend_from_slice(&[1; 32]);
    raw.extend_from_slice(bytes);
    raw
}

fn inputs() -> Vec<Input> {
    let service = Service { name: "shop".to_owned(), pid: 1, executable: "shop-2".to_owned() };
    vec![
        Input::Watch { at: 1, service, reads_are_seen: true },
        Input::Lose { from: 2, until: 3 },
        Input::Turn { now: 100_000_000, epoch: 5 },
        Input::WakesAreSeen { at: 5, pid: 1 },
        Input::Forget { at: 6, pid: 1 },
        Input::Flush { epoch: 7 },
    ]
}

fn written() -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = Writer::new(&mut bytes, u64::MAX).expect("it is in memory");
    let all = inputs();
    writer.input(&all[0]);
    writer.event(&data(1, 1, 20, 5, b"GET /a HTTP/1.1\r\nhost: b\r\n\r\n"));
    writer.event(&data(2, 1, 30, 5, b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"));
    writer.event(&close(1, 40, 5));
    all[1..].iter().for_each(|input| writer.input(input));
    let recorded = writer.finish().expect("it is in memory");
    assert_eq!((recorded.events, recorded.full), (3, false));
    assert_eq!(recorded.bytes, bytes.len() as u64);
    bytes
}

fn replayed(bytes: &[u8]) -> Result<usize, ReadError> {
    let mut spans = 0;
    replay(bytes, LinkBy::Task, 0, &mut |batch| spans += batch.spans())?;
    Ok(spans)
}

#[test]
fn what_was_written_is_read() {
    let bytes = written();
    let read: Vec<Step> = Reader::new(&*bytes).expect("it is one").collect::<Result<_, _>>().expect("it is whole");
    let (events, others): (Vec<_>, Vec<_>) = read.into_iter().partition(|it| matches!(it, Step::Event(_)));
    assert_eq!(others, inputs().into_iter().map(Step::Input).collect::<Vec<_>>());
    assert_eq!(events.last(), Some(&Step::Event(close(1, 40, 5))));
    assert_eq!(replayed(&bytes).expect("it is whole"), 1);
}

#[test]
fn a_recording_is_bounded_and_whole_nevertheless() {
    let mut bytes = Vec::new();
    let mut writer = Writer::new(&mut bytes, 20_000).expect("it is in memory");
    // What cannot be packed.
    let mut noise = 1_u64;
    for number in 0..100 {
        let body: Vec<u8> = std::iter::repeat_with(|| {
            noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            noise.to_be_bytes()[0]
        })
        .take(4_096)
        .collect();
        writer.event(&data(1, 1, number, 5, &body));
    }
    assert!(writer.is_full());
    let recorded = writer.finish().expect("it is in memory");
    assert!(recorded.full && recorded.events < 100 && recorded.bytes < 20_000 + (128 << 10), "{recorded:?}");
    let read = Reader::new(&*bytes).expect("it is one").collect::<Result<Vec<_>, _>>().expect("it is whole");
    assert_eq!(read.len() as u64, recorded.events);
}

#[test]
fn what_is_no_recording_is_told_so() {
    let error = |bytes: &[u8]| replayed(bytes).expect_err("it is none").to_string();
    assert!(error(b"").contains("no recording of bookstore-agent"));
    assert!(error(b"{\"resourceSpans\":[]}").contains("no recording of bookstore-agent"));
    let mut other = written();
    other[12] += 1;
    assert!(error(&other).contains("of another version"), "{}", error(&other));
    let whole = written();
    assert!(error(&whole[..16]).contains("cut off after 0 records"));
    assert!(error(&whole[..whole.len() - 20]).contains("cut off after"), "{}", error(&whole[..whole.len() - 20]));
}

/// A recording with these records, whatever they are.
fn packed(records: &[(u32, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend_from_slice(&MAGIC);
    bytes.extend_from_slice(&VERSION.to_le_bytes());
    bytes.extend_from_slice(&crate::event::LAYOUT.to_le_bytes());
    let mut packed = flate2::write::GzEncoder::new(bytes, flate2::Compression::fast());
    for (length, record) in records {
        packed.write_all(&length.to_le_bytes()).expect("it is in memory");
        packed.write_all(record).expect("it is in memory");
    }
    packed.finish().expect("it is in memory")
}

#[test]
fn a_record_as_long_as_memory_is_refused_before_it_is_read() {
    let error = replayed(&packed(&[(u32::MAX, vec![0; 8])])).expect_err("it is too long").to_string();
    assert_eq!(error, "record 1 is broken: it would have 4294967295 bytes");
}

fn time() -> impl Strategy<Value = u64> {
    prop_oneof![0..2_000_000_000_u64, Just(0), Just(u64::MAX), any::<u64>()]
}

/// Records that can be read and make no sense together.
fn entry() -> impl Strategy<Value = Entry> {
    let bytes = prop_oneof![
        Just(b"GET /a HTTP/1.1\r\nhost: b\r\n\r\n".to_vec()),
        Just(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc".to_vec()),
        Just(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec()),
        prop::collection::vec(any::<u8>(), 0..64),
    ];
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..128).prop_map(Entry::Event),
        (1..3_u32, 0..3_u32, time(), 0..3_u64, bytes)
            .prop_map(|(kind, pid, at, socket, bytes)| Entry::Event(data(kind, pid, at, socket, &bytes))),
        (0..3_u32, time(), 0..3_u64).prop_map(|(pid, at, socket)| Entry::Event(close(pid, at, socket))),
        (4..6_u32, 0..3_u32, time(), 0..3_u64).prop_map(|(kind, pid, at, other)| {
            let mut raw = close(pid, at, other);
            raw[..4].copy_from_slice(&kind.to_ne_bytes());
            Entry::Event(raw)
        }),
        (time(), 0..3_u32, any::<bool>()).prop_map(|(at, pid, reads_are_seen)| {
            Entry::Watch(Watch { at, pid, name: "a".to_owned(), executable: "b".to_owned(), reads_are_seen })
        }),
        (time(), 0..3_u32).prop_map(|(at, pid)| Entry::Forget(Forget { at, pid })),
        (time(), 0..3_u32).prop_map(|(at, pid)| Entry::WakesAreSeen(WakesAreSeen { at, pid })),
        (time(), time()).prop_map(|(from, until)| Entry::Lose(Lose { from, until })),
        (time(), time()).prop_map(|(now, epoch)| Entry::Turn(Turn { now, epoch })),
        time().prop_map(|epoch| Entry::Flush(Flush { epoch })),
        (0..9_u64).prop_map(Entry::End),
    ]
}

fn encoded(entries: Vec<Entry>) -> Vec<(u32, Vec<u8>)> {
    let records = entries.into_iter().map(|entry| prost::Message::encode_to_vec(&Record { entry: Some(entry) }));
    records.map(|record| (u32::try_from(record.len()).expect("it is short"), record)).collect()
}

proptest! {
    #[test]
    fn nothing_that_a_recording_may_hold_makes_it_panic(entries in prop::collection::vec(entry(), 0..48)) {
        let _read = replayed(&packed(&encoded(entries)));
    }

    #[test]
    fn a_record_of_anything_is_read_or_refused(records in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..64), 0..8)) {
        let records: Vec<_> = records.into_iter().map(|record| (u32::try_from(record.len()).expect("it is short"), record)).collect();
        let _read = replayed(&packed(&records));
    }

    #[test]
    fn a_recording_that_was_damaged_is_read_or_refused(at in 0..1_000_usize, value in any::<u8>(), cut in 0..1_000_usize) {
        let mut bytes = written();
        let length = bytes.len();
        bytes[at % length] = value;
        bytes.truncate(length - cut % 40);
        let _read = replayed(&bytes);
    }
}
