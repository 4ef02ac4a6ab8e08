//! The messages: their tags, how long they may be, and the few of their fields that are read.
//!
//! Why no decoder of another package is used: those want a whole message in a buffer of their own, however long its
//! values are, and trust its inner lengths.

/// What is kept of a statement's text. Longer ones are lists of values or generated code, whose start says enough.
pub(super) const TEXT_LIMIT: usize = 8 * 1024;
/// The longest name of a statement or portal that is kept. The server itself tells names apart by their first 63 bytes
/// (`NAMEDATALEN`).
pub(super) const NAME_LIMIT: usize = 256;
/// The start of an ErrorResponse in which its SQLSTATE is looked for; the server sends it as the third field.
pub(super) const ERROR_LIMIT: usize = 4 * 1024;
/// The server's own limit of the tag of a CommandComplete (`COMPLETION_TAG_BUFSIZE`).
pub(super) const COMMAND_LIMIT: usize = 64;

/// The server's limit of most of a client's messages (`PQ_LARGE_MESSAGE_LIMIT`), and so of rows.
pub(super) const LARGE: u32 = 0x3fff_fffe;
/// Its limit of those that hold a name or nothing (`PQ_SMALL_MESSAGE_LIMIT`).
pub(super) const SMALL: u32 = 10_000;
/// libpq's limit of all of a server's messages but a few (`VALID_LONG_MESSAGE_TYPE`).
pub(super) const SMALL_ANSWER: u32 = 30_000;
/// The server's limit of a password or token (`PG_MAX_AUTH_TOKEN_LENGTH`).
pub(super) const TOKEN: u32 = 65_535;
/// Parameters and columns are counted with 16 bits.
pub(super) const COUNTED: u32 = 65_535;

/// The server's limit of a start-up packet (`MAX_STARTUP_PACKET_LENGTH`). All of it is kept until it ends.
pub(super) const STARTUP_LIMIT: u32 = 10_000;
/// Of the packets without a tag.
pub(super) const STARTUP: Rule = rule(8, STARTUP_LIMIT, 10_000);

/// What is known of a message by its tag alone.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rule {
    least: u32,
    most: u32,
    /// How many bytes of its body are of use.
    pub(super) keep: usize,
}

impl Rule {
    /// Whether a message can be so long. The length counts itself.
    pub(super) fn allows(self, length: u32) -> bool {
        (self.least..=self.most).contains(&length)
    }
}

/// Lengths with the length itself, as the messages state them.
pub(super) const fn rule(least: u32, most: u32, keep: usize) -> Rule {
    Rule { least, most, keep }
}

/// The length that a message states counts the four bytes of itself.
pub(super) fn body_length(length: u32) -> usize {
    usize::try_from(length.saturating_sub(4)).unwrap_or(usize::MAX)
}

/// The C string at the start, without its zero, and what follows it. None: it has no end here.
pub(super) fn c_string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|byte| *byte == 0)?;
    let (string, rest) = bytes.split_at_checked(end)?;
    Some((string, rest.get(1..)?))
}

/// The name of a statement or portal at the start, and what follows it. None: too long to be kept.
pub(super) fn name(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    c_string(bytes).filter(|(name, _)| name.len() <= NAME_LIMIT)
}

/// The text at the start: up to its zero, or as far as it goes, but not above [`TEXT_LIMIT`]. And whether more follows it.
pub(super) fn text(bytes: &[u8]) -> (String, bool) {
    let (bytes, ended) = c_string(bytes).map_or((bytes, false), |(whole, _)| (whole, true));
    let kept = bytes.get(..TEXT_LIMIT).unwrap_or(bytes);
    let cut = !ended || kept.len() < bytes.len();
    let mut text = String::with_capacity(kept.len());
    let mut chunks = kept.utf8_chunks().peekable();
    while let Some(chunk) = chunks.next() {
        text.push_str(chunk.valid());
        // The last character of a text that was cut is no error of its author.
        let whole = !cut || chunks.peek().is_some();
        if whole && !chunk.invalid().is_empty() {
            text.push(char::REPLACEMENT_CHARACTER);
        }
    }
    // A replacement is longer than what it replaces.
    let end = text.floor_char_boundary(TEXT_LIMIT);
    let cut = cut || end < text.len();
    text.truncate(end);
    (text, cut)
}

/// The SQLSTATE in the body of an ErrorResponse; empty if it is not to be found (section "Error and Notice Message
/// Fields").
pub(super) fn sql_state(body: &[u8]) -> String {
    let mut rest = body;
    while let Some((kind, fields)) = rest.split_first() {
        let Some((value, next)) = c_string(fields) else { break };
        if *kind == b'C' && value.len() == 5 && value.iter().all(u8::is_ascii_alphanumeric) {
            return String::from_utf8_lossy(value).into_owned();
        }
        rest = next;
    }
    String::new()
}

/// The rows that came back by the tag of a CommandComplete: `SELECT 5` (section "Message Formats", CommandComplete). The counts
/// of others, such as `UPDATE 5`, are of rows that were changed.
pub(super) fn rows(body: &[u8]) -> Option<u64> {
    let (tag, _) = c_string(body)?;
    let (command, counts) = str::from_utf8(tag).ok()?.split_once(' ')?;
    match command {
        "SELECT" | "FETCH" => counts.parse().ok(),
        _ => None,
    }
}
