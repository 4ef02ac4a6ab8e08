//! Traces of unmodified services, from outside: an eBPF agent.
//!
//! Data flows one way: [`discover`] (processes, binaries, symbols) → [`kernel`] (load, attach, ring buffer) → [`order`] →
//! [`wire`] (connections, protocol parsers) → [`trace`] (tasks, links, spans of one machine) → [`assemble`] (spans whose
//! ends match become one trace) → [`otlp`] → [`export`]. Everything after [`kernel`] is pure, and brought together by
//! [`pipeline`]; what goes into it can be recorded and replayed ([`recording`]). [`run`] keeps all of it going, and [`cli`]
//! is its command line.

pub mod assemble;
pub mod calibrate;
#[cfg(target_os = "linux")]
pub mod cli;
#[cfg(target_os = "linux")]
pub mod discover;
pub mod event;
pub mod export;
#[cfg(target_os = "linux")]
pub mod kernel;
pub mod metrics;
pub mod noise;
pub mod order;
pub mod otlp;
pub mod pipeline;
#[cfg(target_os = "linux")]
pub mod preflight;
mod priority;
pub mod recording;
mod redaction;
mod routes;
#[cfg(target_os = "linux")]
pub mod run;
pub mod trace;
pub mod wire;
