//! What the kernel side says, one event after the other; `bpf/event.h` writes the same layout.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use prost::bytes::Bytes;

/// Raised whenever `bpf/event.h` changes: recordings hold events as the kernel side writes them.
pub const LAYOUT: u32 = 2;

/// Words below the thread pointer in a [`What::Sample`].
pub const SAMPLE_WORDS: usize = 128;

/// Something that a thread of a target did.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// The process (the kernel's tgid).
    pub process: u32,
    /// The thread (the kernel's tid).
    pub thread: u32,
    /// `CLOCK_MONOTONIC`, in nanoseconds: of a write its begin, of a read its end.
    pub time: u64,
    /// The tokio task that the thread ran; 0 for none, or where it is not known.
    pub task: u64,
    /// What it did.
    pub what: What,
}

/// What was done.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// Bytes were read from a connection.
    Read(Data),
    /// Bytes were written to one.
    Write(Data),
    /// A connection is closed, by whomever: nothing more is moved on it.
    Close {
        /// Its number.
        socket: u64,
    },
    /// The task woke another.
    Wake {
        /// That one's id.
        other: u64,
    },
    /// The task spawned another.
    Spawn {
        /// That one's id.
        other: u64,
    },
    /// The words below the thread pointer while `task` was woken, by whomever; the last one lies right below it.
    Sample(Box<[u64; SAMPLE_WORDS]>),
    /// The task read the body of a stream of HTTP/2, or dropped it.
    Stream {
        /// An address that all streams of a connection have in common.
        shared: u64,
        /// Two numbers of 32 bits, of which one is the stream's.
        key: [u32; 2],
    },
    /// A program was started in the process.
    Exec,
}

/// Bytes that a syscall moved.
#[derive(Clone, Debug, PartialEq)]
pub struct Data {
    /// The connection's number: no other has it, before or after.
    pub socket: u64,
    /// TCP's sequence number of the first byte.
    pub sequence: u32,
    /// How many bytes were moved; 0 where the other end has closed.
    pub moved: usize,
    /// This end.
    pub local: SocketAddr,
    /// The other end.
    pub remote: SocketAddr,
    /// The first bytes, as many as were captured.
    pub bytes: Bytes,
}

impl Event {
    /// Reads one event; none where it is no event of ours.
    #[must_use]
    pub fn read(raw: &[u8]) -> Option<Self> {
        Self::split(raw, Bytes::copy_from_slice).map(|(event, _)| event)
    }

    /// Reads one event, and gives its own bytes: in the ring there may be others behind it, which say nothing. `keep` makes
    /// the copy of what was captured.
    pub fn split(whole: &[u8], keep: impl FnOnce(&[u8]) -> Bytes) -> Option<(Self, &[u8])> {
        let mut raw = Reader(whole);
        let (kind, process, thread, _) = (raw.u32()?, raw.u32()?, raw.u32()?, raw.u32()?);
        let (time, task) = (raw.u64()?, raw.u64()?);
        let what = match kind {
            1 => What::Read(Data::read(&mut raw, keep)?),
            2 => What::Write(Data::read(&mut raw, keep)?),
            3 => What::Close { socket: raw.u64()? },
            4 => What::Wake { other: raw.u64()? },
            5 => What::Spawn { other: raw.u64()? },
            6 => {
                let mut words = Box::new([0; SAMPLE_WORDS]);
                for word in words.iter_mut() {
                    *word = raw.u64()?;
                }
                What::Sample(words)
            }
            7 => What::Exec,
            8 => What::Stream { shared: raw.u64()?, key: [raw.u32()?, raw.u32()?] },
            _ => return None,
        };
        let own = whole.get(..whole.len() - raw.0.len())?;
        Some((Self { process, thread, time, task, what }, own))
    }
}

impl Data {
    fn read(raw: &mut Reader<'_>, keep: impl FnOnce(&[u8]) -> Bytes) -> Option<Self> {
        let (socket, sequence, moved, captured) = (raw.u64()?, raw.u32()?, raw.u32()?, raw.u32()?);
        let (local_port, remote_port) = (raw.u16()?, raw.u16()?);
        let (local, remote) = (raw.address()?, raw.address()?);
        let bytes = keep(raw.bytes(usize::try_from(captured).ok()?)?);
        Some(Self {
            socket,
            sequence,
            moved: usize::try_from(moved).ok()?,
            local: SocketAddr::new(local, local_port),
            remote: SocketAddr::new(remote, remote_port),
            bytes,
        })
    }
}

/// Numbers in the machine's byte order, as the kernel side writes them.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(bytes)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.bytes(N)?.try_into().ok()
    }

    fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_ne_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_ne_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_ne_bytes)
    }

    /// IPv4 addresses are written as `::ffff:a.b.c.d`: an address is the same one whichever family its socket is of.
    fn address(&mut self) -> Option<IpAddr> {
        Some(Ipv6Addr::from(self.array::<16>()?).to_canonical())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_behind_an_event_is_not_its_own() {
        // EVENT_READ of two bytes that were moved and captured, in a place for more.
        let head: Vec<u8> = [1_u32, 7, 8, 0].into_iter().flat_map(u32::to_ne_bytes).collect();
        let numbers: Vec<u8> = [5_u64, 6, 9].into_iter().flat_map(u64::to_ne_bytes).collect();
        let lengths: Vec<u8> = [3_u32, 2, 2].into_iter().flat_map(u32::to_ne_bytes).collect();
        let own = [head, numbers, lengths, vec![0; 36], b"ok".to_vec()].concat();
        let whole = [own.as_slice(), b"of another process"].concat();
        let (event, raw) = Event::split(&whole, Bytes::copy_from_slice).expect("it is one");
        assert_eq!(raw, own);
        assert!(matches!(event.what, What::Read(data) if *data.bytes == *b"ok"));
        assert_eq!(Event::read(&own[..own.len() - 1]), None, "less than was captured");
    }
}
