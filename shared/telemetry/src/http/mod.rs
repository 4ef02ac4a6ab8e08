//! HTTP: [`ServerLayer`] for axum, [`send`] for reqwest.

mod client;
mod server;

pub use client::send;
pub(crate) use server::server_address;
pub use server::{ServerLayer, ServerService};

use http::{Method, Version};

/// What the conventions call a method that is not known.
const OTHER: &str = "_OTHER";

/// The method, from the bounded set of the conventions (RFC 9110, and PATCH).
fn known_method(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "POST" => "POST",
        "PUT" => "PUT",
        "DELETE" => "DELETE",
        "PATCH" => "PATCH",
        "HEAD" => "HEAD",
        "OPTIONS" => "OPTIONS",
        "CONNECT" => "CONNECT",
        "TRACE" => "TRACE",
        _ => OTHER,
    }
}

/// The part of a span's name that stands for the method.
fn name_of(method: &'static str) -> &'static str {
    if method == OTHER { "HTTP" } else { method }
}

/// `network.protocol.version`.
fn version_of(version: Version) -> Option<&'static str> {
    match version {
        Version::HTTP_10 => Some("1.0"),
        Version::HTTP_11 => Some("1.1"),
        Version::HTTP_2 => Some("2"),
        Version::HTTP_3 => Some("3"),
        _ => None,
    }
}

/// `error.type` for a status that is an error, as text without an allocation.
fn error_text(status: u16) -> opentelemetry::StringValue {
    // The common ones are constants.
    match status {
        400 => "400".into(),
        401 => "401".into(),
        402 => "402".into(),
        403 => "403".into(),
        404 => "404".into(),
        409 => "409".into(),
        422 => "422".into(),
        429 => "429".into(),
        500 => "500".into(),
        502 => "502".into(),
        503 => "503".into(),
        504 => "504".into(),
        other => other.to_string().into(),
    }
}
