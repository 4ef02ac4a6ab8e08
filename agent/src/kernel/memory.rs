//! What the allocator keeps.

/// Gives memory back to the kernel that was needed for a while. The allocator keeps what was freed for whoever asks next, and that is
/// nobody: some hundred thousand small pieces, of which the last are still there, are as much as the agent needs for all else.
pub(super) fn give_back() {
    #[cfg(target_env = "gnu")]
    #[expect(unsafe_code, reason = "nobody else asks the allocator")]
    // SAFETY: it touches nothing but what is free.
    unsafe {
        libc::malloc_trim(0);
    }
}
