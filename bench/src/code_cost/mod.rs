//! What instrumentation costs in code: lines, crates, bytes of the executable.
//!
//! * `lexer`: comments and strings out of the way, tests out of the count
//! * `lines`: which lines of a file are there for telemetry

mod lexer;
mod lines;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// By what rule lines are counted. The page states it.
pub const RULE: &str = "Counted are lines that are neither blank nor comment, outside of tests: all of \
    shared/telemetry/src; and in services/*/src and shared/runtime/src the files metrics.rs, each use of the crates \
    bookstore_telemetry, tracing, tracing_subscriber and opentelemetry*, attributes #[instrument] and the macros of \
    logs and spans in full, however many lines they take, statements that record a metric or a span's field, and \
    every other line that names something imported from these crates. Not counted is the type Sensitive, which \
    keeps secrets out of logs with telemetry or without.";

/// What instrumentation costs in code. What is not known is left out.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct CodeCost {
    /// Lines of manual instrumentation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manual: Option<ManualCode>,
    /// Why lines were not counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_counted: Option<String>,
    /// Crates that the executable is built of, with telemetry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crates_with: Option<usize>,
    /// Crates that it is built of without telemetry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crates_without: Option<usize>,
    /// Size of the executable with telemetry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binary_with_bytes: Option<u64>,
    /// Size of the executable without telemetry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binary_without_bytes: Option<u64>,
}

/// Lines that are there for manual instrumentation.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct ManualCode {
    /// Files that have such lines.
    pub files: usize,
    /// Such lines.
    pub lines: usize,
    /// By what rule they were counted.
    pub rule: String,
    /// The same by crate, named by its folder: `services/catalog`.
    pub by_crate: BTreeMap<String, Lines>,
}

/// Files and lines of a crate.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Lines {
    /// Files that have such lines.
    pub files: usize,
    /// Such lines.
    pub lines: usize,
    /// All lines of the crate that are neither blank nor comment nor test.
    pub of: usize,
}

/// Why lines cannot be counted.
#[derive(Debug, thiserror::Error)]
pub enum CountError {
    /// The sources are not there: an executable runs without them.
    #[error("the sources are not here: {} is not a folder; run it where the repository is to have lines counted", .0.display())]
    NoSources(PathBuf),
    /// A file or folder of the sources cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// Which, below the root.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

impl CodeCost {
    /// With lines counted, or with the reason why not.
    #[must_use]
    pub fn counted(root: &Path) -> Self {
        match count(root) {
            Ok(manual) => Self { manual: Some(manual), ..Self::default() },
            Err(error) => Self { not_counted: Some(error.to_string()), ..Self::default() },
        }
    }
}

/// Counts lines of manual instrumentation by [`RULE`] in the repository at `root`. Paths in errors are below it.
///
/// # Errors
/// When the sources are not there, or cannot be read.
pub fn count(root: &Path) -> Result<ManualCode, CountError> {
    let whole = "shared/telemetry";
    for folder in [whole, "shared/runtime", "services"] {
        if !root.join(folder).is_dir() {
            return Err(CountError::NoSources(folder.into()));
        }
    }
    let mut crates = vec![whole.to_owned(), "shared/runtime".to_owned()];
    crates.extend(entries(root, Path::new("services"))?.into_iter().map(|path| path.display().to_string()));
    let mut code = ManualCode { rule: RULE.to_owned(), ..ManualCode::default() };
    for name in crates {
        let source = Path::new(&name).join("src");
        if !root.join(&source).is_dir() {
            continue;
        }
        let mut sum = Lines::default();
        for path in rust_files(root, &source)? {
            let text = std::fs::read_to_string(root.join(&path))
                .map_err(|source| CountError::Read { path: path.clone(), source })?;
            let all = name == whole || path.file_name().is_some_and(|name| name == "metrics.rs");
            let found = lines::count(&text, all);
            sum.files += usize::from(found.telemetry > 0);
            sum.lines += found.telemetry;
            sum.of += found.all;
        }
        code.files += sum.files;
        code.lines += sum.lines;
        code.by_crate.insert(name, sum);
    }
    Ok(code)
}

/// How many crates there are in what `cargo tree` printed, whatever its `--prefix`: those of equal name and version
/// are one.
#[must_use]
pub fn crates_in(tree: &str) -> usize {
    let package = |line: &str| {
        let line = line.trim_start_matches(|c: char| c.is_ascii_digit() || c.is_whitespace() || "│├└─|`- ".contains(c));
        let mut words = line.split_whitespace();
        let (name, version) = (words.next()?, words.next()?);
        version
            .strip_prefix('v')?
            .starts_with(|c: char| c.is_ascii_digit())
            .then(|| (name.to_owned(), version.to_owned()))
    };
    tree.lines().filter_map(package).collect::<BTreeSet<_>>().len()
}

/// Files of Rust below a folder that are no tests, in order of their names.
fn rust_files(root: &Path, folder: &Path) -> Result<Vec<PathBuf>, CountError> {
    let mut files = Vec::new();
    for path in entries(root, folder)? {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if root.join(&path).is_dir() {
            if name != "tests" {
                files.extend(rust_files(root, &path)?);
            }
        } else if name.ends_with(".rs") && name != "tests.rs" {
            files.push(path);
        }
    }
    Ok(files)
}

fn entries(root: &Path, folder: &Path) -> Result<Vec<PathBuf>, CountError> {
    let failed = |source| CountError::Read { path: folder.to_owned(), source };
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(root.join(folder)).map_err(failed)? {
        paths.push(folder.join(entry.map_err(failed)?.file_name()));
    }
    paths.sort();
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crates_are_counted_once_whatever_the_tree_looks_like() {
        let tree = "bookstore v0.1.0 (services/bookstore)\n├── anyhow v1.0.99\n│   └── syn v2.0.1 (proc-macro)\n├── syn v2.0.1 (proc-macro) (*)\n├── syn v1.0.9\n\n[build-dependencies]\n└── cc v1.2.3\n";
        assert_eq!(crates_in(tree), 5);
        let ascii = "bookstore v0.1.0\n|-- anyhow v1.0.99\n`-- cc v1.2.3\n";
        assert_eq!(crates_in(ascii), 3);
        assert_eq!(crates_in("0bookstore v0.1.0\n1anyhow v1.0.99\n1anyhow v1.0.99\n"), 2);
        assert_eq!(crates_in(""), 0);
    }

    #[test]
    fn without_sources_the_reason_is_kept() {
        let nowhere = tempfile::tempdir().unwrap();
        let cost = CodeCost::counted(nowhere.path());
        assert_eq!(cost.manual, None);
        let why = cost.not_counted.unwrap();
        assert!(why.contains("shared/telemetry is not a folder"), "{why}");
        assert!(!why.contains(&nowhere.path().display().to_string()), "no path of this machine: {why}");
    }

    #[test]
    fn a_small_repository_is_counted_by_crate() {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in [
            ("shared/telemetry/src/lib.rs", "//! All of it.\n\npub fn init() {\n}\n"),
            ("shared/telemetry/src/tests.rs", "fn test() {}\n"),
            ("shared/telemetry/tests/story.rs", "fn test() {}\n"),
            ("shared/runtime/src/lib.rs", "pub fn plain() {}\n"),
            ("services/shop/src/metrics.rs", "//! Counts.\nstatic A: u8 = 1;\n"),
            ("services/shop/src/web/mod.rs", "fn page() {\n    tracing::info!(\"a page\");\n}\n"),
            ("services/shop/src/web/tests/mod.rs", "fn test() { tracing::info!(\"a test\") }\n"),
            ("services/README.md", "tracing\n"),
        ] {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let code = count(root.path()).unwrap();
        assert_eq!((code.files, code.lines), (3, 4));
        let by = |name: &str| code.by_crate[name];
        assert_eq!(by("shared/telemetry"), Lines { files: 1, lines: 2, of: 2 });
        assert_eq!(by("shared/runtime"), Lines { files: 0, lines: 0, of: 1 });
        assert_eq!(by("services/shop"), Lines { files: 2, lines: 2, of: 4 });
    }

    #[test]
    fn this_repository_is_instrumented() {
        let code = count(&Path::new(env!("CARGO_MANIFEST_DIR")).join("..")).unwrap();
        for name in ["shared/telemetry", "services/storefront", "services/payment"] {
            let lines = code.by_crate[name];
            assert!(lines.lines > 20 && lines.lines <= lines.of, "{name}: {lines:?}");
        }
        let storefront = code.by_crate["services/storefront"];
        assert!(storefront.lines * 4 < storefront.of, "most of a shop is shop: {storefront:?}");
    }
}
