use std::net::SocketAddr;

use super::*;
use crate::event::Data;

const CLIENT: ([u8; 4], u16) = ([127, 0, 0, 1], 50_000);
const SERVER: ([u8; 4], u16) = ([127, 0, 0, 1], 80);

fn pipeline() -> Pipeline<impl FnMut() -> u64> {
    let mut next = 0;
    Pipeline::new(LinkBy::Task, move || {
        next += 1;
        next
    })
}

fn watch(pid: u32, name: &str, at: u64) -> Input {
    let service = Service { name: name.to_owned(), pid, executable: name.to_owned() };
    Input::Watch { at, service, reads_are_seen: false }
}

/// What a server with this pid sees: a request at one time, its answer at another.
fn exchange(pid: u32, socket: u64, asked: u64, answered: u64) -> [Event; 2] {
    let data = |bytes: &[u8], sequence| Data {
        socket,
        sequence,
        moved: bytes.len(),
        local: SocketAddr::from(SERVER),
        remote: SocketAddr::from(CLIENT),
        bytes: bytes.to_vec().into(),
    };
    let event = |time, what| Event { process: pid, thread: pid, time, task: 7, what };
    let sequence = u32::try_from(asked & 0xffff_ffff).unwrap_or_default();
    [
        event(asked, What::Read(data(b"GET /a HTTP/1.1\r\nhost: b\r\n\r\n", sequence))),
        event(answered, What::Write(data(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", 9))),
    ]
}

fn names(batches: Vec<Batch>) -> Vec<String> {
    let resources = batches.into_iter().flat_map(|batch| batch.resource_spans);
    resources
        .flat_map(|of| {
            let attributes = of.resource.expect("there is one").attributes;
            let name = attributes.iter().find(|it| it.key == "service.name").expect("it has a name");
            let name = format!("{:?}", name.value.as_ref().and_then(|it| it.value.clone()));
            let spans = of.scope_spans.iter().map(|scope| scope.spans.len()).sum::<usize>();
            std::iter::repeat_n(name, spans)
        })
        .collect()
}

#[test]
fn a_span_leaves_soon_after_its_end_and_its_delay_is_known() {
    let mut pipeline = pipeline();
    pipeline.tell(watch(1, "shop", 0));
    let end = 1_000_000_000;
    exchange(1, 5, end - 1_000, end).into_iter().for_each(|event| pipeline.event(event));
    let mut left = None;
    for turn in 0..400 {
        let now = end + turn * 5_000_000;
        pipeline.tell(Input::Turn { now, epoch: 0 });
        if !pipeline.take().is_empty() {
            left = Some(now - end);
            break;
        }
    }
    let left = left.expect("it leaves");
    assert!(left <= 500_000_000, "it took {left} ns");
    let done = pipeline.done();
    assert_eq!(done.spans, BTreeMap::from([("http.server", 1)]));
    assert_eq!(done.delays[2], 1, "{:?}", done.delays);
}

#[test]
fn a_process_that_runs_another_program_is_another_service_from_that_moment_on() {
    let mut pipeline = pipeline();
    pipeline.tell(watch(1, "before", 0));
    // Both come before anything was traced: it is the time that counts, not the order in which it was told.
    pipeline.tell(Input::Forget { at: 200, pid: 1 });
    pipeline.tell(watch(1, "after", 210));
    exchange(1, 5, 100, 110).into_iter().for_each(|event| pipeline.event(event));
    exchange(1, 6, 300, 310).into_iter().for_each(|event| pipeline.event(event));
    // Nobody watches that one.
    exchange(2, 7, 300, 310).into_iter().for_each(|event| pipeline.event(event));
    pipeline.tell(Input::Flush { epoch: 0 });
    let names = names(pipeline.take());
    assert_eq!(names.len(), 2);
    assert!(names[0].contains("before") && names[1].contains("after"), "{names:?}");
}

#[test]
fn what_has_ended_is_let_go_while_others_are_busy() {
    let mut pipeline = pipeline();
    pipeline.tell(watch(1, "ended", 0));
    pipeline.tell(watch(2, "busy", 0));
    // A request that will never be answered.
    let [asked, _] = exchange(1, 5, 100, 110);
    pipeline.event(asked);
    pipeline.tell(Input::Forget { at: 1_000, pid: 1 });
    let mut taken = Vec::new();
    for turn in 1..1_000_u64 {
        let now = turn * 5_000_000;
        // There is always something that is held back.
        exchange(2, turn, now - 10, now - 5).into_iter().for_each(|event| pipeline.event(event));
        pipeline.tell(Input::Turn { now, epoch: 0 });
        taken.extend(names(pipeline.take()));
        if taken.iter().any(|name| name.contains("ended")) {
            return;
        }
    }
    panic!("it was never let go");
}

#[test]
fn nothing_of_a_thousand_restarts_is_left() {
    let mut pipeline = pipeline();
    for round in 0..1_000_u64 {
        let at = round * 1_000_000_000;
        let pid = 100 + u32::try_from(round % 7).expect("it is small");
        pipeline.tell(watch(pid, "shop", at));
        exchange(pid, round, at + 10, at + 20).into_iter().for_each(|event| pipeline.event(event));
        pipeline.tell(Input::Forget { at: at + 30, pid });
        for turn in 0..20 {
            pipeline.tell(Input::Turn { now: at + turn * 45_000_000, epoch: 0 });
        }
    }
    assert_eq!(names(pipeline.take()).len(), 1_000);
    assert!(pipeline.changes.is_empty() && pipeline.ordered.is_empty());
    assert_eq!(pipeline.assembler.waiting(), 0);
}

#[test]
fn messages_are_of_a_size_that_collectors_take() {
    let mut pipeline = pipeline();
    pipeline.tell(watch(1, "shop", 0));
    for number in 0..1_300_u64 {
        exchange(1, number, 1_000 * number + 1, 1_000 * number + 2).into_iter().for_each(|event| pipeline.event(event));
    }
    pipeline.tell(Input::Flush { epoch: 0 });
    let sizes: Vec<usize> = pipeline.take().into_iter().map(|batch| batch.spans()).collect();
    assert_eq!(sizes, [512, 512, 276]);
}
