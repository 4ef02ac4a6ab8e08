//! What the stories share.
#![allow(dead_code, clippy::allow_attributes, reason = "each story uses its part")]

use std::path::PathBuf;

use bookstore_harness::shop::Options;
use bookstore_runtime::postgres::Installation;
use bookstore_runtime::testing::skip;

/// The `bookstore` that was built for these tests.
pub(crate) fn executable() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_bookstore"))
}

/// What to give to `--database`, for each database that can be had.
pub(crate) fn databases() -> Vec<&'static str> {
    let mut found = vec!["sqlite"];
    match Installation::find() {
        Ok(_) => found.push("postgres"),
        Err(_) => {
            skip("the shop on PostgreSQL", "no initdb and postgres on this machine (Debian: apt install postgresql)")
        }
    }
    found
}

/// A shop on this database.
pub(crate) fn options(database: &str) -> Options {
    Options::new(executable()).args(&["--database", database])
}
