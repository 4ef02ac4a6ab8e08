//! Calls over HTTP/2: linked by who reads the answer.

use super::*;

const EXPORT: &str = "/opentelemetry.proto.collector.logs.v1.LogsService/Export";

/// Connections: whom this process asks, and where it exports to. Each is written by a task of its own.
const STOCK: (u64, u64) = (40, 9);
const COLLECTOR: (u64, u64) = (50, 10);

fn headers(stream: u8, block: &[u8]) -> Vec<u8> {
    const ENDS: u8 = 0x1 | 0x4;
    let length = u8::try_from(block.len()).unwrap();
    [&[0, 0, length, 1, ENDS, 0, 0, 0, stream], block].concat()
}

impl Story {
    /// Calls on a connection, and gets the answer.
    fn call(&mut self, (socket, task): (u64, u64), stream: u8, path: &str) {
        if stream == 1 {
            self.write(task, socket, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0");
        }
        // POST, http, and a path that is not to be remembered (RFC 7541, 6.1 and 6.2.2).
        let block = [&[0x83, 0x86, 0x04, u8::try_from(path.len()).unwrap()], path.as_bytes()].concat();
        self.write(task, socket, headers(stream, &block));
        // Status 200.
        self.read(task, socket, headers(stream, &[0x88]));
    }

    fn reads_stream(&mut self, task: u64, shared: u64, stream: u32) {
        self.event(1, task, What::Stream { shared, key: [0, stream] });
    }
}

#[test]
fn a_call_is_of_whoever_reads_its_answer() {
    let mut story = Story::new(LinkBy::Task);
    story.read(5, 1, get("/a"));
    story.read(6, 2, get("/b"));
    story.call(STOCK, 1, "/stock");
    story.call(STOCK, 3, "/stock");
    story.call(STOCK, 5, "/stock");
    story.reads_stream(6, 0x40, 3);
    story.reads_stream(5, 0x40, 1);
    story.write(5, 1, OK);
    story.write(6, 2, OK);
    assert_eq!(
        story.links(),
        [asked("/b", Reason::StreamRead), asked("/a", Reason::StreamRead), (None, Reason::NoWake)],
        "the last one is read by nobody"
    );
}

#[test]
fn an_export_that_was_sent_before_the_request_is_nothing_that_its_task_reads() {
    let mut story = Story::new(LinkBy::Task);
    // A thread reads this answer that runs no task: nothing is seen of it.
    story.call(COLLECTOR, 1, EXPORT);
    story.read(5, 1, get("/a"));
    story.spawn(5, 6);
    story.call(STOCK, 1, "/stock");
    story.reads_stream(6, 0x40, 1);
    story.write(5, 1, OK);
    assert_eq!(story.links(), [asked("/a", Reason::StreamRead)]);
}

#[test]
fn an_export_that_is_sent_meanwhile_may_be_the_tasks_own() {
    let mut story = Story::new(LinkBy::Task);
    story.read(5, 1, get("/a"));
    story.read(6, 2, get("/b"));
    story.call(COLLECTOR, 1, EXPORT);
    // It is 5 who asks, and 6 who exports what it has done itself.
    story.call(STOCK, 1, "/stock");
    story.reads_stream(6, 0x50, 1);
    // By the second call of each it shows which is which, and it is not too late for the first.
    story.reads_stream(5, 0x40, 1);
    story.call(STOCK, 3, "/stock");
    story.reads_stream(5, 0x40, 3);
    story.write(5, 1, OK);
    story.write(6, 2, OK);
    assert_eq!(story.links(), [asked("/a", Reason::StreamRead), asked("/a", Reason::StreamRead)]);
}

#[test]
fn the_count_of_another_protocol_is_no_stream() {
    let mut story = Story::new(LinkBy::Task);
    story.read(5, 1, get("/first"));
    story.write(5, 1, OK);
    // The connection's second request has the number 1, as has the first stream.
    story.read(5, 1, get("/second"));
    story.call(STOCK, 1, "/stock");
    story.reads_stream(5, 0x40, 1);
    story.write(5, 1, OK);
    assert_eq!(story.links(), [asked("/second", Reason::StreamRead)]);
}
