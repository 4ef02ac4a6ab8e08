//! `bookstore load` without the shop's launcher: `cargo run --release -p bookstore-loadgen --example load -- --help`.

use std::io::Write as _;
use std::process::ExitCode;

use bookstore_loadgen::cli::{self, Args};
use clap::Parser;

/// Sends customers to the shop, who browse, search and buy
#[derive(Parser)]
#[command(name = "load")]
struct Cli {
    #[command(flatten)]
    args: Args,
}

fn main() -> ExitCode {
    cli::run(Cli::parse().args).unwrap_or_else(|error| {
        let _ = writeln!(std::io::stderr(), "load: {error:#}");
        ExitCode::FAILURE
    })
}
