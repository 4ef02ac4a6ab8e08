//! Traces of unmodified services, from outside: an eBPF agent.
//!
//! Data flows one way: [`discover`] (processes, binaries, symbols) → [`kernel`] (load, attach, ring buffer) → [`order`] →
//! [`wire`] (connections, protocol parsers) → [`trace`] (tasks, links, spans of one machine) → [`assemble`] (spans whose
//! ends match become one trace) → [`otlp`]. Everything after [`kernel`] is pure.

pub mod assemble;
pub mod calibrate;
#[cfg(target_os = "linux")]
pub mod discover;
pub mod event;
pub mod export;
#[cfg(target_os = "linux")]
pub mod kernel;
pub mod noise;
pub mod order;
pub mod otlp;
mod redaction;
mod routes;
#[cfg(target_os = "linux")]
pub mod run;
pub mod trace;
pub mod wire;
