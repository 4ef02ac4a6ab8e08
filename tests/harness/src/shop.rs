//! Starts `bookstore up` as a user would.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde::Deserialize;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::wait;

/// How to start a shop.
#[derive(Debug)]
pub struct Options {
    executable: PathBuf,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    folder: Option<PathBuf>,
}

impl Options {
    /// A shop of this executable, on free ports, with no first purchase of its own.
    #[must_use]
    pub fn new(executable: impl Into<PathBuf>) -> Self {
        let arguments = ["up", "--json", "--no-tour", "--port", "0"].map(str::to_owned).to_vec();
        let mut options = Self { executable: executable.into(), arguments, environment: Vec::new(), folder: None };
        // Password hashing is made to cost; what is tested here is not its strength.
        options.environment.push(("BOOKSTORE_ARGON2_MEMORY_KIB".to_owned(), "1024".to_owned()));
        options
    }

    /// With these arguments too.
    #[must_use]
    pub fn args(mut self, arguments: &[&str]) -> Self {
        self.arguments.extend(arguments.iter().map(|text| (*text).to_owned()));
        self
    }

    /// With these variables too.
    #[must_use]
    pub fn env<V: Into<String>>(mut self, variables: impl IntoIterator<Item = (&'static str, V)>) -> Self {
        self.environment.extend(variables.into_iter().map(|(name, value)| (name.to_owned(), value.into())));
        self
    }

    /// In this folder, instead of a temporary one.
    #[must_use]
    pub fn folder(mut self, folder: &Path) -> Self {
        self.folder = Some(folder.to_owned());
        self
    }

    /// Starts it and waits until it is ready.
    ///
    /// # Panics
    /// When it ends instead, with what it said.
    pub async fn start(self) -> Shop {
        let (folder, temporary) = match self.folder {
            Some(folder) => (folder, None),
            None => {
                let temporary = temporary();
                (temporary.path().join("shop"), Some(temporary))
            }
        };
        // As root the agent would be there as well, where it is not what a test is about.
        let is_said = self.arguments.iter().any(|argument| argument == "--instrumentation");
        let manual: &[&str] = if is_said { &[] } else { &["--instrumentation", "manual"] };
        let mut command = Command::new(&self.executable);
        command
            .args(&self.arguments)
            .args(manual)
            .arg("--data-dir")
            .arg(&folder)
            .envs(self.environment)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        let mut launcher = command.spawn().expect("bookstore starts");
        let mut lines = BufReader::new(launcher.stdout.take().expect("its output")).lines();
        let line = tokio::time::timeout(wait::LIMIT, lines.next_line()).await.expect("the shop is ready in time");
        let Ok(Some(line)) = line else { panic!("bookstore up ended: {:?}", launcher.wait().await) };
        let ready: Ready = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        Shop {
            launcher,
            ready,
            folder,
            executable: self.executable,
            http: reqwest::Client::new(),
            _temporary: temporary,
        }
    }
}

/// A temporary folder that everybody may look into: as root, the shop runs as somebody else.
///
/// # Panics
/// When none can be made.
#[must_use]
pub fn temporary() -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).expect("its permissions");
    }
    folder
}

/// What `--json` prints.
#[derive(Clone, Debug, Deserialize)]
pub struct Ready {
    /// The shop's pages and API.
    pub storefront: String,
    /// Its traces.
    pub compare: String,
    /// Where telemetry goes.
    pub otlp: String,
    /// Each service.
    pub services: BTreeMap<String, Service>,
}

/// A service of a shop.
#[derive(Clone, Debug, Deserialize)]
pub struct Service {
    /// Where it listens.
    pub url: String,
    /// Its process when the shop was ready.
    pub pid: i32,
}

/// A running shop. It ends with this.
#[derive(Debug)]
pub struct Shop {
    launcher: Child,
    /// What it said when it was ready.
    pub ready: Ready,
    /// Its data directory.
    pub folder: PathBuf,
    executable: PathBuf,
    /// A client for it.
    pub http: reqwest::Client,
    _temporary: Option<TempDir>,
}

impl Shop {
    /// Somebody new, logged in.
    pub async fn customer(&self) -> crate::Customer {
        crate::Customer::new(&self.http, &self.ready.storefront).await
    }

    /// Runs `bookstore check` on it: whether all is well, and what it says.
    ///
    /// # Panics
    /// When it cannot be run.
    pub async fn check(&self) -> (bool, String) {
        check(&self.executable, &self.folder).await
    }

    /// The launcher's process.
    ///
    /// # Panics
    /// When it has ended.
    #[must_use]
    pub fn launcher_pid(&self) -> i32 {
        i32::try_from(self.launcher.id().expect("the launcher runs")).expect("a process id")
    }

    /// Ends it as Ctrl-C does, and waits until it has.
    ///
    /// # Panics
    /// When it does not end in time, or not well.
    #[cfg(unix)]
    pub async fn stop(mut self) -> Option<TempDir> {
        signal(self.launcher_pid(), rustix::process::Signal::INT);
        let status = tokio::time::timeout(wait::LIMIT, self.launcher.wait()).await.expect("the shop ends in time");
        assert!(status.expect("a status").success(), "{status:?}", status = self.launcher.try_wait());
        self._temporary.take()
    }

    /// Kills a service with `kill -9`. The launcher starts it again.
    #[cfg(target_os = "linux")]
    pub fn kill(&self, service: &str) {
        for pid in children(self.launcher_pid()) {
            if arguments(pid).get(1).is_some_and(|name| name == service) {
                signal(pid, rustix::process::Signal::KILL);
            }
        }
    }

    /// Kills everything at once with `kill -9`, the launcher first, and waits until it is gone.
    ///
    /// # Panics
    /// When it does not go.
    #[cfg(target_os = "linux")]
    pub async fn kill_all(mut self) -> Option<TempDir> {
        let launcher = self.launcher_pid();
        let below = family(launcher);
        for pid in std::iter::once(launcher).chain(below.iter().copied()) {
            signal(pid, rustix::process::Signal::KILL);
        }
        self.launcher.wait().await.expect("a status");
        wait::until("all processes to be gone", async || below.iter().all(|pid| !is_alive(*pid)).then_some(())).await;
        self._temporary.take()
    }
}

/// Runs `bookstore check` on a data directory: whether all is well, and what it says.
///
/// # Panics
/// When it cannot be run.
pub async fn check(executable: &Path, folder: &Path) -> (bool, String) {
    let output = Command::new(executable).args(["check", "--data-dir"]).arg(folder).output().await.expect("check runs");
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

/// Sends a signal. A process that is gone is as good.
#[cfg(unix)]
pub fn signal(pid: i32, signal: rustix::process::Signal) {
    if let Some(pid) = rustix::process::Pid::from_raw(pid) {
        let _ = rustix::process::kill_process(pid, signal);
    }
}

/// The processes that a process has started, by `/proc`.
#[cfg(target_os = "linux")]
#[must_use]
pub fn children(parent: i32) -> Vec<i32> {
    let Ok(processes) = std::fs::read_dir("/proc") else { return Vec::new() };
    processes
        .flatten()
        .filter_map(|process| process.file_name().to_str()?.parse().ok())
        .filter(|pid| parent_of(*pid) == Some(parent))
        .collect()
}

/// All processes below one.
#[cfg(target_os = "linux")]
#[must_use]
pub fn family(pid: i32) -> Vec<i32> {
    children(pid).into_iter().flat_map(|child| std::iter::once(child).chain(family(child))).collect()
}

#[cfg(target_os = "linux")]
fn parent_of(pid: i32) -> Option<i32> {
    state(pid)?.split(' ').nth(1)?.parse().ok()
}

/// What follows the name in `/proc/PID/stat`: state, parent and so on. The name may hold anything but ends at the last
/// parenthesis.
#[cfg(target_os = "linux")]
fn state(pid: i32) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    Some(stat.rsplit_once(") ")?.1.to_owned())
}

/// A process's command line.
#[cfg(target_os = "linux")]
#[must_use]
pub fn arguments(pid: i32) -> Vec<String> {
    let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    line.split(|byte| *byte == 0).map(|part| String::from_utf8_lossy(part).into_owned()).collect()
}

/// Whether a process runs. One that has ended and was not waited for does not.
#[cfg(target_os = "linux")]
#[must_use]
pub fn is_alive(pid: i32) -> bool {
    state(pid).is_some_and(|state| !state.starts_with('Z'))
}
