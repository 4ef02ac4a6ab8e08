//! Recordings: what went into the [pipeline](crate::pipeline), in a file, so that it can go the same way again.
//!
//! A head of 16 bytes (eight of magic; the version of this format and that of the events' layout, 32 bits each,
//! little-endian), then a gzip stream of records: a length of 32 bits and a message of protobuf each, the last one an `End`.
//! Events are as they left the ring, with the bytes that were captured: heads, bodies, statements and all that is in them.

mod read;
#[cfg(test)]
mod tests;
mod write;

pub use read::{ReadError, Reader, Step, replay};
pub use write::{Recorded, Writer};

use crate::pipeline::Input;
use crate::trace::Service;

/// At the start of each recording.
const MAGIC: [u8; 8] = *b"bkagent\0";

/// Raised whenever what follows here changes.
const VERSION: u32 = 1;

/// The most bytes of one record: an event has 16 KiB of what was captured, and some 100 bytes beside.
const MOST_OF_A_RECORD: u32 = 64 << 10;

/// One record of the file.
#[derive(Clone, PartialEq, prost::Message)]
struct Record {
    #[prost(oneof = "Entry", tags = "1, 2, 3, 4, 5, 6, 7, 8")]
    entry: Option<Entry>,
}

/// What a record says.
#[derive(Clone, PartialEq, prost::Oneof)]
enum Entry {
    /// An event as it left the ring.
    #[prost(bytes, tag = "1")]
    Event(Vec<u8>),
    #[prost(message, tag = "2")]
    Watch(Watch),
    #[prost(message, tag = "3")]
    Forget(Forget),
    #[prost(message, tag = "4")]
    Lose(Lose),
    #[prost(message, tag = "5")]
    Turn(Turn),
    #[prost(message, tag = "6")]
    Flush(Flush),
    /// The recording is whole. What is in it: so many events.
    #[prost(uint64, tag = "7")]
    End(u64),
    #[prost(message, tag = "8")]
    WakesAreSeen(WakesAreSeen),
}

#[derive(Clone, PartialEq, prost::Message)]
struct Watch {
    #[prost(uint64, tag = "1")]
    at: u64,
    #[prost(uint32, tag = "2")]
    pid: u32,
    #[prost(string, tag = "3")]
    name: String,
    #[prost(string, tag = "4")]
    executable: String,
    #[prost(bool, tag = "5")]
    reads_are_seen: bool,
}

#[derive(Clone, Copy, PartialEq, prost::Message)]
struct Forget {
    #[prost(uint64, tag = "1")]
    at: u64,
    #[prost(uint32, tag = "2")]
    pid: u32,
}

#[derive(Clone, Copy, PartialEq, prost::Message)]
struct WakesAreSeen {
    #[prost(uint64, tag = "1")]
    at: u64,
    #[prost(uint32, tag = "2")]
    pid: u32,
}

#[derive(Clone, Copy, PartialEq, prost::Message)]
struct Lose {
    #[prost(uint64, tag = "1")]
    from: u64,
    #[prost(uint64, tag = "2")]
    until: u64,
}

#[derive(Clone, Copy, PartialEq, prost::Message)]
struct Turn {
    #[prost(uint64, tag = "1")]
    now: u64,
    #[prost(uint64, tag = "2")]
    epoch: u64,
}

#[derive(Clone, Copy, PartialEq, prost::Message)]
struct Flush {
    #[prost(uint64, tag = "1")]
    epoch: u64,
}

impl From<&Input> for Entry {
    fn from(input: &Input) -> Self {
        match input {
            Input::Watch { at, service, reads_are_seen } => Self::Watch(Watch {
                at: *at,
                pid: service.pid,
                name: service.name.clone(),
                executable: service.executable.clone(),
                reads_are_seen: *reads_are_seen,
            }),
            Input::Forget { at, pid } => Self::Forget(Forget { at: *at, pid: *pid }),
            Input::WakesAreSeen { at, pid } => Self::WakesAreSeen(WakesAreSeen { at: *at, pid: *pid }),
            Input::Lose { from, until } => Self::Lose(Lose { from: *from, until: *until }),
            Input::Turn { now, epoch } => Self::Turn(Turn { now: *now, epoch: *epoch }),
            Input::Flush { epoch } => Self::Flush(Flush { epoch: *epoch }),
        }
    }
}

impl From<Watch> for Input {
    fn from(watch: Watch) -> Self {
        let Watch { at, pid, name, executable, reads_are_seen } = watch;
        Self::Watch { at, service: Service { name, pid, executable }, reads_are_seen }
    }
}
