//! What an executable says of itself: where tokio's functions are.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use iced_x86::Register;
use object::Endianness;
use object::elf::{FileHeader64, PT_LOAD, PT_TLS};
use object::read::ReadCache;
use object::read::elf::{FileHeader as _, ProgramHeader as _};
use object::{Object as _, RelocationFlags};

use super::symbols::symbols;
use super::{code, waker};

/// The most bytes of the functions that set the current task's id that are looked at: they have less than 100.
const LONGEST_SETTER: u64 = 512;

/// Where probes go, as offsets in the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Probes {
    /// `wake_by_val` and `wake_by_ref`, whose first argument is the task's header.
    pub wake: Vec<u64>,
    /// How spawns are seen.
    pub spawn: Spawns,
    /// `h2::share::RecvStream::poll_data(&mut self)`.
    pub stream_read: Vec<u64>,
    /// `<h2::share::RecvStream as Drop>::drop(&mut self)`.
    pub stream_drop: Vec<u64>,
    /// Where the current task's id lies, from the thread pointer, if the code says so.
    pub current_task: Option<i32>,
}

/// How spawns are seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Spawns {
    /// Not at all.
    #[default]
    Unseen,
    /// `TaskHooks::spawn(&self, &TaskMeta)`.
    Hooks(Vec<u64>),
    /// `OwnedTasks::bind_inner(&self, Task)`, where the former was inlined.
    Bound(Vec<u64>),
}

/// Why an executable cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file.
    #[error("cannot be read: {0}")]
    File(#[from] io::Error),
    /// What is in it.
    #[error("is no executable that can be read: {0}")]
    Format(#[from] object::Error),
}

/// A function that matters.
#[derive(Clone, Copy)]
enum Which {
    /// Both of `TaskIdGuard` put the current task's id to its place, and write nothing else of 8 bytes.
    Guard,
    /// The closure in `set_current_task_id`, a function where nothing was inlined: it takes the id's place in `CONTEXT`.
    SetId,
    /// `CONTEXT`, the thread-local that holds the id.
    Context,
    Wake,
    StreamRead,
    StreamDrop,
    Hooks,
    Bind,
}

impl Which {
    /// What a name, mangled, is of.
    fn of(name: &str) -> Option<Self> {
        // Nearly all are of something else: only the rest is worth demangling.
        if !(name.contains("tokio") || name.contains("h2")) {
            return None;
        }
        match format!("{:#}", rustc_demangle::demangle(name)).as_str() {
            "tokio::runtime::task::core::TaskIdGuard::enter"
            | "<tokio::runtime::task::core::TaskIdGuard as core::ops::drop::Drop>::drop" => Some(Self::Guard),
            "tokio::runtime::task::waker::wake_by_val" | "tokio::runtime::task::waker::wake_by_ref" => Some(Self::Wake),
            "h2::share::RecvStream::poll_data" => Some(Self::StreamRead),
            "<h2::share::RecvStream as core::ops::drop::Drop>::drop" => Some(Self::StreamDrop),
            "tokio::runtime::task_hooks::TaskHooks::spawn" => Some(Self::Hooks),
            // The two schemes of mangling.
            "tokio::runtime::context::set_current_task_id::{{closure}}"
            | "tokio::runtime::context::set_current_task_id::{closure#0}" => Some(Self::SetId),
            name if name.starts_with("tokio::runtime::context::CONTEXT::") => Some(Self::Context),
            name if name.starts_with("tokio::runtime::task::list::OwnedTasks<") && name.ends_with("::bind_inner") => {
                Some(Self::Bind)
            }
            _ => None,
        }
    }
}

/// Finds tokio's functions by their symbols. Empty if there are none: it is another program, or a stripped one.
///
/// # Errors
/// When the file cannot be read, or is no ELF.
pub fn probes(path: &Path) -> Result<Probes, ReadError> {
    let file = File::open(path)?;
    let code = Code::of(&file)?;
    let mut probes = Probes::default();
    let (mut hooks, mut bound) = (Vec::new(), Vec::new());
    let (mut written, mut fields, mut contexts) = (Vec::new(), Vec::new(), Vec::new());
    for symbol in symbols(&file, Which::of)? {
        let text = || code.at(symbol.address, symbol.size.min(LONGEST_SETTER)).map(|(_, code)| code);
        // A thread-local's functions have its name too.
        if symbol.is_thread_local != matches!(symbol.what, Which::Context) {
            continue;
        }
        let (list, argument) = match symbol.what {
            Which::Context => {
                contexts.push(symbol.address..symbol.address.saturating_add(symbol.size));
                continue;
            }
            Which::Guard => {
                written.extend(text().and_then(|code| code::thread_local_written(&code)));
                continue;
            }
            Which::SetId => {
                fields.extend(text().and_then(|code| code::added(&code)));
                continue;
            }
            Which::Wake => (&mut probes.wake, Register::RDI),
            Which::StreamRead => (&mut probes.stream_read, Register::RSI),
            Which::StreamDrop => (&mut probes.stream_drop, Register::RDI),
            Which::Hooks => (&mut hooks, Register::RSI),
            Which::Bind => (&mut bound, Register::RSI),
        };
        // The cheapest place for a probe in it.
        if let Some((offset, code)) = code.at(symbol.address, code::CODE as u64) {
            list.push(offset + code::cheapest(&code, argument));
        }
    }
    if probes.wake.is_empty() {
        // Stripped, or no tokio.
        let at = |address, size| code.at(address, size as u64);
        let functions = waker::wakes(&relocated(&file)?, |address| Some(at(address, waker::LOOKED_AT)?.1));
        let offset =
            |address| at(address, code::CODE).map(|(offset, code)| offset + code::cheapest(&code, Register::RDI));
        probes.wake = functions.into_iter().filter_map(offset).collect();
    }
    for list in [&mut probes.wake, &mut probes.stream_read, &mut probes.stream_drop, &mut hooks, &mut bound] {
        list.sort_unstable();
        list.dedup();
    }
    written.sort_unstable();
    written.dedup();
    probes.current_task = match (&written[..], &fields[..], &contexts[..]) {
        ([distance], ..) => Some(*distance),
        ([], [field], [context]) => code.thread_local_field(context, *field),
        _ => None,
    };
    probes.spawn = match (hooks.is_empty(), bound.is_empty()) {
        (false, _) => Spawns::Hooks(hooks),
        (true, false) => Spawns::Bound(bound),
        (true, true) => Spawns::Unseen,
    };
    Ok(probes)
}

/// The words that the loader relocates, and what each points to (x86-64 ABI, `R_X86_64_RELATIVE`).
fn relocated(file: &File) -> Result<BTreeMap<u64, u64>, ReadError> {
    const RELATIVE: RelocationFlags = RelocationFlags::Elf { r_type: object::elf::R_X86_64_RELATIVE };
    let cache = ReadCache::new(file.try_clone()?);
    let file = object::File::parse(&cache)?;
    let relocations = file.dynamic_relocations().into_iter().flatten();
    let relative = relocations.filter(|(_, relocation)| relocation.flags() == RELATIVE);
    Ok(relative.map(|(address, relocation)| (address, relocation.addend().cast_unsigned())).collect())
}

/// The code in a file.
struct Code<'a> {
    file: &'a File,
    /// What is loaded: from which address on, how many bytes, from where in the file.
    segments: Vec<(u64, u64, u64)>,
    /// How far its block of thread-locals starts below the thread pointer.
    thread_locals: Option<u64>,
}

impl<'a> Code<'a> {
    fn of(file: &'a File) -> Result<Self, ReadError> {
        let cache = ReadCache::new(file.try_clone()?);
        let header = FileHeader64::<Endianness>::parse(&cache)?;
        let endian = header.endian()?;
        let headers = header.program_headers(endian, &cache)?;
        let segments = headers.iter().filter(|it| it.p_type(endian) == PT_LOAD);
        let segments = segments.map(|it| (it.p_vaddr(endian), it.p_filesz(endian), it.p_offset(endian))).collect();
        // The thread pointer is as well aligned as the block, which ends at or before it (x86-64 ABI, variant II).
        let block = headers.iter().find(|it| it.p_type(endian) == PT_TLS).and_then(|it| {
            let end = it.p_vaddr(endian).checked_add(it.p_memsz(endian))?;
            end.checked_next_multiple_of(it.p_align(endian).max(1))?.checked_sub(it.p_vaddr(endian))
        });
        Ok(Self { file, segments, thread_locals: block })
    }

    /// Where a word of a thread-local lies, from the thread pointer. None if the word is not in it.
    fn thread_local_field(&self, thread_local: &Range<u64>, field: i32) -> Option<i32> {
        let word = thread_local.start.checked_add(u64::try_from(field).ok()?)?;
        let within = word.checked_add(size_of::<u64>() as u64)? <= thread_local.end;
        let below = within.then(|| self.thread_locals?.checked_sub(word)).flatten()?;
        i32::try_from(below).ok().map(|below| -below)
    }

    /// The offset in the file of an address, and the code from there.
    fn at(&self, address: u64, size: u64) -> Option<(u64, Vec<u8>)> {
        let (within, most, offset) = self.segments.iter().find_map(|(start, length, offset)| {
            let within = address.checked_sub(*start).filter(|within| within < length)?;
            Some((within, length - within, *offset))
        })?;
        let offset = offset.checked_add(within)?;
        let mut code = vec![0; usize::try_from(size.min(most)).ok()?];
        self.file.read_exact_at(&mut code, offset).ok()?;
        Some((offset, code))
    }
}
