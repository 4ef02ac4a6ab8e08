//! Uprobes as kernels since 6.6 have them: one link of a program to several functions of a process (`uprobe_multi`).
//!
//! Taking one off waits for one grace period, and links can wait together; perf events wait for three each, one event after
//! the other. aya loads no programs for such links and makes none, so that is done here, by what `bpf(2)` takes.

#![expect(unsafe_code, reason = "nobody else calls bpf(2) for this")]

use std::collections::{HashMap, HashSet};
use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd as _, AsRawFd as _, FromRawFd as _, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use anyhow::Context as _;
use aya::maps::{Map, MapData};
use aya::{Btf, Ebpf};
use aya_obj::Object;

/// `enum bpf_cmd`, `enum bpf_prog_type` and `enum bpf_attach_type` (include/uapi/linux/bpf.h).
const BPF_PROG_LOAD: i32 = 5;
const BPF_LINK_CREATE: i32 = 28;
const BPF_PROG_TYPE_KPROBE: u32 = 2;
const BPF_TRACE_UPROBE_MULTI: u32 = 48;

/// Programs that can be attached so.
pub(super) struct Multi(HashMap<&'static str, OwnedFd>);

impl Multi {
    /// Loads programs of an object with the maps that are there already. None where the kernel has no such links, or has
    /// those before 6.10 that take a process for its first thread.
    ///
    /// # Errors
    /// When the kernel does not take a program.
    pub(super) fn load(object: &[u8], names: &[&'static str], maps: &Ebpf, btf: &Btf) -> anyhow::Result<Option<Self>> {
        let mut object = Object::parse(object)?;
        object.relocate_btf(btf)?;
        let described = std::mem::take(&mut object.maps);
        let descriptors: HashMap<&str, RawFd> =
            maps.maps().filter_map(|(name, map)| Some((name, data(map)?.fd().as_fd().as_raw_fd()))).collect();
        let maps = described.iter().filter_map(|(name, map)| Some((name.as_str(), *descriptors.get(&**name)?, map)));
        let sections: HashSet<usize> = object.functions.keys().map(|(section, _)| *section).collect();
        object.relocate_maps(maps, &sections)?;
        object.relocate_calls(&sections)?;
        let mut programs = HashMap::new();
        for name in names {
            let program =
                load(&object, name).with_context(|| format!("the kernel does not take the program {name}"))?;
            if programs.is_empty() && !is_there(&program) {
                return Ok(None);
            }
            programs.insert(*name, program);
        }
        Ok(Some(Self(programs)))
    }

    /// Attaches a program to functions of a process, until the link is closed.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub(super) fn attach(&self, name: &str, pid: u32, executable: &Path, offsets: &[u64]) -> anyhow::Result<OwnedFd> {
        let program = self.0.get(name).context("a program is missing")?;
        Ok(link(program, pid, executable, offsets)?)
    }
}

fn data(map: &Map) -> Option<&MapData> {
    match map {
        Map::Array(data) | Map::HashMap(data) | Map::LruHashMap(data) | Map::PerCpuArray(data) | Map::RingBuf(data) => {
            Some(data)
        }
        _ => None,
    }
}

/// Whether the kernel has such links, by process. A folder cannot be probed, which it finds out after all that it does not
/// know; that no process has a negative id it says since it looks for processes, and not for threads.
fn is_there(program: &OwnedFd) -> bool {
    let refusal = |pid| link(program, pid, Path::new("/"), &[0]).err().and_then(|error| error.raw_os_error());
    refusal(0) == Some(libc::EBADF) && refusal(u32::MAX) == Some(libc::EINVAL)
}

/// The beginning of `union bpf_attr` for `BPF_PROG_LOAD`.
#[repr(C)]
#[derive(Default)]
struct ProgLoad {
    prog_type: u32,
    insn_cnt: u32,
    insns: u64,
    license: u64,
    log_level: u32,
    log_size: u32,
    log_buf: u64,
    kern_version: u32,
    prog_flags: u32,
    prog_name: [u8; 16],
    prog_ifindex: u32,
    expected_attach_type: u32,
}

fn load(object: &Object, name: &str) -> anyhow::Result<OwnedFd> {
    let program = object.programs.get(name).context("it is missing")?;
    let function = object.functions.get(&program.function_key()).context("it is missing")?;
    let mut attributes = ProgLoad {
        prog_type: BPF_PROG_TYPE_KPROBE,
        insn_cnt: u32::try_from(function.instructions.len())?,
        insns: function.instructions.as_ptr().addr() as u64,
        license: program.license.as_ptr().addr() as u64,
        expected_attach_type: BPF_TRACE_UPROBE_MULTI,
        ..ProgLoad::default()
    };
    // The last byte stays 0.
    let length = name.len().min(attributes.prog_name.len() - 1);
    attributes.prog_name[..length].copy_from_slice(&name.as_bytes()[..length]);
    // SAFETY: the instructions and the licence are there until it returns.
    Ok(unsafe { bpf(BPF_PROG_LOAD, &attributes) }?)
}

/// `union bpf_attr` for `BPF_LINK_CREATE`, with `uprobe_multi`.
#[repr(C)]
#[derive(Default)]
struct LinkCreate {
    prog_fd: u32,
    target_fd: u32,
    attach_type: u32,
    flags: u32,
    path: u64,
    offsets: u64,
    ref_ctr_offsets: u64,
    cookies: u64,
    cnt: u32,
    multi_flags: u32,
    pid: u32,
    pad: u32,
}

fn link(program: &OwnedFd, pid: u32, executable: &Path, offsets: &[u64]) -> io::Result<OwnedFd> {
    let path = CString::new(executable.as_os_str().as_bytes())?;
    let attributes = LinkCreate {
        prog_fd: program.as_raw_fd().cast_unsigned(),
        attach_type: BPF_TRACE_UPROBE_MULTI,
        path: path.as_ptr().addr() as u64,
        offsets: offsets.as_ptr().addr() as u64,
        cnt: u32::try_from(offsets.len()).map_err(io::Error::other)?,
        pid,
        ..LinkCreate::default()
    };
    // SAFETY: the path and as many offsets as it says are there until it returns.
    unsafe { bpf(BPF_LINK_CREATE, &attributes) }
}

/// A command of `bpf(2)` that makes something.
///
/// # Safety
/// The attributes are those of the command, and what they point to is there.
unsafe fn bpf<T>(command: i32, attributes: &T) -> io::Result<OwnedFd> {
    // SAFETY: of the attributes the kernel reads as many bytes as it is told; the rest is the caller's.
    let made = unsafe { libc::syscall(libc::SYS_bpf, command, std::ptr::from_ref(attributes), size_of::<T>()) };
    match RawFd::try_from(made) {
        // SAFETY: it was made for this, and nobody else has it.
        Ok(made) if made >= 0 => Ok(unsafe { OwnedFd::from_raw_fd(made) }),
        _ => Err(io::Error::last_os_error()),
    }
}
