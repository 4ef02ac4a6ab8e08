//! A span of one machine, before its ends on two sides of a connection are brought together.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use crate::wire::{End, Request, Response};

use super::ServerId;

/// A process that is watched.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Service {
    /// `service.name`.
    pub name: String,
    /// `process.pid`.
    pub pid: u32,
    /// `process.executable.name`.
    pub executable: String,
}

/// Which side of a request a span is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Somebody asked this process.
    Server,
    /// This process asked somebody.
    Client,
}

/// Where a request begins on a connection. Its two ends see the same, whichever machine they are on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Edge {
    /// Who opened the connection.
    pub client: SocketAddr,
    /// Who accepted it.
    pub server: SocketAddr,
    /// TCP's sequence number of the request's first byte.
    pub sequence: u32,
    /// HTTP/2's stream, else 0: one segment may hold several requests, but not at one byte.
    pub stream: u64,
}

/// Why a client span has the parent that it has, or has none (`bookstore.link.reason`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The task that wrote the request serves the parent.
    SameTask,
    /// A task that was spawned, at however many removes, by one that serves the parent wrote the request.
    SpawnedTask,
    /// When the answer was there, the connection's task woke one that works for the parent.
    ResponseWake,
    /// Before the request was written, a task that works for the parent woke the connection's.
    RequestWake,
    /// A task that works for the parent read the body of the answer, and was seen to be at this stream.
    StreamRead,
    /// The thread that wrote the request serves the parent's connection, and nothing else; with `--link-by thread`, it read
    /// the parent last.
    SameThread,
    /// Unlinked: a task wrote the request that works for no request that is known.
    NoRequest,
    /// Unlinked: neither before the request nor after the answer did the connection's task and one that works for a
    /// request touch; of HTTP/2, none that works for a request was seen to read the answer.
    NoWake,
    /// Unlinked: several answers are on their way to several tasks.
    Ambiguous,
    /// Unlinked: a connection pool does this by itself.
    Pool,
    /// Unlinked: events were lost meanwhile.
    Lost,
}

impl Reason {
    /// The attribute's value.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SameTask => "same_task",
            Self::SpawnedTask => "spawned_task",
            Self::ResponseWake => "response_wake",
            Self::RequestWake => "request_wake",
            Self::StreamRead => "stream_read",
            Self::SameThread => "same_thread",
            Self::NoRequest => "no_request",
            Self::NoWake => "no_wake",
            Self::Ambiguous => "ambiguous",
            Self::Pool => "pool",
            Self::Lost => "lost",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What is known of a request when it is over on this side.
#[derive(Clone, Debug)]
pub struct LocalSpan {
    /// Its number on this machine; of a server span it is what children name as their parent.
    pub id: ServerId,
    /// Whose it is.
    pub service: Arc<Service>,
    /// Which side.
    pub side: Side,
    /// Of a client span: the server span of this process that caused it.
    pub parent: Option<ServerId>,
    /// Of a client span: why.
    pub reason: Option<Reason>,
    /// Where it began on the wire.
    pub edge: Edge,
    /// `CLOCK_MONOTONIC`, in nanoseconds.
    pub start: u64,
    /// Likewise.
    pub end: u64,
    /// What was asked.
    pub request: Request,
    /// How the answer began, if there was one.
    pub response: Option<Response>,
    /// How it ended; none where the connection was closed before.
    pub outcome: Option<End>,
}
