//! gRPC: [`ServerLayer`] for what tonic serves, [`ClientLayer`] around a tonic channel.

mod client;
mod server;
mod status;

pub use client::{ClientLayer, ClientService};
pub use server::{ServerLayer, ServerService};

use std::sync::Arc;

use tonic::Code;

use crate::series::Series;

/// `rpc.system.name`.
const SYSTEM: &str = "grpc";

/// A method, on either side, and what was recorded for it.
#[derive(Debug)]
struct Method {
    /// `package.Service/Method`, which also names its spans.
    name: &'static str,
    series: Series<Outcome>,
}

impl Method {
    fn new(name: &'static str) -> Self {
        Self { name, series: Series::default() }
    }
}

/// What the series of one method differ by.
#[derive(Debug)]
struct Outcome {
    /// Only on the client's side.
    server: Option<Arc<Server>>,
    code: Code,
    failed: bool,
}

/// Whom a client's calls go to.
#[derive(Debug, PartialEq)]
struct Server {
    address: Option<Arc<str>>,
    port: Option<i64>,
}

/// The full name of a method, `package.Service/Method`, from the path; none for health checks.
fn method_of(path: &str) -> Option<&str> {
    let method = path.strip_prefix('/').unwrap_or(path);
    (!method.starts_with("grpc.health.v1.Health/")).then_some(method)
}
