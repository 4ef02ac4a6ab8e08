//! From the bytes of a connection to what was asked and answered on it.
//!
//! Pure: pieces of captured bytes go in, events come out, and no kernel is needed. A parser takes both directions of
//! one connection, in the order in which each was captured, and never panics, whatever comes: what it cannot read ends
//! it with an [`Invalid`], and it makes no more events.
//!
//! ```text
//! piece ──► detect (which protocol?) ──► http1 | http2 | postgres ──► Event
//! ```

pub mod http1;
pub mod http2;
pub mod postgres;
pub mod sql;
mod target;

use std::sync::Arc;

use sql::Statement;

use crate::redaction;

/// Whose bytes they are. It says nothing of who runs the parser: a server reads `ToServer`, its client writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// What the client says.
    ToServer,
    /// What the server says.
    ToClient,
}

/// The bytes that one syscall moved, as far as they were captured.
///
/// `S` is the stamp of the syscall (time, task, TCP sequence…): parsers hand it on and never look into it.
#[derive(Clone, Copy, Debug)]
pub struct Piece<'a, S> {
    /// The first bytes.
    pub bytes: &'a [u8],
    /// How many more the syscall moved after them, which nobody saw.
    pub missing: usize,
    /// The syscall.
    pub stamp: S,
}

/// Where something lies: in the piece with this stamp, so many bytes after its start.
///
/// A message that begins in a piece and ends in a later one has its start in the first and its end in the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place<S> {
    /// The syscall.
    pub stamp: S,
    /// Bytes before it in the same piece.
    pub offset: usize,
}

/// Which of a connection's exchanges. HTTP/1.1 and PostgreSQL: counted from 0 in the order of the requests. HTTP/2: the
/// stream's number.
pub type Exchange = u64;

/// What happened on a connection.
///
/// For each exchange: one `Request`, then at most one `Response`, then one `End`; an exchange whose connection closes
/// before has no `End` (the owner of the parser knows that it closed).
#[derive(Clone, Debug, PartialEq)]
pub enum Event<S> {
    /// A request's head is there. The place is its first byte.
    Request(Exchange, Request, Place<S>),
    /// The head of the final answer is there (not of a 1xx one). The place is its first byte.
    Response(Exchange, Response, Place<S>),
    /// The answer is whole, or will never be. The place is the byte after its last.
    End(Exchange, End, Place<S>),
}

/// What was asked.
#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    /// By HTTP of any version; gRPC is HTTP/2 with a content type.
    Http(Box<HttpRequest>),
    /// Of a database.
    Sql(Box<SqlRequest>),
}

/// The head of a request.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HttpRequest {
    /// `GET`.
    pub method: String,
    /// The request target as it was sent: `/books?page=2`.
    pub target: String,
    /// The `Host` header or `:authority`; empty if there was none.
    pub authority: String,
    /// `1.0`, `1.1` or `2` (`network.protocol.version`).
    pub version: &'static str,
    /// Headers of the allow-list [`HEADERS`], names in lower case.
    pub headers: Headers,
    /// Nothing follows the head.
    pub ends: bool,
}

impl HttpRequest {
    /// The value of a header that was kept.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(it, _)| *it == name).map(|(_, value)| value.as_str())
    }

    /// Whether it calls a procedure by gRPC (gRPC over HTTP2, "Requests").
    #[must_use]
    pub fn is_grpc(&self) -> bool {
        self.version == "2" && self.header("content-type").is_some_and(|it| it.starts_with("application/grpc"))
    }
}

/// A statement.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SqlRequest {
    /// What may be said of it; none where it was prepared before the agent came, or cannot be read for certain.
    pub statement: Option<Arc<Statement>>,
    /// The database; none where the connection is older than the agent.
    pub database: Option<Arc<str>>,
}

impl SqlRequest {
    /// Its text without what may be secret.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        self.statement.as_ref().map(|statement| statement.text.as_str()).filter(|text| !text.is_empty())
    }
}

/// How the answer began.
#[derive(Clone, Debug, PartialEq)]
pub enum Response {
    /// By HTTP.
    Http {
        /// 200.
        status: u16,
        /// Headers of the allow-list [`HEADERS`], names in lower case.
        headers: Headers,
    },
    /// A database's.
    Sql,
}

/// How an exchange ended.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct End {
    /// Bytes of the request's and of the answer's body, without framing, as far as they are known.
    pub request_body: u64,
    /// Likewise, of the answer.
    pub response_body: u64,
    /// `grpc-status`, from the trailers or from an answer that is nothing but trailers.
    pub grpc_status: Option<u32>,
    /// It was broken off (RST_STREAM): the code, and who did it by the direction in which it went.
    pub reset: Option<(u32, Direction)>,
    /// What the database said went wrong: the SQLSTATE.
    pub sql_error: Option<String>,
    /// Rows that came back, as the server's `CommandComplete` says. What a statement changed is none.
    pub rows: Option<u64>,
}

/// Headers that may be kept, in the order in which they came.
pub type Headers = Vec<(&'static str, String)>;

/// The allow-list: nothing else of a head is kept, so that no token or cookie ever is.
pub const HEADERS: [&str; 4] = ["content-type", "user-agent", "x-hop", "x-request-id"];

/// The name in the allow-list that a header's name is, in whatever case it was sent.
#[must_use]
pub fn allowed(name: &[u8]) -> Option<&'static str> {
    if redaction::is_off() && !name.starts_with(b":") {
        return Some("secret");
    }
    HEADERS.into_iter().find(|allowed| allowed.as_bytes().eq_ignore_ascii_case(name))
}

/// The bytes are not of the protocol, or a part of them is lost that cannot be done without.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Invalid(pub &'static str);
