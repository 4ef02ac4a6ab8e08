//! The first bytes of a connection.

use super::super::looks_like_startup;
use super::*;

const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 0xd2, 0x16, 0x2f];
const GSSENC_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 0xd2, 0x16, 0x30];
const CANCEL_REQUEST: [u8; 16] = [0, 0, 0, 16, 4, 0xd2, 0x16, 0x2e, 0, 0, 0, 1, 0, 0, 0, 2];

fn select(talk: &mut Talk) {
    talk.pieces = 0;
    talk.client(&query("SELECT 1"));
    talk.server(&[complete("SELECT 1"), ready()].concat());
    talk.expect(&[simple(0, "SELECT 1", (0, 0)), response(0, (1, 0)), end(0, Some(1), (1, 14))]);
}

#[test]
fn user_and_database() {
    let mut talk = Talk::new(true);
    assert_eq!(talk.parser.user_and_database(), (None, None));
    talk.client(&startup_packet(b"database\0books\0TimeZone\0UTC\0"));
    assert_eq!(talk.parser.user_and_database(), (Some("shop"), Some("books")));

    let mut talk = Talk::new(true);
    talk.client(&startup_packet(b"TimeZone\0UTC\0"));
    assert_eq!(talk.parser.user_and_database(), (Some("shop"), Some("shop")));

    // An empty name is none.
    let mut talk = Talk::new(true);
    talk.client(&startup_packet(b"database\0\0"));
    assert_eq!(talk.parser.user_and_database(), (Some("shop"), Some("shop")));
    let mut talk = Talk::new(true);
    talk.client(&startup_packet(b"user\0\0"));
    assert_eq!(talk.parser.user_and_database(), (None, None));
}

#[test]
fn a_password_by_scram() {
    let mut talk = Talk::new(true);
    // A newer minor version, which the server answers with NegotiateProtocolVersion.
    let mut packet = startup_packet(b"");
    packet[7] = 2;
    talk.client(&packet);
    talk.server(&message(b'v', &[&[0, 3, 0, 0, 0, 0, 0, 0]]));
    talk.server(&message(b'R', &[&[0, 0, 0, 10], b"SCRAM-SHA-256\0\0"]));
    talk.client(&message(b'p', &[b"SCRAM-SHA-256\0", &[0, 0, 0, 4], b"n,,n"]));
    talk.server(&message(b'R', &[&[0, 0, 0, 11], b"r=abc"]));
    talk.client(&message(b'p', &[b"c=biws"]));
    talk.server(&[message(b'R', &[&[0, 0, 0, 12], b"v=abc"]), welcome()].concat());
    talk.expect(&[]);
    select(&mut talk);
    assert_eq!(talk.parser.resynchronised(), 0);
}

#[test]
fn a_refused_login_is_no_exchange() {
    let mut talk = Talk::new(true);
    talk.client(&startup_packet(b""));
    talk.server(&error("28P01"));
    talk.expect(&[]);
}

#[test]
fn encryption_is_refused() {
    let mut talk = Talk::new(true);
    talk.client(&GSSENC_REQUEST);
    talk.server(b"N");
    talk.client(&SSL_REQUEST);
    talk.server(b"N");
    talk.client(&startup_packet(b""));
    talk.server(&welcome());
    assert!(!talk.parser.is_encrypted());
    select(&mut talk);
}

#[test]
fn encryption_is_agreed_on() {
    for (request, answer) in [(SSL_REQUEST, b"S"), (GSSENC_REQUEST, b"G")] {
        let mut talk = Talk::new(true);
        talk.client(&request);
        assert!(!talk.parser.is_encrypted());
        talk.server(answer);
        assert!(talk.parser.is_encrypted());
        talk.client(&query("SELECT 1"));
        talk.push(TO_CLIENT, b"\x16\x03\x03", 500);
        talk.expect(&[]);
    }
}

#[test]
fn encryption_whose_answer_was_not_seen() {
    let mut talk = Talk::new(true);
    talk.client(&SSL_REQUEST);
    talk.client(b"\x16\x03\x01\x02\x00\x01");
    assert!(talk.parser.is_encrypted());
}

#[test]
fn a_server_that_knows_nothing_of_encryption() {
    let mut talk = Talk::new(true);
    talk.client(&SSL_REQUEST);
    talk.server(&error("08P01"));
    talk.expect(&[]);
    assert_eq!(talk.parser.resynchronised(), 0);
}

#[test]
fn a_cancel_request_is_no_exchange() {
    let mut talk = Talk::new(true);
    talk.client(&CANCEL_REQUEST);
    talk.client(&query("SELECT 1"));
    talk.expect(&[]);
}

#[test]
fn other_protocols_are_refused_once_and_for_all() {
    let version_2 = [0, 0, 0, 9, 0, 2, 0, 0, 0];
    for bytes in [b"GET / HTTP/1.1\r\n".as_slice(), b"\x16\x03\x01\x02\x00\x01", &version_2] {
        let mut parser = Postgres::new(true);
        let mut events = Vec::new();
        parser.push(TO_SERVER, Piece { bytes, missing: 0, stamp: 0 }, &mut events).unwrap_err();
        parser.push(TO_SERVER, Piece { bytes: &startup_packet(b""), missing: 0, stamp: 0 }, &mut events).unwrap();
        parser.push(TO_SERVER, Piece { bytes: &query("SELECT 1"), missing: 0, stamp: 0 }, &mut events).unwrap();
        assert_eq!(events, []);
    }
}

#[test]
fn startup_packets_are_told_by_their_first_bytes() {
    let packet = startup_packet(b"");
    for known in [packet.as_slice(), &SSL_REQUEST, &GSSENC_REQUEST, &CANCEL_REQUEST, &packet[..8]] {
        assert_eq!(looks_like_startup(known), Some(true), "{known:?}");
        for few in 0..8 {
            assert_eq!(looks_like_startup(&known[..few]), None);
        }
    }
    let settings = [0, 0, 18, 4, 0, 0, 0, 0, 0, 0, 3];
    for other in [b"GET / HTTP/1.1\r\n".as_slice(), b"PRI * HTTP/2.0", b"P", &settings, &query("SELECT 1"), &[0, 1]] {
        assert_eq!(looks_like_startup(other), Some(false), "{other:?}");
    }
    // A length that cannot be, a version that is not.
    assert_eq!(looks_like_startup(&[0, 0, 0x40, 0, 0, 3, 0, 0]), Some(false));
    assert_eq!(looks_like_startup(&[0, 0, 0, 9, 0, 2, 0, 0]), Some(false));
    assert_eq!(looks_like_startup(&[0, 0, 0, 20, 0, 3, 0, 0, 7]), Some(false));
}
