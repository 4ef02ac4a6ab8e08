//! The programs on functions of processes: how they are attached, and taken off.

use std::num::NonZeroU32;
use std::path::Path;
use std::thread;

use anyhow::Context as _;
use aya::programs::UProbe;
use aya::programs::uprobe::UProbeScope;
use aya::{Btf, Ebpf};

use super::multi::Multi;

/// The programs.
const UPROBES: [&str; 6] = ["wake", "spawn", "bind", "stream_read", "stream_drop", "calibrate"];

/// Links that are taken off at once: each has to wait, and they can do so together.
const AT_ONCE: usize = 16;

/// Keeps a program attached for as long as it is there. That it goes takes its time: the kernel waits until nobody can be in
/// the program any more.
pub(super) type Link = Box<dyn Send>;

/// The loaded programs.
pub(super) struct Uprobes {
    /// None where the kernel has no such links: then aya makes a perf event for each function.
    multi: Option<Multi>,
}

impl Uprobes {
    /// Loads them, with the maps of `programs`.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub(super) fn load(object: &[u8], programs: &mut Ebpf, btf: &Btf) -> anyhow::Result<Self> {
        let multi = Multi::load(object, &UPROBES, programs, btf)?;
        if multi.is_none() {
            for name in UPROBES {
                let program: &mut UProbe = programs.program_mut(name).context("a program is missing")?.try_into()?;
                program.load().with_context(|| format!("the kernel does not take the program {name}"))?;
            }
        }
        Ok(Self { multi })
    }

    /// Attaches one to functions of a process, by their offsets in its executable.
    ///
    /// # Errors
    /// When the kernel refuses one.
    pub(super) fn attach(
        &self,
        programs: &mut Ebpf,
        name: &str,
        pid: u32,
        executable: &Path,
        offsets: &[u64],
    ) -> anyhow::Result<Vec<Link>> {
        let refused = || format!("the kernel refuses the probe {name} at {offsets:#x?} in {}", executable.display());
        if offsets.is_empty() {
            return Ok(Vec::new());
        }
        if let Some(multi) = &self.multi {
            let link = multi.attach(name, pid, executable, offsets).with_context(refused)?;
            return Ok(vec![Box::new(link)]);
        }
        let program: &mut UProbe = programs.program_mut(name).context("a program is missing")?.try_into()?;
        let scope = UProbeScope::OneProcess(NonZeroU32::new(pid).context("0 is no process")?);
        let mut links: Vec<Link> = Vec::with_capacity(offsets.len());
        for offset in offsets {
            let link = program.attach(*offset, executable, scope).with_context(refused)?;
            links.push(Box::new(program.take_link(link)?));
        }
        Ok(links)
    }
}

/// Takes them off, beside everything else.
pub(super) fn detach_aside(links: Vec<Link>) {
    // Without a thread it takes its time here.
    let _thread = thread::Builder::new().name("detach".to_owned()).spawn(move || drop(links));
}

/// Takes them off, and is over when they are.
pub(super) fn detach(mut links: Vec<Link>) {
    let share = links.len().div_ceil(AT_ONCE).max(1);
    thread::scope(|scope| {
        while !links.is_empty() {
            let some = links.split_off(links.len().saturating_sub(share));
            // Without a thread it takes its time here.
            let _thread = thread::Builder::new().name("detach".to_owned()).spawn_scoped(scope, move || drop(some));
        }
    });
}
