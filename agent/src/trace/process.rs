//! One process: its tasks and connections, and which of its requests caused which.

mod reads;

use std::collections::VecDeque;
use std::sync::Arc;

use foldhash::HashMap;

use crate::event::{Data, Event, What};
use crate::noise::{self, Noise};
use crate::wire::{self, Exchange};

use super::client::{Client, Link};
use super::connection::{Connection, Protocol, Stamp};
use super::link;
use super::quiet::Quiet;
use super::server::Server;
use super::shared::Shared;
use super::tasks::{TaskId, Tasks};
use super::threads::Threads;
use super::wakes::Wakes;
use super::{Counts, Edge, LinkBy, LocalSpan, Numbers, Reason, ServerId, Service, Side, Wish};
use reads::Read;

/// The kernel's address of a socket.
type Socket = u64;

/// A process that is watched.
pub(crate) struct Process {
    pub(crate) service: Arc<Service>,
    link_by: LinkBy,
    tasks: Tasks,
    connections: HashMap<Socket, Watched>,
    /// The HTTP/2 server connections by the task that reads them: what it spawns serves their streams.
    spawns_for: HashMap<TaskId, Socket>,
    /// Client connections by the task whose next wakes tell who asked.
    wakes_for: HashMap<TaskId, Socket>,
    /// Whether it is seen who wakes whom.
    wakes: Wakes,
    shared: Shared,
    /// Whether it is seen which task reads which stream of HTTP/2.
    reads_are_seen: bool,
    /// Reads of streams of which it is not known yet which connection's they are.
    unclear: VecDeque<Read>,
    /// What each thread read last (`--link-by thread`).
    last_read: HashMap<u32, ServerId>,
    /// Which thread serves which connection, where that says anything.
    threads: Threads,
    /// Events are being lost.
    unsure: bool,
    /// The time of the last event.
    heard: u64,
    /// Reused for each piece.
    events: Vec<wire::Event<Stamp>>,
}

/// Connections of a process that are kept. Those that nothing was heard of for longest go first: their ends were missed, most
/// likely.
const MOST_CONNECTIONS: usize = 8_192;

/// A connection with what is open on it.
struct Watched {
    /// When something was heard of it last.
    heard: u64,
    connection: Connection,
    server: Server,
    client: Client,
    /// Who serves it, where there are no tasks.
    thread: Option<u32>,
}

impl Process {
    /// `unsure`: events are being lost.
    pub(crate) fn new(service: Arc<Service>, reads_are_seen: bool, link_by: LinkBy, unsure: bool) -> Self {
        Self {
            service,
            link_by,
            reads_are_seen,
            unclear: VecDeque::new(),
            tasks: Tasks::default(),
            connections: HashMap::default(),
            spawns_for: HashMap::default(),
            wakes_for: HashMap::default(),
            wakes: Wakes::default(),
            shared: Shared::default(),
            last_read: HashMap::default(),
            threads: Threads::default(),
            unsure,
            heard: 0,
            events: Vec::new(),
        }
    }

    /// Takes an event; events come in the order of their times. Gives false for a connection of which nothing more need
    /// be heard.
    pub(crate) fn event(&mut self, event: &Event, numbers: &mut Numbers, out: &mut Out<'_>) -> bool {
        self.heard = self.heard.max(event.time);
        if event.task != 0 || matches!(event.what, What::Spawn { .. } | What::Wake { .. }) {
            self.threads.are_shared();
        }
        match &event.what {
            What::Read(data) => return self.data(event, data, true, numbers, out),
            What::Write(data) => return self.data(event, data, false, numbers, out),
            What::Close { socket } => self.close(event, *socket, numbers, out),
            What::Spawn { other } => self.spawn(event.task, *other, event.time),
            What::Wake { other } => self.wake(event.task, *other, event.time, out),
            What::Stream { shared, key } => {
                self.reads_stream(Read { task: event.task, time: event.time, shared: *shared, key: *key }, out);
            }
            What::Sample(_) | What::Exec => {}
        }
        true
    }

    fn spawn(&mut self, parent: TaskId, child: TaskId, at: u64) {
        if !self.tasks.spawn(parent, child, at) {
            return;
        }
        if let Some(socket) = self.spawns_for.get(&parent)
            && let Some(watched) = self.connections.get_mut(socket)
            && let Some((server, start)) = watched.server.next_task(child)
        {
            self.tasks.serve(child, server, start);
        }
    }

    fn wake(&mut self, from: TaskId, to: TaskId, at: u64, out: &mut Out<'_>) {
        self.tasks.wake(from, to, at);
        let Some(socket) = self.wakes_for.get(&from) else { return };
        match self.connections.get_mut(socket) {
            Some(watched) => watched.client.woken(self.tasks.request(to, at), out),
            None => _ = self.wakes_for.remove(&from),
        }
    }

    fn data(&mut self, event: &Event, data: &Data, reads: bool, numbers: &mut Numbers, out: &mut Out<'_>) -> bool {
        let stamp = Stamp { time: event.time, task: event.task, thread: event.thread, sequence: data.sequence };
        if self.connections.len() >= MOST_CONNECTIONS && !self.connections.contains_key(&data.socket) {
            self.make_room(numbers, out);
        }
        let watched = self.connections.entry(data.socket).or_insert_with(|| Watched {
            heard: event.time,
            connection: Connection::new(data),
            server: Server::default(),
            client: Client::default(),
            thread: None,
        });
        watched.heard = event.time;
        if !reads {
            watched.client.written_by(event.task);
        }
        if watched.connection.has_gap(data, reads) {
            watched.server.lose();
            watched.client.lose(out);
        }
        let mut events = std::mem::take(&mut self.events);
        let was_opaque = matches!(watched.connection.protocol, Protocol::Opaque);
        let wanted = watched.connection.push(data, reads, stamp, &mut events);
        out.counts.unparseable += u64::from(!wanted && !was_opaque);
        for event in events.drain(..) {
            self.happened(data.socket, event, numbers, out);
        }
        self.events = events;
        wanted
    }

    /// Lets the quarter of the connections go that nothing was heard of for longest.
    fn make_room(&mut self, numbers: &mut Numbers, out: &mut Out<'_>) {
        let mut silent: Vec<(u64, Socket)> =
            self.connections.iter().map(|(socket, watched)| (watched.heard, *socket)).collect();
        silent.sort_unstable();
        silent.truncate(silent.len().div_ceil(4));
        out.counts.evicted += silent.len() as u64;
        for (heard, socket) in silent {
            let event =
                Event { process: self.service.pid, thread: 0, time: heard, task: 0, what: What::Close { socket } };
            self.close(&event, socket, numbers, out);
        }
    }

    /// Whether a connection of this process's clients has a thread of its own. An end tells nothing: it may be the close.
    fn is_served(&mut self, socket: Socket, event: &wire::Event<Stamp>) {
        let Some(watched) = self.connections.get_mut(&socket) else { return };
        let (is_request, place) = match event {
            wire::Event::Request(_, _, place) => (true, place),
            wire::Event::Response(_, _, place) => (false, place),
            wire::Event::End(..) => return,
        };
        if watched.connection.side == Side::Client {
            return;
        }
        let thread = place.stamp.thread;
        let overlaps = is_request && watched.server.is_busy();
        let is_http2 = matches!(watched.connection.protocol, Protocol::Http2(_));
        if overlaps || is_http2 || *watched.thread.get_or_insert(thread) != thread {
            self.threads.are_shared();
        }
        self.threads.serves(thread, socket);
    }

    /// The request that a thread is at which writes another, if it does nothing else.
    fn request_of_thread(&self, event: &wire::Event<Stamp>) -> Option<ServerId> {
        let wire::Event::Request(_, _, place) = event else { return None };
        self.connections.get(&self.threads.connection(place.stamp.thread)?)?.server.only()
    }

    fn happened(&mut self, socket: Socket, event: wire::Event<Stamp>, numbers: &mut Numbers, out: &mut Out<'_>) {
        let of_thread = self.request_of_thread(&event);
        self.is_served(socket, &event);
        let Some(watched) = self.connections.get_mut(&socket) else { return };
        let is_http2 = matches!(watched.connection.protocol, Protocol::Http2(_));
        match (event, watched.connection.side) {
            (wire::Event::Request(exchange, request, place), side) => {
                let stamp = place.stamp;
                let edge = edge(&watched.connection, side, exchange, is_http2, place);
                let span = LocalSpan {
                    id: numbers.next(),
                    service: Arc::clone(&self.service),
                    side,
                    parent: None,
                    reason: None,
                    edge,
                    start: stamp.time,
                    end: stamp.time,
                    request,
                    response: None,
                    outcome: None,
                };
                let noise = noise::of(&span.request);
                if let Some(noise) = noise {
                    out.quiet.add(span.id);
                    *out.counts.noise.entry(noise.as_str()).or_default() += 1;
                }
                if side == Side::Server && matches!(span.request, wire::Request::Sql(_)) {
                    // A database's own side: no conventions speak of its spans, and its client has one.
                    watched.connection.protocol = Protocol::Opaque;
                    return;
                }
                if side == Side::Server {
                    // Of one whose tasks are not known yet nothing can be told, and probes of health ask nobody.
                    if stamp.task != 0 && noise.is_none() {
                        self.wakes.serves();
                    }
                    if self.link_by == LinkBy::Thread {
                        self.last_read.insert(stamp.thread, span.id);
                    }
                    if !is_http2 && watched.server.is_busy() {
                        // Pipelined: which of them the task is at is not to be seen from here.
                        for (task, server) in watched.server.take_tasks() {
                            self.tasks.served(task, server, stamp.time);
                        }
                        watched.server.lose();
                    }
                    let is_sure = watched.server.is_sure() && !self.unsure;
                    let own = if !is_sure {
                        watched.server.lose();
                        None
                    } else if is_http2 {
                        // 0 is no task, but what is outside of all.
                        if stamp.task != 0 {
                            self.spawns_for.insert(stamp.task, socket);
                        }
                        None
                    } else {
                        self.tasks.serve(stamp.task, span.id, stamp.time);
                        Some(stamp.task)
                    };
                    watched.server.asked(exchange, span, own);
                    return;
                }
                if noise == Some(Noise::Telemetry) {
                    watched.client.exports();
                }
                watched.client.settle(out);
                let link = match self.link_by {
                    LinkBy::Thread => match self.last_read.get(&stamp.thread) {
                        Some(server) => Link::Known(*server, Reason::SameThread),
                        None => Link::None(Reason::NoRequest),
                    },
                    LinkBy::Task if self.unsure => Link::None(Reason::Lost),
                    LinkBy::Task => match of_thread.filter(|_| !is_http2) {
                        Some(server) => Link::Known(server, Reason::SameThread),
                        None => {
                            let reads = is_http2.then_some(self.reads_are_seen);
                            link::of(&mut self.tasks, &watched.client, &span, stamp, reads, &mut self.wakes)
                        }
                    },
                };
                if matches!(link, Link::Wakes { .. }) {
                    self.wakes_for.insert(stamp.task, socket);
                }
                watched.client.ask(exchange, span, link, out);
            }
            (wire::Event::Response(exchange, response, _), Side::Server) => watched.server.answered(exchange, response),
            (wire::Event::Response(exchange, response, place), Side::Client) => {
                watched.client.answered(exchange, response, place.stamp.time, out);
                if self.link_by == LinkBy::Task && watched.client.waits_for_a_wake() {
                    self.wakes_for.insert(place.stamp.task, socket);
                }
            }
            (wire::Event::End(exchange, end, place), Side::Server) => {
                if let Some((span, task)) = watched.server.ended(exchange, end, place.stamp.time) {
                    if let Some(task) = task {
                        self.tasks.served(task, span.id, span.end);
                    }
                    out.spans.push(span);
                }
            }
            (wire::Event::End(exchange, end, place), Side::Client) => {
                watched.client.ended(exchange, end, place.stamp.time, out);
            }
        }
    }

    fn close(&mut self, event: &Event, socket: Socket, numbers: &mut Numbers, out: &mut Out<'_>) {
        let Some(watched) = self.connections.get_mut(&socket) else { return };
        let stamp = Stamp { time: event.time, task: event.task, thread: event.thread, sequence: 0 };
        let mut events = Vec::new();
        watched.connection.close(stamp, &mut events);
        for event in events {
            self.happened(socket, event, numbers, out);
        }
        let Some(mut watched) = self.connections.remove(&socket) else { return };
        out.counts.resynchronised += watched.connection.resynchronised();
        for (span, task) in watched.server.close(event.time) {
            if let Some(task) = task {
                self.tasks.served(task, span.id, span.end);
            }
            out.spans.push(span);
        }
        watched.client.close(event.time, out);
        // Its addresses will be used again. They are told once for each reader, so what was read elsewhere is kept.
        match watched.connection.protocol {
            Protocol::Http1(_) | Protocol::Postgres(_) => {}
            Protocol::Http2(_) => {
                self.unclear.retain(|read| self.shared.is_of_another(read.shared, socket));
                self.shared.forget(socket);
            }
            // Which were its addresses is not known.
            Protocol::Unknown(_) | Protocol::Opaque => self.unclear.clear(),
        }
        self.spawns_for.retain(|_, it| *it != socket);
        self.wakes_for.retain(|_, it| *it != socket);
    }

    /// The process has ended, and its connections with it.
    pub(crate) fn end(&mut self, at: u64, numbers: &mut Numbers, out: &mut Out<'_>) {
        let sockets: Vec<Socket> = self.connections.keys().copied().collect();
        for socket in sockets {
            // An end that nobody saw has no better time than the last that was heard.
            let time = if at == u64::MAX { self.heard } else { at };
            let event = Event { process: self.service.pid, thread: 0, time, task: 0, what: What::Close { socket } };
            self.close(&event, socket, numbers, out);
        }
    }

    /// Time has passed: what waits for evidence no longer does.
    pub(crate) fn tick(&mut self, now: u64, out: &mut Out<'_>) {
        out.counts.evicted += std::mem::take(&mut self.tasks.evicted);
        for watched in self.connections.values_mut() {
            watched.client.tick(now, out);
        }
    }

    /// Its wakes are seen again.
    pub(crate) fn wakes_are_seen(&mut self, at: u64) {
        self.wakes.are_seen(at);
    }

    /// Whether its wakes should be seen, where that has changed.
    pub(crate) fn take_wish(&mut self) -> Option<Wish> {
        let wakes = self.wakes.take_wish()?;
        Some(Wish { pid: self.service.pid, at: self.heard, wakes })
    }

    /// Events were lost before this time, and more are while it is `unsure`: nothing that is open is linked by what may have
    /// a gap.
    pub(crate) fn lose(&mut self, at: u64, unsure: bool, out: &mut Out<'_>) {
        self.unsure = unsure;
        self.tasks.lose(at);
        self.last_read.clear();
        self.shared = Shared::default();
        self.unclear.clear();
        for watched in self.connections.values_mut() {
            watched.server.lose();
            watched.client.lose(out);
        }
    }
}

/// Where finished spans go, and what is counted on the way.
pub(crate) struct Out<'a> {
    pub(crate) spans: &'a mut Vec<LocalSpan>,
    pub(crate) quiet: &'a mut Quiet,
    pub(crate) counts: &'a mut Counts,
}

fn edge(connection: &Connection, side: Side, exchange: Exchange, is_http2: bool, place: wire::Place<Stamp>) -> Edge {
    let (client, server) = match side {
        Side::Server => (connection.remote, connection.local),
        Side::Client => (connection.local, connection.remote),
    };
    // TCP's numbers go round.
    let offset = u32::try_from(place.offset).unwrap_or_default();
    let sequence = place.stamp.sequence.wrapping_add(offset);
    Edge { client, server, sequence, stream: if is_http2 { exchange } else { 0 } }
}
