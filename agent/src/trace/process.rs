//! One process: its tasks and connections, and which of its requests caused which.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use crate::event::{Data, Event, What};
use crate::wire::{self, Exchange};

use super::client::{Client, Link};
use super::connection::{Connection, Protocol, Stamp};
use super::server::{Served, Server};
use super::shared::Shared;
use super::tasks::{TaskId, Tasks};
use super::{Counts, Edge, LinkBy, LocalSpan, Numbers, Reason, ServerId, Service, Side};

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
    /// Client connections of HTTP/2 by the task that takes their requests in.
    helpers: HashMap<TaskId, Socket>,
    shared: Shared,
    /// Whether it is seen which task reads which stream of HTTP/2.
    reads_are_seen: bool,
    /// Reads of streams of which it is not known yet which connection's they are.
    unclear: VecDeque<Read>,
    /// What each thread read last (`--link-by thread`).
    threads: HashMap<u32, ServerId>,
    /// Events are being lost.
    unsure: bool,
    /// The time of the last event.
    heard: u64,
    /// Reused for each piece.
    events: Vec<wire::Event<Stamp>>,
}

/// Reads that are kept until it is clear which connection they are of.
const MOST_UNCLEAR: usize = 512;

/// A task read the body of a stream of HTTP/2 (`What::Stream`).
#[derive(Clone, Copy)]
struct Read {
    task: TaskId,
    time: u64,
    shared: u64,
    key: [u32; 2],
}

/// A connection with what is open on it.
struct Watched {
    connection: Connection,
    server: Server,
    client: Client,
}

impl Process {
    pub(crate) fn new(service: Arc<Service>, reads_are_seen: bool, link_by: LinkBy) -> Self {
        Self {
            service,
            link_by,
            reads_are_seen,
            unclear: VecDeque::new(),
            tasks: Tasks::default(),
            connections: HashMap::new(),
            spawns_for: HashMap::new(),
            wakes_for: HashMap::new(),
            helpers: HashMap::new(),
            shared: Shared::default(),
            threads: HashMap::new(),
            unsure: false,
            heard: 0,
            events: Vec::new(),
        }
    }

    /// Takes an event; events come in the order of their times. Gives false for a connection of which nothing more need
    /// be heard.
    pub(crate) fn event(&mut self, event: &Event, numbers: &mut Numbers, out: &mut Out<'_>) -> bool {
        self.heard = self.heard.max(event.time);
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
        let caller = self.tasks.request(to, at);
        if let Some(socket) = self.helpers.get(&to).copied() {
            self.find_worker(socket, from, to, at);
        }
        let Some(socket) = self.wakes_for.get(&from).copied() else { return };
        let place = self.tasks.place(to);
        let Some(watched) = self.connections.get_mut(&socket) else {
            self.wakes_for.remove(&from);
            return;
        };
        let carried = watched.client.is_carried_by(from);
        let Some(streams) = watched.client.streams_mut() else {
            watched.client.woken(caller, out);
            return;
        };
        if carried {
            if let Some((parent, ordinal)) = place
                && streams.woke(to, parent, ordinal)
            {
                self.wakes_for.insert(to, socket);
            }
            if let Some(helper) = streams.helper() {
                self.helpers.insert(helper, socket);
            }
        } else if let Some(caller) = caller {
            if streams.worker() == Some(from) {
                streams.handed(caller);
            } else {
                streams.asked(from, caller);
            }
        }
    }

    /// A task reads the body of a stream: the answer is for whomever it works for. Which connection the stream is of may be
    /// clear only later; then it counts for what was read before, too.
    fn reads_stream(&mut self, read: Read, out: &mut Out<'_>) {
        let Some((socket, stream)) = self.stream_of(read) else {
            if self.unclear.len() == MOST_UNCLEAR {
                self.unclear.pop_front();
            }
            self.unclear.push_back(read);
            return;
        };
        self.stream_is_read(socket, stream, read, out);
        let mut unclear = std::mem::take(&mut self.unclear);
        unclear.retain(|read| match self.shared.earlier(read.shared, read.key) {
            Some((socket, stream)) => {
                self.stream_is_read(socket, stream, *read, out);
                false
            }
            None => true,
        });
        self.unclear = unclear;
    }

    /// Which connection and stream was read, if that is clear.
    fn stream_of(&mut self, read: Read) -> Option<(Socket, Exchange)> {
        let connections = &self.connections;
        let open = |stream: u64| {
            let has = |watched: &Watched| watched.client.has_stream(stream) || watched.server.has_stream(stream);
            connections.iter().filter(|(_, watched)| has(watched)).map(|(socket, _)| *socket).collect()
        };
        self.shared.stream(read.shared, read.key, open)
    }

    fn stream_is_read(&mut self, socket: Socket, stream: Exchange, Read { task, time, .. }: Read, out: &mut Out<'_>) {
        let Some(watched) = self.connections.get_mut(&socket) else { return };
        if watched.connection.side == Side::Server {
            // Whoever reads a request's body serves it; the connection's own task may drop what is not wanted.
            if !self.spawns_for.contains_key(&task)
                && let Some(Served { server, start, end }) = watched.server.read_by(stream, task)
            {
                self.tasks.serve(task, server, start);
                if let Some(end) = end {
                    self.tasks.served(task, server, end);
                }
            }
        } else if let Some(caller) = self.tasks.request(task, time) {
            watched.client.stream_is_read(stream, caller, out);
        }
    }

    /// A task woke the one that takes an HTTP/2 connection's requests in: is it the buffer in front of that? It is if it
    /// works for nobody, and belongs neither to the connection nor to its streams.
    fn find_worker(&mut self, socket: Socket, from: TaskId, helper: TaskId, at: u64) {
        let is_child = self.tasks.place(from).is_some_and(|(parent, _)| parent == helper);
        if is_child || self.tasks.request(from, at).is_some() {
            return;
        }
        let Some(watched) = self.connections.get_mut(&socket) else { return };
        if watched.client.is_carried_by(from) {
            return;
        }
        if watched.client.streams_mut().is_some_and(|streams| streams.is_woken(from, helper)) {
            self.wakes_for.insert(from, socket);
        }
    }

    fn data(&mut self, event: &Event, data: &Data, reads: bool, numbers: &mut Numbers, out: &mut Out<'_>) -> bool {
        let stamp = Stamp { time: event.time, task: event.task, thread: event.thread, sequence: data.sequence };
        let watched = self.connections.entry(data.socket).or_insert_with(|| Watched {
            connection: Connection::new(data),
            server: Server::default(),
            client: Client::default(),
        });
        if reads && watched.connection.side == Side::Client && watched.client.is_carried_by(event.task) {
            watched.client.read();
        }
        if !reads {
            watched.client.writers.add(event.task);
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

    fn happened(&mut self, socket: Socket, event: wire::Event<Stamp>, numbers: &mut Numbers, out: &mut Out<'_>) {
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
                if side == Side::Server && matches!(span.request, wire::Request::Sql(_)) {
                    // A database's own side: no conventions speak of its spans, and its client has one.
                    watched.connection.protocol = Protocol::Opaque;
                    return;
                }
                if side == Side::Server {
                    self.threads.insert(stamp.thread, span.id);
                    let own = if self.unsure {
                        watched.server.lose();
                        None
                    } else if is_http2 {
                        // 0 is no task, but what is outside of all.
                        if stamp.task != 0 {
                            self.spawns_for.insert(stamp.task, socket);
                        }
                        None
                    } else if watched.server.is_busy() {
                        // Pipelined: which of them the task is at is not to be seen from here.
                        for (task, server) in watched.server.take_tasks() {
                            self.tasks.served(task, server, stamp.time);
                        }
                        watched.server.lose();
                        None
                    } else {
                        self.tasks.serve(stamp.task, span.id, stamp.time);
                        Some(stamp.task)
                    };
                    watched.server.asked(exchange, span, own);
                    return;
                }
                watched.client.settle(out);
                if matches!(span.request, wire::Request::Sql(_)) {
                    watched.client.writers.asks(stamp.task);
                }
                let link = match self.link_by {
                    LinkBy::Thread => match self.threads.get(&stamp.thread) {
                        Some(server) => Link::Known(*server, Reason::SameThread),
                        None => Link::None(Reason::NoRequest),
                    },
                    LinkBy::Task if self.unsure => Link::None(Reason::Lost),
                    LinkBy::Task => {
                        link(&mut self.tasks, watched, &span, stamp, is_http2.then_some(self.reads_are_seen))
                    }
                };
                if matches!(link, Link::Wakes { .. } | Link::Stream { .. }) {
                    self.wakes_for.insert(stamp.task, socket);
                }
                watched.client.ask(exchange, span, link, stamp.task, out);
            }
            (wire::Event::Response(exchange, response, _), Side::Server) => watched.server.answered(exchange, response),
            (wire::Event::Response(exchange, response, place), Side::Client) => {
                watched.client.answered(exchange, response, place.stamp, out);
                if self.link_by == LinkBy::Task && !matches!(watched.connection.protocol, Protocol::Postgres(_)) {
                    self.wakes_for.insert(place.stamp.task, socket);
                }
            }
            (wire::Event::End(exchange, end, place), Side::Server) => {
                if let Some((span, task)) = watched.server.ended(exchange, end, place.stamp.time) {
                    if let Some(task) = task {
                        self.tasks.served(task, span.id, span.end);
                    }
                    out.spans.push_back(span);
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
            out.spans.push_back(span);
        }
        watched.client.close(event.time, out);
        // Its addresses will be used again.
        self.shared.forget(socket);
        self.unclear.clear();
        self.spawns_for.retain(|_, it| *it != socket);
        self.wakes_for.retain(|_, it| *it != socket);
        self.helpers.retain(|_, it| *it != socket);
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
        let mut done = Vec::new();
        for watched in self.connections.values_mut() {
            watched.client.tick(now, &mut done, out);
        }
        for task in done {
            self.wakes_for.remove(&task);
        }
    }

    /// Events were lost before this time, and more are while it is `unsure`: nothing that is open is linked by what may have
    /// a gap.
    pub(crate) fn lose(&mut self, at: u64, unsure: bool, out: &mut Out<'_>) {
        self.unsure = unsure;
        self.tasks.lose(at);
        self.threads.clear();
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
    pub(crate) spans: &'a mut VecDeque<LocalSpan>,
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

/// What is known of who asked, when the request is written. `http2_reads`: of HTTP/2, whether reads of streams are seen.
fn link(tasks: &mut Tasks, watched: &Watched, span: &LocalSpan, stamp: Stamp, http2_reads: Option<bool>) -> Link {
    let (task, at) = (stamp.task, stamp.time);
    if let wire::Request::Sql(sql) = &span.request {
        // Drivers of PostgreSQL write in the task that asks (sqlx), or have a task for each connection (tokio-postgres).
        let is_carrier = watched.client.writers.is_carrier(task);
        return match tasks.request_and_depth(task, at) {
            Some((server, 0)) => Link::Known(server, Reason::SameTask),
            // The pool of sqlx gives a connection back in a task of its own, and ends there what was begun on it.
            Some(_) if is_rollback(sql.text.as_deref()) => Link::None(Reason::Pool),
            // It was spawned for the request that opened the connection; whose the statement is remains to be seen.
            Some(_) if is_carrier => Link::None(Reason::Ambiguous),
            Some((server, _)) => Link::Known(server, Reason::SpawnedTask),
            None if is_carrier => Link::Wakes { otherwise: None },
            None => Link::None(Reason::NoRequest),
        };
    }
    if let Some(read) = http2_reads {
        tasks.carries(task, at);
        return Link::Stream { read };
    }
    if tasks.serves(task) {
        return match tasks.request(task, at) {
            Some(server) => Link::Known(server, Reason::SameTask),
            None => Link::None(Reason::NoRequest),
        };
    }
    let before = watched.client.last_end();
    // Whom the answer before was for may wake the task as well, to have more of the body or to be done with it.
    let mut causes = tasks.causes(task, before, at);
    if causes.len() > 1 {
        causes.retain(|cause| Some(*cause) != watched.client.last_caller());
    }
    let request = if let [server] = causes[..] { Some((server, Reason::RequestWake)) } else { None };
    // Before the task is known to be a connection's, it is one that was spawned by somebody.
    let spawn = || {
        let first = watched.client.is_new();
        let (parent, spawned) = tasks.spawner(task).filter(|_| first)?;
        Some((tasks.request(parent, spawned)?, Reason::ConnectionSpawn))
    };
    let otherwise = request.or_else(spawn);
    tasks.carries(task, at);
    Link::Wakes { otherwise }
}

fn is_rollback(text: Option<&str>) -> bool {
    text.is_some_and(|text| text.trim_start().get(..8).is_some_and(|start| start.eq_ignore_ascii_case("rollback")))
}
