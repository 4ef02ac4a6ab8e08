//! The service as its callers see it, over real sockets.
//!
//! * `routes`: each route and each way it can answer.
//! * `limits`: how often things may be tried, and how long they last.
//! * `secrets`: what is kept of passwords and tokens.
//! * `support`: a service on a port of its own, and somebody who calls it.

#![expect(clippy::unwrap_used, reason = "a test may panic, and so may what it is built of")]

mod limits;
mod routes;
mod secrets;
mod support;
