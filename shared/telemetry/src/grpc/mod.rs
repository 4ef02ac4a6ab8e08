//! gRPC: [`ServerLayer`] for what tonic serves, [`ClientLayer`] around a tonic channel.

mod client;
mod server;
mod status;

pub use client::{ClientLayer, ClientService};
pub use server::{ServerLayer, ServerService};

/// `rpc.system.name`.
const SYSTEM: &str = "grpc";

/// The full name of a method, `package.Service/Method`, from the path; none for health checks.
fn method_of(path: &str) -> Option<&str> {
    let method = path.strip_prefix('/').unwrap_or(path);
    (!method.starts_with("grpc.health.v1.Health/")).then_some(method)
}
