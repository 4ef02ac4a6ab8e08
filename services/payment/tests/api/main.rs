//! The service as its callers see it, over real sockets.
//!
//! * `payments`: each call and each way it can end.
//! * `races`: calls that meet, callers that give up, processes that end.
//! * `secrets`: what is kept of a card.
//! * `support`: a service on a port of its own, beside a user service that knows one user.

mod payments;
mod races;
mod secrets;
mod support;
