//! What every service is built on.
//!
//! Layout, in the order in which a request meets it:
//!
//! * [`config`]: settings from strings, so that tests need no environment.
//! * [`process`]: a service as a process: listener, signals, telemetry, end.
//! * [`drain`]: the end of a service, within a deadline.
//! * [`server`]: one server for HTTP/1 and HTTP/2 (gRPC): limits, load shedding, deadlines, health.
//! * [`call`]: what a request carries from hop to hop: request id, hop, deadline.
//! * [`extract`]: axum's extractors, refusing with a problem.
//! * [`problem`]: errors over HTTP (RFC 9457).
//! * [`db`]: the database, SQLite or PostgreSQL; [`postgres`]: a private PostgreSQL of one's own.
//! * [`http_client`], [`grpc_client`]: calls to other services; [`retry`]: again, where that is safe.
//! * [`truth`]: in scoring runs, what really happened, to judge tracers by.
//! * [`time`]: the clock as databases keep it.
//! * `testing`: fresh databases for tests (feature `testing`).

pub mod call;
pub mod config;
pub mod db;
pub mod drain;
pub mod extract;
pub mod grpc_client;
pub mod http_client;
#[cfg(unix)]
pub mod postgres;
pub mod problem;
pub mod process;
pub mod retry;
pub mod server;
#[cfg(feature = "testing")]
pub mod testing;
pub mod time;
pub mod truth;

pub use call::Call;
pub use db::Db;
pub use drain::Drain;
pub use problem::Problem;
