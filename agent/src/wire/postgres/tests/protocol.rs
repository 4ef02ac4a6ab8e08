//! What other clients do, and rare things.

use super::super::messages::{TEXT_LIMIT, rows, sql_state, text};
use super::super::replies::LIMIT;
use super::super::session::{PORTALS, STATEMENTS};
use super::*;

fn step(portal: &str, statement: &str) -> Vec<u8> {
    [bind(portal, statement, b"v"), execute(portal, 0)].concat()
}

#[test]
fn one_round_with_unnamed_statement_and_portal() {
    // As JDBC does it. The answer begins with the rows' description, which Describe asked for.
    let mut talk = Talk::ready();
    let asked = [parse("", "SELECT $1"), bind("", "", b"v"), describe(b'P', ""), execute("", 0), sync()].concat();
    talk.client(&asked);
    talk.server(&[parse_complete(), bind_complete(), row_description(), data_row(b"v")].concat());
    talk.server(&[complete("SELECT 1"), ready()].concat());
    talk.expect(&[extended(0, Some("SELECT $1"), (0, 0)), response(0, (1, 10)), end(0, Some(1), (2, 14))]);
    assert_eq!(talk.parser.resynchronised(), 0);
}

#[test]
fn a_pipeline_pairs_in_order() {
    let mut talk = Talk::ready();
    let first = [parse("a", "SELECT a"), step("", "a")].concat();
    let second = [parse("b", "DELETE b"), step("p", "b")].concat();
    talk.client(&[first.as_slice(), &second, &step("", "a"), &sync()].concat());
    talk.client(&[query("SELECT 1; SELECT 2"), step("p", "b"), sync()].concat());
    let third = first.len() + second.len();
    talk.expect(&[
        extended(0, Some("SELECT a"), (0, 0)),
        extended(1, Some("DELETE b"), (0, first.len())),
        extended(2, Some("SELECT a"), (0, third)),
        simple(3, "SELECT 1; SELECT 2", (1, 0)),
        extended(4, Some("DELETE b"), (1, query("SELECT 1; SELECT 2").len())),
    ]);
    let done = |tag: &str| [bind_complete(), complete(tag)].concat();
    talk.server(&[parse_complete(), done("SELECT 1"), parse_complete(), done("DELETE 2")].concat());
    talk.server(&[done("SELECT 3"), ready()].concat());
    talk.expect(&[
        response(0, (2, 10)),
        end(0, Some(1), (2, 24)),
        response(1, (2, 34)),
        end(1, None, (2, 48)),
        response(2, (3, 5)),
        end(2, Some(3), (3, 19)),
    ]);
    let one = [row_description(), data_row(b"1"), complete("SELECT 1")].concat();
    talk.server(&[one.as_slice(), &one].concat());
    talk.expect(&[response(3, (4, 0))]);
    talk.server(&[ready(), done("DELETE 0"), ready()].concat());
    talk.expect(&[end(3, Some(2), (4, 2 * one.len())), response(4, (5, 11)), end(4, None, (5, 25))]);
    assert_eq!(talk.parser.resynchronised(), 0);
}

#[test]
fn after_an_error_nothing_runs_up_to_the_next_sync() {
    let mut talk = Talk::ready();
    let first = [parse("a", "UPDATE a"), step("", "a")].concat();
    talk.client(&[first.as_slice(), &step("", "a"), &step("", "a"), &sync(), &step("", "a"), &sync()].concat());
    let at = |runs: usize| first.len() + runs * step("", "a").len();
    talk.expect(&[
        extended(0, Some("UPDATE a"), (0, 0)),
        extended(1, Some("UPDATE a"), (0, at(0))),
        extended(2, Some("UPDATE a"), (0, at(1))),
        extended(3, Some("UPDATE a"), (0, at(2) + 5)),
    ]);
    let failed = [parse_complete(), bind_complete(), error("40001")].concat();
    talk.server(&[failed.as_slice(), &ready(), &bind_complete(), &complete("UPDATE 1"), &ready()].concat());
    let after = failed.len();
    talk.expect(&[
        response(0, (1, 10)),
        failure(0, "40001", (1, after)),
        end(1, None, (1, after)),
        end(2, None, (1, after)),
        response(3, (1, after + 11)),
        end(3, None, (1, after + 25)),
    ]);
}

#[test]
fn what_comes_after_an_error_that_is_known_makes_no_exchange() {
    let mut talk = Talk::ready();
    talk.client(&[parse("a", "SELEC"), message(b'H', &[])].concat());
    talk.server(&error("42601"));
    let failed = error("42601").len();
    talk.expect(&[extended(0, Some("SELEC"), (0, 0)), response(0, (1, 0)), failure(0, "42601", (1, failed))]);
    talk.client(&[step("", "a"), query("SELECT 1"), sync()].concat());
    talk.expect(&[]);
    talk.server(&ready());
    talk.client(&query("SELECT 1"));
    talk.server(&[complete("SELECT 1"), ready()].concat());
    talk.expect(&[simple(1, "SELECT 1", (4, 0)), response(1, (5, 0)), end(1, Some(1), (5, 14))]);
}

#[test]
fn an_error_at_parse_belongs_to_the_execution_that_is_there() {
    let mut talk = Talk::ready();
    talk.client(&[parse("", "SELEC"), bind("", "", b"v"), describe(b'P', ""), execute("", 0), sync()].concat());
    talk.server(&[error("42601"), ready()].concat());
    let failed = error("42601").len();
    talk.expect(&[extended(0, Some("SELEC"), (0, 0)), response(0, (1, 0)), failure(0, "42601", (1, failed))]);
}

#[test]
fn the_second_of_two_that_are_prepared_fails() {
    let mut talk = Talk::ready();
    talk.client(&[parse("a", "SELECT 1"), parse("b", "SELEC"), sync()].concat());
    talk.server(&[parse_complete(), error("42601"), ready()].concat());
    let failed = 5 + error("42601").len();
    talk.expect(&[
        extended(0, Some("SELEC"), (0, parse("a", "SELECT 1").len())),
        response(0, (1, 5)),
        failure(0, "42601", (1, failed)),
    ]);
}

#[test]
fn an_error_in_the_middle_of_a_query_ends_it() {
    let mut talk = Talk::ready();
    talk.client(&query("INSERT; SELECT 1/0"));
    talk.server(&[complete("INSERT 0 1"), row_description(), error("22012")].concat());
    let failed = complete("INSERT 0 1").len() + row_description().len() + error("22012").len();
    talk.expect(&[simple(0, "INSERT; SELECT 1/0", (0, 0)), response(0, (1, 0)), failure(0, "22012", (1, failed))]);
    talk.server(&ready());
    talk.client(&query(""));
    talk.server(&[message(b'I', &[]), ready()].concat());
    talk.expect(&[simple(1, "", (3, 0)), response(1, (4, 0)), end(1, None, (4, 5))]);
}

#[test]
fn a_portal_that_is_read_in_steps() {
    let mut talk = Talk::ready();
    talk.client(&[parse("", "SELECT n"), bind("c", "", b"v"), execute("c", 1), message(b'H', &[])].concat());
    talk.server(&[parse_complete(), bind_complete(), data_row(b"1"), message(b's', &[])].concat());
    talk.client(&[execute("c", 0), sync()].concat());
    talk.server(&[complete("SELECT 0"), ready()].concat());
    talk.expect(&[
        extended(0, Some("SELECT n"), (0, 0)),
        response(0, (1, 10)),
        end(0, None, (1, 27)),
        extended(1, Some("SELECT n"), (2, 0)),
        response(1, (3, 0)),
        end(1, Some(0), (3, 14)),
    ]);
}

#[test]
fn what_the_server_says_of_itself_is_passed_over_anywhere() {
    let mut talk = Talk::ready();
    let notice = message(b'N', &[b"SNOTICE\0C00000\0Mhm\0\0"]);
    let status = message(b'S', &[b"TimeZone\0UTC\0"]);
    let notification = message(b'A', &[&[0, 0, 0, 1], b"channel\0payload\0"]);
    let aside = [notice, status, notification].concat();
    talk.server(&aside);
    talk.client(&query("SELECT 1"));
    talk.server(&[aside.as_slice(), &row_description(), &aside, &data_row(b"1"), &complete("SELECT 1")].concat());
    talk.server(&[aside.as_slice(), &ready(), &aside].concat());
    let rows = row_description().len() + data_row(b"1").len() + complete("SELECT 1").len();
    let ended = end(0, Some(1), (2, 2 * aside.len() + rows));
    talk.expect(&[simple(0, "SELECT 1", (1, 0)), response(0, (2, aside.len())), ended]);
    assert_eq!(talk.parser.resynchronised(), 0);
}

#[test]
fn a_function_call_is_no_exchange() {
    let mut talk = Talk::ready();
    talk.client(&message(b'F', &[&[0, 0, 3, 0xb9, 0, 0, 0, 0, 0, 0]]));
    talk.server(&[message(b'V', &[&[0, 0, 0, 1], b"x"]), ready()].concat());
    talk.client(&message(b'F', &[&[0, 0, 3, 0xb9, 0, 0, 0, 0, 0, 0]]));
    talk.server(&[error("42883"), ready()].concat());
    talk.expect(&[]);
    assert_eq!(talk.parser.resynchronised(), 0);
}

#[test]
fn a_sync_in_the_middle_of_a_copy_is_not_answered() {
    let mut talk = Talk::ready();
    // Sent before the client knew that it is a COPY, as libpq does; and once more behind the data.
    talk.client(&[parse("", "COPY t FROM STDIN"), step("", ""), sync()].concat());
    talk.server(&[parse_complete(), bind_complete(), message(b'G', &[&[0, 0, 0]])].concat());
    talk.client(&[message(b'd', &[b"1\n"]), sync(), message(b'c', &[]), sync()].concat());
    talk.server(&[complete("COPY 1"), ready()].concat());
    talk.expect(&[extended(0, Some("COPY t FROM STDIN"), (0, 0)), response(0, (1, 10)), end(0, None, (3, 12))]);
    talk.client(&query("SELECT 1"));
    talk.server(&[complete("SELECT 1"), ready()].concat());
    talk.expect(&[simple(1, "SELECT 1", (4, 0)), response(1, (5, 0)), end(1, Some(1), (5, 14))]);
    assert_eq!(talk.parser.resynchronised(), 0);
}

#[test]
fn a_copy_that_fails_before_the_client_is_done() {
    let mut talk = Talk::ready();
    talk.client(&[parse("", "COPY t FROM STDIN"), step("", ""), message(b'H', &[])].concat());
    talk.server(&[parse_complete(), bind_complete(), message(b'G', &[&[0, 0, 0]])].concat());
    talk.client(&message(b'd', &[b"x\n"]));
    talk.server(&error("22P02"));
    talk.client(&[message(b'd', &[b"2\n"]), message(b'c', &[]), sync()].concat());
    talk.server(&ready());
    let failed = failure(0, "22P02", (3, error("22P02").len()));
    talk.expect(&[extended(0, Some("COPY t FROM STDIN"), (0, 0)), response(0, (1, 10)), failed]);
    talk.client(&query("SELECT 1"));
    talk.server(&[complete("SELECT 1"), ready()].concat());
    talk.expect(&[simple(1, "SELECT 1", (6, 0)), response(1, (7, 0)), end(1, Some(1), (7, 14))]);
}

#[test]
fn long_values_and_texts_are_not_kept() {
    let mut talk = Talk::ready();
    let long = format!("SELECT $1, {}'", "ü".repeat(TEXT_LIMIT));
    let kept = &long[..TEXT_LIMIT - 1];
    talk.client(&[parse("a", &long), sync()].concat());
    talk.server(&[parse_complete(), ready()].concat());
    let bytes = [bind("", "a", &[7; 100_000]), execute("", 0), sync()].concat();
    for part in bytes.chunks(997) {
        talk.client(part);
    }
    talk.expect(&[extended(0, Some(kept), (2, 0))]);
    talk.server(&[bind_complete(), data_row(&[7; 50_000])].concat());
    talk.server(&[complete("SELECT 1"), ready()].concat());
    let stamp = 2 + bytes.len().div_ceil(997);
    talk.expect(&[response(0, (stamp, 5)), end(0, Some(1), (stamp + 1, 14))]);
    talk.client(&query(&long));
    talk.expect(&[simple(1, kept, (stamp + 2, 0))]);
}

#[test]
fn fields() {
    assert_eq!(text("a\u{fc}\0".as_bytes()), ("a\u{fc}".to_owned(), false));
    assert_eq!(text(b"a\xc3"), ("a".to_owned(), true), "a character that is cut");
    assert_eq!(text(b"a\xc3\0"), ("a\u{fffd}".to_owned(), false), "a character that is wrong");
    let (long, cut) = text(&[0xff; 2 * TEXT_LIMIT]);
    assert_eq!((long.len(), cut), (TEXT_LIMIT - TEXT_LIMIT % 3, true));
    assert_eq!(sql_state(b"SERROR\0C42601\0\0"), "42601");
    assert_eq!(sql_state(b"SERROR\0C426"), "");
    assert_eq!(sql_state(b""), "");
    for (tag, count) in [
        ("SELECT 5", Some(5)),
        ("SELECT 18446744073709551615", Some(u64::MAX)),
        ("FETCH 1", Some(1)),
        ("INSERT 0 5", None),
        ("MERGE 3", None),
        ("CREATE TABLE", None),
        ("SELECT", None),
        ("SELECT -1", None),
        ("LISTEN 7", None),
    ] {
        assert_eq!(rows(&[tag.as_bytes(), &[0]].concat()), count, "{tag}");
    }
}

#[test]
fn what_is_remembered_is_bounded() {
    let mut talk = Talk::ready();
    for number in 0..STATEMENTS + 10 {
        talk.client(&[parse(&format!("s{number}"), "SELECT 1"), sync()].concat());
        talk.server(&[parse_complete(), ready()].concat());
    }
    for number in 0..PORTALS + 10 {
        talk.client(&[bind(&format!("p{number}"), "s4000", b"v"), sync()].concat());
        talk.server(&[bind_complete(), ready()].concat());
    }
    let session = &talk.parser.session;
    assert_eq!((session.statements.len(), session.portals.len()), (STATEMENTS, PORTALS));
    assert_eq!(talk.parser.resynchronised(), 0);
}

#[test]
fn a_server_that_is_never_heard_is_given_up() {
    let mut talk = Talk::ready();
    let many = sync().repeat(1024);
    for _ in 0..LIMIT / 1024 {
        talk.client(&many);
    }
    assert_eq!(talk.parser.resynchronised(), 0);
    talk.client(&sync());
    assert_eq!(talk.parser.resynchronised(), 1);
}
