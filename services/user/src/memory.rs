//! What Argon2 works in: buffers of megabytes, reused under load and given back to the operating system after it.

use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, MutexGuard, PoisonError};

use argon2::Block;

/// How many blocks (KiB) a buffer reserves at least, though it touches only those that it needs.
///
/// glibc's allocator maps only allocations of more than 32 MiB (`DEFAULT_MMAP_THRESHOLD_MAX`) apart and unmaps them when
/// they are freed, whatever was freed before. A buffer of 19 MiB would raise its threshold once and then stay with the
/// process for good; the reserve beyond it costs addresses, not memory.
const RESERVED_BLOCKS: usize = 33 * 1024;

/// Spare buffers.
#[derive(Default)]
pub(crate) struct Memory(Mutex<Vec<Buffer>>);

/// One buffer.
pub(crate) struct Buffer(Vec<Block>);

impl Memory {
    /// A buffer of at least so many blocks: a spare one or a new one.
    pub(crate) fn take(&self, blocks: usize) -> Buffer {
        let spare = self.lock().pop();
        let mut buffer = spare
            .filter(|buffer| buffer.0.capacity() >= blocks)
            .unwrap_or_else(|| Buffer(Vec::with_capacity(blocks.max(RESERVED_BLOCKS))));
        if buffer.0.len() < blocks {
            buffer.0.resize(blocks, Block::new());
        }
        buffer
    }

    /// Keeps a buffer for whoever comes next.
    pub(crate) fn keep(&self, buffer: Buffer) {
        self.lock().push(buffer);
    }

    /// Gives all spare buffers back to the operating system.
    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Buffer>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Memory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Memory").field(&self.lock().len()).finish()
    }
}

impl Deref for Buffer {
    type Target = [Block];

    fn deref(&self) -> &[Block] {
        &self.0
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [Block] {
        &mut self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spare_buffer_is_reused_and_grows_in_place() {
        let memory = Memory::default();
        let buffer = memory.take(8);
        let place = buffer.as_ptr();
        memory.keep(buffer);
        let buffer = memory.take(64);
        assert_eq!(buffer.as_ptr(), place);
        assert_eq!(buffer.len(), 64);
        memory.keep(buffer);
        memory.clear();
        assert!(memory.lock().is_empty());
    }

    /// A process of its own would be cleaner; the figures are so far apart that other tests do not blur them.
    #[cfg(target_os = "linux")]
    #[test]
    fn freed_buffers_leave_the_process() {
        const BLOCKS: usize = 19 * 1024;
        let memory = Memory::default();
        let before = resident_kib();
        for _ in 0..20 {
            // Together more than the allocator would keep, so that each round would leave its mark.
            let buffers: Vec<Buffer> = (0..8).map(|_| memory.take(BLOCKS)).collect();
            assert!(resident_kib() > before + 7 * BLOCKS);
            drop(buffers);
        }
        let kept = resident_kib().saturating_sub(before);
        assert!(kept < 2 * BLOCKS, "{kept} KiB stayed");
    }

    #[cfg(target_os = "linux")]
    fn resident_kib() -> usize {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }
}
