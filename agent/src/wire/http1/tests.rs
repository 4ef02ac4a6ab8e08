use proptest::prelude::*;

use super::*;
use Direction::{ToClient, ToServer};

type Bytes = Vec<u8>;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

/// A piece's stamp is its number.
fn run(pieces: &[(Direction, &[u8], usize)]) -> (Vec<Event<usize>>, Http1<usize>) {
    let mut parser = Http1::new();
    let mut events = Vec::new();
    for (stamp, (direction, bytes, missing)) in pieces.iter().enumerate() {
        parser.push(*direction, Piece { bytes, missing: *missing, stamp }, &mut events).unwrap();
    }
    (events, parser)
}

fn words(events: &[Event<usize>]) -> Vec<String> {
    let word = |event: &Event<usize>| match event {
        Event::Request(exchange, Request::Http(request), at) => {
            format!("{exchange} {} {} @{}+{}", request.method, request.target, at.stamp, at.offset)
        }
        Event::Response(exchange, Response::Http { status, .. }, at) => {
            format!("{exchange} {status} @{}+{}", at.stamp, at.offset)
        }
        Event::End(exchange, end, at) => {
            format!("{exchange} end {}/{} @{}+{}", end.request_body, end.response_body, at.stamp, at.offset)
        }
        _ => "not HTTP".to_owned(),
    };
    events.iter().map(word).collect()
}

fn talk(pieces: &[(Direction, &str)]) -> Vec<String> {
    let pieces: Vec<_> = pieces.iter().map(|(direction, text)| (*direction, text.as_bytes(), 0)).collect();
    words(&run(&pieces).0)
}

#[test]
fn a_request_and_its_answer() {
    let (events, _) = run(&[
        (ToServer, b"POST /orders?x=1 HTTP/1.1\r\nHost: shop:80\r\nX-Request-Id: r-1\r\nCookie: secret\r\nContent-Length: 3\r\n\r\nabc", 0),
        (ToClient, b"HTTP/1.1 201 Created\r\nContent-Length: 5\r\n\r\nhello", 0),
    ]);
    assert_eq!(words(&events), ["0 POST /orders?x=1 @0+0", "0 201 @1+0", "0 end 3/5 @1+48"]);
    let Event::Request(_, Request::Http(request), _) = &events[0] else { panic!("{events:?}") };
    assert_eq!((request.authority.as_str(), request.version, request.ends), ("shop:80", "1.1", false));
    assert_eq!(request.headers, [("x-request-id", "r-1".to_owned())]);
}

#[test]
fn pipelined_requests_are_answered_in_their_order() {
    assert_eq!(
        talk(&[
            (ToServer, "GET /a HTTP/1.1\r\n\r\nHEAD /b HTTP/1.1\r\n\r\n"),
            (ToServer, "GET /c HTTP/1.1\r\n\r\n"),
            (ToClient, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n"),
            (ToClient, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n"),
        ]),
        [
            "0 GET /a @0+0",
            "1 HEAD /b @0+19",
            "2 GET /c @1+0",
            "0 304 @2+25",
            "0 end 0/0 @2+73",
            "1 200 @3+0",
            "1 end 0/0 @3+38",
            "2 204 @3+38",
            "2 end 0/0 @3+65",
        ]
    );
}

#[test]
fn chunks_are_counted_without_their_framing() {
    assert_eq!(
        talk(&[
            (
                ToServer,
                "PUT / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\nContent-Length: 99\r\n\r\n3;x=y\r\nabc\r\n0\r\nTrailer: x\r\n\r\n"
            ),
            (ToClient, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r"),
            (ToClient, "\n2\r\nbc\r\n0\r\n\r\n"),
            (ToServer, "GET /next HTTP/1.1\r\n\r\n"),
        ]),
        ["0 PUT / @0+0", "0 200 @1+0", "0 end 3/3 @2+13", "1 GET /next @3+0"]
    );
}

#[test]
fn an_answer_without_a_length_lasts_until_the_connection_closes() {
    let pieces: [(_, &[u8], _); 3] = [
        (ToServer, b"GET / HTTP/1.0\r\n\r\n", 0),
        (ToClient, b"HTTP/1.0 200 OK\r\n\r\nabc", 0),
        (ToClient, b"HTTP/1.1 500 no head\r\n\r\n", 0),
    ];
    let (mut events, mut parser) = run(&pieces);
    assert_eq!(words(&events), ["0 GET / @0+0", "0 200 @1+0"]);
    parser.closed(Place { stamp: 3, offset: 0 }, &mut events);
    assert_eq!(words(&events[2..]), ["0 end 0/27 @3+0"]);
}

#[test]
fn an_early_answer_ends_its_exchange_and_the_rest_of_the_body_is_passed_over() {
    assert_eq!(
        talk(&[
            (ToServer, "POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc"),
            (ToClient, "HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n"),
            (ToServer, "defghijGET /next HTTP/1.1\r\n\r\n"),
        ]),
        ["0 POST / @0+0", "0 413 @1+0", "0 end 3/0 @1+45", "1 GET /next @2+7"]
    );
}

#[test]
fn after_an_upgrade_nothing_is_read() {
    let (events, parser) = run(&[
        (ToServer, b"GET /chat HTTP/1.1\r\nUpgrade: websocket\r\n\r\n", 0),
        (ToClient, b"HTTP/1.1 101 Switching Protocols\r\n\r\n\x81\x05hello", 0),
        (ToServer, b"GET / HTTP/1.1\r\n\r\n", 0),
    ]);
    assert_eq!(words(&events), ["0 GET /chat @0+0", "0 101 @1+0", "0 end 0/0 @1+36"]);
    assert!(parser.is_upgraded());
}

#[test]
fn what_came_before_the_agent_is_passed_over() {
    assert_eq!(
        talk(&[
            (ToServer, "the rest of a body"),
            (ToClient, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na"),
            (ToServer, "GET /first HTTP/1.1\r\n\r\n"),
            (ToClient, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
        ]),
        ["0 GET /first @2+0", "0 200 @3+0", "0 end 0/0 @3+38"]
    );
}

#[test]
fn bytes_that_nobody_saw_do_no_harm_in_a_body_of_known_length_and_elsewhere_cost_what_is_open() {
    let (events, parser) = run(&[
        (ToServer, b"GET / HTTP/1.1\r\n\r\n", 0),
        (ToClient, b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nabc", 997),
        (ToServer, b"GET /chunks HTTP/1.1\r\n\r\n", 0),
        (ToClient, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3e8\r\nabc", 500),
        (ToClient, b"HTTP/1.1 200 OK\r\n\r\n", 0),
        (ToServer, b"GET /anew HTTP/1.1\r\n\r\n", 0),
        (ToClient, b"HTTP/1.1 204 No Content\r\n\r\n", 0),
    ]);
    assert_eq!(
        words(&events),
        [
            "0 GET / @0+0",
            "0 200 @1+0",
            "0 end 0/1000 @1+44",
            "1 GET /chunks @2+0",
            "1 200 @3+0",
            "2 GET /anew @5+0",
            "2 204 @6+0",
            "2 end 0/0 @6+27"
        ]
    );
    assert_eq!(parser.resynchronised(), 1);
}

#[test]
fn what_is_no_request_at_first_is_none_after_a_body_either() {
    let post = "POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\nab";
    for rest in [vec!["cd&&OST /x HTTP/1.1\r\n\r\n"], vec!["cd", "&&OST /x HTTP/1.1\r\n\r\n"]] {
        let mut said = vec![(ToServer, post), (ToClient, OK)];
        said.extend(rest.iter().map(|text| (ToServer, *text)));
        assert_eq!(talk(&said), ["0 POST / @0+0", "0 200 @1+0", "0 end 2/0 @1+38"]);
    }
}

#[test]
fn what_a_server_says_unasked_is_passed_over_in_the_same_piece_as_in_the_next() {
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na";
    let unasked = "HTTP/1.1 408 Request Timeout\r\nContent-Length: 4\r\n\r\n\x01\x02\x03\x04";
    let whole = format!("{answer}{unasked}");
    let get: (_, &[u8], _) = (ToServer, b"GET / HTTP/1.1\r\n\r\n", 0);
    for said in [vec![whole.as_str()], vec![answer, unasked]] {
        let answers = said.iter().map(|text| (ToClient, text.as_bytes(), 0));
        let pieces: Vec<_> = [get].into_iter().chain(answers).chain([get]).collect();
        let (events, parser) = run(&pieces);
        let last = pieces.len() - 1;
        assert_eq!(words(&events), ["0 GET / @0+0", "0 200 @1+0", "0 end 0/1 @1+39", &format!("1 GET / @{last}+0")]);
        assert_eq!((parser.resynchronised(), parser.passed_over()), (0, true));
    }
}

#[test]
fn other_protocols_do_not_look_like_this_one() {
    for (bytes, request, response) in [
        (&b"GET / HTTP/1.1\r\n"[..], Some(true), Some(false)),
        (b"GET /a", None, Some(false)),
        (b"GE", None, Some(false)),
        (b"PRI * HTTP/2.0\r\n", Some(false), Some(false)),
        (b"GET  HTTP/1.1", Some(false), Some(false)),
        (b"get / HTTP/1.1\r\n", Some(false), Some(false)),
        (b"VERSION-CONTROL / HTTP/1.1\r\n", Some(true), Some(false)),
        (b"\x16\x03\x01\x02\x00", Some(false), Some(false)),
        (b"HTTP/1.1 200 OK", Some(false), Some(true)),
        (b"HTTP/1", Some(false), None),
        (b"Q\0\0\0\x0dSELECT 1\0", Some(false), Some(false)),
        (b"", None, None),
    ] {
        let shown = String::from_utf8_lossy(bytes);
        assert_eq!(looks_like_request(bytes), request, "{shown}");
        assert_eq!(looks_like_response(bytes), response, "{shown}");
    }
}

/// A conversation: each message whole.
fn conversation() -> impl Strategy<Value = Vec<(Direction, Bytes)>> {
    let exchange = (0_usize..40, any::<bool>(), 0_usize..3).prop_map(|(body, chunked, kind)| {
        let content = vec![b'x'; body];
        let message = |start: &str| {
            let mut bytes = start.as_bytes().to_vec();
            if chunked {
                bytes.extend_from_slice(b"Transfer-Encoding: chunked\r\n\r\n");
                for part in content.chunks(7) {
                    bytes.extend_from_slice(format!("{:x}\r\n", part.len()).as_bytes());
                    bytes.extend_from_slice(part);
                    bytes.extend_from_slice(b"\r\n");
                }
                bytes.extend_from_slice(b"0\r\n\r\n");
            } else {
                bytes.extend_from_slice(format!("Content-Length: {body}\r\n\r\n").as_bytes());
                bytes.extend_from_slice(&content);
            }
            bytes
        };
        let request = message("POST /things HTTP/1.1\r\nX-Hop: 1\r\n");
        let mut response = message("HTTP/1.1 200 OK\r\n");
        if kind == 1 {
            response.splice(..0, *b"HTTP/1.1 103 Early Hints\r\n\r\n");
        }
        [(ToServer, request), (ToClient, response)]
    });
    proptest::collection::vec(exchange, 1..6).prop_map(|exchanges| exchanges.into_iter().flatten().collect())
}

/// Events with places by the bytes of their direction.
fn absolute(pieces: &[(Direction, Bytes)]) -> Vec<Event<usize>> {
    let mut parser = Http1::new();
    let mut events = Vec::new();
    let (mut to_server, mut to_client) = (0, 0);
    for (direction, bytes) in pieces {
        let before = if *direction == ToServer { &mut to_server } else { &mut to_client };
        parser.push(*direction, Piece { bytes, missing: 0, stamp: *before }, &mut events).unwrap();
        *before += bytes.len();
    }
    for event in &mut events {
        let (Event::Request(_, _, place) | Event::Response(_, _, place) | Event::End(_, _, place)) = event;
        *place = Place { stamp: 0, offset: place.stamp + place.offset };
    }
    events
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn how_bytes_are_cut_changes_nothing(messages in conversation(), cuts in proptest::collection::vec(1_usize..30, 1..40)) {
        let mut cuts = cuts.into_iter().cycle();
        let mut pieces = Vec::new();
        for (direction, bytes) in &messages {
            let mut rest = &bytes[..];
            while !rest.is_empty() {
                let (piece, more) = rest.split_at(cuts.next().unwrap_or(1).min(rest.len()));
                pieces.push((*direction, piece.to_vec()));
                rest = more;
            }
        }
        prop_assert_eq!(absolute(&pieces), absolute(&messages));
    }

    #[test]
    fn nothing_panics(mut messages in conversation(), noise in proptest::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<u8>()), 0..12), missing in 0_usize..50) {
        for (message, at, byte) in noise {
            let (_, bytes) = message.get_mut(&mut messages);
            *at.get_mut(bytes) = byte;
        }
        let mut parser = Http1::new();
        let mut events = Vec::new();
        for (stamp, (direction, bytes)) in messages.iter().enumerate() {
            let missing = if stamp % 3 == 2 { missing } else { 0 };
            parser.push(*direction, Piece { bytes, missing, stamp }, &mut events).unwrap();
        }
        parser.closed(Place { stamp: 0, offset: 0 }, &mut events);
    }
}
