//! What is watched may use all processors there are; whoever watches must not wait for its turn meanwhile, or it loses what
//! has no room to wait.

/// As far before the others as a thread of little work may go (nice(1)).
#[cfg(target_os = "linux")]
const NICE: i32 = -10;

/// Puts this thread before others. Without the right to do so (`CAP_SYS_NICE`) it stays where it is.
pub(crate) fn raise() {
    #[cfg(target_os = "linux")]
    let _not_allowed = rustix::process::setpriority_process(None, NICE);
}
