//! The ring of events, mapped once.
//!
//! aya maps it twice in a row, so that no event is in two pieces, and both count as memory of this process. The ring is the largest
//! thing that it has; an event at its end is put together instead, one of some thousands. The layout is the kernel's
//! (`kernel/bpf/ringbuf.c`): a page with how far was read, one with how far was written, then the ring. Each event has a
//! header of 8 bytes, whose first word is its length and two flags, and begins at a multiple of 8.

#![expect(unsafe_code, reason = "what the kernel shares is memory")]

use std::io;
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd};
use std::ptr::NonNull;
use std::slice;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering, fence};

use anyhow::Context as _;
use aya::maps::Map;

/// `BPF_RINGBUF_BUSY_BIT`, `BPF_RINGBUF_DISCARD_BIT` and `BPF_RINGBUF_HDR_SZ` (include/uapi/linux/bpf.h).
const BUSY: u32 = 1 << 31;
const DISCARDED: u32 = 1 << 30;
const HEADER: usize = 8;

/// Bytes of a page, on x86-64.
const PAGE: usize = 4096;

/// The ring.
pub(super) struct Ring {
    /// A page, to be written: how far was read.
    read: Mapping,
    /// A page, how far was written; then the events.
    written: Mapping,
    /// Bytes of the ring, a power of two.
    bytes: usize,
    /// An event that goes round the end.
    whole: Vec<u8>,
}

impl Ring {
    /// Maps it.
    ///
    /// # Errors
    /// When it is no ring, or the kernel refuses.
    pub(super) fn new(map: &Map) -> anyhow::Result<Self> {
        let Map::RingBuf(data) = map else { anyhow::bail!("the ring is none") };
        let (ring, bytes) = (data.fd().as_fd(), usize::try_from(data.info()?.max_entries())?);
        let mapping = |offset, bytes, protection| {
            Mapping::new(ring, offset, bytes, protection).context("the kernel does not let the ring be read")
        };
        let read = mapping(0, PAGE, libc::PROT_READ | libc::PROT_WRITE)?;
        let written = mapping(PAGE, PAGE + bytes, libc::PROT_READ)?;
        Ok(Self { read, written, bytes, whole: Vec::new() })
    }

    /// How much of it is filled, from 0 to 1.
    pub(super) fn filled(&self) -> f64 {
        let (read, written) = self.places();
        let filled = written.load(Ordering::Relaxed).wrapping_sub(read.load(Ordering::Relaxed));
        #[expect(clippy::cast_precision_loss, reason = "a share needs none")]
        let share = filled as f64 / self.bytes as f64;
        share
    }

    /// How far was read, and how far was written: numbers that grow for ever.
    fn places(&self) -> (&AtomicUsize, &AtomicUsize) {
        // SAFETY: each is the first word of its page, is aligned as that is, and is nowhere accessed but so.
        unsafe { (self.read.at(0).cast::<AtomicUsize>().as_ref(), self.written.at(0).cast::<AtomicUsize>().as_ref()) }
    }

    /// Hands over what is there, so many events at most. Gives how many it was.
    pub(super) fn each(&mut self, most: usize, mut take: impl FnMut(&[u8])) -> usize {
        // Nobody else writes it.
        let mut place = self.places().0.load(Ordering::Relaxed);
        let mut taken = 0;
        // Memory that may only be read is read without an order, and ordered by a fence (`std::sync::atomic`).
        while taken < most && place != self.places().1.load(Ordering::Relaxed) {
            fence(Ordering::Acquire);
            let at = PAGE + (place & (self.bytes - 1));
            // SAFETY: up to `written` there are headers, at multiples of 8.
            let header = unsafe { self.written.at(at).cast::<AtomicU32>().as_ref() }.load(Ordering::Relaxed);
            fence(Ordering::Acquire);
            if header & BUSY != 0 {
                break;
            }
            let length = (header & !DISCARDED) as usize;
            if header & DISCARDED == 0 {
                take(self.event(place + HEADER, length));
                taken += 1;
            }
            place += (HEADER + length).next_multiple_of(HEADER);
            // From here on it may be written over.
            self.places().0.store(place, Ordering::Release);
        }
        taken
    }

    /// An event that begins at a place, without its header.
    fn event(&mut self, place: usize, length: usize) -> &[u8] {
        let start = place & (self.bytes - 1);
        let first = length.min(self.bytes - start);
        // SAFETY: the two lie in the ring, and what is in them was written before the header said so, and stays until it is read.
        let (first, rest) = unsafe {
            (
                slice::from_raw_parts(self.written.at(PAGE + start).as_ptr(), first),
                slice::from_raw_parts(self.written.at(PAGE).as_ptr(), (length - first).min(start)),
            )
        };
        if rest.is_empty() {
            return first;
        }
        self.whole.clear();
        self.whole.extend_from_slice(first);
        self.whole.extend_from_slice(rest);
        &self.whole
    }
}

/// Memory that is shared with the kernel.
struct Mapping {
    start: NonNull<u8>,
    bytes: usize,
}

impl Mapping {
    fn new(map: BorrowedFd<'_>, offset: usize, bytes: usize, protection: libc::c_int) -> io::Result<Self> {
        let offset = libc::off_t::try_from(offset).map_err(io::Error::other)?;
        // SAFETY: the kernel chooses where, so nothing is there that was mapped before.
        let start =
            unsafe { libc::mmap(std::ptr::null_mut(), bytes, protection, libc::MAP_SHARED, map.as_raw_fd(), offset) };
        match NonNull::new(start.cast::<u8>()) {
            Some(mapped) if start != libc::MAP_FAILED => Ok(Self { start: mapped, bytes }),
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// A place in it.
    fn at(&self, offset: usize) -> NonNull<u8> {
        debug_assert!(offset < self.bytes);
        // SAFETY: callers keep within it.
        unsafe { self.start.add(offset) }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: it was mapped so, and nothing that points to it is left.
        let _unmapped = unsafe { libc::munmap(self.start.as_ptr().cast(), self.bytes) };
    }
}
