//! Who asked, as far as it is known when a request is written.

use crate::wire;

use super::client::{Client, Link};
use super::connection::Stamp;
use super::tasks::Tasks;
use super::wakes::Wakes;
use super::{LocalSpan, Reason};

/// For whom a request is that a task writes on a connection. `http2_reads`: of HTTP/2, whether reads of streams are seen.
pub(crate) fn of(
    tasks: &mut Tasks,
    client: &Client,
    span: &LocalSpan,
    stamp: Stamp,
    http2_reads: Option<bool>,
    wakes: &mut Wakes,
) -> Link {
    if let wire::Request::Sql(sql) = &span.request {
        return statement(tasks, client, sql.text(), stamp, wakes);
    }
    let (task, at) = (stamp.task, stamp.time);
    if let Some(reads_are_seen) = http2_reads {
        tasks.carries(task, at);
        return if reads_are_seen { Link::Stream } else { Link::None(Reason::NoWake) };
    }
    if tasks.serves(task) {
        return match tasks.request(task, at) {
            Some(server) => Link::Known(server, Reason::SameTask),
            None => Link::None(Reason::NoRequest),
        };
    }
    tasks.carries(task, at);
    if !wakes.would_tell(at) {
        return Link::None(Reason::NoWake);
    }
    let before = client.last_end();
    // Whom the answer before was for may wake the task as well, to have more of the body or to be done with it. Who spawned
    // the task says nothing: a connection that somebody makes may be used by another first.
    let mut causes = tasks.causes(task, before, at);
    causes.retain(|cause| Some(*cause) != client.last_caller());
    let otherwise = if let [server] = causes[..] { Some((server, Reason::RequestWake)) } else { None };
    Link::Wakes { otherwise }
}

/// Some drivers of PostgreSQL write in the task that asks (sqlx), others in one of the connection's, to which statements are
/// handed (tokio-postgres). The latter writes all of a connection's statements and serves nothing itself; it may have been
/// spawned by the first who asked, and is woken by each.
fn statement(tasks: &Tasks, client: &Client, text: Option<&str>, stamp: Stamp, wakes: &mut Wakes) -> Link {
    let (task, at) = (stamp.task, stamp.time);
    let inherited = match tasks.request_and_depth(task, at) {
        Some((server, 0)) => return Link::Known(server, Reason::SameTask),
        // The pool of sqlx gives a connection back in a task of its own, and ends there what was begun on it.
        Some(_) if is_rollback(text) => return Link::None(Reason::Pool),
        Some((server, _)) => Some((server, Reason::SpawnedTask)),
        None => None,
    };
    if task == 0 || tasks.serves(task) || !client.is_written_by(task) {
        return inherited.map_or(Link::None(Reason::NoRequest), |(server, reason)| Link::Known(server, reason));
    }
    if !wakes.would_tell(at) {
        return Link::None(Reason::NoWake);
    }
    // Such a task is spawned by whoever has opened the connection.
    let is_spawned_for_it = client.opener().is_some() && tasks.parent(task) == client.opener();
    let for_others = |server| client.last_caller().is_some_and(|caller| caller != server);
    match (&tasks.causes(task, client.last_end(), at)[..], inherited) {
        ([], None) if is_spawned_for_it => Link::Wakes { otherwise: None },
        ([], None) => Link::None(Reason::NoRequest),
        ([], Some((server, _))) if for_others(server) => Link::Wakes { otherwise: None },
        ([], inherited) => Link::Wakes { otherwise: inherited },
        ([cause], Some((server, _))) if *cause == server => Link::Wakes { otherwise: inherited },
        // A task that is busy need not be woken: whoever did need not be who asked.
        (_, _) => Link::Wakes { otherwise: None },
    }
}

fn is_rollback(text: Option<&str>) -> bool {
    text.is_some_and(|text| text.trim_start().get(..8).is_some_and(|start| start.eq_ignore_ascii_case("rollback")))
}
