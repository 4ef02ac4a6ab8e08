//! What is kept of a header section.

use crate::wire::{Headers, HttpRequest, allowed};

/// How many headers of the allow-list are kept of one section. It has four names; more than a few repeats of them make
/// no sense, and one byte in a header block can stand for the longest value.
const MAX_HEADERS: usize = 64;

/// A field's name, as far as it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Name {
    /// From a part of the dynamic table that was not seen.
    Unknown,
    /// `:method`.
    Method,
    /// `:path`.
    Target,
    /// `:authority`.
    Authority,
    /// `:status`.
    Status,
    /// `:scheme`, `:protocol`.
    OtherPseudo,
    /// `host`, which stands in for `:authority` where the request was translated from HTTP/1 (RFC 9113, section 8.3.1).
    Host,
    /// `grpc-status`, of which the number is kept.
    GrpcStatus,
    /// One of the allow-list.
    Header(&'static str),
    /// Any other: its value is never kept.
    Other,
}

impl Name {
    pub(super) fn of(name: &[u8]) -> Self {
        match name {
            b":method" => Self::Method,
            b":path" => Self::Target,
            b":authority" => Self::Authority,
            b":status" => Self::Status,
            [b':', ..] => Self::OtherPseudo,
            b"host" => Self::Host,
            b"grpc-status" => Self::GrpcStatus,
            name => allowed(name).map_or(Self::Other, Self::Header),
        }
    }

    /// The field's value is of use.
    pub(super) fn is_kept(self) -> bool {
        !matches!(self, Self::Unknown | Self::OtherPseudo | Self::Other)
    }
}

/// A header section: of a request, of an answer, or trailers.
#[derive(Debug, Default)]
pub(super) struct Head {
    method: String,
    target: String,
    authority: String,
    host: String,
    headers: Headers,
    /// It has a pseudo-header of requests, so it opens a stream: trailers have none (RFC 9113, section 8.1).
    pub(super) is_request: bool,
    /// It has fields of which nothing is known.
    pub(super) has_unknown: bool,
    /// If it is known.
    pub(super) status: Option<u16>,
    pub(super) grpc_status: Option<u32>,
}

impl Head {
    /// Takes the next field. Of pseudo-headers that are repeated, which is an error, the first one counts.
    pub(super) fn field(&mut self, name: Name, value: &str) {
        match name {
            Name::Unknown => self.has_unknown = true,
            Name::Status => self.status = self.status.or_else(|| status(value)),
            Name::Method => self.pseudo(|head| &mut head.method, value),
            Name::Target => self.pseudo(|head| &mut head.target, value),
            Name::Authority => self.pseudo(|head| &mut head.authority, value),
            Name::OtherPseudo => self.is_request = true,
            Name::Host => set(&mut self.host, value),
            Name::GrpcStatus => self.grpc_status = self.grpc_status.or_else(|| value.parse().ok()),
            Name::Header(name) => self.header(name, value),
            Name::Other => {}
        }
    }

    fn pseudo(&mut self, field: impl FnOnce(&mut Self) -> &mut String, value: &str) {
        self.is_request = true;
        set(field(self), value);
    }

    fn header(&mut self, name: &'static str, value: &str) {
        if self.headers.len() < MAX_HEADERS {
            self.headers.push((name, value.to_owned()));
        }
    }

    /// As the head of a request.
    pub(super) fn into_request(self, ends: bool) -> HttpRequest {
        let Self { method, target, authority, host, headers, .. } = self;
        let authority = if authority.is_empty() { host } else { authority };
        HttpRequest { method, target, authority, version: "2", headers, ends }
    }

    pub(super) fn into_headers(self) -> Headers {
        self.headers
    }
}

fn set(field: &mut String, value: &str) {
    if field.is_empty() {
        field.push_str(value);
    }
}

fn status(value: &str) -> Option<u16> {
    if value.len() == 3 { value.parse().ok().filter(|status| *status >= 100) } else { None }
}
