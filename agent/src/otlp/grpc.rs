//! Spans of gRPC (semantic conventions, "gRPC").

use std::borrow::Cow;

use super::{Attributes, Described, How, recorded, server};
use crate::trace::{LocalSpan, Side};
use crate::wire::{HttpRequest, Response};

/// `rpc.system.name`.
const SYSTEM: &str = "grpc";

/// The status codes by number (`grpc/doc/statuscodes.md`).
const CODES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

/// Statuses that are a server's fault (semantic conventions, gRPC).
const SERVER_FAULTS: [&str; 6] =
    ["UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"];

pub(super) fn describe<'a>(span: &LocalSpan, request: &'a HttpRequest, attributes: &mut Attributes) -> Described<'a> {
    let is_server = span.side == Side::Server;
    let code = code(span);
    let path = request.path();
    let full = path.strip_prefix('/').unwrap_or(path);
    // Anybody may ask a server for any name: those of methods that are not there stay out of the span's name.
    let unknown = is_server && code == Some("UNIMPLEMENTED");
    let (name, method) = if unknown { (SYSTEM, "_OTHER") } else { (full, full) };
    attributes.str("rpc.system.name", SYSTEM);
    attributes.str("rpc.method", method);
    if unknown {
        attributes.str("rpc.method_original", full);
    }
    server(request, &span.edge, attributes);
    if is_server {
        attributes.address("client.address", span.edge.client.ip());
    }
    recorded(&request.headers, "rpc.request.metadata.", attributes);
    if let Some(Response::Http { headers, .. }) = &span.response {
        recorded(headers, "rpc.response.metadata.", attributes);
    }
    if let Some(code) = code {
        attributes.str("rpc.response.status_code", code);
    }
    // A stream that its reader leaves ends so by intention.
    let left = How::of(span) == How::Cancelled && span.response.is_some();
    let is_error = |code: &&str| {
        if is_server { SERVER_FAULTS.contains(code) } else { *code != "OK" && !left }
    };
    let name = if name.is_empty() { SYSTEM } else { name };
    Described { name: name.into(), error: code.filter(is_error).map(Cow::Borrowed) }
}

/// The status. None where it was not understood: the trailers of a connection that is older than the agent may refer to what
/// nobody saw.
fn code(span: &LocalSpan) -> Option<&'static str> {
    if let Some(number) = span.outcome.as_ref().and_then(|end| end.grpc_status) {
        return Some(CODES.get(number as usize).copied().unwrap_or("UNKNOWN"));
    }
    match How::of(span) {
        How::Cancelled => Some("CANCELLED"),
        How::Broken(reset) => Some(of_reset(reset)),
        How::Whole => match span.response {
            Some(Response::Http { status, .. }) => of_http(status),
            _ => None,
        },
    }
}

/// The status of a call that the server broke off (`grpc/doc/PROTOCOL-HTTP2.md`, "Errors").
fn of_reset(code: u32) -> &'static str {
    match code {
        7 => "UNAVAILABLE",
        8 => "CANCELLED",
        11 => "RESOURCE_EXHAUSTED",
        12 => "PERMISSION_DENIED",
        _ => "INTERNAL",
    }
}

/// The status of an answer that is not gRPC (`grpc/doc/http-grpc-status-mapping.md`).
fn of_http(status: u16) -> Option<&'static str> {
    match status {
        0 | 200 => None,
        400 => Some("INTERNAL"),
        401 => Some("UNAUTHENTICATED"),
        403 => Some("PERMISSION_DENIED"),
        404 => Some("UNIMPLEMENTED"),
        429 | 502..=504 => Some("UNAVAILABLE"),
        _ => Some("UNKNOWN"),
    }
}
