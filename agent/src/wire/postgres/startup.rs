//! The packets that come before the tagged messages (section "Message Formats": StartupMessage, SSLRequest,
//! GSSENCRequest, CancelRequest).

use super::messages::{STARTUP_LIMIT, c_string};

const CANCEL_REQUEST: u32 = 80_877_102;
const SSL_REQUEST: u32 = 80_877_103;
const GSSENC_REQUEST: u32 = 80_877_104;
/// The high 16 bits of a StartupMessage's version. The low ones are the minor version, and any: a server answers one that
/// it does not know with NegotiateProtocolVersion.
const MAJOR_VERSION: u32 = 3;
/// A CancelRequest with the longest secret key that version 3.2 allows (256 bytes).
const CANCEL_LIMIT: u32 = 12 + 256;

/// What a client says first.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Packet {
    /// It begins a session. Of the parameters two are kept.
    Start { user: Option<String>, database: Option<String> },
    /// It wants TLS or GSSAPI; the server answers with one byte.
    Encryption,
    /// It wants the statement of another connection cancelled; nothing follows, and nothing is answered.
    Cancel,
}

/// Reads a packet without its length. None: of another protocol, or of version 2.
pub(super) fn read(body: &[u8]) -> Option<Packet> {
    let (code, mut parameters) = body.split_first_chunk()?;
    match u32::from_be_bytes(*code) {
        SSL_REQUEST | GSSENC_REQUEST => return Some(Packet::Encryption),
        CANCEL_REQUEST => return Some(Packet::Cancel),
        version if version >> 16 == MAJOR_VERSION => {}
        _ => return None,
    }
    let (mut user, mut database) = (None, None);
    while let Some((name, rest)) = c_string(parameters)
        && !name.is_empty()
        && let Some((value, rest)) = c_string(rest)
    {
        let kept = match name {
            b"user" => Some(&mut user),
            b"database" => Some(&mut database),
            _ => None,
        };
        if let Some(kept) = kept {
            *kept = Some(String::from_utf8_lossy(value).into_owned());
        }
        parameters = rest;
    }
    Some(Packet::Start { user, database })
}

/// Whether a connection whose client begins so speaks PostgreSQL. None: too few bytes to say.
#[must_use]
pub fn looks_like_startup(bytes: &[u8]) -> Option<bool> {
    // The packet is shorter than 65,536 bytes, so its length begins with two zeros.
    if bytes.iter().take(2).any(|byte| *byte != 0) {
        return Some(false);
    }
    let (length, rest) = bytes.split_first_chunk()?;
    let (code, rest) = rest.split_first_chunk()?;
    let length = u32::from_be_bytes(*length);
    Some(match u32::from_be_bytes(*code) {
        SSL_REQUEST | GSSENC_REQUEST => length == 8,
        CANCEL_REQUEST => (16..=CANCEL_LIMIT).contains(&length),
        version if version >> 16 == MAJOR_VERSION => {
            let parameter = rest.first().is_none_or(|byte| *byte == 0 || byte.is_ascii_graphic());
            (9..=STARTUP_LIMIT).contains(&length) && parameter
        }
        _ => false,
    })
}
