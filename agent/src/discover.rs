//! Which processes are watched, and where their probes go.
//!
//! Layout: `rules` says who is wanted, and `config` reads them from a file; `census` keeps count of who lives; `processes`
//! looks at one, `listeners` for whoever listens on a port; `executables` reads each program once, by `elf`, `symbols` and `code`,
//! and, where it has no symbols, `waker`.

mod census;
mod code;
mod config;
mod elf;
mod executables;
mod listeners;
mod processes;
mod rules;
mod symbols;
mod waker;

pub use census::{Census, Changes, Life};
pub use config::ConfigError;
pub use elf::{Probes, ReadError, Spawns, probes};
pub use executables::Executables;
pub use listeners::Listeners;
pub use processes::{Found, Program, alive, life, look};
pub use rules::{Glob, Rule, Rules, Select};
