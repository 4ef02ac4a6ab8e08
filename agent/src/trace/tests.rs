//! Links by hand-made events: what tasks do, and what must follow from it.

mod lost;
mod streams;
mod threads;

use super::*;
use crate::event::{Data, What};

const SHOP: u32 = 100;

/// A process's events, one after the other.
struct Story {
    tracer: Tracer,
    time: u64,
    /// The one that reads and writes.
    thread: u32,
    /// TCP's number of the next byte: of each connection, read or written.
    next: HashMap<(u64, bool), u32>,
}

impl Story {
    fn new(link_by: LinkBy) -> Self {
        let mut tracer = Tracer::new(link_by);
        tracer.watch(Service { name: "shop".to_owned(), pid: SHOP, executable: "shop".to_owned() }, true);
        Self { tracer, time: 1_000, thread: 1, next: HashMap::default() }
    }

    fn event(&mut self, thread: u32, task: u64, what: What) {
        self.time += 1_000;
        self.tracer.event(&Event { process: SHOP, thread, time: self.time, task, what });
    }

    fn wake(&mut self, task: u64, other: u64) {
        self.event(1, task, What::Wake { other });
    }

    fn spawn(&mut self, task: u64, other: u64) {
        self.event(1, task, What::Spawn { other });
    }

    fn data(&mut self, socket: u64, reads: bool, bytes: &[u8]) -> Data {
        let address = |port| ([127, 0, 0, 1], port).into();
        // TCP's numbers go round.
        let next = self.next.entry((socket, reads)).or_insert(u32::MAX - 100);
        let sequence = *next;
        *next = next.wrapping_add(u32::try_from(bytes.len()).unwrap());
        Data {
            socket,
            sequence,
            moved: bytes.len(),
            local: address(80),
            remote: address(u16::try_from(socket).unwrap()),
            bytes: bytes.to_vec().into(),
        }
    }

    fn read(&mut self, task: u64, socket: u64, bytes: impl AsRef<[u8]>) {
        let data = self.data(socket, true, bytes.as_ref());
        self.event(self.thread, task, What::Read(data));
    }

    fn write(&mut self, task: u64, socket: u64, bytes: impl AsRef<[u8]>) {
        let data = self.data(socket, false, bytes.as_ref());
        self.event(self.thread, task, What::Write(data));
    }

    fn query(&mut self, task: u64, socket: u64, sql: &str) {
        let message = |tag: u8, body: &[u8]| {
            let length = u32::try_from(body.len() + 4).unwrap().to_be_bytes();
            [&[tag][..], &length, body].concat()
        };
        let question = message(b'Q', &[sql.as_bytes(), b"\0"].concat());
        let answer = [message(b'C', b"SELECT 1\0"), message(b'Z', b"I")].concat();
        let (question, answer) = (self.data(socket, false, &question), self.data(socket, true, &answer));
        self.event(self.thread, task, What::Write(question));
        self.event(self.thread, task, What::Read(answer));
    }

    /// Each client span's parent, by the path that was asked for, and why.
    fn links(self) -> Vec<(Option<String>, Reason)> {
        self.spans().into_iter().map(|(_, parent, reason)| (parent, reason)).collect()
    }

    /// Each client span: what it asked for, the same of its parent, and why.
    fn spans(mut self) -> Vec<(String, Option<String>, Reason)> {
        self.tracer.tick(self.time + 10_000_000_000);
        let spans: Vec<LocalSpan> = self.tracer.take().collect();
        let target = |span: &LocalSpan| match &span.request {
            crate::wire::Request::Http(request) => request.target.clone(),
            crate::wire::Request::Sql(_) => "sql".to_owned(),
        };
        let paths: HashMap<ServerId, String> =
            spans.iter().filter(|span| span.side == Side::Server).map(|span| (span.id, target(span))).collect();
        let clients = spans.iter().filter(|span| span.side == Side::Client);
        let parent = |span: &LocalSpan| span.parent.and_then(|id| paths.get(&id).cloned());
        clients.map(|span| (target(span), parent(span), span.reason.unwrap())).collect()
    }
}

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: shop\r\n\r\n")
}

fn asked(path: &str, reason: Reason) -> (Option<String>, Reason) {
    (Some(path.to_owned()), reason)
}

#[test]
fn a_statement_is_of_the_request_whose_task_writes_it_on_whichever_thread() {
    let mut story = Story::new(LinkBy::Task);
    story.read(5, 1, get("/a"));
    story.read(6, 2, get("/b"));
    story.query(5, 30, "SELECT 1");
    story.query(6, 31, "SELECT 2");
    story.spawn(5, 7);
    story.query(7, 30, "SELECT 3");
    story.query(7, 30, "ROLLBACK");
    story.write(5, 1, OK);
    story.query(5, 30, "SELECT 4");
    story.write(6, 2, OK);
    assert_eq!(
        story.links(),
        [
            asked("/a", Reason::SameTask),
            asked("/b", Reason::SameTask),
            asked("/a", Reason::SpawnedTask),
            (None, Reason::Pool),
            (None, Reason::NoRequest),
        ]
    );
}

#[test]
fn a_statement_that_is_handed_to_a_connections_task_is_of_whoever_handed_it() {
    let mut story = Story::new(LinkBy::Task);
    story.read(5, 1, get("/a"));
    // The connection's task, 9, is made for the first who asks, and lasts.
    story.spawn(5, 9);
    story.query(9, 30, "SELECT 1");
    story.wake(9, 5);
    story.write(5, 1, OK);
    story.read(6, 2, get("/b"));
    story.read(7, 3, get("/c"));
    story.wake(6, 9);
    story.query(9, 30, "SELECT 2");
    story.wake(9, 6);
    // Nobody had to be woken by the answer.
    story.wake(7, 9);
    story.query(9, 30, "SELECT 3");
    // Who asked cannot be seen: not the first, for all that.
    story.query(9, 30, "SELECT 4");
    story.write(6, 2, OK);
    story.write(7, 3, OK);
    assert_eq!(
        story.links(),
        [
            asked("/a", Reason::ResponseWake),
            asked("/b", Reason::ResponseWake),
            // That 7 woke it is not enough: others may ask while it is busy.
            (None, Reason::NoWake),
            (None, Reason::NoRequest),
        ]
    );
}

#[test]
fn a_worker_that_a_request_was_the_first_to_need_is_not_taken_for_its_own() {
    let mut story = Story::new(LinkBy::Task);
    story.read(5, 1, get("/first"));
    story.spawn(5, 9);
    story.query(9, 30, "SELECT 1");
    story.write(5, 1, OK);
    story.read(6, 2, get("/second"));
    story.wake(6, 9);
    story.query(9, 30, "SELECT 2");
    // Whoever woke it now is not known: 8 serves nothing that was seen.
    story.wake(8, 9);
    story.wake(6, 9);
    story.query(9, 30, "SELECT 3");
    story.write(6, 2, OK);
    assert_eq!(
        story.links(),
        [asked("/first", Reason::SpawnedTask), (None, Reason::NoWake), (None, Reason::NoRequest)]
    );
}

#[test]
fn a_call_of_somebody_unknown_is_not_of_whoever_else_woke_the_connection() {
    let mut story = Story::new(LinkBy::Task);
    story.read(5, 1, get("/a"));
    // The connection's task is 9; of 8 nobody knows what it works for.
    story.wake(5, 9);
    story.wake(8, 9);
    story.write(9, 40, get("/price"));
    story.read(9, 40, OK);
    story.wake(5, 9);
    story.write(9, 40, get("/price"));
    story.read(9, 40, OK);
    story.wake(9, 8);
    story.write(5, 1, OK);
    assert_eq!(story.links(), [(None, Reason::NoWake), (None, Reason::NoRequest)]);
}

#[test]
fn of_a_connections_own_task_the_answer_tells_whose_its_statements_are() {
    let mut story = Story::new(LinkBy::Task);
    story.read(5, 1, get("/a"));
    story.write(5, 30, "\0\0\0\x10\0\x03\0\0user\0a\0\0");
    story.read(5, 30, "R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I");
    story.spawn(5, 9);
    story.write(5, 1, OK);
    story.read(6, 2, get("/b"));
    story.query(9, 30, "SELECT 1");
    story.wake(9, 6);
    story.write(6, 2, OK);
    assert_eq!(story.links(), [asked("/b", Reason::ResponseWake)]);
}

#[test]
fn of_requests_that_are_open_at_once_none_is_known_to_be_the_one_that_is_served() {
    let mut story = Story::new(LinkBy::Task);
    story.read(5, 1, [get("/a"), get("/b")].concat());
    story.query(5, 30, "SELECT 1");
    story.write(5, 1, [OK, OK].concat());
    story.read(5, 1, get("/c"));
    story.query(5, 30, "SELECT 2");
    story.write(5, 1, OK);
    assert_eq!(story.links(), [(None, Reason::NoRequest), asked("/c", Reason::SameTask)]);
}

#[test]
fn connections_that_nothing_is_heard_of_make_room() {
    let mut story = Story::new(LinkBy::Task);
    story.read(1, 1, get("/forgotten"));
    for socket in 2..10_000 {
        story.read(1, socket, "GET /hal");
    }
    assert!(story.tracer.counts().evicted > 0);
    // What was open on them is over.
    assert!(story.tracer.take().any(|span| span.id == 1));
}

#[test]
fn of_probes_and_what_they_ask_there_are_no_spans() {
    let mut story = Story::new(LinkBy::Task);
    story.read(5, 1, get("/readyz"));
    story.query(5, 30, "SELECT 1");
    story.write(5, 1, OK);
    story.read(5, 1, get("/books"));
    story.query(5, 30, "SELECT 2");
    story.write(5, 1, OK);
    assert_eq!(story.tracer.counts().noise.get("health"), Some(&1));
    assert_eq!(story.links(), [asked("/books", Reason::SameTask)]);
}

#[test]
fn by_thread_the_last_request_on_it_gets_everything() {
    let mut story = Story::new(LinkBy::Thread);
    story.read(5, 1, get("/a"));
    story.read(6, 2, get("/b"));
    story.query(5, 30, "SELECT 1");
    story.write(5, 1, OK);
    story.write(6, 2, OK);
    assert_eq!(story.links(), [asked("/b", Reason::SameThread)]);
}

#[test]
fn a_call_is_of_whoever_is_woken_by_its_answer() {
    let mut story = Story::new(LinkBy::Task);
    story.read(5, 1, get("/a"));
    story.read(6, 2, get("/b"));
    // The connection's task, 9, was spawned by the first and is used by the second.
    story.spawn(5, 9);
    story.wake(6, 9);
    story.write(9, 40, get("/price"));
    story.read(9, 40, OK);
    story.wake(9, 6);
    // Nobody needs to be woken by the next answer; but it is known who asked for it.
    story.wake(5, 9);
    story.wake(6, 9);
    story.write(9, 40, get("/price"));
    story.read(9, 40, OK);
    story.write(5, 1, OK);
    story.write(6, 2, OK);
    assert_eq!(story.links(), [asked("/b", Reason::ResponseWake), asked("/a", Reason::RequestWake)]);
}

#[test]
fn wakes_that_are_needed_after_all_are_seen_again_and_trusted_a_while_later() {
    let mut story = Story::new(LinkBy::Task);
    let serve = |story: &mut Story, path: &str, count: usize| {
        for _ in 0..count {
            story.read(5, 1, get(path));
            story.write(5, 1, OK);
        }
    };
    // Who asks whether it is well says nothing of what it asks others.
    serve(&mut story, "/readyz", 2_000);
    assert_eq!(story.tracer.take_wishes(), []);
    serve(&mut story, "/a", 1_000);
    assert_eq!(story.tracer.take_wishes(), [Wish { pid: SHOP, at: story.time, wakes: false }]);
    // A driver's task, whose connection was there before, writes what others ask.
    story.read(5, 1, get("/b"));
    story.query(9, 30, "SELECT 1");
    assert_eq!(story.tracer.take_wishes(), [Wish { pid: SHOP, at: story.time, wakes: true }]);
    story.tracer.wakes_are_seen(SHOP, story.time);
    story.query(9, 30, "SELECT 2");
    story.wake(9, 5);
    story.write(5, 1, OK);
    story.time += 1_000_000_000;
    story.read(5, 1, get("/c"));
    story.wake(5, 9);
    story.query(9, 30, "SELECT 3");
    story.wake(9, 5);
    story.write(5, 1, OK);
    let missed = (None, Reason::NoWake);
    assert_eq!(story.links(), [missed.clone(), missed, asked("/c", Reason::ResponseWake)]);
}
