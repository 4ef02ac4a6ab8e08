//! HTTP: [`ServerLayer`] for axum, [`send`] for reqwest.

mod client;
mod server;

pub use client::send;
pub(crate) use server::server_address;
pub use server::{ServerLayer, ServerService};

use std::sync::Arc;

use http::{Method, Version};
use opentelemetry::StringValue;

use crate::series::{self, Series};

/// What the conventions call a method that is not known.
const OTHER: &str = "_OTHER";

/// The bounded set of the conventions: RFC 9110, and PATCH.
const METHODS: [&str; 9] = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "CONNECT", "TRACE"];

/// The method, from the bounded set.
fn known_method(method: &Method) -> &'static str {
    METHODS.into_iter().find(|known| *known == method.as_str()).unwrap_or(OTHER)
}

/// The part of a span's name that stands for the method.
fn name_of(method: &'static str) -> &'static str {
    if method == OTHER { "HTTP" } else { method }
}

/// A path with placeholders, on either side, and what was recorded for it.
#[derive(Debug)]
struct Route {
    template: &'static str,
    /// The names of its spans by their methods.
    names: Vec<(&'static str, &'static str)>,
    series: Series<Outcome>,
}

impl Route {
    fn new(template: &'static str) -> Self {
        let name = |method| (method, series::for_good(format!("{} {template}", name_of(method))));
        Self { template, names: METHODS.into_iter().chain([OTHER]).map(name).collect(), series: Series::default() }
    }

    /// `{method} {route}`.
    fn span_name(&self, method: &'static str) -> &'static str {
        self.names.iter().find(|(known, _)| *known == method).map_or(name_of(method), |(_, name)| name)
    }
}

/// What the series of one route differ by.
#[derive(Clone, Debug, PartialEq)]
struct Outcome {
    method: &'static str,
    /// Only on the server's side.
    scheme: &'static str,
    /// Only on the client's side.
    server: Option<(Arc<str>, Option<i64>)>,
    version: Option<&'static str>,
    status: Option<u16>,
    error: Option<StringValue>,
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
fn error_text(status: u16) -> StringValue {
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
