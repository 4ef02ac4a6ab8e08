//! The agent beside a shop.
//!
//! The agent needs root's rights, and the shop must not have them. So the process that was started as root stays, runs
//! the agent, and has everything else done by itself, run again as an ordinary user. The two speak over a socket, which
//! is that one's standard input: orders go up, what the agent says comes down, a line each.
//!
//! ```text
//! root       bookstore up        the agent ─────────────────┐ watching catalog
//!   └─ user  bookstore up        ▲ watch http://… │ stop    │ failed …
//!        └─ catalog, inventory … └───── socket ─────────────┘ stopped 0
//! ```
//!
//! Layout: `above` is the process with the rights, `below` the one without, `words` what they say.

mod above;
mod below;
mod words;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::bail;
use bookstore_agent::trace::LinkBy;

pub(crate) use below::{Agent, Lost};

use crate::privileges;

/// The variable by which the process that was started again knows that it is watched.
const WATCHED: &str = "BOOKSTORE_WATCHED_FROM_OUTSIDE";

/// Whether a command works with the agent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Wish {
    /// Without.
    Without,
    /// With it, where that can be.
    Welcome,
    /// Not without.
    Needed,
}

/// Who does what the command says.
pub(crate) enum Place {
    /// This process, as an ordinary user; the agent, if there is one, above.
    Here(Option<Agent>),
    /// It has been done by the process below this one.
    Done(ExitCode),
}

/// How the agent is to be, other than usual.
#[derive(Clone, Debug, Default)]
pub(crate) struct Manner {
    /// By what it links requests.
    pub(crate) link_by: LinkBy,
    /// Where it writes what the kernel said, the first time that it is told to watch.
    pub(crate) record: Option<PathBuf>,
}

/// Gives root's rights up, and keeps an agent that has them, if it is wished for. `data_dir` is made the ordinary
/// user's.
///
/// # Errors
/// When the agent is needed and cannot be had, or there is nobody to become.
pub(crate) fn enter(wish: Wish, data_dir: Option<&Path>, manner: Manner) -> anyhow::Result<Place> {
    if let Some(agent) = Agent::above() {
        return Ok(Place::Here(Some(agent)));
    }
    match (wish, privileges::is_root()) {
        (Wish::Welcome | Wish::Needed, true) => above::run(privileges::as_ordinary(data_dir)?, manner).map(Place::Done),
        (Wish::Needed, false) => {
            bail!("the agent needs root's rights to look into other processes: sudo {}", command())
        }
        (_, true) => privileges::give_up(data_dir).map(|()| Place::Here(None)),
        (_, false) => Ok(Place::Here(None)),
    }
}

/// Why there is no agent though one would be welcome, and what would help: a line.
pub(crate) fn why_not() -> String {
    format!("the eBPF agent needs root's rights, so telemetry is manual alone; both: sudo {}", command())
}

/// This executable with its arguments, as one would type it. An argument may hold a secret, so none is repeated that
/// has one to hide.
fn command() -> String {
    let program = std::env::current_exe().map_or_else(|_| "bookstore".into(), |path| path.display().to_string());
    let arguments = std::env::args().skip(1).map(|it| if it.contains("://") { "…".to_owned() } else { it });
    std::iter::once(program).chain(arguments).collect::<Vec<_>>().join(" ")
}
