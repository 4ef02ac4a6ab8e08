//! HTTP/1, both directions of a connection.
#![no_main]

use bookstore_agent::wire::http1::Http1;
use bookstore_agent_fuzz::talk;

libfuzzer_sys::fuzz_target!(|file: &[u8]| talk::check(file, Http1::new));
