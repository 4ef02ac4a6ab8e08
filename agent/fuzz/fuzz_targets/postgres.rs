//! PostgreSQL, both directions of a connection, from its start and from later on.
#![no_main]

use bookstore_agent::wire::postgres::Postgres;
use bookstore_agent_fuzz::talk;

libfuzzer_sys::fuzz_target!(|file: &[u8]| {
    talk::check(file, || Postgres::new(true));
    talk::check_late(file, Postgres::new(false));
});
