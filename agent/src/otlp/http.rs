//! Spans of HTTP (semantic conventions, "HTTP Spans").

use bookstore_otlp::common::KeyValue;

use super::{Described, How, recorded, server};
use crate::redaction;
use crate::routes::Routes;
use crate::trace::{LocalSpan, Side};
use crate::wire::{HttpRequest, Response};

/// The bounded set of the conventions: RFC 9110, and PATCH.
const METHODS: [&str; 9] = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "CONNECT", "TRACE"];

/// What the conventions call a method that is not of it.
const OTHER: &str = "_OTHER";

/// The longest method of the others that is told.
const LONGEST_METHOD: usize = 20;

pub(super) fn describe(span: &LocalSpan, request: &HttpRequest, routes: &mut Routes) -> Described {
    let is_server = span.side == Side::Server;
    let known = METHODS.contains(&request.method.as_str());
    let method = if known { request.method.as_str() } else { OTHER };
    let mut attributes =
        vec![KeyValue::new("http.request.method", method), KeyValue::new("network.protocol.version", request.version)];
    if !known && (1..=LONGEST_METHOD).contains(&request.method.len()) {
        attributes.push(KeyValue::new("http.request.method_original", request.method.as_str()));
    }
    server(request, &span.edge, &mut attributes);
    let path = if redaction::is_off() { &request.target } else { request.path() };
    if is_server {
        attributes.push(KeyValue::new("url.scheme", "http"));
        attributes.push(KeyValue::new("url.path", path));
        attributes.push(KeyValue::new("client.address", span.edge.client.ip().to_string()));
        if let Some(agent) = request.header("user-agent") {
            attributes.push(KeyValue::new("user_agent.original", agent));
        }
    } else {
        attributes.push(KeyValue::new("url.full", full(request, span, path)));
    }
    recorded(&request.headers, "http.request.header.", &mut attributes);

    let (status, headers) = match &span.response {
        Some(Response::Http { status, headers }) => (Some(*status).filter(|status| *status > 0), Some(headers)),
        _ => (None, None),
    };
    if let Some(status) = status {
        attributes.push(KeyValue::new("http.response.status_code", i64::from(status)));
    }
    if let Some(headers) = headers {
        recorded(headers, "http.response.header.", &mut attributes);
    }
    // 404 and 405: there is nothing at this path, or nothing that can be done so.
    let exists = status.is_some_and(|status| !matches!(status, 404 | 405));
    let route = routes.infer(request.path(), exists);
    if let Some(route) = &route {
        let name = if is_server { "http.route" } else { "url.template" };
        attributes.push(KeyValue::new(name, route.as_str()));
        attributes.push(KeyValue::new(format!("bookstore.{name}.inferred"), true));
    }
    let method = if known { method } else { "HTTP" };
    let name = route.map_or_else(|| method.to_owned(), |route| format!("{method} {route}"));
    Described { name, attributes, error: error(span, is_server, status) }
}

/// `url.full` without credentials and query.
fn full(request: &HttpRequest, span: &LocalSpan, path: &str) -> String {
    let (name, port) = request.host().unzip();
    let server = span.edge.server;
    match (name, port.flatten()) {
        (Some(name), Some(port)) => format!("http://{name}:{port}{path}"),
        (Some(name), None) => format!("http://{name}{path}"),
        (None, _) => format!("http://{server}{path}"),
    }
}

/// `error.type`.
fn error(span: &LocalSpan, is_server: bool, status: Option<u16>) -> Option<String> {
    let answered = span.response.is_some();
    let least = if is_server { 500 } else { 400 };
    match How::of(span) {
        How::Broken(_) => Some(if answered { "body" } else { "request" }.to_owned()),
        // Whoever has the head of the answer may leave its body unread.
        How::Cancelled if !answered => Some("cancelled".to_owned()),
        How::Cancelled | How::Whole => status.filter(|status| *status >= least).map(|status| status.to_string()),
    }
}
