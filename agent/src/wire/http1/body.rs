//! Where a body ends (RFC 9112, 6 and 7).

/// What is left of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Body {
    /// So many bytes, more than none.
    Length(u64),
    /// Chunks.
    Chunked(Chunk),
    /// All that comes.
    UntilClose,
}

/// Where in a chunked body it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Chunk {
    /// In the line of a chunk's size: what was read of it, how many digits, and whether its extension has begun.
    Size { size: u64, digits: u8, extension: bool },
    /// So many bytes of it are left.
    Data(u64),
    /// In the line break behind it.
    Break,
    /// In the trailers, so many bytes into a line.
    Trailers(u8),
}

/// The most digits of a chunk's size: 16 would be more than any file.
const MOST_DIGITS: u8 = 15;

impl Body {
    /// A chunked one.
    pub(super) const CHUNKED: Self = Self::Chunked(Chunk::Size { size: 0, digits: 0, extension: false });

    /// Goes through bytes. Gives how many were of the body, framing included, how many of these were content, and what
    /// is left.
    pub(super) fn read(self, bytes: &[u8]) -> (usize, u64, Left) {
        let have = bytes.len() as u64;
        match self {
            Self::UntilClose => (bytes.len(), have, Left::Some(self)),
            Self::Length(left) if left > have => (bytes.len(), have, Left::Some(Self::Length(left - have))),
            Self::Length(left) => (usize::try_from(left).unwrap_or(bytes.len()), left, Left::Nothing),
            Self::Chunked(chunk) => chunks(chunk, bytes),
        }
    }
}

/// What is left of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Left {
    Some(Body),
    Nothing,
    /// It is not chunked as it says.
    Malformed,
}

fn chunks(mut chunk: Chunk, bytes: &[u8]) -> (usize, u64, Left) {
    let (mut at, mut content) = (0, 0);
    while let Some(&byte) = bytes.get(at) {
        if let Chunk::Data(left) = chunk {
            let some = left.min((bytes.len() - at) as u64);
            at += usize::try_from(some).unwrap_or_default();
            content += some;
            chunk = if some == left { Chunk::Break } else { Chunk::Data(left - some) };
            continue;
        }
        at += 1;
        chunk = match (chunk, byte) {
            (Chunk::Size { digits: 0, .. }, b'\n') => return (at, content, Left::Malformed),
            (Chunk::Size { size: 0, .. }, b'\n') => Chunk::Trailers(0),
            (Chunk::Size { size, .. }, b'\n') => Chunk::Data(size),
            (Chunk::Size { size, digits, .. }, b';' | b'\r' | b' ' | b'\t') => {
                Chunk::Size { size, digits, extension: true }
            }
            (Chunk::Size { extension: true, .. }, _) => chunk,
            (Chunk::Size { size, digits, .. }, _) => match char::from(byte).to_digit(16) {
                Some(digit) if digits < MOST_DIGITS => {
                    Chunk::Size { size: size << 4 | u64::from(digit), digits: digits + 1, extension: false }
                }
                _ => return (at, content, Left::Malformed),
            },
            (Chunk::Break, b'\n') => Chunk::Size { size: 0, digits: 0, extension: false },
            (Chunk::Break, b'\r') => Chunk::Break,
            (Chunk::Break, _) => return (at, content, Left::Malformed),
            (Chunk::Trailers(0), b'\n') => return (at, content, Left::Nothing),
            (Chunk::Trailers(_), b'\n') => Chunk::Trailers(0),
            (Chunk::Trailers(0), b'\r') => Chunk::Trailers(0),
            (Chunk::Trailers(_), _) => Chunk::Trailers(1),
            (Chunk::Data(_), _) => chunk,
        };
    }
    (at, content, Left::Some(Body::Chunked(chunk)))
}
