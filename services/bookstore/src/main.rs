//! The one binary: the launcher, and each service, by its first argument.

use std::process::ExitCode;

fn main() -> ExitCode {
    bookstore::main()
}
