//! Links by hand-made events: what tasks do, and what must follow from it.

use super::*;
use crate::event::{Data, What};

const SHOP: u32 = 100;

/// A process's events, one after the other.
struct Story {
    tracer: Tracer,
    time: u64,
}

impl Story {
    fn new(link_by: LinkBy) -> Self {
        let mut tracer = Tracer::new(link_by);
        tracer.watch(Service { name: "shop".to_owned(), pid: SHOP, executable: "shop".to_owned() }, false);
        Self { tracer, time: 1_000 }
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

    fn data(socket: u64, bytes: &[u8]) -> Data {
        let address = |port| ([127, 0, 0, 1], port).into();
        Data {
            socket,
            sequence: 1,
            moved: bytes.len(),
            local: address(80),
            remote: address(u16::try_from(socket).unwrap()),
            bytes: bytes.into(),
        }
    }

    fn read(&mut self, task: u64, socket: u64, text: &str) {
        self.event(1, task, What::Read(Self::data(socket, text.as_bytes())));
    }

    fn write(&mut self, task: u64, socket: u64, text: &str) {
        self.event(1, task, What::Write(Self::data(socket, text.as_bytes())));
    }

    fn query(&mut self, task: u64, socket: u64, sql: &str) {
        let message = |tag: u8, body: &[u8]| {
            let length = u32::try_from(body.len() + 4).unwrap().to_be_bytes();
            [&[tag][..], &length, body].concat()
        };
        let question = message(b'Q', &[sql.as_bytes(), b"\0"].concat());
        let answer = [message(b'C', b"SELECT 1\0"), message(b'Z', b"I")].concat();
        self.event(1, task, What::Write(Self::data(socket, &question)));
        self.event(1, task, What::Read(Self::data(socket, &answer)));
    }

    /// Each client span's parent, by the path that was asked for, and why.
    fn links(mut self) -> Vec<(Option<String>, Reason)> {
        self.tracer.tick(self.time + 10_000_000_000);
        let spans = self.tracer.take();
        let target = |span: &LocalSpan| match &span.request {
            crate::wire::Request::Http(request) => request.target.clone(),
            crate::wire::Request::Sql(_) => "sql".to_owned(),
        };
        let paths: HashMap<ServerId, String> =
            spans.iter().filter(|span| span.side == Side::Server).map(|span| (span.id, target(span))).collect();
        let clients = spans.iter().filter(|span| span.side == Side::Client);
        clients.map(|span| (span.parent.and_then(|id| paths.get(&id).cloned()), span.reason.unwrap())).collect()
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
    story.read(5, 1, &get("/a"));
    story.read(6, 2, &get("/b"));
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
fn by_thread_the_last_request_on_it_gets_everything() {
    let mut story = Story::new(LinkBy::Thread);
    story.read(5, 1, &get("/a"));
    story.read(6, 2, &get("/b"));
    story.query(5, 30, "SELECT 1");
    story.write(5, 1, OK);
    story.write(6, 2, OK);
    assert_eq!(story.links(), [asked("/b", Reason::SameThread)]);
}

#[test]
fn a_call_is_of_whoever_is_woken_by_its_answer() {
    let mut story = Story::new(LinkBy::Task);
    story.read(5, 1, &get("/a"));
    story.read(6, 2, &get("/b"));
    // The connection's task, 9, was spawned by the first and is used by the second.
    story.spawn(5, 9);
    story.wake(6, 9);
    story.write(9, 40, &get("/price"));
    story.read(9, 40, OK);
    story.wake(9, 6);
    // Nobody needs to be woken by the next answer; but it is known who asked for it.
    story.wake(5, 9);
    story.wake(6, 9);
    story.write(9, 40, &get("/price"));
    story.read(9, 40, OK);
    story.write(5, 1, OK);
    story.write(6, 2, OK);
    assert_eq!(story.links(), [asked("/b", Reason::ResponseWake), asked("/a", Reason::RequestWake)]);
}

#[test]
fn where_events_were_lost_nothing_is_linked_by_what_was_before() {
    let mut story = Story::new(LinkBy::Task);
    story.read(5, 1, &get("/a"));
    let lost_after = story.time;
    // Of this nothing is heard: /a is answered, /b comes on the same connection.
    story.time += 10_000;
    story.tracer.lose(lost_after, story.time);
    story.query(5, 30, "SELECT of b");
    story.read(6, 2, &get("/c"));
    story.query(6, 31, "SELECT of c");
    story.write(6, 2, OK);
    assert_eq!(story.links(), [(None, Reason::NoRequest), asked("/c", Reason::SameTask)]);
}

#[test]
fn a_worker_that_a_request_was_the_first_to_need_does_not_work_for_it_for_ever() {
    let mut story = Story::new(LinkBy::Task);
    story.read(5, 1, &get("/a"));
    story.spawn(5, 9);
    story.query(9, 30, "SELECT 1");
    story.write(5, 1, OK);
    story.read(6, 2, &get("/b"));
    story.query(9, 30, "SELECT 2");
    story.write(6, 2, OK);
    assert_eq!(story.links(), [asked("/a", Reason::SpawnedTask), (None, Reason::NoRequest)]);
}

#[test]
fn of_pipelined_requests_none_is_known_to_be_the_one_that_is_served() {
    let mut story = Story::new(LinkBy::Task);
    story.read(5, 1, &[get("/a"), get("/b")].concat());
    story.query(5, 30, "SELECT 1");
    story.write(5, 1, &[OK, OK].concat());
    story.read(5, 1, &get("/c"));
    story.query(5, 30, "SELECT 2");
    story.write(5, 1, OK);
    assert_eq!(story.links(), [(None, Reason::NoRequest), asked("/c", Reason::SameTask)]);
}

#[test]
fn a_call_of_somebody_unknown_is_not_of_whoever_else_woke_the_connection() {
    let mut story = Story::new(LinkBy::Task);
    story.read(5, 1, &get("/a"));
    // The connection's task is 9; of 8 nobody knows what it works for.
    story.wake(5, 9);
    story.wake(8, 9);
    story.write(9, 40, &get("/price"));
    story.read(9, 40, OK);
    story.wake(5, 9);
    story.write(9, 40, &get("/price"));
    story.read(9, 40, OK);
    story.wake(9, 8);
    story.write(5, 1, OK);
    assert_eq!(story.links(), [(None, Reason::NoWake), (None, Reason::NoRequest)]);
}

#[test]
fn where_a_task_carries_all_statements_of_a_connection_the_answer_tells_whose_they_are() {
    let mut story = Story::new(LinkBy::Task);
    story.read(5, 1, &get("/a"));
    story.write(5, 30, "\0\0\0\x10\0\x03\0\0user\0a\0\0");
    story.read(5, 30, "R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I");
    story.spawn(5, 9);
    story.write(5, 1, OK);
    story.read(6, 2, &get("/b"));
    story.query(9, 30, "SELECT 1");
    story.wake(9, 6);
    story.write(6, 2, OK);
    assert_eq!(story.links(), [asked("/b", Reason::ResponseWake)]);
}
