//! The command line.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Parser, Subcommand};

use crate::{bare, memory, report, route, rush, start};

/// Measures the shop's figures and writes them to a result file.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// The executable to measure; by default `bookstore` beside this one.
    #[arg(long)]
    bookstore: Option<PathBuf>,
    /// Another build of it, to compare the catalog's route with: one without frame pointers, say.
    #[arg(long)]
    against: Option<PathBuf>,
    /// Where the result goes.
    #[arg(long, default_value = "docs/results/performance.json")]
    out: PathBuf,
    /// Pairs of runs in each comparison.
    #[arg(long, default_value_t = 12)]
    pairs: usize,
    /// Seconds of each run.
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serves one row of a catalog's database by the barest handler. Started by the measurement itself.
    #[command(hide = true)]
    Bare {
        /// The SQLite file.
        database: PathBuf,
    },
}

/// Runs what the command line asks for.
pub(crate) fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        match arguments.command {
            Some(Command::Bare { ref database }) => bare::serve(database).await,
            None => measure(arguments).await,
        }
    })
}

async fn measure(arguments: Arguments) -> anyhow::Result<()> {
    let beside = std::env::current_exe()?.with_file_name("bookstore");
    let bookstore = arguments.bookstore.unwrap_or(beside);
    anyhow::ensure!(bookstore.is_file(), "{} is not there: cargo build --release makes it", bookstore.display());
    // Before anything is pinned: that would hide the other cores.
    let machine = report::Machine::here()?;
    report::say("how soon the shop is ready");
    let start = start::measure(&bookstore).await?;
    report::say("memory after 1,000 purchases");
    let memory = memory::measure(&bookstore).await?;
    report::say("two hundred who want the last fifty copies");
    let rush = rush::measure(&bookstore).await?;
    let plan = route::Plan { pairs: arguments.pairs, seconds: arguments.seconds };
    report::say("the catalog's route against the barest handler, and the storefront's");
    let route = route::against_bare(&bookstore, plan).await?;
    let frame_pointers = match &arguments.against {
        Some(other) => {
            report::say("the catalog's route, in this build and the other");
            Some(route::against_build(&bookstore, other, plan).await?)
        }
        None => None,
    };
    let result = report::Result { machine, start, memory, rush, route, frame_pointers };
    let text = serde_json::to_string_pretty(&result)? + "\n";
    if let Some(folder) = arguments.out.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(&arguments.out, &text).with_context(|| format!("cannot write {}", arguments.out.display()))?;
    report::say(&format!("written to {}:\n{text}", arguments.out.display()));
    Ok(())
}
