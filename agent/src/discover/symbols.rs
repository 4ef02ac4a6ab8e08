//! The symbols of an executable, a piece after the other: the tables of a service have some ten megabytes, and a dozen of
//! their entries matters.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use object::elf::{FileHeader64, SHT_SYMTAB, STT_FUNC, STT_TLS, Sym64};
use object::read::ReadCache;
use object::read::elf::{FileHeader as _, SectionHeader as _, Sym as _};
use object::{Endianness, pod};

use super::elf::ReadError;

/// Bytes that are read at once.
const PIECE: usize = 64 << 10;

/// The longest name that is looked at.
const LONGEST_NAME: usize = 512;

/// A function or a thread-local.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Symbol<T> {
    /// What its name was taken for.
    pub(super) what: T,
    /// Of a function where it is; of a thread-local how far into the executable's block of these it lies.
    pub(super) address: u64,
    pub(super) size: u64,
    pub(super) is_thread_local: bool,
}

/// The symbols whose names mean something to `name`. Empty where there are none.
pub(super) fn symbols<T: Copy>(
    file: &File,
    mut name: impl FnMut(&str) -> Option<T>,
) -> Result<Vec<Symbol<T>>, ReadError> {
    let cache = ReadCache::new(file.try_clone()?);
    let header = FileHeader64::<Endianness>::parse(&cache)?;
    let endian = header.endian()?;
    let sections = header.sections(endian, &cache)?;
    let Some(table) = sections.iter().find(|section| section.sh_type(endian) == SHT_SYMTAB) else {
        return Ok(Vec::new());
    };
    let names = sections.section(table.link(endian))?;
    // First the names, of which nearly all are of something else, then whose they are.
    let mut wanted = HashMap::new();
    let (offset, size) = names.file_range(endian).unwrap_or_default();
    strings(file, offset, size, |at, text| {
        if let Some(what) = name(text) {
            wanted.insert(at, what);
        }
    })?;
    let mut found = Vec::new();
    let (offset, size) = table.file_range(endian).unwrap_or_default();
    pieces(file, offset, size, |piece| {
        let count = piece.len() / size_of::<Sym64<Endianness>>();
        // Aligned as an allocation is, and as long as it says.
        let Ok((symbols, rest)) = pod::slice_from_bytes::<Sym64<Endianness>>(piece, count) else { return piece.len() };
        let symbols = symbols.iter().filter(|symbol| [STT_FUNC, STT_TLS].contains(&symbol.st_type()));
        found.extend(symbols.filter_map(|symbol| {
            let what = *wanted.get(&u64::from(symbol.st_name(endian)))?;
            let is_thread_local = symbol.st_type() == STT_TLS;
            Some(Symbol { what, address: symbol.st_value(endian), size: symbol.st_size(endian), is_thread_local })
        }));
        piece.len() - rest.len()
    })?;
    Ok(found)
}

/// Hands over each string of a table of names with its place in it.
fn strings(file: &File, offset: u64, size: u64, mut each: impl FnMut(u64, &str)) -> io::Result<()> {
    let mut at = 0;
    pieces(file, offset, size, |piece| {
        let mut taken = 0;
        while let Some(length) = piece[taken..].iter().position(|byte| *byte == 0) {
            let text = &piece[taken..taken + length];
            if length <= LONGEST_NAME
                && let Ok(text) = str::from_utf8(text)
            {
                each(at + taken as u64, text);
            }
            taken += length + 1;
        }
        // A name without an end in a whole piece is none of ours.
        let taken = if taken == 0 { piece.len() } else { taken };
        at += taken as u64;
        taken
    })
}

/// Hands over a part of a file in pieces. What is not taken of one comes at the start of the next.
fn pieces(file: &File, offset: u64, size: u64, mut take: impl FnMut(&[u8]) -> usize) -> io::Result<()> {
    let mut buffer = vec![0; PIECE];
    let (mut kept, mut read) = (0, 0);
    while read < size {
        let room = (PIECE - kept).min(usize::try_from(size - read).unwrap_or(PIECE));
        let got = file.read_at(&mut buffer[kept..kept + room], offset.saturating_add(read))?;
        if got == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        read += got as u64;
        let filled = kept + got;
        let taken = take(&buffer[..filled]).min(filled);
        buffer.copy_within(taken..filled, 0);
        kept = filled - taken;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn names_are_whole_across_pieces() {
        let names: Vec<String> = (0..20_000).map(|number| format!("name-{number}")).collect();
        let table = names.iter().map(|name| format!("{name}\0")).collect::<String>();
        let mut file = tempfile::tempfile().expect("there is room");
        write!(file, "before{table}after").expect("there is room");
        let mut read = Vec::new();
        strings(&file, 6, table.len() as u64, |at, name| {
            let at = usize::try_from(at).expect("it is short");
            assert!(table[at..].starts_with(name));
            read.push(name.to_owned());
        })
        .expect("it is there");
        assert!(table.len() > 2 * PIECE && read == names);
        assert!(strings(&file, 6, 1 << 20, |_, _| {}).is_err(), "it ends before");
    }

    #[test]
    fn this_very_test_is_found_in_its_executable() {
        let file = File::open("/proc/self/exe").expect("it is there");
        let wanted = "this_very_test_is_found_in_its_executable";
        let found = symbols(&file, |name| name.contains(wanted).then_some(())).expect("it is one");
        assert!(
            !found.is_empty() && found.iter().all(|it| it.address > 0 && it.size > 0 && !it.is_thread_local),
            "{found:?}"
        );
    }
}
