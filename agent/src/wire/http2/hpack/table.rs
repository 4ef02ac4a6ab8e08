//! The tables that indices of HPACK point into (RFC 7541, section 2.3).

use std::collections::VecDeque;

use crate::wire::Invalid;
use crate::wire::http2::head::Name;

/// The size of a dynamic table of which nothing was said (RFC 9113, section 6.5.2).
const DEFAULT_SIZE: usize = 4096;

/// What we keep of a dynamic table, by HPACK's measure, whatever size its owner is allowed: it bounds the memory that a
/// connection costs. Peers rarely allow more.
pub(super) const MAX_KEPT: usize = 64 << 10;

/// What an entry costs besides its name and its value (RFC 7541, section 4.1).
const OVERHEAD: usize = 32;

/// A field, as far as it is known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry<'a> {
    pub(super) name: Name,
    /// In bytes; 0 if the name is unknown.
    pub(super) name_length: usize,
    /// Empty unless the name is one whose values are kept.
    pub(super) value: &'a str,
}

impl Entry<'_> {
    const UNKNOWN: Self = Self { name: Name::Unknown, name_length: 0, value: "" };
}

/// An entry of the static table, by the index that a header block gives.
pub(super) fn fixed(index: usize) -> Option<Entry<'static>> {
    let (text, value) = STATIC.get(index.checked_sub(1)?)?;
    let name = Name::of(text.as_bytes());
    Some(Entry { name, name_length: text.len(), value: if name.is_kept() { value } else { "" } })
}

/// The dynamic table of one direction: the newest insertions, as far as they were seen.
///
/// Indices count from the newest insertion, so what is known of the newest ones stays right whatever came before the
/// first that was seen. To keep entries for too long is harmless too: no index points to an evicted one. So where the
/// size of the table or of an entry is unknown, it is taken in favour of keeping.
#[derive(Debug)]
pub(super) struct Dynamic {
    /// The newest first.
    entries: VecDeque<Kept>,
    /// Of the entries together. Of one whose name is unknown, only what is known of it.
    size: usize,
    /// What the encoder said that it keeps to.
    limit: usize,
    /// Nothing that an index may point to is missing.
    complete: bool,
}

#[derive(Debug)]
struct Kept {
    name: Name,
    name_length: usize,
    size: usize,
    /// None: it is not to be kept.
    value: Option<Box<str>>,
}

impl Dynamic {
    /// The table of a direction that is seen from its start.
    pub(super) fn new() -> Self {
        Self { entries: VecDeque::new(), size: 0, limit: DEFAULT_SIZE, complete: true }
    }

    /// The table of a direction that had begun before: of unknown size, with unknown entries.
    pub(super) fn unknown() -> Self {
        Self { limit: usize::MAX, complete: false, ..Self::new() }
    }

    /// The entry at an index, counted from 0.
    pub(super) fn get(&self, index: usize) -> Result<Entry<'_>, Invalid> {
        match self.entries.get(index) {
            Some(Kept { name, name_length, value, .. }) => {
                Ok(Entry { name: *name, name_length: *name_length, value: value.as_deref().unwrap_or_default() })
            }
            None if self.complete => Err(Invalid("HPACK: an index beyond the table")),
            None => Ok(Entry::UNKNOWN),
        }
    }

    /// Inserts a field. The value is given if it is to be kept, its length always.
    pub(super) fn insert(&mut self, name: Name, name_length: usize, value: Option<Box<str>>, value_length: usize) {
        let size = name_length.saturating_add(value_length).saturating_add(OVERHEAD);
        if size > self.limit {
            // Not an error; it empties the table (section 4.4).
            self.evict(0);
            return;
        }
        // An entry may be larger than all that we keep. It must take its place nevertheless, alone.
        self.evict(self.limit.min(MAX_KEPT).saturating_sub(size));
        self.entries.push_front(Kept { name, name_length, size, value });
        self.size = self.size.saturating_add(size);
    }

    /// The encoder changes the table's size.
    ///
    /// What size the other side allowed it (SETTINGS_HEADER_TABLE_SIZE) is not looked at: the two would have to be
    /// brought in line by the acknowledgements, and an encoder that takes more breaks its own connection.
    pub(super) fn resize(&mut self, limit: usize) {
        self.limit = limit;
        self.complete &= limit <= MAX_KEPT;
        self.evict(limit.min(MAX_KEPT));
    }

    /// What it holds, by HPACK's measure.
    #[cfg(test)]
    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// Evicts the oldest entries until the rest is no larger than this.
    fn evict(&mut self, size: usize) {
        while self.size > size {
            let Some(oldest) = self.entries.pop_back() else {
                self.size = 0;
                return;
            };
            self.size = self.size.saturating_sub(oldest.size);
        }
    }
}

/// RFC 7541, Appendix A. The first has index 1.
pub(super) const STATIC: [(&str, &str); 61] = [
    (":authority", ""),
    (":method", "GET"),
    (":method", "POST"),
    (":path", "/"),
    (":path", "/index.html"),
    (":scheme", "http"),
    (":scheme", "https"),
    (":status", "200"),
    (":status", "204"),
    (":status", "206"),
    (":status", "304"),
    (":status", "400"),
    (":status", "404"),
    (":status", "500"),
    ("accept-charset", ""),
    ("accept-encoding", "gzip, deflate"),
    ("accept-language", ""),
    ("accept-ranges", ""),
    ("accept", ""),
    ("access-control-allow-origin", ""),
    ("age", ""),
    ("allow", ""),
    ("authorization", ""),
    ("cache-control", ""),
    ("content-disposition", ""),
    ("content-encoding", ""),
    ("content-language", ""),
    ("content-length", ""),
    ("content-location", ""),
    ("content-range", ""),
    ("content-type", ""),
    ("cookie", ""),
    ("date", ""),
    ("etag", ""),
    ("expect", ""),
    ("expires", ""),
    ("from", ""),
    ("host", ""),
    ("if-match", ""),
    ("if-modified-since", ""),
    ("if-none-match", ""),
    ("if-range", ""),
    ("if-unmodified-since", ""),
    ("last-modified", ""),
    ("link", ""),
    ("location", ""),
    ("max-forwards", ""),
    ("proxy-authenticate", ""),
    ("proxy-authorization", ""),
    ("range", ""),
    ("referer", ""),
    ("refresh", ""),
    ("retry-after", ""),
    ("server", ""),
    ("set-cookie", ""),
    ("strict-transport-security", ""),
    ("transfer-encoding", ""),
    ("user-agent", ""),
    ("vary", ""),
    ("via", ""),
    ("www-authenticate", ""),
];

/// How many indices the static table takes; the dynamic one's follow them.
pub(super) const STATIC_ENTRIES: usize = STATIC.len();
