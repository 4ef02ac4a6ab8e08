//! On what it was measured, by what, and what instrumentation costs in code.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;
use bookstore_bench::CodeCost;
use bookstore_bench::code_cost::crates_in;
use bookstore_bench::model::{Machine, Versions};

use crate::cli::Bench;
use crate::database::Database;

/// The machine, by the kernel.
///
/// # Errors
/// When the kernel does not say.
pub(super) fn machine() -> anyhow::Result<Machine> {
    use procfs::{Current as _, FromRead as _};
    let info = procfs::CpuInfo::from_file("/proc/cpuinfo").context("/proc/cpuinfo cannot be read")?;
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").context("the kernel's release")?;
    let memory = procfs::Meminfo::current().context("/proc/meminfo cannot be read")?.mem_total;
    Ok(Machine {
        cpus: info.num_cores(),
        model: info.model_name(0).unwrap_or("unknown").to_owned(),
        kernel: format!("Linux {}", kernel.trim()),
        memory_mib: memory >> 20,
    })
}

/// What took part.
pub(super) fn versions(arguments: &Bench) -> Versions {
    let postgres = match arguments.database.database {
        Database::Sqlite => None,
        // The one that is found first; of a server of somebody's the version is not asked for.
        Database::Postgres => said("postgres", &["--version"]).or_else(|| Some("a private server".to_owned())),
        Database::Server(_) => Some("a server that was there".to_owned()),
    };
    Versions { bookstore: env!("CARGO_PKG_VERSION").to_owned(), rust: said("rustc", &["--version"]), postgres }
}

/// The command line; of a path only its last part, since where things lie on this machine is nobody's business.
pub(super) fn command() -> String {
    let last = |argument: String| argument.rsplit('/').next().unwrap_or_default().to_owned();
    let arguments = std::env::args().skip(1).map(|argument| {
        // A server's URL may hold a password.
        if argument.contains("://") { "URL".to_owned() } else { last(argument) }
    });
    std::iter::once("bookstore".to_owned()).chain(arguments).collect::<Vec<_>>().join(" ")
}

/// Variables that the shops had from who measured: they may change what a mode is. Values are left out where they may
/// be secret.
pub(super) fn inherited() -> Option<String> {
    let matters = |name: &str| name.starts_with("OTEL_") || name.starts_with("BOOKSTORE_") || name == "RUST_LOG";
    let mut set: Vec<_> = std::env::vars()
        .filter(|(name, value)| matters(name) && !value.is_empty())
        .map(|(name, value)| if name.ends_with("_HEADERS") { name } else { format!("{name}={value}") })
        .collect();
    set.sort();
    (!set.is_empty()).then(|| format!("The shops were given by who measured: {}.", set.join(", ")))
}

/// Lines, crates and bytes, as far as sources, cargo and another build are there.
pub(super) fn code_cost(arguments: &Bench) -> CodeCost {
    let sources = arguments.sources.clone().unwrap_or_else(|| PathBuf::from("."));
    let size = |path: &Path| std::fs::metadata(path).ok().map(|file| file.len());
    CodeCost {
        crates_with: crates(&sources, &[]),
        crates_without: crates(&sources, &["--no-default-features"]),
        binary_with_bytes: std::env::current_exe().ok().as_deref().and_then(size),
        binary_without_bytes: arguments.without_otel.as_deref().and_then(size),
        ..CodeCost::counted(&sources)
    }
}

fn crates(sources: &Path, more: &[&str]) -> Option<usize> {
    let manifest = sources.join("services/bookstore/Cargo.toml");
    if !manifest.is_file() {
        return None;
    }
    let tree = Command::new("cargo")
        .args(["tree", "--package", "bookstore", "--edges", "normal", "--prefix", "none", "--offline"])
        .args(more)
        .current_dir(sources)
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    Some(crates_in(&String::from_utf8_lossy(&tree.stdout)))
}

fn said(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok().filter(|output| output.status.success())?;
    let text = String::from_utf8(output.stdout).ok()?;
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}
