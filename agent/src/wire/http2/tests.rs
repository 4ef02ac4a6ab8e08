mod late;
mod limits;
mod random;
mod streams;
mod talk;

use self::talk::{Talk, events, run};
use super::{Http2, looks_like_frames, looks_like_preface};
use crate::wire::Direction::{ToClient, ToServer};
use crate::wire::{End, Event, Headers, HttpRequest, Piece, Place, Request, Response};

/// Places are of the piece with this number.
type Events = Vec<Event<usize>>;

fn place(stamp: usize, offset: usize) -> Place<usize> {
    Place { stamp, offset }
}

fn headers(headers: &[(&'static str, &str)]) -> Headers {
    headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect()
}

fn response(status: u16, kept: &[(&'static str, &str)]) -> Response {
    Response::Http { status, headers: headers(kept) }
}

/// What a GET of [`Talk::get`] is.
fn get(target: &str) -> Request {
    Request::Http(Box::new(HttpRequest {
        method: "GET".to_owned(),
        target: target.to_owned(),
        authority: "shop".to_owned(),
        version: "2",
        headers: Vec::new(),
        ends: true,
    }))
}
