use super::talk::{CONTINUATION, HEADERS, frame};
use super::*;
use crate::wire::http2::exchanges::MAX_OPEN;
use crate::wire::http2::frame::{BLOCK_TOO_LONG, END_HEADERS, MAX_BLOCK};

#[test]
fn header_blocks_that_are_too_long() {
    let half = vec![0x82; MAX_BLOCK / 2];
    let halves = |last: &[u8]| {
        let mut talk = Talk::started();
        talk.frame(ToServer, HEADERS, 0, 1, &half).frame(ToServer, CONTINUATION, 0, 1, &half);
        talk.frame(ToServer, CONTINUATION, END_HEADERS, 1, last);
        run(&mut Http2::new(true), &talk).1
    };
    assert_eq!(halves(&[]), Ok(()));
    assert_eq!(halves(&[0x82]), Err(BLOCK_TOO_LONG));
    let mut talk = Talk::started();
    // Refused before it is there.
    talk.push(ToServer, frame(HEADERS, END_HEADERS, 1, &vec![0x82; MAX_BLOCK + 1])[..9].to_vec());
    assert_eq!(run(&mut Http2::new(true), &talk).1, Err(BLOCK_TOO_LONG));
}

#[test]
fn a_byte_that_stands_for_a_long_value() {
    // An x-hop of 8,000 bytes (in a table that is large enough) and then a thousand times that.
    let mut block = vec![0x82, 0x3f, 0xe1, 0x7f, 0x40, 5];
    block.extend_from_slice(b"x-hop\x7f\xc1\x3d");
    block.extend_from_slice(&[b'v'; 8000]);
    block.extend_from_slice(&[0xbe; 1000]);
    let mut talk = Talk::started();
    talk.frame(ToServer, HEADERS, END_HEADERS, 1, &block);
    let events = events(&talk);
    let [Event::Request(1, Request::Http(request), _)] = &events[..] else { panic!("{events:?}") };
    assert_eq!(request.headers.len(), 64);
    assert!(request.headers.iter().all(|(name, value)| *name == "x-hop" && value.len() == 8000));
}

#[test]
fn streams_that_are_left_open() {
    let mut talk = Talk::started();
    let last = 2 * MAX_OPEN as u32 + 3;
    for stream in (1..=last).step_by(2) {
        talk.get(stream, "/");
    }
    talk.headers(ToClient, 1, true, &[(":status", "200")]).headers(ToClient, 5, true, &[(":status", "200")]);
    let mut parser = Http2::new(true);
    let (events, _) = run(&mut parser, &talk);
    assert_eq!(parser.given_up(), 2);
    let last = talk.pieces.len() - 1;
    assert_eq!(
        events[MAX_OPEN + 2..],
        [Event::Response(5, response(200, &[]), place(last, 0)), Event::End(5, End::default(), place(last, 10)),]
    );
}
