//! The kernel side: loads the programs, attaches them, reads the ring. The only place where that is known.

mod memory;
mod multi;
mod ring;
mod room;
mod uprobes;

use std::collections::HashMap;
use std::path::Path;

use anyhow::Context as _;
use aya::maps::{Array, HashMap as Map, MapData, PerCpuArray};
use aya::programs::BtfTracePoint;
use aya::{Btf, Ebpf, EbpfLoader};

use crate::discover::{Probes, Spawns};
use crate::event::Event;
use ring::Ring;
use room::Room;
use uprobes::{Link, Uprobes};

/// The programs, built from `bpf/agent.bpf.c`.
static OBJECT: &[u8] = aya::include_bytes_aligned!("../bpf/agent.bpf.o");

/// The programs that are of no process, each with its tracepoint.
const TRACEPOINTS: [(&str, &str); 4] = [
    ("syscall_begins", "sys_enter"),
    ("syscall_ends", "sys_exit"),
    ("state_is_set", "inet_sock_set_state"),
    ("process_exec", "sched_process_exec"),
];

/// Numbers of `counters`.
const LOST: u32 = 0;

/// Entries of `slots`, one for the processes whose ids have the same low bits.
const SLOTS: u32 = 8192;

/// In a slot: there is more than one target in it.
const SEVERAL: u32 = u32::MAX;

/// What the kernel side is told of a process (`struct target`).
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
struct Target {
    process: u32,
    current_task: i32,
    samples: u32,
    sampled: u32,
}

// SAFETY: four integers without padding, of which every bit pattern is a value.
#[expect(unsafe_code, reason = "how aya is told that a value may be copied into a map")]
unsafe impl aya::Pod for Target {}

/// The loaded programs. Everything is detached when this goes.
pub struct Kernel {
    programs: Ebpf,
    uprobes: Uprobes,
    ring: Ring,
    room: Room,
    /// The probes of each process.
    probes: HashMap<u32, Attached>,
}

#[derive(Default)]
struct Attached {
    links: Vec<Link>,
    /// Those that tell of wakes.
    wakes: Vec<Link>,
    /// Those that find out where the current task's id is.
    calibration: Vec<Link>,
}

impl Attached {
    fn into_links(self) -> impl Iterator<Item = Link> {
        self.links.into_iter().chain(self.wakes).chain(self.calibration)
    }
}

impl Kernel {
    /// Loads the programs and attaches those that are of no process.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn load(ring_bytes: u32) -> anyhow::Result<Self> {
        memory::keep_little();
        let processors = aya::util::nr_cpus().map_or(256, |count| u32::try_from(count).unwrap_or(256));
        // The loader reads the kernel's types itself, whatever it is given. So it comes first, and is gone when they are read
        // for what is left: both at once would be most of what the agent ever has of memory.
        let mut programs = EbpfLoader::new()
            .map_max_entries("rooms", processors)
            .map_max_entries("ring", ring_bytes)
            .load(OBJECT)
            .context("the kernel does not take the programs' maps; that needs root's rights (sudo)")?;
        memory::give_back();
        let btf = Btf::from_sys_fs().context(
            "the kernel's description of itself (/sys/kernel/btf/vmlinux) cannot be read, without which the programs \
             cannot be fitted to it; kernels have it that are built with CONFIG_DEBUG_INFO_BTF",
        )?;
        let uprobes = Uprobes::load(OBJECT, &mut programs, &btf)?;
        for (name, tracepoint) in TRACEPOINTS {
            let program: &mut BtfTracePoint = programs.program_mut(name).context("a program is missing")?.try_into()?;
            program.load(tracepoint, &btf).with_context(|| format!("the kernel does not take the program {name}"))?;
            program.attach().with_context(|| format!("the kernel refuses the tracepoint {tracepoint}"))?;
        }
        drop(btf);
        memory::give_back();
        let ring = Ring::new(programs.map("ring").context("the ring is missing")?)?;
        Ok(Self { programs, uprobes, ring, room: Room::default(), probes: HashMap::new() })
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
        attached.wakes = self.uprobes.attach(&mut self.programs, "wake", pid, executable, &probes.wake)?;
        for (name, offsets) in
            [(spawn, offsets), ("stream_read", probes.stream_read.as_slice()), ("stream_drop", &probes.stream_drop)]
        {
            attached.links.extend(self.uprobes.attach(&mut self.programs, name, pid, executable, offsets)?);
        }
        if current_task.is_none() {
            attached.calibration =
                self.uprobes.attach(&mut self.programs, "calibrate", pid, executable, &probes.wake)?;
        }
        self.probes.insert(pid, attached);
        self.target(Target { process: pid, current_task: current_task.unwrap_or_default(), ..Target::default() })
    }

    /// Where the current task's id is was found out.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn calibrated(&mut self, pid: u32, current_task: i32) -> anyhow::Result<()> {
        self.target(Target { process: pid, current_task, ..Target::default() })?;
        if let Some(attached) = self.probes.get_mut(&pid) {
            uprobes::detach_aside(std::mem::take(&mut attached.calibration));
        }
        Ok(())
    }

    /// Sees a process's wakes again.
    ///
    /// # Errors
    /// When the kernel refuses a probe.
    pub fn see_wakes(&mut self, pid: u32, executable: &Path, probes: &Probes) -> anyhow::Result<()> {
        let Some(attached) = self.probes.get_mut(&pid) else { return Ok(()) };
        attached.wakes = self.uprobes.attach(&mut self.programs, "wake", pid, executable, &probes.wake)?;
        Ok(())
    }

    /// Sees a process's wakes no more.
    pub fn leave_wakes(&mut self, pid: u32) {
        if let Some(attached) = self.probes.get_mut(&pid) {
            uprobes::detach_aside(std::mem::take(&mut attached.wakes));
        }
    }

    /// Lets a process go.
    pub fn forget(&mut self, pid: u32) {
        let attached = self.probes.remove(&pid);
        if let Ok(mut targets) = self.targets() {
            let _was_not_there = targets.remove(&pid);
        }
        if let Err(error) = self.slot(pid, Target::default()) {
            tracing::debug!(pid, "its syscalls are still looked at: {error:#}");
        }
        uprobes::detach_aside(attached.into_iter().flat_map(Attached::into_links).collect());
    }

    /// Hands on what is in the ring, so many events at most: each with its bytes. Gives how many it was.
    pub fn read(&mut self, most: usize, mut each: impl FnMut(&[u8], Event)) -> usize {
        let Self { ring, room, .. } = self;
        ring.each(most, |item| {
            if let Some((event, raw)) = Event::split(item, |bytes| room.keep(bytes)) {
                each(raw, event);
            }
        })
    }

    /// How much of the ring is filled, from 0 to 1.
    #[must_use]
    pub fn filled(&self) -> f64 {
        self.ring.filled()
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

    fn targets(&mut self) -> anyhow::Result<Map<&mut MapData, u32, Target>> {
        Ok(Map::try_from(self.programs.map_mut("targets").context("a map is missing")?)?)
    }

    fn target(&mut self, target: Target) -> anyhow::Result<()> {
        self.targets()?.insert(target.process, target, 0).context("too many processes are watched")?;
        self.slot(target.process, target)
    }

    /// Sets the slot of a process: to what is said of it, or to what is left of the others in the same one.
    fn slot(&mut self, pid: u32, target: Target) -> anyhow::Result<()> {
        let mut others = self.probes.keys().filter(|it| **it != pid && *it % SLOTS == pid % SLOTS);
        let slot = if others.next().is_some() { Target { process: SEVERAL, ..Target::default() } } else { target };
        let map = self.programs.map_mut("slots").context("a map is missing")?;
        Array::try_from(map)?.set(pid % SLOTS, slot, 0).context("the kernel does not take who is watched")
    }
}

impl Drop for Kernel {
    fn drop(&mut self) {
        uprobes::detach(self.probes.drain().flat_map(|(_, attached)| attached.into_links()).collect());
    }
}
