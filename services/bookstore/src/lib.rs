//! The launcher: starts the shop, checks it, shows it. `main.rs` is only its beginning.
//!
//! Layout:
//!
//! * `cli`: the command line.
//! * `up`, `check`, `verify`, `score`, `bench`, `healthcheck`: one module a command; `load` is the crate `bookstore_loadgen`.
//! * [`shop`]: a shop, started and ended as one; what `up`, `verify` and measurements stand on.
//! * [`service`]: its processes; [`database`]: where they keep what they know;
//!   `private_postgres`: a server of its own; `data_dir`: its files.
//! * `privileges`: root's rights, given up first; `outside`: what keeps them, the agent.
//! * `tour`: one purchase; `trace`: what compare has of it; `tree`: how that is drawn.
//! * [`expected`]: the calls that a purchase must leave in its traces.
//! * `terminal`: what is written to it.

pub mod database;
pub mod expected;
pub mod service;
pub mod shop;

#[cfg(target_os = "linux")]
mod bench;
mod check;
mod cli;
mod data_dir;
mod healthcheck;
#[cfg_attr(not(target_os = "linux"), path = "outside/elsewhere.rs")]
mod outside;
#[cfg(unix)]
mod private_postgres;
mod privileges;
mod score;
mod terminal;
mod tour;
mod trace;
mod tree;
mod up;
mod verify;

use std::process::ExitCode;
use std::time::Instant;

use anyhow::Context as _;
use clap::Parser as _;

pub use cli::Instrumentation;
use cli::{Cli, Command};

/// The program: reads the command line, does what it says.
#[must_use]
pub fn main() -> ExitCode {
    let started = Instant::now();
    // Started as root it is run by another name, which would show in `ps` and to whoever asks who holds a port.
    service::name_process("bookstore");
    let command = Cli::parse().into_command();
    if let Some(service) = command.service() {
        // It has written its failure to its log.
        return if service.run().is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    let outcome = match command {
        Command::Up(arguments) => up::run(&arguments, started),
        Command::Check(arguments) => check::run(&arguments).or_else(|error| {
            // Not the same as a shop that was found broken.
            terminal::note(format_args!("bookstore: {error:#}"));
            Ok(ExitCode::from(2))
        }),
        Command::Healthcheck { url } => healthcheck(&url),
        Command::Verify(arguments) => verify::run(&arguments),
        Command::Load(arguments) => bookstore_loadgen::cli::run(arguments),
        Command::Score(arguments) => score::run(&arguments),
        #[cfg(target_os = "linux")]
        Command::Agent(arguments) => bookstore_agent::cli::main(arguments),
        #[cfg(target_os = "linux")]
        Command::Bench(arguments) => bench::run(&arguments),
        // The services, which have run above.
        _ => Ok(ExitCode::SUCCESS),
    };
    outcome.unwrap_or_else(|error| {
        terminal::note(format_args!("bookstore: {error:#}"));
        ExitCode::FAILURE
    })
}

fn healthcheck(url: &str) -> anyhow::Result<ExitCode> {
    runtime()?.block_on(healthcheck::check(url))?;
    Ok(ExitCode::SUCCESS)
}

/// One thread, this one: the processes of a shop end with the thread that started them.
fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().context("the process cannot be set up")
}
