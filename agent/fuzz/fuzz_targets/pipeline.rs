//! The whole way: from what the kernel's side says, by order, tracer and assembler, to OTLP.
//!
//! ```text
//! link-by │ what length length bytes… │ what length length bytes…
//! ```
//!
//! `what`, modulo 8: 0 to 3 an event in `bytes`; 4 time passes; 5 events were lost; 6 a process ends and another begins with its
//! number; 7 spans are taken.
#![no_main]

use std::collections::{HashMap, HashSet};

use bookstore_agent::assemble::{Assembler, Span};
use bookstore_agent::event::Event;
use bookstore_agent::order::Ordered;
use bookstore_agent::otlp::Encoder;
use bookstore_agent::trace::{LinkBy, Service, Side, Tracer};
use bookstore_agent_fuzz::memory;
use prost::Message as _;

/// The processes that are watched have the numbers below.
const PROCESSES: u32 = 4;

/// Times are cut to so much, so that none is so late that nothing comes after it.
const LATEST: u64 = 1 << 40;

/// What a tracer may hold: so much, and so much for each byte that it was given.
const HELD: usize = 1 << 20;
const HELD_A_BYTE: usize = 256;

libfuzzer_sys::fuzz_target!(|file: &[u8]| {
    let Some((link_by, mut rest)) = file.split_first() else { return };
    let link_by = if link_by & 1 == 0 { LinkBy::Task } else { LinkBy::Thread };
    let mut agent = Agent::new(link_by);
    while let [what, low, high, after @ ..] = rest {
        let length = usize::from(u16::from_le_bytes([*low, *high])).min(after.len());
        let (bytes, after) = after.split_at(length);
        agent.take(what % 8, bytes);
        rest = after;
    }
    agent.end(file.len());
});

struct Agent<R> {
    ordered: Ordered,
    tracer: Tracer,
    assembler: Assembler<R>,
    encoder: Encoder,
    now: u64,
    handed_on: usize,
    numbers: HashSet<u64>,
    spans: Vec<Span>,
}

fn service(pid: u32) -> Service {
    Service { name: format!("service-{}", pid % 2), pid, executable: "shop".to_owned() }
}

impl Agent<fn() -> u64> {
    fn new(link_by: LinkBy) -> Agent<impl FnMut() -> u64> {
        let mut tracer = Tracer::new(link_by);
        (0..PROCESSES).for_each(|pid| tracer.watch(service(pid), pid % 2 == 0));
        let mut next = 0;
        Agent {
            ordered: Ordered::default(),
            tracer,
            assembler: Assembler::new(move || {
                next += 1;
                next
            }),
            encoder: Encoder::default(),
            now: 0,
            handed_on: 0,
            numbers: HashSet::new(),
            spans: Vec::new(),
        }
    }
}

impl<R: FnMut() -> u64> Agent<R> {
    fn take(&mut self, what: u8, bytes: &[u8]) {
        let number = bytes.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
        match what {
            4 => {
                self.now = self.now.max(number % LATEST);
                self.trace();
                self.tracer.tick(self.now);
            }
            5 => {
                let from = number % LATEST;
                self.tracer.lose(from, from.saturating_add(number >> 40));
            }
            6 => {
                let pid = u32::try_from(number % u64::from(PROCESSES)).unwrap_or_default();
                self.tracer.forget(pid, self.now);
                self.tracer.watch(service(pid), number & 8 == 0);
            }
            7 => self.hand_on(false),
            _ => {
                if let Some(mut event) = Event::read(bytes) {
                    event.time %= LATEST;
                    event.process %= PROCESSES;
                    self.ordered.add(event);
                }
            }
        }
    }

    fn trace(&mut self) {
        while let Some(event) = self.ordered.until(self.now) {
            self.tracer.event(&event);
        }
    }

    fn hand_on(&mut self, all: bool) {
        for span in self.tracer.take() {
            self.handed_on += 1;
            assert!(self.numbers.insert(span.id), "two spans of one number");
            assert!(span.start <= span.end, "{span:?}");
            assert_eq!(span.reason.is_some(), span.side == Side::Client, "{span:?}");
            assert!(span.parent.is_none() || span.side == Side::Client, "{span:?}");
            self.assembler.add(span);
        }
        let now = if all { u64::MAX } else { self.now };
        self.spans.append(&mut self.assembler.take(now, all));
    }

    fn end(mut self, given: usize) {
        self.now = LATEST;
        self.trace();
        self.tracer.tick(LATEST);
        self.hand_on(false);
        (0..PROCESSES).for_each(|pid| self.tracer.forget(pid, u64::MAX));
        self.hand_on(true);
        assert_eq!(self.assembler.waiting(), 0);
        assert_eq!(self.spans.len(), self.handed_on, "what goes in comes out");

        let with_tracer = memory::held();
        drop(self.tracer);
        let held = with_tracer.saturating_sub(memory::held());
        assert!(held <= HELD + HELD_A_BYTE * given, "the tracer holds {held} bytes after {given}");

        let traces: HashMap<u64, u128> = self.spans.iter().map(|span| (span.span_id, span.trace_id)).collect();
        assert_eq!(traces.len(), self.spans.len(), "two spans of one id");
        let servers: HashMap<u64, u32> = of_side(&self.spans, Side::Server);
        for span in &self.spans {
            if let Some(trace) = traces.get(&span.parent_id) {
                assert_eq!(*trace, span.trace_id, "{span:?}");
            }
            if let Some(parent) = span.local.parent.filter(|parent| self.numbers.contains(parent)) {
                assert_eq!(servers.get(&parent), Some(&span.local.service.pid), "{span:?}");
            }
        }
        sent(&mut self.encoder, self.spans);
    }
}

/// The processes of all spans of one side, by their numbers.
fn of_side(spans: &[Span], side: Side) -> HashMap<u64, u32> {
    spans.iter().filter(|span| span.local.side == side).map(|span| (span.local.id, span.local.service.pid)).collect()
}

fn sent(encoder: &mut Encoder, spans: Vec<Span>) {
    let count = spans.len();
    let request = encoder.batch(&spans, 1).read().expect("spans are in it");
    let scopes = request.resource_spans.iter().flat_map(|resource| &resource.scope_spans);
    let messages: Vec<_> = scopes.flat_map(|scope| &scope.spans).collect();
    assert_eq!(messages.len(), count);
    for span in messages {
        assert!(!span.name.is_empty());
        let names: HashSet<&str> = span.attributes.iter().map(|attribute| attribute.key.as_str()).collect();
        // Headers may be repeated.
        let recorded = |name: &str| name.contains(".header.") || name.contains(".metadata.");
        let single = span.attributes.iter().filter(|attribute| !recorded(&attribute.key)).count();
        assert_eq!(single, names.iter().filter(|name| !recorded(name)).count(), "{span:?}");
        let path = span.attributes.iter().find(|attribute| attribute.key == "url.path");
        assert!(!path.is_some_and(|path| format!("{path:?}").contains('?')), "{span:?}");
    }
    let mut bytes = Vec::with_capacity(request.encoded_len());
    request.encode(&mut bytes).expect("a vector takes everything");
}
