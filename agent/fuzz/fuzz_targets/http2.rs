//! HTTP/2 with HPACK, both directions of a connection, from its start and from later on.
#![no_main]

use bookstore_agent::wire::http2::Http2;
use bookstore_agent_fuzz::talk;

libfuzzer_sys::fuzz_target!(|file: &[u8]| {
    talk::check(file, || Http2::new(true));
    talk::check_late(file, Http2::new(false));
});
