//! Programs without tasks.

use super::*;
use crate::trace::threads::ENOUGH;

/// A program that has had so many connections, each with a thread of its own.
fn served(connections: u64) -> Story {
    let mut story = Story::new(LinkBy::Task);
    for number in 0..connections {
        let socket = 1_000 + number;
        story.thread = 1_000 + u32::try_from(number).unwrap();
        story.read(0, socket, get("/before"));
        story.write(0, socket, OK);
    }
    story
}

/// Two at once, each in its thread.
fn two(story: &mut Story) {
    for (thread, socket, path) in [(5, 1, "/a"), (6, 2, "/b")] {
        story.thread = thread;
        story.read(0, socket, get(path));
    }
    for (thread, socket) in [(5, 30), (6, 31)] {
        story.thread = thread;
        story.query(0, socket, "SELECT 1");
    }
}

#[test]
fn where_each_connection_has_a_thread_what_that_asks_is_for_its_request() {
    let mut story = served(ENOUGH);
    two(&mut story);
    // What it does when the answer is written is for nobody, and another thread serves none.
    story.write(0, 2, OK);
    story.query(0, 31, "SELECT 2");
    story.thread = 7;
    story.query(0, 32, "SELECT 3");
    story.thread = 5;
    story.write(0, 1, OK);
    assert_eq!(
        story.links(),
        [
            asked("/a", Reason::SameThread),
            asked("/b", Reason::SameThread),
            (None, Reason::NoRequest),
            (None, Reason::NoRequest)
        ]
    );
}

#[test]
fn of_few_threads_nothing_is_believed() {
    let mut story = served(ENOUGH - 3);
    two(&mut story);
    assert_eq!(story.links(), [(None, Reason::NoRequest), (None, Reason::NoRequest)]);
}

#[test]
fn one_thread_that_is_shared_or_one_task_ends_it_for_good() {
    let ends: [fn(&mut Story); 5] = [
        // A thread that serves a second connection, one that answers for another.
        |story| story.read(0, 3, get("/c")),
        |story| {
            story.thread = 8;
            story.read(0, 3, get("/c"));
            story.thread = 9;
            story.write(0, 3, OK);
        },
        // Requests of a connection that overlap.
        |story| {
            story.thread = 8;
            story.read(0, 3, [get("/c"), get("/d")].concat());
        },
        |story| story.wake(0, 7),
        |story| {
            story.thread = 8;
            story.read(4, 3, get("/c"));
        },
    ];
    for end in ends {
        let mut story = served(ENOUGH);
        end(&mut story);
        two(&mut story);
        let reasons: Vec<Reason> = story.links().into_iter().map(|(_, reason)| reason).collect();
        assert_eq!(reasons, [Reason::NoRequest; 2]);
    }
}
