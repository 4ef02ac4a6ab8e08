//! The kernel side: loads the programs, attaches them, reads the ring. The only place where that is known.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::path::Path;

use anyhow::Context as _;
use aya::maps::{HashMap as Map, MapData, PerCpuArray, RingBuf};
use aya::programs::uprobe::{UProbeLinkId, UProbeScope};
use aya::programs::{TracePoint, UProbe};
use aya::{Ebpf, EbpfLoader};

use crate::discover::{Probes, Spawns};
use crate::event::Event;

/// The programs, built from `bpf/agent.bpf.c`.
static OBJECT: &[u8] = aya::include_bytes_aligned!("../bpf/agent.bpf.o");

/// Syscalls that move bytes.
const READS: [&str; 4] = ["read", "readv", "recvfrom", "recvmsg"];
const WRITES: [&str; 4] = ["write", "writev", "sendto", "sendmsg"];

/// Numbers of `counters`.
const LOST: u32 = 0;

/// What the kernel side is told of a process (`struct target`).
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
struct Target {
    current_task: i32,
}

// SAFETY: an integer, of which every bit pattern is a value.
#[expect(unsafe_code, reason = "how aya is told that a value may be copied into a map")]
unsafe impl aya::Pod for Target {}

/// The loaded programs. Everything is detached when this goes.
pub struct Kernel {
    programs: Ebpf,
    ring: RingBuf<MapData>,
    /// The probes of each process.
    probes: HashMap<u32, Attached>,
}

#[derive(Default)]
struct Attached {
    links: Vec<(&'static str, UProbeLinkId)>,
    /// Those that find out where the current task's id is.
    calibration: Vec<(&'static str, UProbeLinkId)>,
}

impl Kernel {
    /// Loads the programs and attaches those that are of no process.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn load(ring_bytes: u32) -> anyhow::Result<Self> {
        let processors = aya::util::nr_cpus().map_or(256, |count| u32::try_from(count).unwrap_or(256));
        let mut programs = EbpfLoader::new()
            .map_max_entries("rooms", processors)
            .map_max_entries("ring", ring_bytes)
            .load(OBJECT)
            .context(
                "the kernel does not take the programs; they need root's rights (sudo) and its description of itself \
                 (/sys/kernel/btf/vmlinux)",
            )?;
        for (exit, syscalls) in [("exit_reads", READS), ("exit_writes", WRITES)] {
            for syscall in syscalls {
                attach_tracepoint(
                    &mut programs,
                    &format!("enter_{syscall}"),
                    "syscalls",
                    &format!("sys_enter_{syscall}"),
                )?;
                attach_tracepoint(&mut programs, exit, "syscalls", &format!("sys_exit_{syscall}"))?;
            }
        }
        attach_tracepoint(&mut programs, "enter_close", "syscalls", "sys_enter_close")?;
        attach_tracepoint(&mut programs, "process_exec", "sched", "sched_process_exec")?;
        for name in ["wake", "spawn", "bind", "stream_read", "stream_drop", "calibrate"] {
            let program: &mut UProbe = programs.program_mut(name).context("a program is missing")?.try_into()?;
            program.load().with_context(|| format!("the kernel does not take the program {name}"))?;
        }
        let ring = RingBuf::try_from(programs.take_map("ring").context("the ring is missing")?)?;
        Ok(Self { programs, ring, probes: HashMap::new() })
    }

    /// Watches a process. `current_task` is where its id is, if that is known; else it is found out.
    ///
    /// # Errors
    /// When the kernel refuses a probe.
    pub fn watch(
        &mut self,
        pid: u32,
        executable: &Path,
        probes: &Probes,
        current_task: Option<i32>,
    ) -> anyhow::Result<()> {
        let mut attached = Attached::default();
        let (spawn, offsets): (_, &[u64]) = match &probes.spawn {
            Spawns::Hooks(offsets) => ("spawn", offsets),
            Spawns::Bound(offsets) => ("bind", offsets),
            Spawns::Unseen => ("spawn", &[]),
        };
        for (name, offsets) in [
            ("wake", probes.wake.as_slice()),
            (spawn, offsets),
            ("stream_read", &probes.stream_read),
            ("stream_drop", &probes.stream_drop),
        ] {
            self.probe(name, pid, executable, offsets, &mut attached.links)?;
        }
        if current_task.is_none() {
            self.probe("calibrate", pid, executable, &probes.wake, &mut attached.calibration)?;
        }
        self.probes.insert(pid, attached);
        self.target(pid, Target { current_task: current_task.unwrap_or_default() })
    }

    /// Where the current task's id is was found out.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn calibrated(&mut self, pid: u32, current_task: i32) -> anyhow::Result<()> {
        self.target(pid, Target { current_task })?;
        if let Some(attached) = self.probes.get_mut(&pid) {
            let probes = std::mem::take(&mut attached.calibration);
            self.detach(probes);
        }
        Ok(())
    }

    /// Lets a process go.
    pub fn forget(&mut self, pid: u32) {
        if let Some(map) = self.programs.map_mut("targets")
            && let Ok(mut targets) = Map::<_, u32, Target>::try_from(map)
        {
            let _was_not_there = targets.remove(&pid);
        }
        if let Some(Attached { links, calibration }) = self.probes.remove(&pid) {
            self.detach(links.into_iter().chain(calibration).collect());
        }
    }

    /// Takes probes off, beside everything else: for each the kernel waits until nobody can be in it any more.
    fn detach(&mut self, probes: Vec<(&'static str, UProbeLinkId)>) {
        let mut links = Vec::with_capacity(probes.len());
        for (name, link) in probes {
            if let Some(program) = self.programs.program_mut(name)
                && let Ok(program) = <&mut UProbe>::try_from(program)
                && let Ok(link) = program.take_link(link)
            {
                links.push(link);
            }
        }
        // Without a thread it takes its time here.
        let _thread = std::thread::Builder::new().name("detach".to_owned()).spawn(move || drop(links));
    }

    /// Hands on what is in the ring, so many events at most: each with its bytes. Gives how many it was.
    pub fn read(&mut self, most: usize, mut each: impl FnMut(&[u8], Event)) -> usize {
        for read in 0..most {
            let Some(item) = self.ring.next() else { return read };
            if let Some(event) = Event::read(&item) {
                each(&item, event);
            }
        }
        most
    }

    /// Nothing more is wanted of a connection.
    pub fn ignore(&mut self, socket: u64) {
        if let Some(map) = self.programs.map_mut("ignored")
            && let Ok(mut ignored) = Map::<_, u64, u32>::try_from(map)
        {
            // Without it the connection costs more, and nothing is wrong.
            let _full = ignored.insert(socket, 1, 0);
        }
    }

    /// Events that had no room in the ring.
    pub fn lost(&self) -> u64 {
        let map = self.programs.map("counters").and_then(|map| PerCpuArray::<_, u64>::try_from(map).ok());
        map.and_then(|map| map.get(&LOST, 0).ok()).map_or(0, |counts| counts.iter().sum())
    }

    fn target(&mut self, pid: u32, target: Target) -> anyhow::Result<()> {
        let map = self.programs.map_mut("targets").context("a map is missing")?;
        Map::<_, u32, Target>::try_from(map)?.insert(pid, target, 0).context("too many processes are watched")
    }

    fn probe(
        &mut self,
        name: &'static str,
        pid: u32,
        executable: &Path,
        offsets: &[u64],
        links: &mut Vec<(&'static str, UProbeLinkId)>,
    ) -> anyhow::Result<()> {
        let program: &mut UProbe = self.programs.program_mut(name).context("a program is missing")?.try_into()?;
        let scope = UProbeScope::OneProcess(NonZeroU32::new(pid).context("0 is no process")?);
        for offset in offsets {
            let link = program.attach(*offset, executable, scope).with_context(|| {
                format!("the kernel refuses the probe {name} at {offset:#x} in {}", executable.display())
            })?;
            links.push((name, link));
        }
        Ok(())
    }
}

/// Attaches a program, which is loaded first if it is not yet.
fn attach_tracepoint(programs: &mut Ebpf, program: &str, category: &str, name: &str) -> anyhow::Result<()> {
    let tracepoint: &mut TracePoint = programs.program_mut(program).context("a program is missing")?.try_into()?;
    if tracepoint.fd().is_err() {
        tracepoint.load().with_context(|| format!("the kernel does not take the program {program}"))?;
    }
    tracepoint.attach(category, name).with_context(|| format!("the kernel refuses the tracepoint {name}"))?;
    Ok(())
}
