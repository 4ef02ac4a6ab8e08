//! What the tests on a real kernel have in common.

use std::io::Write as _;

/// Whether the tests have the rights that they need. Says in one line, past the test runner's capture, if they are skipped.
pub(crate) fn is_root(what: &str) -> bool {
    let is_root = rustix::process::geteuid().is_root();
    if !is_root {
        // Nobody may be there to read it.
        let _unread = writeln!(std::io::stderr(), "skipped: {what} of the agent: needs root");
    }
    is_root
}
