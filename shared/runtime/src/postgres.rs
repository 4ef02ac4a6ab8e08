//! A private PostgreSQL: a cluster in a folder of one's own, on a free port of the loopback.

use std::ffi::OsStr;
use std::io;
use std::net::TcpListener;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bookstore_telemetry::Sensitive;
use sqlx::{Connection as _, PgConnection};

/// How long a start, with recovery after a crash, may take.
const START_LIMIT: Duration = Duration::from_secs(60);
/// The superuser of the cluster.
const SUPERUSER: &str = "bookstore";
/// The file in the data directory that holds the superuser's password, readable by its owner only.
const PASSWORD_FILE: &str = "password";

/// What the names of clusters begin with that are being made.
const HALF_MADE: &str = "data.new-";

/// What to do where there is no PostgreSQL.
pub const HOW_TO_INSTALL: &str = "no initdb and postgres were found on PATH or where packages put them. Install \
    PostgreSQL 13 or later (Debian, Ubuntu: apt install postgresql; Fedora: dnf install postgresql-server; macOS: brew \
    install postgresql), or name a server of yours: --database postgres://user:password@host";

/// A cluster that cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PostgresError {
    /// There is no PostgreSQL on this machine.
    #[error("{HOW_TO_INSTALL}")]
    NotInstalled,
    /// A program of it could not be run, or failed.
    #[error("{program} failed: {reason}")]
    Failed {
        /// Which.
        program: &'static str,
        /// What it said.
        reason: String,
    },
    /// It did not answer in time.
    #[error("PostgreSQL did not start within {} s; its log is {}", START_LIMIT.as_secs(), log.display())]
    NotReady {
        /// Its log.
        log: PathBuf,
    },
    /// Its files could not be written.
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// The user that a process gives its rights up for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RunAs {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
}

/// The folder of PostgreSQL's programs.
#[derive(Clone, Debug)]
pub struct Installation {
    programs: PathBuf,
}

impl Installation {
    /// Looks on `PATH`, then where packages of Debian, Red Hat and Homebrew put them; the newest version first.
    ///
    /// # Errors
    /// [`PostgresError::NotInstalled`].
    pub fn find() -> Result<Self, PostgresError> {
        let mut folders: Vec<PathBuf> =
            std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect()).unwrap_or_default();
        for root in ["/usr/lib/postgresql", "/opt/homebrew/opt", "/usr/local/opt"] {
            folders.extend(versions(Path::new(root)));
        }
        folders.extend(["/usr/pgsql/bin", "/usr/local/pgsql/bin"].map(PathBuf::from));
        folders
            .into_iter()
            .find(|folder| folder.join("initdb").is_file() && folder.join("postgres").is_file())
            .map(|programs| Self { programs })
            .ok_or(PostgresError::NotInstalled)
    }

    fn command(&self, program: &str, run_as: Option<RunAs>) -> Command {
        command(self.programs.join(program), run_as)
    }
}

/// `bin` folders below `root`, the highest version first.
fn versions(root: &Path) -> Vec<PathBuf> {
    let mut found: Vec<(u32, PathBuf)> = std::fs::read_dir(root)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name();
            let version = name.to_str()?.trim_start_matches("postgresql@").parse().ok()?;
            Some((version, entry.path().join("bin")))
        })
        .collect();
    found.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
    found.into_iter().map(|(_, folder)| folder).collect()
}

fn command(program: impl AsRef<OsStr>, run_as: Option<RunAs>) -> Command {
    let mut command = Command::new(program);
    // In a group of its own, so that Ctrl-C reaches the launcher alone, which ends things in order.
    command.process_group(0).env_remove("PGDATA").current_dir("/");
    if let Some(RunAs { uid, gid }) = run_as {
        command.uid(uid).gid(gid);
    }
    command
}

/// A running cluster. It ends when this is dropped or the process ends, however that happens.
#[derive(Debug)]
pub struct Cluster {
    supervisor: Child,
    server: Server,
    password: Sensitive<String>,
}

/// What postgres is started with.
#[derive(Debug)]
struct Server {
    installation: Installation,
    data: PathBuf,
    log: PathBuf,
    port: u16,
    run_as: Option<RunAs>,
}

impl Cluster {
    /// Starts the cluster in `folder`, and makes it first if there is none. PostgreSQL refuses to run as root: then
    /// `run_as` says who runs it, and `folder` has to belong to that user.
    ///
    /// # Errors
    /// [`PostgresError`] says what could not be done.
    pub async fn start(
        installation: &Installation,
        folder: &Path,
        run_as: Option<RunAs>,
    ) -> Result<Self, PostgresError> {
        let folder = std::path::absolute(folder)?;
        let data = folder.join("data");
        if !data.join("PG_VERSION").is_file() {
            make(installation, &folder, &data, run_as)?;
        }
        let password = Sensitive::new(std::fs::read_to_string(folder.join(PASSWORD_FILE))?.trim().to_owned());
        let port = free_port()?;
        let server =
            Server { installation: installation.clone(), data, log: folder.join("postgres.log"), port, run_as };
        let mut cluster = Self { supervisor: server.supervise()?, server, password };
        cluster.wait_until_ready().await?;
        Ok(cluster)
    }

    /// Starts it again, on the same port, after it has ended by itself.
    ///
    /// # Errors
    /// [`PostgresError`] says what could not be done.
    pub async fn restart(&mut self) -> Result<(), PostgresError> {
        self.end();
        self.supervisor = self.server.supervise()?;
        self.wait_until_ready().await
    }

    /// The port that it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.server.port
    }

    /// The URL of a database of this cluster, with the password.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        format!("postgres://{SUPERUSER}:{}@127.0.0.1:{}/{database}", self.password.expose(), self.server.port)
    }

    /// Whether it still runs.
    ///
    /// # Errors
    /// When the system cannot tell.
    pub fn is_running(&mut self) -> io::Result<bool> {
        Ok(self.supervisor.try_wait()?.is_none())
    }

    async fn wait_until_ready(&mut self) -> Result<(), PostgresError> {
        let started = Instant::now();
        loop {
            if let Ok(connection) = PgConnection::connect(&self.url("postgres")).await {
                let _ = connection.close().await;
                return Ok(());
            }
            if !self.is_running()? {
                let said = std::fs::read_to_string(&self.server.log).unwrap_or_default();
                let last = said.lines().rev().take(3).collect::<Vec<_>>().into_iter().rev().collect::<Vec<_>>();
                return Err(PostgresError::Failed { program: "postgres", reason: last.join("; ") });
            }
            if started.elapsed() > START_LIMIT {
                return Err(PostgresError::NotReady { log: self.server.log.clone() });
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
    }

    /// Ends it: open transactions are rolled back, the files are left clean.
    pub fn stop(mut self) {
        self.end();
    }

    /// Ends it, to be [started again](Self::restart).
    pub fn end(&mut self) {
        // The end of its standard input is the supervisor's sign.
        drop(self.supervisor.stdin.take());
        let _ = self.supervisor.wait();
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.end();
    }
}

fn make(installation: &Installation, folder: &Path, data: &Path, run_as: Option<RunAs>) -> Result<(), PostgresError> {
    std::fs::create_dir_all(folder)?;
    let secret = uuid::Uuid::new_v4().simple().to_string();
    let password = folder.join(PASSWORD_FILE);
    write_private(&password, &secret)?;
    if let Some(RunAs { uid, gid }) = run_as {
        for path in [folder, &password] {
            std::os::unix::fs::chown(path, Some(uid), Some(gid))?;
        }
    }
    // A cluster that was half made, by an initdb that was killed, is no cluster, though it may look like one: it is made
    // under another name, of its own since an initdb outlives the process that ran it.
    for entry in std::fs::read_dir(folder)?.flatten() {
        if entry.file_name().to_string_lossy().starts_with(HALF_MADE) {
            // Where that initdb still writes, the next to come removes it.
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
    if data.exists() {
        std::fs::remove_dir_all(data)?;
    }
    let draft = folder.join(format!("{HALF_MADE}{}", std::process::id()));
    let output = installation
        .command("initdb", run_as)
        .arg("--pgdata")
        .arg(&draft)
        .args(["--username", SUPERUSER, "--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C", "--no-sync"])
        .arg("--pwfile")
        .arg(&password)
        .stdin(Stdio::null())
        .output()?;
    if output.status.success() {
        return Ok(std::fs::rename(&draft, data)?);
    }
    let _ = std::fs::remove_dir_all(&draft);
    let reason = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(PostgresError::Failed { program: "initdb", reason })
}

fn write_private(path: &Path, text: &str) -> io::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let _ = std::fs::remove_file(path);
    std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?.write_all(text.as_bytes())
}

fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

impl Server {
    /// Runs postgres below a shell that stops it (SIGINT, "fast shutdown") when its standard input ends: that happens
    /// when this process ends, however it does.
    fn supervise(&self) -> Result<Child, PostgresError> {
        const SCRIPT: &str = r#"exec 3<&0 </dev/null
            "$@" 3<&- & server=$!
            { cat <&3 >/dev/null; kill -INT "$server" 2>/dev/null; } & watcher=$!
            exec 3<&-
            wait "$server"; status=$?
            kill "$watcher" 2>/dev/null
            exit "$status""#;
        let output = std::fs::File::create(&self.log)?;
        Ok(command("/bin/sh", self.run_as)
            .args(["-c", SCRIPT, "sh"])
            .arg(self.installation.programs.join("postgres"))
            .arg("-D")
            .arg(&self.data)
            .args(["-p", &self.port.to_string()])
            // Sockets in the file system have a short longest path; the loopback will do.
            .args(["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="])
            .args(["-c", "max_connections=200", "-c", "shared_buffers=64MB"])
            .stdin(Stdio::piped())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()?)
    }
}
