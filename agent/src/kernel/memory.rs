//! What the allocator keeps. It keeps what was freed for whoever asks next, and for the agent that is nobody.

/// Bytes from which on an allocation is a mapping of its own, which is gone when it is freed. glibc begins with as many, but makes it
/// more with each that is freed (mallopt(3), `M_MMAP_THRESHOLD`): after the kernel's types it would be ten megabytes, and each table
/// that has grown would leave a hole of its former size.
#[cfg(target_env = "gnu")]
const MAPPED: libc::c_int = 128 << 10;

/// Large allocations are given back at once, from now on.
pub(super) fn keep_little() {
    #[cfg(target_env = "gnu")]
    #[expect(unsafe_code, reason = "nobody else sets the allocator up")]
    // SAFETY: it may be called at any time, and changes nothing that was allocated.
    unsafe {
        // If it is refused, more is kept.
        libc::mallopt(libc::M_MMAP_THRESHOLD, MAPPED);
    }
}

/// Small ones are, that were needed for a while: of the hundred thousand that the kernel's types are, some of the last are still there,
/// and hold what lies before them.
pub(super) fn give_back() {
    #[cfg(target_env = "gnu")]
    #[expect(unsafe_code, reason = "nobody else asks the allocator")]
    // SAFETY: it touches nothing but what is free.
    unsafe {
        libc::malloc_trim(0);
    }
}
