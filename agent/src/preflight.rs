//! Whether the agent can run here; if not, why, and what would help.

use std::fmt;
use std::path::Path;

/// The kernel's description of itself.
const BTF: &str = "/sys/kernel/btf/vmlinux";

/// Where tracefs may be mounted.
const TRACEFS: [&str; 2] = ["/sys/kernel/tracing/events", "/sys/kernel/debug/tracing/events"];

/// Capabilities that are needed, by number (`linux/capability.h`), and for what.
const CAPABILITIES: [(u32, &str); 5] = [
    // Programs and maps.
    (39, "CAP_BPF"),
    // Tracepoints, and reading the kernel's and other processes' memory.
    (38, "CAP_PERFMON"),
    // Probes in executables: since Linux 6.16 they take more than CAP_PERFMON.
    (21, "CAP_SYS_ADMIN"),
    // Executables and environments of others' processes.
    (19, "CAP_SYS_PTRACE"),
    // tracefs is root's alone.
    (2, "CAP_DAC_READ_SEARCH"),
];

/// CAP_DAC_OVERRIDE does what CAP_DAC_READ_SEARCH does, and more.
const DAC_OVERRIDE: u32 = 1;

/// What is in the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// The processor is another one than the agent is made for.
    Processor,
    /// The kernel does not describe itself.
    NoBtf,
    /// Tracepoints cannot be found.
    NoTracefs,
    /// These capabilities are lacking.
    Capabilities(Vec<&'static str>),
}

impl std::error::Error for Obstacle {}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Processor => write!(
                f,
                "the agent reads registers and code of x86-64, and this is {}; nothing helps but another machine",
                std::env::consts::ARCH
            ),
            Self::NoBtf => write!(
                f,
                "the kernel has no description of itself ({BTF}): one that is built with CONFIG_DEBUG_INFO_BTF has, as \
                 those of all large distributions are"
            ),
            Self::NoTracefs => f.write_str(
                "the kernel's tracepoints are not to be seen: mount -t tracefs nodev /sys/kernel/tracing (in a \
                 container: --volume /sys/kernel/tracing:/sys/kernel/tracing:ro)",
            ),
            Self::Capabilities(lacking) => write!(
                f,
                "the agent lacks {} to look into other processes: run it as root (sudo; in a container --privileged \
                 --pid=host)",
                lacking.join(", ")
            ),
        }
    }
}

/// Looks for what is in the way, before the kernel is asked for anything.
///
/// # Errors
/// What is in the way.
pub fn check() -> Result<(), Obstacle> {
    if !cfg!(target_arch = "x86_64") {
        return Err(Obstacle::Processor);
    }
    if !Path::new(BTF).exists() {
        return Err(Obstacle::NoBtf);
    }
    // Without capabilities tracefs cannot be looked into either.
    if let Some(effective) = procfs::process::Process::myself().and_then(|it| it.status()).ok().map(|it| it.capeff) {
        lacking(effective)?;
    }
    if !TRACEFS.iter().any(|path| Path::new(path).exists()) {
        return Err(Obstacle::NoTracefs);
    }
    Ok(())
}

fn lacking(effective: u64) -> Result<(), Obstacle> {
    let has = |number: u32| effective >> number & 1 == 1;
    let lacks = |(number, name): (u32, &'static str)| {
        let stands_in = name == "CAP_DAC_READ_SEARCH" && has(DAC_OVERRIDE);
        (!has(number) && !stands_in).then_some(name)
    };
    let lacking: Vec<_> = CAPABILITIES.into_iter().filter_map(lacks).collect();
    if lacking.is_empty() { Ok(()) } else { Err(Obstacle::Capabilities(lacking)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lacking_is_named() {
        assert_eq!(lacking(u64::MAX), Ok(()));
        let without = |number: u32| lacking(!(1 << number));
        assert_eq!(without(21), Err(Obstacle::Capabilities(vec!["CAP_SYS_ADMIN"])));
        assert_eq!(without(2), Ok(()), "CAP_DAC_OVERRIDE is more");
        let Err(nothing) = lacking(0) else { panic!("everything is lacking") };
        assert!(nothing.to_string().contains("CAP_BPF, CAP_PERFMON, CAP_SYS_ADMIN"));
    }
}
