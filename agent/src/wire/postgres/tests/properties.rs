//! Any bytes, in any pieces.

use super::super::looks_like_messages;
use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

type Segment = (Direction, Vec<u8>);

/// What a client may do in one round, and the server's answer.
fn round() -> impl Strategy<Value = Vec<Segment>> {
    let name = prop_oneof![Just(""), Just("s1"), Just("s2")];
    let text = prop_oneof![Just("SELECT 1"), Just("UPDATE bücher SET a = $1")];
    (0..8_u8, name, text, 0..300_usize, 0..4_usize).prop_map(|(what, name, text, size, count)| {
        let value = vec![b'v'; size];
        let rows = data_row(&value).repeat(count);
        let done = complete(&format!("SELECT {count}"));
        let (asked, answered) = match what {
            0 => (query(text), [row_description(), rows, done, ready()].concat()),
            1 => (
                [parse(name, text), describe(b'S', name), sync()].concat(),
                [parse_complete(), parameter_description(), row_description(), ready()].concat(),
            ),
            2 => (
                [bind("", name, &value), execute("", 0), close(b'P', ""), sync()].concat(),
                [bind_complete(), rows, done, close_complete(), ready()].concat(),
            ),
            3 => (
                [[bind("", name, &value), execute("", 0)].concat().repeat(count), sync()].concat(),
                [[bind_complete(), done].concat().repeat(count), ready()].concat(),
            ),
            4 => ([parse(name, text), sync()].concat(), [error("42601"), ready()].concat()),
            5 => (
                [[bind("", name, &value), execute("", 0)].concat().repeat(count + 1), sync()].concat(),
                [bind_complete(), rows, error("40001"), ready()].concat(),
            ),
            6 => (sync(), ready()),
            _ => return copy(value),
        };
        vec![(TO_SERVER, asked), (TO_CLIENT, answered)]
    })
}

fn copy(value: Vec<u8>) -> Vec<Segment> {
    vec![
        (TO_SERVER, query("COPY t FROM STDIN")),
        (TO_CLIENT, message(b'G', &[&[0, 0, 0]])),
        (TO_SERVER, [message(b'd', &[&value]), message(b'c', &[])].concat()),
        (TO_CLIENT, [complete("COPY 1"), ready()].concat()),
    ]
}

/// A connection from its start.
fn talk() -> impl Strategy<Value = Vec<Segment>> {
    prop::collection::vec(round(), 1..8).prop_map(|rounds| {
        let start = vec![(TO_SERVER, startup_packet(b"database\0books\0")), (TO_CLIENT, welcome())];
        [vec![start], rounds].concat().concat()
    })
}

/// The events, with places that count from the start of the direction's bytes.
fn events(segments: &[Segment], cuts: &[usize]) -> Vec<Event<usize>> {
    let mut parser = Postgres::new(true);
    let mut events = Vec::new();
    let mut sizes = cuts.iter().cycle();
    let mut before = [0, 0];
    for (direction, bytes) in segments {
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            let size = sizes.next().map_or(rest.len(), |size| rest.len().min(*size));
            let (bytes, after) = rest.split_at(size);
            let stamp = &mut before[usize::from(*direction == TO_CLIENT)];
            parser.push(*direction, Piece { bytes, missing: 0, stamp: *stamp }, &mut events).unwrap();
            *stamp += size;
            rest = after;
        }
    }
    assert_eq!(parser.resynchronised(), 0);
    for event in &mut events {
        let (Event::Request(_, _, place) | Event::Response(_, _, place) | Event::End(_, _, place)) = event;
        *place = Place { stamp: 0, offset: place.stamp + place.offset };
    }
    events
}

/// For each exchange: one request, at most one response, at most one end, in this order.
fn assert_order(events: &[Event<usize>]) {
    let mut stages: BTreeMap<u64, u8> = BTreeMap::new();
    for event in events {
        let (exchange, stage) = match event {
            Event::Request(exchange, ..) => {
                assert_eq!(*exchange, stages.len() as u64);
                stages.insert(*exchange, 0);
                continue;
            }
            Event::Response(exchange, ..) => (exchange, 1),
            Event::End(exchange, ..) => (exchange, 2),
        };
        let before = stages.insert(*exchange, stage);
        assert!(before.is_some_and(|before| before < stage), "{event:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn pieces_make_no_difference(segments in talk(), cuts in prop::collection::vec(1..40_usize, 1..20)) {
        let whole = events(&segments, &[]);
        assert_order(&whole);
        prop_assert_eq!(&events(&segments, &cuts), &whole);
        prop_assert_eq!(&events(&segments, &[1]), &whole);
        for event in &whole {
            let Event::Request(exchange, ..) = event else { continue };
            let ended = whole.iter().any(|event| matches!(event, Event::End(of, ..) if of == exchange));
            prop_assert!(ended, "all is answered");
        }
    }

    #[test]
    fn nothing_panics(
        segments in talk(),
        from_start in any::<bool>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<u8>()), 0..20),
        holes in prop::collection::vec(prop_oneof![4 => Just(0), 1 => 1..50_usize, 1 => Just(usize::MAX)], 1..20),
        cuts in prop::collection::vec(1..300_usize, 1..20),
        noise in prop::collection::vec(any::<u8>(), 0..100),
    ) {
        let mut segments = segments;
        for (segment, byte, value) in changes {
            let (_, bytes) = segment.get_mut(&mut segments);
            *byte.get_mut(bytes.as_mut_slice()) = value;
        }
        segments.push((TO_SERVER, noise.clone()));
        segments.push((TO_CLIENT, noise));
        let mut parser = Postgres::new(from_start);
        let mut events = Vec::new();
        let mut cuts = cuts.into_iter().cycle();
        let mut holes = holes.into_iter().cycle();
        for (direction, bytes) in &segments {
            let mut rest = bytes.as_slice();
            while let (Some(cut), Some(missing), false) = (cuts.next(), holes.next(), rest.is_empty()) {
                let (bytes, after) = rest.split_at(rest.len().min(cut));
                std::hint::black_box(looks_like_messages(bytes, *direction));
                if parser.push(*direction, Piece { bytes, missing, stamp: 0 }, &mut events).is_err() {
                    prop_assert!(from_start);
                }
                rest = after;
            }
        }
        assert_order(&events);
    }
}

#[test]
fn random_bytes_are_hardly_ever_messages() {
    // The same numbers at each run: a few of a million may look like messages, and which ones is no matter of chance.
    let mut rng = proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha);
    let mut bytes = [0; 64];
    let mut taken = 0;
    for _ in 0..50_000 {
        rng.fill_bytes(&mut bytes);
        taken += usize::from(looks_like_messages(&bytes, TO_SERVER));
        taken += usize::from(looks_like_messages(&bytes, TO_CLIENT));
    }
    assert_eq!(taken, 0);
}
