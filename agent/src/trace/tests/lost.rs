//! What is linked where events were lost, and what is not.

use super::*;

#[test]
fn where_events_were_lost_nothing_is_linked_by_what_was_before() {
    let mut story = Story::new(LinkBy::Task);
    story.read(5, 1, get("/a"));
    let lost_after = story.time;
    // Of this nothing is heard: /a is answered, /b comes on the same connection.
    story.time += 10_000;
    story.tracer.lose(lost_after, story.time);
    story.query(5, 30, "SELECT of b");
    story.read(6, 2, get("/c"));
    story.query(6, 31, "SELECT of c");
    story.write(6, 2, OK);
    assert_eq!(story.links(), [(None, Reason::NoRequest), asked("/c", Reason::SameTask)]);
}

#[test]
fn a_process_that_is_watched_while_events_are_lost_has_no_links() {
    let mut story = Story::new(LinkBy::Task);
    let until = story.time + 4_500;
    story.tracer.lose(story.time, until);
    story.wake(1, 2);
    // The same process again: another program, say. It is told of between two events of the gap.
    story.tracer.watch(Service { name: "shop".to_owned(), pid: SHOP, executable: "other".to_owned() }, true);
    story.read(5, 1, get("/a"));
    story.query(5, 30, "SELECT of whom");
    story.time = until;
    story.write(5, 1, OK);
    story.read(5, 1, get("/b"));
    story.query(5, 30, "SELECT of b");
    story.write(5, 1, OK);
    assert_eq!(story.links(), [(None, Reason::Lost), asked("/b", Reason::SameTask)]);
}

#[test]
fn an_answer_that_nobody_saw_is_not_taken_for_the_next_one() {
    let mut story = Story::new(LinkBy::Task);
    story.read(5, 1, get("/a"));
    story.read(6, 2, get("/b"));
    story.read(7, 3, get("/c"));
    // The connection's task is 9. It is asked by 5, then by 6, then by 7, and the first of these answers is not seen.
    story.write(9, 30, get("/before"));
    story.read(9, 30, OK);
    story.write(9, 30, get("/for-a"));
    let _lost = story.data(30, true, OK.as_bytes());
    for (task, path) in [(6, "/for-b"), (7, "/for-c")] {
        story.write(9, 30, get(path));
        story.read(9, 30, OK);
        story.wake(9, task);
    }
    for (task, socket) in [(5, 1), (6, 2), (7, 3)] {
        story.write(task, socket, OK);
    }
    let spans = story.spans();
    assert!(spans.contains(&("/for-c".to_owned(), Some("/c".to_owned()), Reason::ResponseWake)), "{spans:?}");
    let is_right =
        |asked: &str, parent: &Option<String>| parent.as_ref().is_none_or(|it| *asked == it.replace('/', "/for-"));
    assert!(spans.iter().all(|(asked, parent, _)| is_right(asked, parent)), "{spans:?}");
}
