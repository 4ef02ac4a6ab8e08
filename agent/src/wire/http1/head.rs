//! Heads of messages.

use httparse::{EMPTY_HEADER, Error, Header, Status};

use super::body::Body;
use crate::wire::{Headers, allowed};

/// Headers of nearly all messages.
const FEW: usize = 64;
/// The most headers that are looked at.
const MANY: usize = 256;
/// The longest method that is taken for one: those that are registered have at most 17 letters.
const LONGEST_METHOD: usize = 20;

/// A head that was read.
#[derive(Debug)]
pub(super) enum Head {
    Question(Question),
    Answer(Answer),
}

/// What bytes are.
#[derive(Debug)]
pub(super) enum Parsed {
    /// A head, of so many bytes.
    Head(Head, usize),
    /// The begin of one.
    Partial,
    /// None.
    Malformed,
}

#[derive(Debug)]
pub(super) struct Question {
    pub(super) method: String,
    pub(super) target: String,
    pub(super) authority: String,
    pub(super) version: &'static str,
    pub(super) headers: Headers,
    pub(super) body: Option<Body>,
}

#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Headers,
    pub(super) body: Option<Body>,
}

/// Whether bytes begin with a request line; none if there are too few to say. HTTP/2 begins with one of version 2, which
/// is not meant.
#[must_use]
pub fn looks_like_request(bytes: &[u8]) -> Option<bool> {
    // Registered ones have capitals and dashes (`VERSION-CONTROL`).
    let method = bytes.iter().take_while(|byte| byte.is_ascii_uppercase() || **byte == b'-').count();
    if !(method >= 3 || method == bytes.len()) || method > LONGEST_METHOD {
        return Some(false);
    }
    let (space, rest) = bytes.get(method..)?.split_first()?;
    if *space != b' ' {
        return Some(false);
    }
    let target = rest.iter().take_while(|byte| byte.is_ascii_graphic()).count();
    let version = rest.get(target..)?;
    // A long target may be cut.
    if version.is_empty() {
        return if target > 0 || rest.is_empty() { None } else { Some(false) };
    }
    starts_with(version, b" HTTP/1.").filter(|_| target > 0).or(if target == 0 { Some(false) } else { None })
}

/// Whether bytes begin with a status line; none if there are too few to say.
#[must_use]
pub fn looks_like_response(bytes: &[u8]) -> Option<bool> {
    match (starts_with(bytes, b"HTTP/1.0 "), starts_with(bytes, b"HTTP/1.1 ")) {
        (Some(false), other) | (other, Some(false)) => other,
        (Some(true), _) | (_, Some(true)) => Some(true),
        (None, None) => None,
    }
}

fn starts_with(bytes: &[u8], start: &[u8]) -> Option<bool> {
    if bytes.len() >= start.len() {
        Some(bytes.starts_with(start))
    } else if start.starts_with(bytes) {
        None
    } else {
        Some(false)
    }
}

/// Reads a request's head. It is one by the same rule everywhere: what is no first request of a connection is no later one.
pub(super) fn question(bytes: &[u8]) -> Parsed {
    if looks_like_request(bytes) == Some(false) {
        return Parsed::Malformed;
    }
    fn read<const MOST: usize>(bytes: &[u8]) -> Result<Option<(Head, usize)>, Error> {
        let mut headers = [EMPTY_HEADER; MOST];
        let mut request = httparse::Request::new(&mut headers);
        let Status::Complete(length) = request.parse(bytes)? else { return Ok(None) };
        let fields = Fields::of(request.headers);
        let body = if fields.chunked { Some(Body::CHUNKED) } else { fields.length() };
        let question = Question {
            method: request.method.unwrap_or_default().to_owned(),
            target: request.path.unwrap_or_default().to_owned(),
            authority: fields.host,
            version: if request.version == Some(0) { "1.0" } else { "1.1" },
            headers: fields.kept,
            body,
        };
        Ok(Some((Head::Question(question), length)))
    }
    parsed(bytes, read::<FEW>, read::<MANY>)
}

/// Reads an answer's head.
pub(super) fn answer(bytes: &[u8]) -> Parsed {
    fn read<const MOST: usize>(bytes: &[u8]) -> Result<Option<(Head, usize)>, Error> {
        let mut headers = [EMPTY_HEADER; MOST];
        let mut response = httparse::Response::new(&mut headers);
        let Status::Complete(length) = response.parse(bytes)? else { return Ok(None) };
        let fields = Fields::of(response.headers);
        // RFC 9112, 6.3: neither chunked nor of a length, it lasts until the connection closes.
        let body = match (fields.chunked, fields.content_length) {
            (true, _) => Some(Body::CHUNKED),
            (false, Some(_)) => fields.length(),
            (false, None) => Some(Body::UntilClose),
        };
        let answer = Answer { status: response.code.unwrap_or_default(), headers: fields.kept, body };
        Ok(Some((Head::Answer(answer), length)))
    }
    parsed(bytes, read::<FEW>, read::<MANY>)
}

type Read = fn(&[u8]) -> Result<Option<(Head, usize)>, Error>;

fn parsed(bytes: &[u8], few: Read, many: Read) -> Parsed {
    let result = match few(bytes) {
        Err(Error::TooManyHeaders) => many(bytes),
        result => result,
    };
    match result {
        Ok(Some((head, length))) => Parsed::Head(head, length),
        Ok(None) => Parsed::Partial,
        Err(_) => Parsed::Malformed,
    }
}

/// What matters of a head's fields.
struct Fields {
    chunked: bool,
    content_length: Option<u64>,
    host: String,
    kept: Headers,
}

impl Fields {
    fn of(list: &[Header<'_>]) -> Self {
        let mut fields = Self { chunked: false, content_length: None, host: String::new(), kept: Vec::new() };
        for Header { name, value } in list {
            if name.eq_ignore_ascii_case("transfer-encoding") {
                let last = value.rsplit(|byte| *byte == b',').next().unwrap_or_default();
                fields.chunked = last.trim_ascii().eq_ignore_ascii_case(b"chunked");
            } else if name.eq_ignore_ascii_case("content-length") {
                fields.content_length = std::str::from_utf8(value).ok().and_then(|text| text.trim().parse().ok());
            } else if name.eq_ignore_ascii_case("host") {
                fields.host = String::from_utf8_lossy(value).into_owned();
            }
            if let Some(name) = allowed(name.as_bytes()) {
                fields.kept.push((name, String::from_utf8_lossy(value).into_owned()));
            }
        }
        fields
    }

    fn length(&self) -> Option<Body> {
        self.content_length.filter(|length| *length > 0).map(Body::Length)
    }
}
