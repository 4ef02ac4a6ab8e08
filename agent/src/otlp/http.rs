//! Spans of HTTP (semantic conventions, "HTTP Spans").

use std::borrow::Cow;

use super::{Attributes, Described, How, recorded, server};
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

pub(super) fn describe<'a>(
    span: &LocalSpan,
    request: &'a HttpRequest,
    routes: &'a mut Routes,
    attributes: &mut Attributes,
) -> Described<'a> {
    let is_server = span.side == Side::Server;
    let known = METHODS.contains(&request.method.as_str());
    let method = if known { request.method.as_str() } else { OTHER };
    attributes.str("http.request.method", method);
    attributes.str("network.protocol.version", request.version);
    if !known && (1..=LONGEST_METHOD).contains(&request.method.len()) {
        attributes.str("http.request.method_original", request.method.as_str());
    }
    server(request, &span.edge, attributes);
    let path = request.path();
    let shown = if redaction::is_off() { &request.target } else { path };
    if is_server {
        attributes.str("url.scheme", "http");
        attributes.str("url.path", shown);
        attributes.address("client.address", span.edge.client.ip());
        if let Some(agent) = request.header("user-agent") {
            attributes.str("user_agent.original", agent);
        }
    } else {
        full(request, span, shown, attributes);
    }
    recorded(&request.headers, "http.request.header.", attributes);

    let (status, headers) = match &span.response {
        Some(Response::Http { status, headers }) => (Some(*status).filter(|status| *status > 0), Some(headers)),
        _ => (None, None),
    };
    if let Some(status) = status {
        attributes.int("http.response.status_code", status);
    }
    if let Some(headers) = headers {
        recorded(headers, "http.response.header.", attributes);
    }
    // 404 and 405: there is nothing at this path, or nothing that can be done so.
    let exists = status.is_some_and(|status| !matches!(status, 404 | 405));
    let route = routes.infer(path, exists);
    if let Some(route) = route {
        let (name, inferred) = if is_server {
            ("http.route", "bookstore.http.route.inferred")
        } else {
            ("url.template", "bookstore.url.template.inferred")
        };
        attributes.str(name, route);
        attributes.bool(inferred, true);
    }
    let method = if known { method } else { "HTTP" };
    let name = route.map_or(Cow::Borrowed(method), |route| Cow::Owned([method, route].join(" ")));
    Described { name, error: error(span, is_server, status) }
}

/// `url.full` without credentials and query.
fn full(request: &HttpRequest, span: &LocalSpan, path: &str, attributes: &mut Attributes) {
    let (name, port) = request.host().unzip();
    let server = span.edge.server;
    match (name, port.flatten()) {
        (Some(name), Some(port)) => attributes.display("url.full", format_args!("http://{name}:{port}{path}")),
        (Some(name), None) => attributes.display("url.full", format_args!("http://{name}{path}")),
        (None, _) => attributes.display("url.full", format_args!("http://{server}{path}")),
    }
}

/// `error.type`.
fn error(span: &LocalSpan, is_server: bool, status: Option<u16>) -> Option<Cow<'static, str>> {
    let answered = span.response.is_some();
    let least = if is_server { 500 } else { 400 };
    match How::of(span) {
        How::Broken(_) => Some(if answered { "body" } else { "request" }.into()),
        // Whoever has the head of the answer may leave its body unread.
        How::Cancelled if !answered => Some("cancelled".into()),
        How::Cancelled | How::Whole => status.filter(|status| *status >= least).map(|status| status.to_string().into()),
    }
}
