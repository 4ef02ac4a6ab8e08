//! Connections of which something was not seen.

use super::talk::{CONTINUATION, DATA, HEADERS, PUSH_PROMISE, SETTINGS, frame};
use super::*;
use crate::wire::http2::frame::{END_HEADERS, END_STREAM, PADDED, PREFACE};

/// A connection with one exchange, and what the agent saw of it: not that.
fn older(x_hop: &str) -> Talk {
    let mut talk = Talk::started();
    talk.headers(ToServer, 1, true, &[(":method", "GET"), (":path", "/"), ("x-hop", x_hop), ("cookie", "a=b")]);
    talk.headers(ToClient, 1, true, &[(":status", "200"), ("x-request-id", "7"), ("grpc-status", "0")]);
    talk.pieces.clear();
    talk
}

fn late(talk: &Talk) -> (Http2<usize>, Events) {
    let mut parser = Http2::new(false);
    let (events, read) = run(&mut parser, talk);
    assert_eq!(read, Ok(()));
    (parser, events)
}

#[test]
fn what_was_seen_is_known_and_the_rest_is_not() {
    let mut talk = older("edge");
    let fields = [(":method", "GET"), (":path", "/a"), ("x-hop", "edge"), ("cookie", "a=b"), ("user-agent", "t")];
    talk.headers(ToServer, 3, true, &fields).headers(ToServer, 5, true, &fields);
    talk.headers(ToClient, 3, false, &[(":status", "404"), ("x-request-id", "7")]);
    talk.headers(ToClient, 3, true, &[("grpc-status", "0")]);
    let (_, events) = late(&talk);
    let request = Request::Http(Box::new(HttpRequest {
        method: "GET".to_owned(),
        target: "/a".to_owned(),
        version: "2",
        headers: headers(&[("user-agent", "t")]),
        ends: true,
        ..HttpRequest::default()
    }));
    assert_eq!(
        events,
        [
            Event::Request(3, request.clone(), place(0, 0)),
            Event::Request(5, request, place(1, 0)),
            Event::Response(3, response(404, &[]), place(2, 0)),
            Event::End(3, End::default(), place(3, 10)),
        ]
    );
}

#[test]
fn streams_that_were_open_before_are_ignored() {
    let mut talk = older("edge");
    talk.data(ToServer, 5, false, 3).headers(ToServer, 5, true, &[("x-hop", "edge"), ("x-checksum", "1")]);
    talk.headers(ToClient, 3, false, &[(":status", "200")]).data(ToClient, 3, true, 7);
    talk.headers(ToClient, 5, true, &[(":status", "200"), ("grpc-status", "0")]);
    talk.get(7, "/").headers(ToClient, 7, true, &[(":status", "200")]);
    // An older one again.
    talk.headers(ToServer, 3, true, &[(":method", "GET")]);
    assert_eq!(
        late(&talk).1,
        [
            Event::Request(7, get("/"), place(5, 0)),
            Event::Response(7, response(200, &[]), place(6, 0)),
            Event::End(7, End::default(), place(6, 10)),
        ]
    );
}

#[test]
fn each_direction_begins_with_a_piece_that_begins_with_a_frame() {
    let mut talk = older("edge");
    // In the middle of some frame.
    talk.data(ToServer, 1, false, 100).get(3, "/").join(2);
    talk.pieces[0].1.drain(..20);
    talk.get(5, "/");
    talk.headers(ToClient, 5, false, &[(":status", "200")]).join(1);
    talk.pieces[2].1.insert(0, 0);
    talk.data(ToClient, 5, true, 3);
    // The answer's head was not seen, and its trailers are not taken for it.
    assert_eq!(
        late(&talk).1,
        [
            Event::Request(5, get("/"), place(1, 0)),
            Event::End(5, End { response_body: 3, ..End::default() }, place(3, 12)),
        ]
    );
}

#[test]
fn a_status_that_is_unknown() {
    // This encoder inserts no status, as the name is static. By hand: 0xbe is the newest entry.
    let mut talk = Talk::new();
    talk.get(1, "/").frame(ToClient, HEADERS, END_HEADERS, 1, &[0xbe]).data(ToClient, 1, true, 1);
    let end = End { response_body: 1, ..End::default() };
    assert_eq!(
        late(&talk).1[1..],
        [Event::Response(1, response(0, &[]), place(1, 0)), Event::End(1, end, place(2, 10))]
    );

    // A promise is no answer, and a piece without bytes has none that were not understood.
    talk.pieces.truncate(1);
    talk.frame(ToClient, PUSH_PROMISE, END_HEADERS, 1, &[0, 0, 0, 2, 0xbe]);
    talk.push(ToClient, Vec::new()).frame(ToClient, HEADERS, END_HEADERS, 1, &[0xbe]);
    assert_eq!(late(&talk).1[1..], [Event::Response(1, response(0, &[]), place(3, 0))]);
    talk.pieces.swap(1, 2);
    assert_eq!(late(&talk).1[1..], [Event::Response(1, response(0, &[]), place(3, 0))]);

    // The same block where the head may have been in a piece that was not understood: it may be trailers.
    let mut talk = Talk::new();
    talk.get(1, "/").push(ToClient, vec![0; 50]);
    talk.frame(ToClient, HEADERS, END_HEADERS | END_STREAM, 1, &[0xbe]);
    assert_eq!(late(&talk).1[1..], [Event::End(1, End::default(), place(2, 10))]);
}

#[test]
fn missing_bytes_of_bodies() {
    let mut talk = Talk::started();
    talk.get(1, "/").get(3, "/");
    talk.headers(ToClient, 1, false, &[(":status", "200")]).data(ToClient, 1, false, 1000).join(2).cut(100);
    talk.data(ToClient, 1, true, 500).cut(9);
    talk.headers(ToClient, 3, true, &[(":status", "204")]);
    let (mut parser, end) = (Http2::new(true), End { response_body: 1500, ..End::default() });
    assert_eq!(
        run(&mut parser, &talk).0[2..],
        [
            Event::Response(1, response(200, &[]), place(4, 0)),
            Event::End(1, end, place(5, 509)),
            Event::Response(3, response(204, &[]), place(6, 0)),
            Event::End(3, End::default(), place(6, 10)),
        ]
    );
    assert_eq!((parser.resynchronised(), parser.given_up()), (0, 0));
}

#[test]
fn missing_bytes_that_are_needed() {
    let mut talk = Talk::started();
    talk.get(1, "/").get(3, "/").get(5, "/");
    talk.headers(ToClient, 1, false, &[(":status", "200"), ("x-hop", "edge")]);
    // The end of a body, and with it the head of another answer.
    talk.data(ToClient, 1, true, 1000).headers(ToClient, 3, false, &[(":status", "200"), ("x-hop", "edge")]);
    talk.headers(ToClient, 3, false, &[("x-request-id", "1")]).join(3).cut(500);
    // Not understood: it begins within something.
    talk.push(ToClient, vec![b'x'; 100]);
    talk.get(7, "/").headers(ToClient, 5, true, &[(":status", "200")]);
    let fields = [(":status", "200"), ("x-hop", "edge"), ("x-request-id", "1"), ("user-agent", "t")];
    talk.headers(ToClient, 7, true, &fields);
    let mut parser = Http2::new(true);
    let (events, read) = run(&mut parser, &talk);
    assert_eq!(read, Ok(()));
    assert_eq!((parser.resynchronised(), parser.given_up()), (1, 2));
    let response_7 = response(200, &[("user-agent", "t")]);
    assert_eq!(
        events[3..],
        [
            Event::Response(1, response(200, &[("x-hop", "edge")]), place(5, 0)),
            // It is known where this one ends.
            Event::End(1, End { response_body: 1000, ..End::default() }, place(6, 1009)),
            Event::Request(7, get("/"), place(8, 0)),
            Event::Response(7, response_7, place(10, 0)),
            Event::End(7, End::default(), place(10, talk.pieces[10].1.len())),
        ]
    );
}

#[test]
fn missing_bytes_anywhere_else() {
    // Within the header of a frame, within a header block, before the length of padding, and within the preface.
    let block = [0x82, 0x84, 0x86, 0x41, 4, b's', b'h', b'o', b'p'];
    for (bytes, kept) in [
        (frame(HEADERS, END_HEADERS, 1, &block), 5),
        (frame(HEADERS, END_HEADERS, 1, &block), 12),
        (frame(HEADERS, END_HEADERS, 1, &block), 0),
        (frame(DATA, PADDED, 1, &[1, 2, 0]), 9),
    ] {
        let mut talk = Talk::started();
        talk.push(ToServer, bytes).cut(kept).get(3, "/");
        let mut parser = Http2::new(true);
        assert_eq!(run(&mut parser, &talk), (vec![Event::Request(3, get("/"), place(3, 0))], Ok(())));
        assert_eq!(parser.resynchronised(), 1);
    }
    let mut talk = Talk::new();
    talk.push(ToServer, PREFACE.to_vec()).cut(10).get(1, "/");
    assert_eq!(run(&mut Http2::new(true), &talk).0, [Event::Request(1, get("/"), place(1, 0))]);
}

#[test]
fn prefaces() {
    assert_eq!(looks_like_preface(b""), None);
    assert_eq!(looks_like_preface(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r"), None);
    assert_eq!(looks_like_preface(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), Some(true));
    assert_eq!(looks_like_preface(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nmore"), Some(true));
    assert_eq!(looks_like_preface(b"POST / HTTP/1.1\r\n"), Some(false));
    assert_eq!(looks_like_preface(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\r"), Some(false));
}

#[test]
fn pieces_that_begin_with_frames() {
    let settings = frame(SETTINGS, 0, 0, &[0, 1, 0, 0, 16, 0]);
    let head = frame(HEADERS, END_HEADERS, 1, &[0x82]);
    let open = frame(HEADERS, 0, 1, &[0x82]);
    let more = frame(CONTINUATION, END_HEADERS, 1, &[0x84]);
    for (bytes, frames) in [
        (settings.clone(), true),
        ([&settings[..], &head[..]].concat(), true),
        ([&settings[..], &head[..4]].concat(), true),
        ([&head[..], &frame(DATA, 0, 1, &[0; 100])[..50]].concat(), true),
        ([&open[..], &more[..]].concat(), true),
        (open.clone(), true),
        ([&open[..], &head[..]].concat(), false),
        (more, false),
        (settings[..14].to_vec(), false),
        (Vec::new(), false),
        (frame(SETTINGS, 0, 1, &[]), false),
        (frame(SETTINGS, 2, 0, &[]), false),
        (frame(DATA, 0, 1, &[]), false),
        (frame(DATA, 0, 2, &[1]), false),
        (frame(DATA, 0, 0x8000_0001, &[1]), false),
        (frame(10, 0, 1, &[1]), false),
        (vec![0; 100], false),
        ([&settings[..], b"GET / HTTP/1.1"].concat(), false),
        (PREFACE.to_vec(), false),
        (b"GET / HTTP/1.1\r\nHost: shop\r\n\r\n".to_vec(), false),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".to_vec(), false),
        // PostgreSQL: a request for TLS, a start, a query, and an answer.
        (b"\0\0\0\x08\x04\xd2\x16\x2f".to_vec(), false),
        (b"\0\0\0\x0e\0\x03\0\0user\0x\0\0".to_vec(), false),
        (b"Q\0\0\0\x0dSELECT 1\0".to_vec(), false),
        (b"C\0\0\0\x0dSELECT 1\0Z\0\0\0\x05I".to_vec(), false),
        // TLS.
        (b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03".to_vec(), false),
    ] {
        assert_eq!(looks_like_frames(&bytes), frames, "{bytes:x?}");
    }
}
