//! Ten thousand secrets go through the whole of the agent, from what the kernel would say to what is sent, and none comes out.

use std::collections::BTreeSet;

use prost::Message as _;

use super::OFF;
use crate::assemble::Assembler;
use crate::event::{Data, Event, What};
use crate::otlp::Encoder;
use crate::trace::{LinkBy, Service, Tracer};

const SECRETS: usize = 10_000;
/// What each of them begins with; a number follows.
const MARK: &str = "sekret";
const SHOP: u32 = 100;

/// What of a connection goes which way.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Says {
    Client,
    Server,
}

/// What is said on one connection.
type Talk = Vec<(Says, Vec<u8>)>;

/// Where a secret may be.
struct Place {
    name: &'static str,
    /// The agent takes it in, so something has to keep it from being sent. Else no parser looks at it.
    taken_in: bool,
    talk: fn(&str) -> Talk,
}

const PLACES: [Place; 20] = [
    Place {
        name: "a header",
        taken_in: true,
        talk: |it| http("/", &format!("Authorization: Bearer {it}\r\n"), "", "", ""),
    },
    Place {
        name: "a header of any name",
        taken_in: true,
        talk: |it| http("/", &format!("X-Tenant-Key: {it}\r\n"), "", "", ""),
    },
    Place {
        name: "a cookie",
        taken_in: true,
        talk: |it| http("/", &format!("Cookie: a=b; session={it}\r\n"), "", "", ""),
    },
    Place {
        name: "a new cookie",
        taken_in: true,
        talk: |it| http("/", "", "", &format!("Set-Cookie: s={it}; Secure\r\n"), ""),
    },
    Place { name: "a query", taken_in: true, talk: |it| http(&format!("/reset?token={it}"), "", "", "", "") },
    Place {
        name: "credentials of a proxy",
        taken_in: true,
        talk: |it| http(&format!("http://ada:{it}@shop/"), "", "", "", ""),
    },
    Place { name: "a request's body", taken_in: false, talk: |it| http("/", "", &format!("password={it}"), "", "") },
    Place {
        name: "an answer's body",
        taken_in: false,
        talk: |it| http("/", "", "", "", &format!("{{\"token\":\"{it}\"}}")),
    },
    Place { name: "metadata", taken_in: true, talk: |it| grpc("/shop.Cards/Pay", it, "", "") },
    Place {
        name: "a query over HTTP/2",
        taken_in: true,
        talk: |it| grpc(&format!("/shop.Cards/Pay?key={it}"), "", "", ""),
    },
    Place { name: "a message", taken_in: false, talk: |it| grpc("/shop.Cards/Pay", "", it, "") },
    Place { name: "an answer's message", taken_in: false, talk: |it| grpc("/shop.Cards/Pay", "", "", it) },
    Place {
        name: "a literal",
        taken_in: true,
        talk: |it| simple(&format!("SELECT 1 FROM users WHERE name = 'x' OR token='{it}'")),
    },
    Place {
        name: "a literal of another form",
        taken_in: true,
        talk: |it| simple(&format!("ALTER USER ada PASSWORD $a${it}$a$")),
    },
    Place { name: "a text that has no end", taken_in: true, talk: |it| simple(&format!("SELECT 'a', E'\\'{it}")) },
    Place {
        name: "a comment",
        taken_in: true,
        talk: |it| extended(&format!("SELECT $1 /*user='{it}',slot='s-1'*/"), b"1", b"1"),
    },
    Place {
        name: "a statement without parameters",
        taken_in: true,
        talk: |it| extended(&format!("SELECT '{it}'"), b"", b"1"),
    },
    Place { name: "a bound value", taken_in: false, talk: |it| extended("SELECT $1", it.as_bytes(), b"1") },
    Place { name: "a row", taken_in: false, talk: |it| extended("SELECT $1", b"1", it.as_bytes()) },
    Place { name: "log-in and errors", taken_in: false, talk: log_in },
];

fn http(target: &str, asked: &str, body: &str, answered: &str, answer: &str) -> Talk {
    let question =
        format!("POST {target} HTTP/1.1\r\nHost: shop\r\n{asked}Content-Length: {}\r\n\r\n{body}", body.len());
    let answer = format!("HTTP/1.1 200 OK\r\n{answered}Content-Length: {}\r\n\r\n{answer}", answer.len());
    vec![(Says::Client, question.into_bytes()), (Says::Server, answer.into_bytes())]
}

/// A frame of HTTP/2 on the first stream.
fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags, 0, 0, 0, stream], payload].concat()
}

/// Fields of HPACK, each sent in full.
fn fields(fields: &[(&str, &str)]) -> Vec<u8> {
    let text = |text: &str| [&[u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
    fields.iter().flat_map(|(name, value)| [vec![0], text(name), text(value)].concat()).collect()
}

fn grpc(path: &str, token: &str, message: &str, answer: &str) -> Talk {
    let data = |text: &str| [&[0, 0, 0, 0, u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
    let head = [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", path),
        (":authority", "shop"),
        ("content-type", "application/grpc"),
        ("x-token", token),
    ];
    let question = [
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
        frame(4, 0, 0, &[]),
        frame(1, 4, 1, &fields(&head)),
        frame(0, 1, 1, &data(message)),
    ];
    let answer = [
        frame(4, 0, 0, &[]),
        frame(1, 4, 1, &fields(&[(":status", "200"), ("content-type", "application/grpc")])),
        frame(0, 0, 1, &data(answer)),
        frame(1, 5, 1, &fields(&[("grpc-status", "0"), ("grpc-message", token)])),
    ];
    vec![(Says::Client, question.concat()), (Says::Server, answer.concat())]
}

/// A message of PostgreSQL.
fn message(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    [&[tag], u32::try_from(body.len() + 4).unwrap().to_be_bytes().as_slice(), &body].concat()
}

fn simple(text: &str) -> Talk {
    let answer = [message(b'C', &[b"SELECT 1\0"]), message(b'Z', &[b"I"])].concat();
    vec![(Says::Client, message(b'Q', &[text.as_bytes(), &[0]])), (Says::Server, answer)]
}

fn extended(text: &str, value: &[u8], row: &[u8]) -> Talk {
    let sized = |value: &[u8]| [u32::try_from(value.len()).unwrap().to_be_bytes().as_slice(), value].concat();
    let question = [
        message(b'P', &[&[0], text.as_bytes(), &[0, 0, 0]]),
        message(b'B', &[&[0, 0, 0, 0, 0, 1], &sized(value), &[0, 0]]),
        message(b'E', &[&[0], &[0; 4]]),
        message(b'S', &[]),
    ];
    let answer = [
        message(b'1', &[]),
        message(b'2', &[]),
        message(b'D', &[&[0, 1], &sized(row)]),
        message(b'C', &[b"SELECT 1\0"]),
        message(b'Z', &[b"I"]),
    ];
    vec![(Says::Client, question.concat()), (Says::Server, answer.concat())]
}

/// A start-up packet with parameters, a password, and a statement that fails with a message that quotes a value.
fn log_in(secret: &str) -> Talk {
    let parameters = format!("user\0shop\0options\0-c app.token={secret}\0\0");
    let length = u32::try_from(parameters.len() + 8).unwrap().to_be_bytes();
    let start = [length.as_slice(), &[0, 3, 0, 0], parameters.as_bytes()].concat();
    let welcome = [message(b'R', &[&[0; 4]]), message(b'K', &[&[7; 8]]), message(b'Z', &[b"I"])].concat();
    let detail = format!("SERROR\0C23505\0Mduplicate key\0DKey (card)=({secret}) already exists.\0\0");
    vec![
        (Says::Client, start),
        (Says::Server, message(b'R', &[&[0, 0, 0, 3]])),
        (Says::Client, message(b'p', &[secret.as_bytes(), &[0]])),
        (Says::Server, welcome),
        (Says::Client, message(b'Q', &[b"COMMIT\0"])),
        (Says::Server, [message(b'E', &[detail.as_bytes()]), message(b'Z', &[b"I"])].concat()),
    ]
}

/// The kernel's words for a conversation, of either end.
fn events(number: usize, talk: Talk, is_server: bool) -> Vec<Event> {
    let time = |step: usize| u64::try_from(number * 100 + step).unwrap();
    let socket = u64::try_from(number + 1).unwrap();
    let mut events = Vec::new();
    // TCP's number of the next byte of either side.
    let mut next = [1_u32; 2];
    for (step, (says, bytes)) in talk.into_iter().enumerate() {
        let next = &mut next[usize::from(says == Says::Client)];
        let sequence = *next;
        *next += u32::try_from(bytes.len()).unwrap();
        let data = Data {
            socket,
            sequence,
            moved: bytes.len(),
            local: ([127, 0, 0, 1], 80).into(),
            remote: ([127, 0, 0, 1], 5_000).into(),
            bytes: bytes.into(),
        };
        let what = if (says == Says::Client) == is_server { What::Read(data) } else { What::Write(data) };
        events.push(Event { process: SHOP, thread: 1, time: time(step), task: 1, what });
    }
    events.push(Event { process: SHOP, thread: 1, time: time(99), task: 1, what: What::Close { socket } });
    events
}

/// All secrets on their way: the number of each, where it is, and what the kernel says.
fn planted() -> Vec<(usize, &'static Place, Vec<Event>)> {
    let plant = |number: usize| {
        let place = &PLACES[number % PLACES.len()];
        let talk = (place.talk)(&format!("{MARK}{number:05}"));
        // A server of PostgreSQL has no spans of its own.
        let is_server = (number / PLACES.len()).is_multiple_of(2) && number % PLACES.len() < 12;
        (number, place, events(number, talk, is_server))
    };
    (0..SECRETS).map(plant).collect()
}

/// What is sent of all that, as bytes, and of how many spans.
fn sent(planted: &[(usize, &Place, Vec<Event>)]) -> (Vec<u8>, usize) {
    let mut tracer = Tracer::new(LinkBy::Task);
    tracer.watch(Service { name: "shop".to_owned(), pid: SHOP, executable: "shop".to_owned() }, false);
    let mut next = 0;
    let mut assembler = Assembler::new(move || {
        next += 1;
        next
    });
    for event in planted.iter().flat_map(|(_, _, events)| events) {
        tracer.event(event);
    }
    tracer.tick(u64::MAX);
    tracer.take().for_each(|span| assembler.add(span));
    let spans = assembler.take(u64::MAX, true);
    let count = spans.len();
    (Encoder::default().batch(&spans, 0).encode_to_vec(), count)
}

/// The numbers of the secrets in bytes; one of which only the mark is left counts too.
fn found(bytes: &[u8]) -> BTreeSet<String> {
    let text = String::from_utf8_lossy(bytes);
    text.split(MARK).skip(1).map(|rest| rest.chars().take(5).collect()).collect()
}

/// As [`found`], for all secrets of which something holds.
fn numbers(planted: &[(usize, &Place, Vec<Event>)], holds: impl Fn(&Place) -> bool) -> BTreeSet<String> {
    planted.iter().filter(|(_, place, _)| holds(place)).map(|(number, ..)| format!("{number:05}")).collect()
}

#[test]
fn of_ten_thousand_secrets_none_is_sent() {
    let planted = planted();
    let seen = planted.iter().flat_map(|(_, _, events)| events).filter_map(|event| match &event.what {
        What::Read(data) | What::Write(data) => Some(found(&data.bytes)),
        _ => None,
    });
    assert_eq!(
        seen.flatten().collect::<BTreeSet<_>>(),
        numbers(&planted, |_| true),
        "all are in what the agent is given"
    );

    let (bytes, spans) = sent(&planted);
    assert_eq!(spans, SECRETS, "each conversation is a span");
    assert_eq!(found(&bytes), BTreeSet::new());

    // With redaction off the same search finds all that the agent takes in; what it does not is not there even then.
    OFF.set(true);
    let (bytes, spans) = sent(&planted);
    OFF.set(false);
    assert_eq!(spans, SECRETS);
    let shown = found(&bytes);
    for place in &PLACES {
        let here = numbers(&planted, |it| it.name == place.name);
        assert_eq!(shown.intersection(&here).count(), if place.taken_in { here.len() } else { 0 }, "{}", place.name);
    }
}
