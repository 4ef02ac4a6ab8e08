use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use super::talk::{CONTINUATION, DATA, HEADERS, SETTINGS, frame};
use super::*;
use crate::wire::http2::frame::{END_STREAM, PADDED};

/// What happens next, on which stream, and how much of it.
fn step() -> impl Strategy<Value = (u8, u32, u16)> {
    (0..10_u8, (0..4_u32).prop_map(|stream| 2 * stream + 1), 0..2000_u16)
}

/// A conversation that makes sense more or less, each direction as one piece.
fn talk(steps: &[(u8, u32, u16)]) -> Talk {
    let mut talk = Talk::started();
    let mut next = 1;
    for &(what, stream, size) in steps {
        let value = "v".repeat(usize::from(size % 100));
        match what {
            0 | 1 => {
                talk.get(next, &format!("/{value}"));
                next += 2;
            }
            2 => {
                let fields = [(":method", "POST"), (":path", "/call"), ("x-hop", "edge"), ("x-request-id", &value)];
                let block = talk.block(ToServer, &fields);
                let (first, rest) = block.split_at(block.len().min(usize::from(size % 9)));
                talk.frame(ToServer, HEADERS, 0, next, first);
                talk.frame(ToServer, CONTINUATION, 0x4, next, rest);
                next += 2;
            }
            3 => _ = talk.data(ToServer, stream, size % 2 == 0, size.into()),
            4 | 5 => _ = talk.headers(ToClient, stream, size % 5 == 0, &[(":status", "201"), ("x-hop", &value)]),
            6 => _ = talk.data(ToClient, stream, size % 3 == 0, size.into()),
            7 => _ = talk.frame(ToClient, DATA, END_STREAM | PADDED, stream, &[2, 1, 1, 0, 0]),
            8 => _ = talk.headers(ToClient, stream, true, &[("grpc-status", "3"), ("x-other", &value)]),
            _ => _ = talk.frame(ToClient, 3, 0, stream, &[0, 0, 0, 8]),
        }
    }
    talk
}

/// Cuts each piece at some places.
fn split(talk: &Talk, cuts: &[Index]) -> Talk {
    let mut split = Talk::new();
    let mut cuts = cuts.iter().cycle();
    for (direction, bytes, _) in &talk.pieces {
        let mut rest = &bytes[..];
        while let (Some(cut), false) = (cuts.next(), rest.is_empty()) {
            let (piece, after) = rest.split_at((cut.index(60) + 1).min(rest.len()));
            split.push(*direction, piece.to_vec());
            rest = after;
        }
    }
    split
}

/// Events with their places counted from the start of the direction.
fn absolute(talk: &Talk, parser: &mut Http2<usize>) -> Events {
    let mut events = Events::new();
    let mut before = [0, 0];
    for (direction, bytes, _) in &talk.pieces {
        let before = &mut before[usize::from(*direction == ToClient)];
        parser.push(*direction, Piece { bytes, missing: 0, stamp: *before }, &mut events).unwrap();
        *before += bytes.len();
    }
    for event in &mut events {
        let (Event::Request(_, _, place) | Event::Response(_, _, place) | Event::End(_, _, place)) = event;
        *place = Place { stamp: 0, offset: place.stamp + place.offset };
    }
    events
}

/// Each exchange: one request, at most one response, then at most one end.
fn in_order(events: &Events) -> bool {
    let mut states = std::collections::BTreeMap::new();
    events.iter().all(|event| match event {
        Event::Request(stream, ..) => states.insert(*stream, 1).is_none(),
        Event::Response(stream, ..) => states.insert(*stream, 2) == Some(1),
        Event::End(stream, ..) => matches!(states.insert(*stream, 3), Some(1 | 2)),
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(60) })]

    #[test]
    fn pieces_do_not_matter(steps in vec(step(), 0..30), cuts in vec(any::<Index>(), 1..50)) {
        let talk = talk(&steps);
        let whole = absolute(&talk, &mut Http2::new(true));
        prop_assert!(in_order(&whole));
        prop_assert_eq!(absolute(&split(&talk, &cuts), &mut Http2::new(true)), &whole[..]);
    }

    /// Nor do they for one that came late, once each direction has begun.
    #[test]
    fn pieces_do_not_matter_later(steps in vec(step(), 0..30), cuts in vec(any::<Index>(), 1..50)) {
        let talk = talk(&steps);
        let begun = || {
            let mut parser = Http2::new(false);
            for direction in [ToServer, ToClient] {
                let piece = Piece { bytes: &frame(SETTINGS, 0, 0, &[]), missing: 0, stamp: 0 };
                parser.push(direction, piece, &mut Vec::new()).unwrap();
            }
            parser
        };
        let mut later = Talk::new();
        later.pieces.extend_from_slice(&talk.pieces[2..]);
        let whole = absolute(&later, &mut begun());
        prop_assert!(in_order(&whole));
        prop_assert_eq!(absolute(&split(&later, &cuts), &mut begun()), &whole[..]);
    }

    #[test]
    fn takes_any_bytes(
        pieces in vec((any::<bool>(), vec(any::<u8>(), 0..60), 0..3_usize), 0..10),
        from_start in any::<bool>(),
    ) {
        let mut talk = if from_start { Talk::started() } else { Talk::new() };
        for (to_server, bytes, missing) in pieces {
            talk.pieces.push((if to_server { ToServer } else { ToClient }, bytes, missing));
        }
        let (events, _) = run(&mut Http2::new(from_start), &talk);
        prop_assert!(in_order(&events));
    }

    /// Bytes that are changed, and bytes that are missing.
    #[test]
    fn takes_what_was_spoilt(
        steps in vec(step(), 1..30),
        changes in vec((any::<Index>(), any::<Index>(), any::<u8>(), any::<bool>()), 1..6),
        from_start in any::<bool>(),
    ) {
        let mut talk = talk(&steps);
        for (piece, at, byte, cut) in changes {
            let (_, bytes, missing) = piece.get_mut(&mut talk.pieces);
            if bytes.is_empty() {
                continue;
            }
            let at = at.index(bytes.len());
            if cut {
                *missing += bytes.len() - at;
                bytes.truncate(at);
            } else {
                bytes[at] = byte;
            }
        }
        let (events, _) = run(&mut Http2::new(from_start), &talk);
        prop_assert!(in_order(&events));
    }

    #[test]
    fn random_bytes_are_no_frames(bytes in vec(any::<u8>(), 0..500)) {
        prop_assert!(!looks_like_frames(&bytes));
    }
}

#[test]
fn any_amount_may_be_missing() {
    let mut talk = Talk::started();
    talk.get(1, "/").headers(ToClient, 1, false, &[(":status", "200")]).data(ToClient, 1, false, 10).cut(12);
    talk.pieces[4].2 = usize::MAX;
    let mut parser = Http2::new(true);
    assert_eq!(run(&mut parser, &talk).1, Ok(()));
    assert_eq!(parser.resynchronised(), 1);
}
