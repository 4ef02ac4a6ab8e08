//! Which processes are watched, and where their probes go.

mod code;
mod elf;
mod processes;
mod waker;

pub use elf::{Probes, ReadError, Spawns, probes};
pub use processes::{Found, Program, Rules, find};
