//! What the kernel side says of the syscalls of a real process: of this one, for the most part.

#![cfg(target_os = "linux")]

use std::fs::File;
use std::io::{IoSlice, IoSliceMut, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd as _, OwnedFd};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use bookstore_agent::discover::Probes;
use bookstore_agent::event::{Data, Event, What};
use bookstore_agent::kernel::Kernel;
use rustix::net::{
    RecvAncillaryBuffer, RecvFlags, SendAncillaryBuffer, SendFlags, recv, recvmsg, send, sendmsg, sockopt,
};

mod support;

const RING: u32 = 1 << 20;

/// The most bytes of a syscall that are captured.
const CAPTURE: usize = 16_384;

/// The kernel side, watching a process.
struct Watch {
    kernel: Kernel,
    events: Vec<Event>,
}

impl Watch {
    fn new(pid: u32) -> anyhow::Result<Self> {
        let mut kernel = Kernel::load(RING)?;
        kernel.watch(pid, format!("/proc/{pid}/exe").as_ref(), &Probes::default(), None)?;
        Ok(Self { kernel, events: Vec::new() })
    }

    fn this_process() -> anyhow::Result<Self> {
        Self::new(std::process::id())
    }

    /// What was moved between two addresses, seen from the first, once there are so many pieces of it.
    fn pieces(&mut self, local: SocketAddr, remote: SocketAddr, count: usize) -> anyhow::Result<Vec<Piece>> {
        self.until(|events| {
            let pieces: Vec<Piece> = events
                .iter()
                .filter_map(|event| {
                    let (reads, data) = match &event.what {
                        What::Read(data) => (true, data),
                        What::Write(data) => (false, data),
                        _ => return None,
                    };
                    let is_it = (data.local, data.remote) == (local, remote);
                    is_it.then(|| Piece { reads, time: event.time, thread: event.thread, data: data.clone() })
                })
                .collect();
            (pieces.len() >= count).then_some(pieces)
        })
    }

    fn closes(&mut self, number: u64) -> usize {
        self.kernel.read(usize::MAX, |_, event| self.events.push(event));
        self.events.iter().filter(|event| event.what == What::Close { socket: number }).count()
    }

    /// Waits for something to be among the events.
    fn until<T>(&mut self, mut found: impl FnMut(&[Event]) -> Option<T>) -> anyhow::Result<T> {
        let began = Instant::now();
        loop {
            self.kernel.read(usize::MAX, |_, event| self.events.push(event));
            if let Some(found) = found(&self.events) {
                return Ok(found);
            }
            anyhow::ensure!(began.elapsed() < Duration::from_secs(10), "it is not among these: {:?}", self.events);
            std::thread::yield_now();
        }
    }

    fn until_closed(&mut self, number: u64) -> anyhow::Result<Event> {
        self.until(|events| events.iter().find(|event| event.what == What::Close { socket: number }).cloned())
    }
}

struct Piece {
    reads: bool,
    time: u64,
    thread: u32,
    data: Data,
}

/// Both ends of a connection, the client's first.
fn connection() -> anyhow::Result<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let client = TcpStream::connect(listener.local_addr()?)?;
    client.set_nodelay(true)?;
    let (server, _) = listener.accept()?;
    Ok((client, server))
}

fn ends(stream: &TcpStream) -> anyhow::Result<(SocketAddr, SocketAddr)> {
    Ok((stream.local_addr()?, stream.peer_addr()?))
}

/// The pieces that an end was seen to move.
fn pieces_of(watch: &mut Watch, stream: &TcpStream, count: usize) -> anyhow::Result<Vec<Piece>> {
    let (local, remote) = ends(stream)?;
    watch.pieces(local, remote, count)
}

#[test]
fn both_ends_tell_the_same_of_the_same_bytes_whatever_the_syscall() -> anyhow::Result<()> {
    if !support::is_root("the kernel side") {
        return Ok(());
    }
    let mut watch = Watch::this_process()?;
    let (mut client, mut server) = connection()?;
    let mut buffer = [0; 64];
    let (mut head, mut tail) = ([0; 3], [0; 61]);

    client.write_all(b"written")?;
    assert_eq!(server.read(&mut buffer)?, 7);
    send(&client, b"sent", SendFlags::empty())?;
    recv(&server, &mut buffer[..], RecvFlags::empty())?;
    assert_eq!(client.write_vectored(&[IoSlice::new(b"in "), IoSlice::new(b""), IoSlice::new(b"three parts")])?, 14);
    assert_eq!(server.read_vectored(&mut [IoSliceMut::new(&mut head), IoSliceMut::new(&mut tail)])?, 14);
    let parts = [IoSlice::new(b"a mes"), IoSlice::new(b"sage")];
    sendmsg(&client, &parts, &mut SendAncillaryBuffer::default(), SendFlags::empty())?;
    let mut parts = [IoSliceMut::new(&mut head), IoSliceMut::new(&mut tail)];
    recvmsg(&server, &mut parts, &mut RecvAncillaryBuffer::default(), RecvFlags::empty())?;

    let wanted: [&[u8]; 4] = [b"written", b"sent", b"in three parts", b"a message"];
    let writes = pieces_of(&mut watch, &client, wanted.len())?;
    let reads = pieces_of(&mut watch, &server, wanted.len())?;
    assert_eq!((writes.len(), reads.len()), (wanted.len(), wanted.len()));
    for ((write, read), wanted) in writes.iter().zip(&reads).zip(wanted) {
        assert!(!write.reads && read.reads);
        assert_eq!((&*write.data.bytes, write.data.moved), (wanted, wanted.len()));
        assert_eq!((&*read.data.bytes, read.data.moved), (wanted, wanted.len()));
        assert_eq!(write.data.sequence, read.data.sequence);
        assert!(write.time < read.time, "a write counts from its begin, a read from its end");
        assert_eq!(write.thread, read.thread);
        assert_ne!(write.data.socket, read.data.socket);
    }
    for pieces in [writes, reads] {
        for two in pieces.windows(2) {
            assert_eq!(two[0].data.socket, two[1].data.socket);
            assert_eq!(two[0].data.sequence.wrapping_add(two[0].data.moved as u32), two[1].data.sequence);
        }
    }
    Ok(())
}

#[test]
fn a_read_that_meets_the_end_has_the_right_sequence() -> anyhow::Result<()> {
    if !support::is_root("the kernel side") {
        return Ok(());
    }
    let mut watch = Watch::this_process()?;
    let mut buffer = [0; 64];
    // The FIN with the first bytes that are seen, and with later ones.
    for before in [0, 1] {
        let (mut client, mut server) = connection()?;
        for _ in 0..before {
            client.write_all(b"first")?;
            assert_eq!(server.read(&mut buffer)?, 5);
        }
        client.write_all(b"last")?;
        client.shutdown(Shutdown::Write)?;
        assert_eq!(server.read(&mut buffer)?, 4);
        assert_eq!(server.read(&mut buffer)?, 0);
        server.write_all(b"answer")?;
        assert_eq!(client.read(&mut buffer)?, 6);
        let client = pieces_of(&mut watch, &client, before + 2)?;
        let server = pieces_of(&mut watch, &server, before + 3)?;
        for (write, read) in client.iter().filter(|it| !it.reads).zip(server.iter().filter(|it| it.reads)) {
            assert_eq!((write.data.sequence, &write.data.bytes), (read.data.sequence, &read.data.bytes));
        }
        assert_eq!(server[before + 1].data.moved, 0, "the end is told");
        assert_eq!(client[before + 1].data.sequence, server[before + 2].data.sequence);
    }
    Ok(())
}

#[test]
fn what_is_not_taken_off_the_stream_is_not_told() -> anyhow::Result<()> {
    if !support::is_root("the kernel side") {
        return Ok(());
    }
    let mut watch = Watch::this_process()?;
    let (mut client, mut server) = connection()?;
    let mut buffer = [0; 64];
    server.set_nonblocking(true)?;
    assert!(server.read(&mut buffer).is_err(), "there is nothing yet");
    client.write_all(b"thrown away, kept")?;
    assert_eq!(server.peek(&mut buffer)?, 17);
    assert_eq!(server.read(&mut [])?, 0);
    let (_, thrown) = recv(&server, &mut buffer[..13], RecvFlags::TRUNC)?;
    assert_eq!(thrown, 13);
    assert_eq!(server.read(&mut buffer)?, 4);
    let reads = pieces_of(&mut watch, &server, 2)?;
    assert_eq!(reads.len(), 2);
    assert_eq!((reads[0].data.moved, &*reads[0].data.bytes), (13, &b""[..]), "they went nowhere");
    assert_eq!((reads[1].data.moved, &*reads[1].data.bytes), (4, &b"kept"[..]));
    Ok(())
}

#[test]
fn bytes_that_are_not_captured_are_counted() -> anyhow::Result<()> {
    if !support::is_root("the kernel side") {
        return Ok(());
    }
    let mut watch = Watch::this_process()?;
    let (mut client, mut server) = connection()?;
    // A write of which only a part is taken.
    let long: Vec<u8> = (0..8 << 20).map(|it| (it % 251) as u8).collect();
    client.set_nonblocking(true)?;
    let taken = client.write(&long)?;
    assert!(taken < long.len());
    let mut left = vec![0; taken];
    server.read_exact(&mut left)?;
    // More parts than are looked at.
    let parts: Vec<IoSlice<'_>> = long.chunks(10).take(40).map(IoSlice::new).collect();
    assert_eq!(client.write_vectored(&parts)?, 400);
    // Bytes that are in no memory of the process.
    let file = File::open(std::env::current_exe()?)?;
    assert_eq!(rustix::fs::sendfile(&client, &file, None, 1_000)?, 1_000);
    let (from, into): (OwnedFd, OwnedFd) = rustix::pipe::pipe()?;
    rustix::io::write(&into, b"through a pipe")?;
    let flags = rustix::pipe::SpliceFlags::empty();
    assert_eq!(rustix::pipe::splice(&from, None, &client, None, 100, flags)?, 14);
    let mut rest = [0; 1_400];
    server.read_exact(&mut rest)?;
    assert_eq!(rustix::pipe::splice(&server, None, &into, None, 100, flags)?, 14);
    // And after all of that it goes on where it was.
    client.write_all(b"done")?;
    assert_eq!(server.read(&mut rest)?, 4);

    let writes = pieces_of(&mut watch, &client, 5)?;
    let seen: Vec<(usize, usize)> = writes.iter().map(|it| (it.data.moved, it.data.bytes.len())).collect();
    assert_eq!(seen, [(taken, CAPTURE), (400, 160), (1_000, 0), (14, 0), (4, 4)]);
    assert_eq!(*writes[0].data.bytes, long[..CAPTURE]);
    assert_eq!(*writes[1].data.bytes, long[..160]);
    let (local, remote) = ends(&server)?;
    let last = |pieces: Vec<Piece>| pieces.into_iter().rfind(|it| &*it.data.bytes == b"done");
    let is_last =
        |event: &&Event| matches!(&event.what, What::Read(data) if data.local == local && &*data.bytes == b"done");
    watch.until(|events| events.iter().find(is_last).map(|_| ()))?;
    let reads = watch.pieces(local, remote, 1)?;
    assert_eq!(reads.iter().map(|it| it.data.moved).sum::<usize>(), taken + 400 + 1_000 + 14 + 4);
    assert_eq!(last(reads).map(|it| it.data.sequence), last(writes).map(|it| it.data.sequence));
    Ok(())
}

#[test]
fn a_connection_ends_when_its_last_descriptor_does() -> anyhow::Result<()> {
    if !support::is_root("the kernel side") {
        return Ok(());
    }
    let mut watch = Watch::this_process()?;
    let (mut client, mut server) = connection()?;
    client.write_all(b"one")?;
    let mut second = client.try_clone()?;
    drop(client);
    second.write_all(b"two")?;
    let writes = pieces_of(&mut watch, &second, 2)?;
    let number = writes[0].data.socket;
    assert_eq!(writes[1].data.socket, number);
    assert_eq!(watch.closes(number), 0, "there is another descriptor of it");

    // Another file takes its place: no close(2) is made.
    let mut descriptor = OwnedFd::from(second);
    rustix::io::dup2(std::io::stdin().as_fd(), &mut descriptor)?;
    let closed = watch.until_closed(number)?;
    assert_eq!(closed.process, std::process::id());

    // The other end: it is reset by whoever closes with bytes unread.
    server.read_exact(&mut [0; 6])?;
    let (mut client, mut server) = connection()?;
    client.write_all(b"unread")?;
    server.write_all(b"unread")?;
    let number = pieces_of(&mut watch, &client, 1)?[0].data.socket;
    drop(server);
    watch.until_closed(number)?;
    drop(client);
    assert_eq!(watch.closes(number), 1);
    Ok(())
}

#[test]
fn the_connections_of_a_killed_process_end() -> anyhow::Result<()> {
    if !support::is_root("the kernel side") {
        return Ok(());
    }
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let port = listener.local_addr()?.port();
    let script = format!("read start; exec 3<>/dev/tcp/127.0.0.1/{port}; echo hello >&3; read end");
    let mut child =
        Command::new("bash").args(["-c", &script]).stdin(Stdio::piped()).spawn().context("there is no bash")?;
    let mut watch = Watch::new(child.id())?;
    child.stdin.as_mut().context("no standard input")?.write_all(b"\n")?;
    let (mut server, client) = listener.accept()?;
    server.read_exact(&mut [0; 6])?;
    let write = watch.pieces(client, server.local_addr()?, 1)?.remove(0);
    assert_eq!(&*write.data.bytes, b"hello\n");
    assert_eq!(watch.closes(write.data.socket), 0);
    child.kill()?;
    assert_eq!(watch.until_closed(write.data.socket)?.process, child.id());
    child.wait()?;
    Ok(())
}

#[test]
fn connections_at_the_same_address_are_told_apart() -> anyhow::Result<()> {
    if !support::is_root("the kernel side") {
        return Ok(());
    }
    let mut watch = Watch::this_process()?;
    let mut numbers = Vec::new();
    for round in 0..64 {
        let (mut client, server) = connection()?;
        // One in two goes without a word, and is not heard of again.
        if round % 2 == 0 {
            sockopt::set_socket_linger(&client, Some(Duration::ZERO))?;
        }
        client.write_all(b"hello")?;
        let write = pieces_of(&mut watch, &client, 1)?.remove(0);
        assert_eq!((write.data.local, write.data.remote), ends(&client)?);
        watch.kernel.ignore(write.data.socket);
        drop((client, server));
        watch.until_closed(write.data.socket)?;
        watch.events.clear();
        numbers.push(write.data.socket);
    }
    let connections = numbers.len();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), connections, "no number is used again");
    Ok(())
}

#[test]
fn a_connection_that_is_ignored_is_silent_soon() -> anyhow::Result<()> {
    if !support::is_root("the kernel side") {
        return Ok(());
    }
    let mut watch = Watch::this_process()?;
    let (mut client, _server) = connection()?;
    let mut write = |watch: &mut Watch| {
        client.write_all(b"hello")?;
        pieces_of(watch, &client, 1)
    };
    let number = write(&mut watch)?[0].data.socket;
    watch.kernel.ignore(number);
    let mut told = 0;
    for _ in 0..100 {
        client.write_all(b"hello")?;
    }
    let (mut other, _other_server) = connection()?;
    other.write_all(b"marker")?;
    pieces_of(&mut watch, &other, 1)?;
    for event in &watch.events {
        told += usize::from(matches!(&event.what, What::Write(data) if data.socket == number));
    }
    assert!(told <= 16, "{told} pieces of a connection that nobody wants to hear of");
    Ok(())
}

#[test]
fn events_without_room_are_counted_and_later_ones_come() -> anyhow::Result<()> {
    if !support::is_root("the kernel side") {
        return Ok(());
    }
    let mut watch = Watch { kernel: Kernel::load(4_096)?, events: Vec::new() };
    watch.kernel.watch(std::process::id(), "/proc/self/exe".as_ref(), &Probes::default(), None)?;
    let (mut client, mut server) = connection()?;
    let mut buffer = [0; 1_000];
    for _ in 0..20 {
        client.write_all(&buffer.clone())?;
        server.read_exact(&mut buffer)?;
    }
    assert!(watch.kernel.lost() > 0);
    watch.until(|events| {
        let _unwritable = client.write_all(b"again");
        events.iter().find(|event| matches!(&event.what, What::Write(data) if &*data.bytes == b"again")).map(|_| ())
    })
}

#[test]
fn events_are_whole_that_go_round_the_end_of_the_ring() -> anyhow::Result<()> {
    const PIECE: usize = 3_000;
    const BATCH: usize = 32;
    if !support::is_root("the kernel side") {
        return Ok(());
    }
    let mut watch = Watch::this_process()?;
    let (mut client, mut server) = connection()?;
    let mut buffer = [0; PIECE];
    let mut written = Vec::new();
    // Each piece takes more than its bytes, twice: three times round.
    for _ in 0..3 * RING as usize / (2 * BATCH * PIECE) + 1 {
        for _ in 0..BATCH {
            let number = written.len() as u32;
            let bytes: Vec<u8> = (0..PIECE as u32).map(|at| (at.wrapping_mul(number + 7) >> 3) as u8).collect();
            client.write_all(&bytes)?;
            server.read_exact(&mut buffer)?;
            written.push(bytes);
        }
        assert_eq!(pieces_of(&mut watch, &client, written.len())?.len(), written.len());
    }
    assert_eq!(watch.kernel.lost(), 0);
    let pieces = pieces_of(&mut watch, &client, written.len())?;
    assert!(pieces.iter().zip(&written).all(|(piece, bytes)| *piece.data.bytes == **bytes));
    // Reads may be of parts.
    let reads = pieces_of(&mut watch, &server, written.len())?;
    assert!(reads.iter().flat_map(|piece| &*piece.data.bytes).eq(written.iter().flatten()));
    Ok(())
}
