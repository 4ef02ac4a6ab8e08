//! The agent on programs that it was not tuned on, held against what they wrote down themselves.
//!
//! `programs/` holds them: `harbour`, plain axum, hyper, reqwest, tonic and tokio-postgres in two sets of versions; `quay` of
//! Python's and `jetty` of Go's standard library. `build` builds them, `matrix` runs the agent on all of them.
//!
//! Layout: `built` knows where they are; `process` runs one; `load` asks them; `session` does all of that with the agent
//! beside it; `judged` makes figures of it.

#![cfg(target_os = "linux")]

pub mod built;
pub mod judged;
mod load;
mod process;
pub mod session;
