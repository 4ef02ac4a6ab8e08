//! What sqlx 0.9 sends (`connection/executor.rs`, `connection/mod.rs`, `transaction.rs`, `copy.rs` of sqlx-postgres), and
//! PostgreSQL's answers to it.

use super::*;

const BOOKS: &str = "SELECT title FROM books WHERE id = $1";

/// The first time: a round of Parse, Describe, Sync.
fn prepare(name: &str, text: &str) -> Vec<u8> {
    [parse(name, text), describe(b'S', name), sync()].concat()
}

fn prepared() -> Vec<u8> {
    [parse_complete(), parameter_description(), row_description(), ready()].concat()
}

/// Each time.
fn run(name: &str, value: &[u8]) -> Vec<u8> {
    [bind("", name, value), execute("", 0), close(b'P', ""), sync()].concat()
}

fn ran(rows: usize) -> Vec<u8> {
    let rows_of_data = data_row(b"a title").repeat(rows);
    [bind_complete(), rows_of_data, complete(&format!("SELECT {rows}")), close_complete(), ready()].concat()
}

#[test]
fn a_statement_is_prepared_once_and_run_twice() {
    let mut talk = Talk::ready();
    talk.client(&prepare("sqlx_s_1", BOOKS));
    talk.server(&prepared());
    talk.expect(&[]);
    for (exchange, stamp) in [(0, 2), (1, 4)] {
        talk.client(&run("sqlx_s_1", b"\0\0\0\x07"));
        talk.expect(&[extended(exchange, Some(BOOKS), (stamp, 0))]);
        talk.server(&ran(2));
        // BindComplete, two rows of 18 bytes, CommandComplete of 14.
        talk.expect(&[response(exchange, (stamp + 1, 5)), end(exchange, Some(2), (stamp + 1, 55))]);
    }
    assert_eq!(talk.parser.resynchronised(), 0);
}

#[test]
fn a_statement_that_does_not_parse_is_a_failed_statement() {
    let mut talk = Talk::ready();
    talk.client(&prepare("sqlx_s_1", "SELEC 1"));
    talk.expect(&[]);
    talk.server(&[error("42601"), ready()].concat());
    let failed = error("42601").len();
    talk.expect(&[extended(0, Some("SELEC 1"), (0, 0)), response(0, (1, 0)), failure(0, "42601", (1, failed))]);
    // And the connection goes on.
    talk.client(&prepare("sqlx_s_2", BOOKS));
    talk.server(&prepared());
    talk.client(&run("sqlx_s_2", b"7"));
    talk.server(&ran(0));
    talk.expect(&[extended(1, Some(BOOKS), (4, 0)), response(1, (5, 5)), end(1, Some(0), (5, 19))]);
    assert_eq!(talk.parser.resynchronised(), 0);
}

#[test]
fn a_statement_that_fails_when_it_runs() {
    let mut talk = Talk::ready();
    talk.client(&prepare("sqlx_s_1", "INSERT INTO t VALUES ($1)"));
    talk.server(&[parse_complete(), parameter_description(), no_data(), ready()].concat());
    talk.client(&run("sqlx_s_1", b"7"));
    talk.server(&[bind_complete(), error("23505"), ready()].concat());
    talk.expect(&[
        extended(0, Some("INSERT INTO t VALUES ($1)"), (2, 0)),
        response(0, (3, 5)),
        failure(0, "23505", (3, 5 + error("23505").len())),
    ]);
    talk.client(&run("sqlx_s_1", b"8"));
    talk.server(&[bind_complete(), complete("INSERT 0 1"), close_complete(), ready()].concat());
    talk.expect(&[extended(1, Some("INSERT INTO t VALUES ($1)"), (4, 0)), response(1, (5, 5)), end(1, None, (5, 21))]);
}

#[test]
fn a_value_that_cannot_be_bound() {
    let mut talk = Talk::ready();
    talk.client(&prepare("sqlx_s_1", BOOKS));
    talk.server(&prepared());
    talk.client(&run("sqlx_s_1", b"7"));
    talk.server(&[error("22P03"), ready()].concat());
    let failed = error("22P03").len();
    talk.expect(&[extended(0, Some(BOOKS), (2, 0)), response(0, (3, 0)), failure(0, "22P03", (3, failed))]);
}

#[test]
fn a_transaction() {
    let mut talk = Talk::ready();
    talk.client(&query("BEGIN"));
    talk.server(&[complete("BEGIN"), message(b'Z', &[b"T"])].concat());
    talk.expect(&[simple(0, "BEGIN", (0, 0)), response(0, (1, 0)), end(0, None, (1, 11))]);
    talk.client(&query("COMMIT"));
    talk.server(&[complete("COMMIT"), ready()].concat());
    talk.expect(&[simple(1, "COMMIT", (2, 0)), response(1, (3, 0)), end(1, None, (3, 12))]);
}

#[test]
fn a_commit_that_fails() {
    let mut talk = Talk::ready();
    talk.client(&query("COMMIT"));
    talk.server(&[error("23503"), ready()].concat());
    let failed = error("23503").len();
    talk.expect(&[simple(0, "COMMIT", (0, 0)), response(0, (1, 0)), failure(0, "23503", (1, failed))]);
}

#[test]
fn a_rollback_that_waited_in_the_buffer_goes_with_a_ping() {
    // A transaction was dropped, and its connection goes back to the pool.
    let mut talk = Talk::ready();
    talk.client(&[query("ROLLBACK"), sync()].concat());
    talk.server(&[complete("ROLLBACK"), ready(), ready()].concat());
    talk.expect(&[simple(0, "ROLLBACK", (0, 0)), response(0, (1, 0)), end(0, None, (1, 14))]);
    assert_eq!(talk.parser.resynchronised(), 0);
}

#[test]
fn a_ping_and_a_close_are_no_statements() {
    let mut talk = Talk::ready();
    talk.client(&sync());
    talk.server(&ready());
    talk.client(&[close(b'S', "sqlx_s_1"), sync()].concat());
    talk.server(&[close_complete(), ready()].concat());
    talk.client(&message(b'X', &[]));
    talk.expect(&[]);
    assert_eq!(talk.parser.resynchronised(), 0);
}

#[test]
fn a_closed_statement_is_forgotten() {
    let mut talk = Talk::ready();
    talk.client(&prepare("sqlx_s_1", BOOKS));
    talk.server(&prepared());
    talk.client(&[close(b'S', "sqlx_s_1"), sync()].concat());
    talk.server(&[close_complete(), ready()].concat());
    talk.client(&run("sqlx_s_1", b"7"));
    talk.server(&[error("26000"), ready()].concat());
    let failed = error("26000").len();
    talk.expect(&[extended(0, None, (4, 0)), response(0, (5, 0)), failure(0, "26000", (5, failed))]);
}

#[test]
fn a_query_whose_rows_nobody_waits_for() {
    // fetch_one drops the stream after a row; the rest is read before the next statement is sent, or after.
    let mut talk = Talk::ready();
    talk.client(&prepare("sqlx_s_1", BOOKS));
    talk.server(&prepared());
    let answer = ran(3);
    let (read, unread) = answer.split_at(23);
    talk.client(&run("sqlx_s_1", b"7"));
    talk.server(read);
    talk.client(&run("sqlx_s_1", b"8"));
    talk.server(unread);
    talk.server(&ran(1));
    talk.expect(&[
        extended(0, Some(BOOKS), (2, 0)),
        response(0, (3, 5)),
        extended(1, Some(BOOKS), (4, 0)),
        end(0, Some(3), (5, 5 + 3 * 18 + 14 - 23)),
        response(1, (6, 5)),
        end(1, Some(1), (6, 37)),
    ]);
}

#[test]
fn copy_in_and_out() {
    let mut talk = Talk::ready();
    let text = "COPY books FROM STDIN";
    talk.client(&query(text));
    talk.server(&message(b'G', &[&[0, 0, 1, 0, 0]]));
    talk.client(&message(b'd', &[b"1\tone\n"]));
    talk.client(&[message(b'd', &[b"2\ttwo\n"]), message(b'c', &[])].concat());
    talk.server(&[complete("COPY 2"), ready()].concat());
    talk.expect(&[simple(0, text, (0, 0)), response(0, (1, 0)), end(0, None, (4, 12))]);

    let text = "COPY books TO STDOUT";
    talk.client(&query(text));
    talk.server(&[message(b'H', &[&[0, 0, 1, 0, 0]]), message(b'd', &[b"1\tone\n"])].concat());
    talk.server(&[message(b'c', &[]), complete("COPY 1"), ready()].concat());
    talk.expect(&[simple(1, text, (5, 0)), response(1, (6, 0)), end(1, None, (7, 17))]);

    let text = "COPY books FROM STDIN";
    talk.client(&query(text));
    talk.server(&message(b'G', &[&[0, 0, 1, 0, 0]]));
    talk.client(&message(b'f', &[b"no more\0"]));
    talk.server(&[error("57014"), ready()].concat());
    talk.expect(&[simple(2, text, (8, 0)), response(2, (9, 0)), failure(2, "57014", (11, error("57014").len()))]);
    assert_eq!(talk.parser.resynchronised(), 0);
}
