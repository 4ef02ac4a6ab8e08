use super::talk::{
    CONTINUATION, DATA, GOAWAY, HEADERS, PING, PRIORITY, PUSH_PROMISE, RST_STREAM, SETTINGS, WINDOW_UPDATE, frame,
};
use super::*;
use crate::wire::http2::frame as flags;

const POST: &[(&str, &str)] = &[
    (":method", "POST"),
    (":scheme", "http"),
    (":path", "/catalog.Catalog/Get"),
    (":authority", "shop"),
    ("content-type", "application/grpc"),
    ("te", "trailers"),
    ("authorization", "Bearer secret"),
    ("user-agent", "tonic/0.14.9"),
];

const ANSWER: &[(&str, &str)] = &[(":status", "200"), ("content-type", "application/grpc"), ("server", "x")];

fn post() -> Request {
    Request::Http(Box::new(HttpRequest {
        method: "POST".to_owned(),
        target: "/catalog.Catalog/Get".to_owned(),
        authority: "shop".to_owned(),
        version: "2",
        headers: headers(&[("content-type", "application/grpc"), ("user-agent", "tonic/0.14.9")]),
        ends: false,
    }))
}

fn answer() -> Response {
    response(200, &[("content-type", "application/grpc")])
}

#[test]
fn a_get() {
    let mut talk = Talk::started();
    talk.get(1, "/books?page=2");
    talk.headers(ToClient, 1, false, &[(":status", "404"), ("set-cookie", "secret"), ("content-length", "7")]);
    talk.data(ToClient, 1, true, 7);
    let end = End { response_body: 7, ..End::default() };
    assert_eq!(
        events(&talk),
        [
            Event::Request(1, get("/books?page=2"), place(2, 0)),
            Event::Response(1, response(404, &[]), place(3, 0)),
            Event::End(1, end, place(4, 16)),
        ]
    );
}

#[test]
fn places_within_pieces() {
    let mut talk = Talk::started();
    talk.frame(ToServer, WINDOW_UPDATE, 0, 0, &[0, 0, 0, 1]).get(1, "/").join(2);
    talk.frame(ToClient, SETTINGS, flags::ACK, 0, &[]).headers(ToClient, 1, true, &[(":status", "204")]);
    talk.frame(ToClient, WINDOW_UPDATE, 0, 0, &[0, 0, 0, 1]).join(3);
    assert_eq!(
        events(&talk),
        [
            Event::Request(1, get("/"), place(2, 13)),
            Event::Response(1, response(204, &[]), place(3, 9)),
            Event::End(1, End::default(), place(3, 19)),
        ]
    );
}

#[test]
fn a_call_with_trailers() {
    let mut talk = Talk::started();
    // Padded, and with a priority.
    let block = [&[3, 0, 0, 0, 0, 15][..], &talk.block(ToServer, POST), &[0; 3]].concat();
    talk.frame(ToServer, HEADERS, flags::END_HEADERS | flags::PADDED | flags::PRIORITY, 1, &block);
    talk.data(ToServer, 1, false, 10).data(ToServer, 1, true, 0);
    talk.headers(ToClient, 1, false, ANSWER);
    talk.frame(ToClient, DATA, flags::PADDED, 1, &[4, 1, 2, 3, 0, 0, 0, 0]);
    talk.headers(ToClient, 1, true, &[("grpc-status", "5"), ("grpc-message", "no such book")]);
    let end = End { request_body: 10, response_body: 3, grpc_status: Some(5), ..End::default() };
    let last = talk.pieces[7].1.len();
    assert_eq!(
        events(&talk),
        [
            Event::Request(1, post(), place(2, 0)),
            Event::Response(1, answer(), place(5, 0)),
            Event::End(1, end, place(7, last)),
        ]
    );
}

#[test]
fn an_answer_that_is_nothing_but_trailers() {
    let mut talk = Talk::started();
    talk.headers(ToServer, 1, false, POST).data(ToServer, 1, true, 5);
    talk.headers(ToClient, 1, true, &[ANSWER, &[("grpc-status", "12")]].concat());
    let end = End { request_body: 5, grpc_status: Some(12), ..End::default() };
    let last = talk.pieces[4].1.len();
    let response = response(200, &[("content-type", "application/grpc")]);
    assert_eq!(events(&talk)[1..], [Event::Response(1, response, place(4, 0)), Event::End(1, end, place(4, last))]);
}

#[test]
fn informational_answers() {
    let mut talk = Talk::started();
    talk.get(1, "/");
    talk.headers(ToClient, 1, false, &[(":status", "103"), ("link", "</style.css>")]);
    talk.headers(ToClient, 1, false, &[(":status", "100")]);
    talk.headers(ToClient, 1, true, &[(":status", "200")]);
    assert_eq!(
        events(&talk)[1..],
        [Event::Response(1, response(200, &[]), place(5, 0)), Event::End(1, End::default(), place(5, 10))]
    );
}

#[test]
fn streams_in_both_directions_at_once() {
    let mut talk = Talk::started();
    talk.headers(ToServer, 1, false, POST).headers(ToServer, 3, false, POST);
    talk.headers(ToClient, 3, false, ANSWER).headers(ToClient, 1, false, ANSWER);
    talk.data(ToServer, 1, false, 1)
        .data(ToClient, 3, false, 10)
        .data(ToServer, 3, false, 2)
        .data(ToClient, 1, false, 20);
    talk.data(ToServer, 3, true, 4).data(ToClient, 1, false, 40);
    talk.headers(ToClient, 3, true, &[("grpc-status", "0")]);
    // The server ends this one before the client did, which goes on for a while.
    talk.headers(ToClient, 1, true, &[("grpc-status", "1")]);
    talk.data(ToServer, 1, false, 8).headers(ToServer, 1, true, &[("x-checksum", "1")]);
    let end_3 = End { request_body: 6, response_body: 10, grpc_status: Some(0), ..End::default() };
    let end_1 = End { request_body: 1, response_body: 60, grpc_status: Some(1), ..End::default() };
    let length = talk.pieces[12].1.len();
    assert_eq!(
        events(&talk),
        [
            Event::Request(1, post(), place(2, 0)),
            Event::Request(3, post(), place(3, 0)),
            Event::Response(3, answer(), place(4, 0)),
            Event::Response(1, answer(), place(5, 0)),
            Event::End(3, end_3, place(12, length)),
            Event::End(1, end_1, place(13, talk.pieces[13].1.len())),
        ]
    );
}

#[test]
fn resets() {
    let mut talk = Talk::started();
    talk.get(1, "/").get(3, "/").get(5, "/");
    talk.frame(ToServer, RST_STREAM, 0, 1, &[0, 0, 0, 8]);
    talk.headers(ToClient, 1, false, &[(":status", "200")]).data(ToClient, 1, true, 9);
    talk.headers(ToClient, 3, false, &[(":status", "200")]).frame(ToClient, RST_STREAM, 0, 3, &[0, 0, 0, 2]);
    // After the end: it only says that the rest of the request is not needed.
    talk.headers(ToClient, 5, true, &[(":status", "200")]).frame(ToClient, RST_STREAM, 0, 5, &[0; 4]);
    let reset = |code, direction| End { reset: Some((code, direction)), ..End::default() };
    assert_eq!(
        events(&talk)[3..],
        [
            Event::End(1, reset(8, ToServer), place(5, 13)),
            Event::Response(3, response(200, &[]), place(8, 0)),
            Event::End(3, reset(2, ToClient), place(9, 13)),
            Event::Response(5, response(200, &[]), place(10, 0)),
            Event::End(5, End::default(), place(10, 10)),
        ]
    );
}

#[test]
fn a_server_that_goes_away() {
    let mut talk = Talk::started();
    talk.get(1, "/").get(3, "/").get(5, "/");
    talk.headers(ToClient, 3, false, &[(":status", "200")]);
    // First it says that it will.
    talk.frame(ToClient, GOAWAY, 0, 0, &[0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0]);
    talk.frame(ToClient, GOAWAY, 0, 0, &[0, 0, 0, 1, 0, 0, 0, 0, b'b', b'y', b'e']);
    talk.get(7, "/").data(ToClient, 3, true, 0).headers(ToClient, 1, true, &[(":status", "200")]);
    let refused = End { reset: Some((7, ToClient)), ..End::default() };
    assert_eq!(
        events(&talk)[4..],
        [
            Event::End(5, refused.clone(), place(7, 20)),
            Event::Request(7, get("/"), place(8, 0)),
            Event::End(7, refused, place(8, talk.pieces[8].1.len())),
            Event::End(3, End::default(), place(9, 9)),
            Event::Response(1, response(200, &[]), place(10, 0)),
            Event::End(1, End::default(), place(10, 10)),
        ]
    );
}

#[test]
fn promises_and_what_is_unknown() {
    let mut talk = Talk::started();
    talk.get(1, "/");
    // What is promised is decoded: the answer refers to it.
    let promise = [&[0, 0, 0, 2][..], &talk.block(ToClient, &[(":method", "GET"), ("x-hop", "edge")])].concat();
    talk.frame(ToClient, PUSH_PROMISE, flags::END_HEADERS, 1, &promise);
    talk.headers(ToClient, 2, true, &[(":status", "200")]);
    talk.frame(ToClient, 0xa, 0xff, 1, b"an extension").frame(ToServer, PRIORITY, 0, 9, &[0, 0, 0, 0, 15]);
    talk.headers(ToClient, 1, true, &[(":status", "200"), ("x-hop", "edge")]);
    assert_eq!(
        events(&talk)[1..],
        [
            Event::Response(1, response(200, &[("x-hop", "edge")]), place(7, 0)),
            Event::End(1, End::default(), place(7, 11)),
        ]
    );
}

#[test]
fn an_authority_that_came_from_http_1() {
    let mut talk = Talk::started();
    talk.headers(ToServer, 1, true, &[(":method", "GET"), (":scheme", "http"), (":path", "/"), ("host", "shop")]);
    assert_eq!(events(&talk), [Event::Request(1, get("/"), place(2, 0))]);
}

#[test]
fn header_blocks_in_many_frames() {
    let mut talk = Talk::started();
    let block =
        talk.block(ToServer, &[(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "shop")]);
    let (first, rest) = block.split_at(2);
    talk.frame(ToServer, HEADERS, flags::END_STREAM, 1, first);
    talk.frame(ToServer, CONTINUATION, 0, 1, &[]);
    talk.frame(ToServer, CONTINUATION, flags::END_HEADERS, 1, rest);
    let request = Event::Request(1, get("/"), place(2, 0));
    assert_eq!(events(&talk), std::slice::from_ref(&request));
    talk.join(3);
    // One byte each.
    let (direction, bytes, _) = talk.pieces.pop().unwrap();
    for byte in bytes {
        talk.push(direction, vec![byte]);
    }
    assert_eq!(events(&talk), std::slice::from_ref(&request));
    // Another one.
    talk.pieces.truncate(2);
    talk.frame(ToServer, HEADERS, flags::END_STREAM, 1, first).frame(ToServer, CONTINUATION, 4, 1, rest);
    talk.frame(ToServer, HEADERS, flags::END_STREAM, 3, &[]).frame(ToServer, CONTINUATION, 4, 3, &[0x83, 0x86, 0x85]);
    let other = HttpRequest {
        method: "POST".to_owned(),
        target: "/index.html".to_owned(),
        version: "2",
        ends: true,
        ..HttpRequest::default()
    };
    assert_eq!(events(&talk), [request, Event::Request(3, Request::Http(Box::new(other)), place(4, 0))]);
}

#[test]
fn what_is_no_frame() {
    let wrong = [
        frame(DATA, 0, 0, &[]),
        frame(HEADERS, 0, 0, &[]),
        frame(RST_STREAM, 0, 1, &[0; 3]),
        frame(SETTINGS, 0, 0, &[0; 5]),
        frame(SETTINGS, 0, 1, &[]),
        frame(PING, 0, 0, &[0; 7]),
        frame(WINDOW_UPDATE, 0, 0, &[0; 5]),
        frame(DATA, flags::PADDED, 1, &[2, 0]),
        frame(DATA, flags::PADDED, 1, &[]),
        frame(HEADERS, flags::PADDED | flags::END_HEADERS, 1, &[9, 0]),
        frame(HEADERS, flags::PRIORITY | flags::END_HEADERS, 1, &[9, 0]),
        frame(CONTINUATION, flags::END_HEADERS, 1, &[]),
        [frame(HEADERS, 0, 1, &[]), frame(DATA, 0, 1, &[])].concat(),
        [frame(HEADERS, 0, 1, &[]), frame(CONTINUATION, flags::END_HEADERS, 3, &[])].concat(),
    ];
    for bytes in wrong {
        let mut talk = Talk::started();
        talk.push(ToServer, bytes);
        let mut parser = Http2::new(true);
        let (events, read) = run(&mut parser, &talk);
        assert!(events.is_empty() && read.is_err(), "{:?}", talk.pieces[2]);
        // It stays so.
        let piece = Piece { bytes: &frame(SETTINGS, 0, 0, &[]), missing: 0, stamp: 0 };
        assert_eq!(parser.push(ToClient, piece, &mut Vec::new()), read);
    }
    let mut talk = Talk::new();
    talk.push(ToServer, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r".to_vec()).push(ToServer, b"\r".to_vec());
    assert!(run(&mut Http2::new(true), &talk).1.is_err());
}
