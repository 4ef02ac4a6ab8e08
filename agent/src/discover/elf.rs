//! What an executable says of itself: where tokio's functions are.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::Path;

use iced_x86::Register;
use object::read::ReadCache;
use object::{Object as _, ObjectSegment as _, ObjectSymbol as _, RelocationFlags, SymbolKind};

use super::{code, waker};

/// The longest name of a function that is looked at: tokio's are far shorter.
const LONGEST_NAME: usize = 512;

/// The most bytes of tokio's `TaskIdGuard` functions that are looked at: they have less than 100.
const LONGEST_GUARD: u64 = 512;

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

/// Finds tokio's functions by their symbols. Empty if there are none: it is another program, or a stripped one.
///
/// # Errors
/// When the file cannot be read, or is no ELF.
pub fn probes(path: &Path) -> Result<Probes, ReadError> {
    // The executable of a service is some 30 MB, and a few parts of it matter.
    let cache = ReadCache::new(File::open(path)?);
    let file = object::File::parse(&cache)?;
    let mut probes = Probes::default();
    let (mut hooks, mut bound) = (Vec::new(), Vec::new());
    let mut current_task = Vec::new();
    for symbol in file.symbols() {
        if symbol.kind() != SymbolKind::Text {
            continue;
        }
        let Ok(name) = symbol.name() else { continue };
        // Nearly all are of something else: only the rest is worth demangling.
        if name.len() > LONGEST_NAME || !(name.contains("tokio") || name.contains("h2")) {
            continue;
        }
        let name = format!("{:#}", rustc_demangle::demangle(name));
        let (list, argument) = match name.as_str() {
            // Both put an id there, and write nothing else of 8 bytes.
            "tokio::runtime::task::core::TaskIdGuard::enter"
            | "<tokio::runtime::task::core::TaskIdGuard as core::ops::drop::Drop>::drop" => {
                if let Some((_, code)) = code_at(&file, symbol.address(), symbol.size().min(LONGEST_GUARD)) {
                    current_task.extend(code::thread_local_written(code));
                }
                continue;
            }
            "tokio::runtime::task::waker::wake_by_val" | "tokio::runtime::task::waker::wake_by_ref" => {
                (&mut probes.wake, Register::RDI)
            }
            "h2::share::RecvStream::poll_data" => (&mut probes.stream_read, Register::RSI),
            "<h2::share::RecvStream as core::ops::drop::Drop>::drop" => (&mut probes.stream_drop, Register::RDI),
            "tokio::runtime::task_hooks::TaskHooks::spawn" => (&mut hooks, Register::RSI),
            name if name.starts_with("tokio::runtime::task::list::OwnedTasks<") && name.ends_with("::bind_inner") => {
                (&mut bound, Register::RSI)
            }
            _ => continue,
        };
        if let Some(offset) = offset(&file, symbol.address(), argument) {
            list.push(offset);
        }
    }
    if probes.wake.is_empty() {
        // Stripped, or no tokio.
        let words = relocated(&file);
        let code = |address| code_at(&file, address, waker::LOOKED_AT as u64).map(|(_, code)| code);
        probes.wake =
            waker::wakes(&words, code).into_iter().filter_map(|at| offset(&file, at, Register::RDI)).collect();
    }
    for list in [&mut probes.wake, &mut probes.stream_read, &mut probes.stream_drop, &mut hooks, &mut bound] {
        list.sort_unstable();
        list.dedup();
    }
    current_task.dedup();
    probes.current_task = if let [distance] = current_task[..] { Some(distance) } else { None };
    probes.spawn = match (hooks.is_empty(), bound.is_empty()) {
        (false, _) => Spawns::Hooks(hooks),
        (true, false) => Spawns::Bound(bound),
        (true, true) => Spawns::Unseen,
    };
    Ok(probes)
}

/// The words that the loader relocates, and what each points to (x86-64 ABI, `R_X86_64_RELATIVE`).
fn relocated<'a>(file: &impl object::Object<'a>) -> BTreeMap<u64, u64> {
    const RELATIVE: RelocationFlags = RelocationFlags::Elf { r_type: object::elf::R_X86_64_RELATIVE };
    let relocations = file.dynamic_relocations().into_iter().flatten();
    let relative = relocations.filter(|(_, relocation)| relocation.flags() == RELATIVE);
    relative.map(|(address, relocation)| (address, relocation.addend().cast_unsigned())).collect()
}

/// The offset in the file of the cheapest place for a probe in the function at an address.
fn offset<'a>(file: &impl object::Object<'a>, address: u64, argument: Register) -> Option<u64> {
    let (offset, code) = code_at(file, address, code::CODE as u64)?;
    Some(offset + code::cheapest(code, argument))
}

/// The offset in the file of an address, and the code from there.
fn code_at<'a>(file: &impl object::Object<'a>, address: u64, size: u64) -> Option<(u64, &'a [u8])> {
    let segment = file
        .segments()
        .find(|segment| (segment.address()..segment.address().saturating_add(segment.size())).contains(&address))?;
    let within = address - segment.address();
    let code = segment.data_range(address, size.min(segment.size() - within)).ok()??;
    Some((segment.file_range().0 + within, code))
}
