//! The service as its callers see it, over real sockets.
//!
//! * `payments`: each call and each way it can end.
//! * `races`: calls that meet, callers that give up, processes that end.
//! * `secrets`: what is kept of a card.
//! * `support`: a service on a port of its own, beside a user service that knows one user.

#![expect(clippy::unwrap_used, reason = "a test may panic, and so may what it is built of")]

mod payments;
mod races;
mod secrets;
mod support;
