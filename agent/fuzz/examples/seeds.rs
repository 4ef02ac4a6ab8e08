//! Writes the seeds: what the parsers' tests say, as files of the targets. `cargo run --example seeds`, in `agent/fuzz`.

use std::fs;
use std::path::Path;

use bookstore_agent::wire::Direction::{self, ToClient, ToServer};
use bookstore_agent_fuzz::talk;

type Talk = Vec<(Direction, Vec<u8>)>;

fn main() -> std::io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds");
    for (target, talks) in [("http1", http1()), ("http2", http2()), ("postgres", postgres())] {
        for (name, said) in &talks {
            save(&folder, target, name, &file(said))?;
            save(&folder, "pipeline", &format!("{target}-{name}"), &pipeline(said))?;
        }
    }
    save(&folder, "pipeline", "calls", &calls())?;
    for (at, sql) in SQL.iter().enumerate() {
        for sent in 0..3_u8 {
            save(&folder, "sql", &format!("{at}-{sent}"), &[&[sent], sql.as_bytes()].concat())?;
        }
    }
    Ok(())
}

fn save(folder: &Path, target: &str, name: &str, bytes: &[u8]) -> std::io::Result<()> {
    let folder = folder.join(target);
    fs::create_dir_all(&folder)?;
    fs::write(folder.join(name), bytes)
}

fn file(said: &Talk) -> Vec<u8> {
    let said: Vec<_> = said.iter().map(|(direction, bytes)| (*direction, bytes.as_slice())).collect();
    talk::write(7, &said)
}

fn said(talk: &[(Direction, &str)]) -> Talk {
    talk.iter().map(|(direction, text)| (*direction, text.as_bytes().to_vec())).collect()
}

fn http1() -> Vec<(&'static str, Talk)> {
    vec![
        (
            "simple",
            said(&[
                (
                    ToServer,
                    "POST /orders?x=1 HTTP/1.1\r\nHost: shop:80\r\nX-Request-Id: r\r\nContent-Length: 3\r\n\r\nabc",
                ),
                (ToClient, "HTTP/1.1 201 Created\r\nContent-Length: 5\r\n\r\nhello"),
            ]),
        ),
        (
            "pipelined",
            said(&[
                (ToServer, "GET /a HTTP/1.1\r\n\r\nHEAD /b HTTP/1.1\r\n\r\nGET /c HTTP/1.1\r\n\r\n"),
                (ToClient, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n"),
                (ToClient, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n"),
            ]),
        ),
        (
            "chunks",
            said(&[
                (
                    ToServer,
                    "PUT / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nTrailer: x\r\n\r\n",
                ),
                (ToClient, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n2\r\nbc\r\n0\r\n\r\n"),
            ]),
        ),
        (
            "upgrade",
            said(&[
                (ToServer, "GET /chat HTTP/1.1\r\nUpgrade: websocket\r\n\r\n"),
                (ToClient, "HTTP/1.1 101 Switching Protocols\r\n\r\n\u{1}\u{5}hello"),
            ]),
        ),
        ("until-close", said(&[(ToServer, "GET / HTTP/1.0\r\n\r\n"), (ToClient, "HTTP/1.0 200 OK\r\n\r\nabc")])),
    ]
}

fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    let [_, length @ ..] = u32::try_from(payload.len()).unwrap_or_default().to_be_bytes();
    [&length[..], &[kind, flags, 0, 0, 0, stream], payload].concat()
}

fn http2() -> Vec<(&'static str, Talk)> {
    let preface = [&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..], &frame(4, 0, 0, &[])].concat();
    let settings = frame(4, 0, 0, &[0, 3, 0, 0, 0, 100]);
    // GET / of `shop`, x-hop inserted; then both by their index. 200, and trailers with grpc-status: 0.
    let get = [0x82, 0x86, 0x84, 0x41, 4, b's', b'h', b'o', b'p', 0x40, 5, b'x', b'-', b'h', b'o', b'p', 1, b'1'];
    let again = [0x82, 0x86, 0x84, 0xbf, 0xbe];
    let path = [&[0x83, 0x86, 0x44, 9][..], b"/a.B/Call", &[0x5f, 16], b"application/grpc"].concat();
    let trailers = [&[0x40, 11][..], b"grpc-status", &[1, b'0']].concat();
    vec![
        (
            "get",
            vec![
                (ToServer, [preface.clone(), frame(1, 5, 1, &get), frame(1, 5, 3, &again)].concat()),
                (ToClient, [settings.clone(), frame(1, 5, 3, &[0x88]), frame(1, 4, 1, &[0x88])].concat()),
                (ToClient, [frame(0, 8, 1, &[2, 1, 0, 0]), frame(0, 1, 1, b"abc")].concat()),
            ],
        ),
        (
            "grpc",
            vec![
                (ToServer, [preface.clone(), frame(1, 0, 1, &path[..9]), frame(9, 4, 1, &path[9..])].concat()),
                (ToServer, frame(0, 1, 1, &[0, 0, 0, 0, 1, 7])),
                (ToClient, [settings.clone(), frame(1, 4, 1, &[0x88]), frame(0, 0, 1, &[0; 5])].concat()),
                (ToClient, frame(1, 5, 1, &trailers)),
            ],
        ),
        (
            "broken-off",
            vec![
                (ToServer, [preface, frame(1, 5, 1, &get), frame(1, 5, 3, &again)].concat()),
                (ToServer, [frame(3, 0, 1, &[0, 0, 0, 8]), frame(6, 0, 0, &[0; 8])].concat()),
                (ToClient, [settings, frame(7, 0, 0, &[0; 8]), frame(8, 0, 0, &[0, 0, 1, 0])].concat()),
            ],
        ),
    ]
}

fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).unwrap_or_default().to_be_bytes();
    [&[tag], &length[..], body].concat()
}

fn postgres() -> Vec<(&'static str, Talk)> {
    let start = [&[0, 0, 0, 34, 0, 3, 0, 0][..], b"user\0shop\0database\0shop\0\0\0"].concat();
    let welcome = [message(b'R', &[0; 4]), message(b'K', &[7; 8]), message(b'Z', b"I")].concat();
    let talk = |rest: &[(Direction, &[Vec<u8>])]| {
        let mut talk = vec![(ToServer, start.clone()), (ToClient, welcome.clone())];
        talk.extend(rest.iter().map(|(direction, messages)| (*direction, messages.concat())));
        talk
    };
    let ready = message(b'Z', b"I");
    let bind = message(b'B', b"\0s\0\0\x01\0\x01\0\x01\0\0\0\x01x\0\x01\0\x01");
    let (execute, sync) = (message(b'E', &[0; 5]), message(b'S', &[]));
    let error = message(b'E', b"SERROR\0C42601\0Mno\0\0");
    let row = message(b'D', &[0, 1, 0, 0, 0, 1, b'a']);
    vec![
        (
            "simple",
            talk(&[
                (ToServer, &[message(b'Q', b"SELECT 'a' FROM books /*slot='s-1'*/\0")]),
                (ToClient, &[message(b'T', b"\0\x01id\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"), row.clone()]),
                (ToClient, &[message(b'C', b"SELECT 1\0"), ready.clone()]),
            ]),
        ),
        (
            "extended",
            talk(&[
                (ToServer, &[message(b'P', b"s\0SELECT $1\0\0\0"), message(b'D', b"Ss\0"), sync.clone()]),
                (ToClient, &[message(b'1', &[]), message(b't', &[0, 0]), message(b'n', &[]), ready.clone()]),
                (ToServer, &[bind.clone(), execute.clone(), message(b'C', b"P\0"), sync.clone()]),
                (ToClient, &[message(b'2', &[]), row, message(b'C', b"SELECT 1\0"), message(b'3', &[]), ready.clone()]),
            ]),
        ),
        (
            "pipeline-with-error",
            talk(&[
                (ToServer, &[message(b'P', b"s\0SELEC\0\0\0"), bind, execute, sync, message(b'Q', b"COMMIT\0")]),
                (ToClient, &[error, ready.clone(), message(b'C', b"COMMIT\0"), ready.clone()]),
            ]),
        ),
        (
            "copy",
            talk(&[
                (ToServer, &[message(b'Q', b"COPY t FROM STDIN\0")]),
                (ToClient, &[message(b'G', &[0, 0, 0])]),
                (ToServer, &[message(b'd', b"1\n"), message(b'c', &[])]),
                (ToClient, &[message(b'C', b"COPY 1\0"), ready]),
            ]),
        ),
    ]
}

const SQL: [&str; 12] = [
    "SELECT * FROM users WHERE name = 'O''Brien' AND age > 42",
    "SELECT E'it\\'s' || e'\\\\', 1",
    "SELECT U&'d!0061' UESCAPE '!', N'x', B'10', X'1f'",
    "SELECT $$a$$, $tag$ $$ $other$ $tag$",
    "SELECT -1.5e-3, .5, 0xff, 1_000, 7::int",
    "SELECT a[1:2], b->>'key' FROM \"My \"\"Table\"\"\" WHERE c = $1",
    "/* a /* nested */ b */ SELECT $1 -- c\n+ 1 /*user='ada',slot='s-1'*/",
    "WITH due AS (SELECT id FROM sagas) INSERT INTO a (x) SELECT id FROM due",
    "SELECT 'a\\'b\\''",
    "SELECT 'a'\n'b'",
    "SELECT 'no end",
    "UPDATE stock SET held = held + $1 WHERE id = $2",
];

/// What the kernel's side says of bytes that were read or written (`bpf/event.h`).
fn data(kind: u32, time: u64, task: u64, socket: u64, bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).unwrap_or_default();
    let address = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 1];
    let head = event(kind, time, task);
    let numbers = [1_u32, length, length].map(u32::to_ne_bytes).concat();
    let ports = [80_u16, 5_000].map(u16::to_ne_bytes).concat();
    [&head[..], &socket.to_ne_bytes(), &numbers, &ports, &address, &address, bytes].concat()
}

fn event(kind: u32, time: u64, task: u64) -> Vec<u8> {
    let numbers = [kind, 1, 1, 0].map(u32::to_ne_bytes).concat();
    [&numbers[..], &time.to_ne_bytes(), &task.to_ne_bytes()].concat()
}

fn record(what: u8, bytes: &[u8]) -> Vec<u8> {
    let [low, high] = u16::try_from(bytes.len()).unwrap_or(u16::MAX).to_le_bytes();
    [&[what, low, high], bytes].concat()
}

/// A conversation, once seen by its client and once by its server.
fn pipeline(said: &Talk) -> Vec<u8> {
    let mut file = vec![0];
    for (socket, is_server) in [(12, false), (11, true)] {
        for (time, (direction, bytes)) in (1..).zip(said) {
            let reads = (*direction == ToServer) == is_server;
            file.extend(record(0, &data(if reads { 1 } else { 2 }, time, 5, socket, bytes)));
        }
    }
    file.extend(record(0, &[event(3, 50, 5), 11_u64.to_ne_bytes().to_vec()].concat()));
    file.extend([record(4, &100_u64.to_le_bytes()), record(7, &[])].concat());
    file
}

/// A request that is served, asks another by a task of its own, and is told of the answer by a wake.
fn calls() -> Vec<u8> {
    let get = b"GET /books/7 HTTP/1.1\r\nHost: shop\r\n\r\n";
    let ok = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    let edge = |kind, time, task, other: u64| [event(kind, time, task), other.to_ne_bytes().to_vec()].concat();
    let stream = [event(8, 6, 5), 1_u64.to_ne_bytes().to_vec(), 1_u64.to_ne_bytes().to_vec()].concat();
    let records = [
        data(1, 1, 5, 11, get),
        edge(5, 2, 5, 9),
        edge(4, 3, 5, 9),
        data(2, 4, 9, 12, get),
        data(1, 5, 9, 12, ok),
        edge(4, 6, 9, 5),
        stream,
        data(2, 7, 5, 11, ok),
        event(7, 8, 0),
    ];
    let mut file = vec![0];
    file.extend(records.iter().flat_map(|bytes| record(0, bytes)));
    file.extend(
        [record(5, &(7_u64 | 3 << 40).to_le_bytes()), record(4, &9_u64.to_le_bytes()), record(6, &[1])].concat(),
    );
    file
}
