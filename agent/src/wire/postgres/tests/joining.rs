//! Connections that are older than the agent, and bytes that nobody saw.

use super::super::looks_like_messages;
use super::*;

fn run() -> Vec<u8> {
    [bind("", "sqlx_s_1", b"7"), execute("", 0), close(b'P', ""), sync()].concat()
}

fn ran() -> Vec<u8> {
    [bind_complete(), data_row(b"a"), complete("SELECT 1"), close_complete(), ready()].concat()
}

#[test]
fn an_idle_connection_is_joined_at_its_next_request() {
    let mut talk = Talk::new(false);
    talk.client(&run());
    talk.server(&ran());
    talk.expect(&[extended(0, None, (0, 0)), response(0, (1, 5)), end(0, Some(1), (1, 31))]);
    // What is prepared from now on is known.
    talk.client(&[parse("sqlx_s_1", "SELECT 1"), sync()].concat());
    talk.server(&[parse_complete(), ready()].concat());
    talk.client(&run());
    talk.server(&ran());
    talk.expect(&[extended(1, Some("SELECT 1"), (4, 0)), response(1, (5, 5)), end(1, Some(1), (5, 31))]);
    assert_eq!(talk.parser.resynchronised(), 0);
}

#[test]
fn an_answer_to_what_was_not_seen_is_waited_out() {
    let mut talk = Talk::new(false);
    talk.server(&[data_row(b"a"), data_row(b"b")].concat());
    // The client is ahead: it is not known how far.
    talk.client(&[parse("sqlx_s_1", "SELECT 1"), run()].concat());
    talk.server(&[complete("SELECT 2"), ready(), parse_complete()].concat());
    talk.client(&query("SELECT 3"));
    talk.server(&ran());
    talk.expect(&[]);
    talk.client(&run());
    talk.server(&ran());
    talk.expect(&[extended(0, Some("SELECT 1"), (5, 0)), response(0, (6, 5)), end(0, Some(1), (6, 31))]);
    assert_eq!(talk.parser.resynchronised(), 0);
}

#[test]
fn the_middle_of_a_message_is_not_read() {
    let mut talk = Talk::new(false);
    talk.client(&[7; 100]);
    talk.client(&run());
    talk.server(b" of a long value");
    talk.server(&ran());
    talk.expect(&[]);
    talk.client(&run());
    talk.server(&ran());
    talk.expect(&[extended(0, None, (4, 0)), response(0, (5, 5)), end(0, Some(1), (5, 31))]);
}

#[test]
fn what_is_missing_of_a_value_is_skipped() {
    let mut talk = Talk::ready();
    let asked = query(&"x".repeat(100));
    talk.push(TO_SERVER, &asked[..50], asked.len() - 50);
    let row = data_row(&[b'v'; 1000]);
    talk.push(TO_CLIENT, &row[..100], 400);
    talk.push(TO_CLIENT, &row[500..700], row.len() - 700);
    talk.push(TO_CLIENT, &[complete("SELECT 1"), ready()].concat(), 0);
    talk.expect(&[simple(0, &"x".repeat(45), (0, 0)), response(0, (1, 0)), end(0, Some(1), (3, 14))]);
    // The end of what ended in a hole.
    let asked = bind("", "a", &[7; 100]);
    talk.push(TO_SERVER, &asked[..30], asked.len() - 30);
    talk.client(&[execute("", 0), sync()].concat());
    talk.server(&bind_complete());
    let failed = error("22P02");
    talk.push(TO_CLIENT, &failed[..30], failed.len() - 30);
    talk.server(&ready());
    talk.expect(&[extended(1, None, (4, 0)), response(1, (7, 0)), failure(1, "22P02", (7, failed.len()))]);
    assert_eq!(talk.parser.resynchronised(), 0);
}

#[test]
fn text_after_a_hole_is_not_joined_to_text_before_it() {
    let mut talk = Talk::ready();
    let asked = query("SELECT 'before', 'after'");
    talk.push(TO_SERVER, &asked[..12], 8);
    talk.client(&asked[20..]);
    talk.expect(&[simple(0, "SELECT ", (0, 0))]);
}

#[test]
fn a_lost_answer_is_given_up() {
    let mut talk = Talk::ready();
    talk.client(&run());
    talk.push(TO_CLIENT, &ran()[..20], ran().len() - 20);
    talk.expect(&[extended(0, None, (0, 0)), response(0, (1, 5))]);
    assert_eq!(talk.parser.resynchronised(), 1);
    // The server may owe the end of it, so that the next answer is waited for.
    talk.client(&run());
    talk.server(&ran());
    talk.expect(&[]);
    talk.client(&run());
    talk.server(&ran());
    talk.expect(&[extended(1, None, (4, 0)), response(1, (5, 5)), end(1, Some(1), (5, 31))]);
    assert_eq!(talk.parser.resynchronised(), 1);
}

#[test]
fn a_lost_request_is_given_up() {
    let mut talk = Talk::ready();
    talk.client(&[parse("", "SELECT 1"), parse("sqlx_s_1", "SELECT 2"), sync()].concat());
    talk.server(&[parse_complete(), parse_complete(), ready()].concat());
    talk.push(TO_SERVER, &run()[..3], run().len() - 3);
    talk.server(&ran());
    talk.client(&[run(), bind("", "", b"v"), execute("", 0), sync()].concat());
    talk.server(&[ran(), bind_complete(), complete("SELECT 0"), ready()].concat());
    // The unnamed statement may be another one now.
    talk.expect(&[
        extended(0, Some("SELECT 2"), (4, 0)),
        extended(1, None, (4, run().len())),
        response(0, (5, 5)),
        end(0, Some(1), (5, 31)),
        response(1, (5, 47)),
        end(1, Some(0), (5, 61)),
    ]);
    assert_eq!(talk.parser.resynchronised(), 1);
}

#[test]
fn an_answer_that_does_not_fit_gives_up() {
    for wrong in [bind_complete(), no_data(), message(b's', &[])] {
        let mut talk = Talk::ready();
        talk.client(&query("SELECT 1"));
        talk.server(&wrong);
        talk.server(&ready());
        talk.client(&query("SELECT 2"));
        talk.server(&[complete("SELECT 1"), ready()].concat());
        talk.expect(&[
            simple(0, "SELECT 1", (0, 0)),
            simple(1, "SELECT 2", (3, 0)),
            response(1, (4, 0)),
            end(1, Some(1), (4, 14)),
        ]);
        assert_eq!(talk.parser.resynchronised(), 1);
    }
}

#[test]
fn no_message_at_all_gives_up() {
    let mut talk = Talk::ready();
    talk.client(b"?????");
    talk.server(&[7; 10]);
    talk.client(&run());
    talk.server(&ready());
    talk.client(&run());
    talk.server(&ran());
    talk.expect(&[extended(0, None, (4, 0)), response(0, (5, 5)), end(0, Some(1), (5, 31))]);
    assert_eq!(talk.parser.resynchronised(), 1);
}

#[test]
fn messages_are_told_wherever_they_are_cut() {
    let asked = [parse("s", "SELECT 'ü'"), describe(b'S', "s"), run(), query("BEGIN"), message(b'X', &[])].concat();
    let copied = [message(b'd', &[b"1\n"]), message(b'c', &[]), message(b'f', &[b"no\0"])].concat();
    let began = [parse_complete(), parameter_description(), row_description(), ready(), ran(), no_data()].concat();
    let others = [
        error("42601"),
        message(b'N', &[b"SNOTICE\0\0"]),
        message(b'A', &[&[0, 0, 0, 1], b"channel\0\0"]),
        message(b'S', &[b"TimeZone\0UTC\0"]),
        message(b'G', &[&[0, 0, 1, 0, 0]]),
        message(b'd', &[b"anything"]),
        message(b'D', &[&[0, 2], &[0xff; 4], &[0, 0, 0, 1], b"x"]),
        message(b'V', &[&[0xff; 4]]),
    ]
    .concat();
    for (direction, other, bytes) in [
        (TO_SERVER, TO_CLIENT, &asked),
        (TO_SERVER, TO_CLIENT, &copied),
        (TO_CLIENT, TO_SERVER, &began),
        (TO_CLIENT, TO_SERVER, &others),
    ] {
        assert!(looks_like_messages(bytes, direction));
        assert!(!looks_like_messages(bytes, other));
        let first = 11;
        for cut in first..bytes.len() {
            assert!(looks_like_messages(&bytes[..cut], direction), "{cut}");
        }
        for few in 0..5 {
            assert!(!looks_like_messages(&bytes[..few], direction));
        }
    }
}

#[test]
fn other_bytes_are_told_from_messages() {
    let settings = [0, 0, 18, 4, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 128, 0, 4, 0, 1, 0, 0, 0, 5];
    let others: [&[u8]; 15] = [
        b"",
        b"GET /books HTTP/1.1\r\nhost: a\r\n\r\n",
        b"POST / HTTP/1.1\r\n\r\n",
        b"PUT / HTTP/1.1\r\n\r\n",
        b"DELETE / HTTP/1.1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        &settings,
        b"\x16\x03\x01\x00\xf4\x01\x00\x00",
        b"PING\r\n",
        b"*1\r\n$4\r\nPING\r\n",
        // Lengths that are right for another content.
        b"Q\0\0\0\x08a\0b\0",
        b"Z\0\0\0\x05X",
        b"D\0\0\0\x08X\0\0\0",
        b"d\0\0\0\x80anything",
    ];
    for bytes in others {
        assert!(!looks_like_messages(bytes, TO_SERVER), "{bytes:?}");
        assert!(!looks_like_messages(bytes, TO_CLIENT), "{bytes:?}");
    }
}
