//! The data directory.
//!
//! | name | what |
//! | --- | --- |
//! | `catalog.db` … | one SQLite database a service (with `-wal` and `-shm` beside it while it is open) |
//! | `postgres/` | the private PostgreSQL |
//! | `secret.key` | the storefront's key, made by it |
//! | `logs/catalog.log` … | what each process said; the run before is `catalog.log.1` |
//! | `shop.json` | what runs or ran last: process ids, URLs, which database; no password |
//! | `lock` | held by the launcher while it lives |

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use serde::{Deserialize, Serialize};

use crate::cli::DATA_DIR;
use crate::service::Service;
use crate::terminal;

const STATE: &str = "shop.json";
const LOCK: &str = "lock";

/// Where a shop keeps its files.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct DataDir {
    path: PathBuf,
}

/// What runs in a data directory, or ran last.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct State {
    /// The launcher.
    pub(crate) pid: u32,
    /// `sqlite`, `postgres` or `server`.
    pub(crate) database: String,
    /// The server, where it is one of the user's: without user and password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) server: Option<String>,
    /// The port of the private PostgreSQL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) postgres_port: Option<u16>,
    /// When it was last known to run, in milliseconds since the Unix epoch.
    pub(crate) seen_ms: i64,
    /// The storefront's port.
    pub(crate) storefront: String,
    /// compare's.
    pub(crate) compare: String,
}

/// The right to be the one launcher of a data directory; given back when dropped, or when the process ends.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl DataDir {
    /// The directory `chosen`, or else `.bookstore` here.
    ///
    /// # Errors
    /// When the working directory has gone.
    pub(crate) fn at(chosen: Option<&Path>) -> anyhow::Result<Self> {
        let path = std::path::absolute(chosen.unwrap_or(Path::new(DATA_DIR)));
        Ok(Self { path: path.context("the data directory cannot be found: the working directory has gone")? })
    }

    /// The directory, made and ready for this user. Where the default cannot be used, since the working directory is
    /// another's, it is one in `/var/tmp` of this user's own.
    ///
    /// # Errors
    /// When it cannot be written to.
    pub(crate) fn ready(chosen: Option<&Path>) -> anyhow::Result<Self> {
        let dir = Self::at(chosen)?;
        let error = match dir.make() {
            Ok(()) => return Ok(dir),
            Err(error) => error,
        };
        let elsewhere = if chosen.is_none() && is_denied(&error) { Self::elsewhere() } else { None };
        let Some(elsewhere) = elsewhere else {
            return Err(error).context(format!("{} cannot be written; --data-dir names another", dir.path.display()));
        };
        elsewhere.make().with_context(|| format!("{} cannot be written", elsewhere.path.display()))?;
        elsewhere.is_ours()?;
        let (here, there) = (dir.path.display(), elsewhere.path.display());
        terminal::note(format_args!("{here} cannot be used by this user: the shop's files are in {there}"));
        Ok(elsewhere)
    }

    /// The directory that [`ready`](Self::ready) has chosen before.
    ///
    /// # Errors
    /// When there is none.
    pub(crate) fn existing(chosen: Option<&Path>) -> anyhow::Result<Self> {
        let dir = Self::at(chosen)?;
        let elsewhere = if chosen.is_none() { Self::elsewhere() } else { None };
        let shown = dir.path.display().to_string();
        let found = std::iter::once(dir).chain(elsewhere).find(|dir| dir.state().is_some());
        found.with_context(|| format!("no shop has run in {shown} (that this user may see); --data-dir names another"))
    }

    #[cfg(unix)]
    fn elsewhere() -> Option<Self> {
        let uid = rustix::process::geteuid().as_raw();
        Some(Self { path: format!("/var/tmp/bookstore-{uid}").into() })
    }

    #[cfg(not(unix))]
    fn elsewhere() -> Option<Self> {
        None
    }

    /// Others may make directories in `/var/tmp` too, under a name that is easily guessed.
    #[cfg(unix)]
    fn is_ours(&self) -> anyhow::Result<()> {
        use std::os::unix::fs::MetadataExt as _;
        let made = std::fs::symlink_metadata(&self.path)?;
        if !made.is_dir() || made.uid() != rustix::process::geteuid().as_raw() || made.mode() & 0o077 != 0 {
            bail!("{} is not this user's alone; --data-dir names another", self.path.display());
        }
        Ok(())
    }

    #[cfg(not(unix))]
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "the same interface as on Unix")]
    fn is_ours(&self) -> anyhow::Result<()> {
        Ok(())
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn log(&self, service: Service) -> PathBuf {
        self.path.join("logs").join(format!("{}.log", service.name()))
    }

    pub(crate) fn secret(&self) -> PathBuf {
        self.path.join("secret.key")
    }

    pub(crate) fn postgres(&self) -> PathBuf {
        self.path.join("postgres")
    }

    /// Makes it, readable by its owner only.
    pub(crate) fn make(&self) -> io::Result<()> {
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&self.path)?;
        builder.create(self.path.join("logs"))
    }

    /// Takes the lock.
    ///
    /// # Errors
    /// When another launcher has it.
    pub(crate) fn lock(&self) -> anyhow::Result<Lock> {
        if let Some(lock) = self.try_lock()? {
            return Ok(lock);
        }
        let who = self.state().map(|state| format!(" (process {})", state.pid)).unwrap_or_default();
        bail!(
            "another shop{who} runs in {}: stop that one, or start this one with another --data-dir",
            self.path.display()
        )
    }

    /// Takes the lock; none when another launcher has it.
    pub(crate) fn try_lock(&self) -> anyhow::Result<Option<Lock>> {
        let path = self.path.join(LOCK);
        let file = File::options().create(true).truncate(false).write(true).open(&path);
        let file = file.with_context(|| format!("{} cannot be written", path.display()))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Lock { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error).context(format!("{} cannot be locked", path.display())),
        }
    }

    /// What runs here, or ran last.
    pub(crate) fn state(&self) -> Option<State> {
        serde_json::from_slice(&std::fs::read(self.path.join(STATE)).ok()?).ok()
    }

    /// Writes down what runs here: all of it or, should the machine stop meanwhile, what was there before.
    pub(crate) fn set_state(&self, state: &State) -> anyhow::Result<()> {
        let draft = self.path.join(format!("{STATE}.new"));
        let text = serde_json::to_vec_pretty(state)?;
        let path = self.path.join(STATE);
        std::fs::write(&draft, text)
            .and_then(|()| std::fs::rename(&draft, &path))
            .context("shop.json cannot be written")
    }
}

fn is_denied(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fresh() -> (tempfile::TempDir, DataDir) {
        let folder = tempfile::tempdir().unwrap();
        let dir = DataDir::at(Some(&folder.path().join("shop"))).unwrap();
        dir.make().unwrap();
        (folder, dir)
    }

    #[test]
    fn one_launcher_at_a_time() {
        let (_folder, dir) = fresh();
        dir.set_state(&State { pid: 4711, ..State::default() }).unwrap();
        let first = dir.lock().unwrap();
        let refused = dir.lock().unwrap_err().to_string();
        assert!(refused.contains("process 4711") && refused.contains("--data-dir"), "{refused}");
        drop(first);
        dir.lock().unwrap();
    }

    #[test]
    fn only_the_owner_can_look_in() {
        let (_folder, dir) = fresh();
        dir.make().unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = std::fs::metadata(dir.path()).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o700);
        }
    }

    #[test]
    fn what_ran_last_is_known() {
        let (_folder, dir) = fresh();
        assert!(dir.state().is_none());
        let state = State { database: "postgres".to_owned(), postgres_port: Some(5433), ..State::default() };
        dir.set_state(&state).unwrap();
        assert_eq!(dir.state().unwrap().postgres_port, Some(5433));
    }
}
