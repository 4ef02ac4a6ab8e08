//! `matrix`: the agent on every combination that was built, as JSON.

use std::process::ExitCode;

#[cfg(not(target_os = "linux"))]
fn main() -> ExitCode {
    ExitCode::FAILURE
}

#[cfg(target_os = "linux")]
fn main() -> anyhow::Result<ExitCode> {
    matrix::main()
}

#[cfg(target_os = "linux")]
mod matrix {
    use std::collections::BTreeMap;
    use std::io::Write as _;
    use std::process::{Command, ExitCode};

    use bookstore_foreign::built::{Combination, folder, version};
    use bookstore_foreign::session::{self, Outcome};
    use clap::Parser;
    use serde::Serialize;

    /// Runs the agent on every combination that was built, and writes what came of it as JSON.
    #[derive(Debug, Parser)]
    struct Arguments {
        /// A PostgreSQL for the programs' statements: `postgres://user:password@host/database`.
        #[arg(long, value_name = "URL", env = "BOOKSTORE_TEST_POSTGRES_URL")]
        database: Option<String>,
        /// Requests of each combination.
        #[arg(long, default_value_t = 4_000)]
        requests: usize,
        /// Only combinations in whose name this is: `old release multi_thread`.
        #[arg(long, default_value = "")]
        only: String,
    }

    #[derive(Serialize)]
    struct Row {
        #[serde(flatten)]
        combination: Combination,
        #[serde(skip_serializing_if = "Option::is_none")]
        service: Option<&'static str>,
        crates: BTreeMap<&'static str, String>,
        #[serde(flatten)]
        outcome: Outcome,
    }

    pub(super) fn main() -> anyhow::Result<ExitCode> {
        let arguments = Arguments::parse();
        if let Some(why) = session::obstacle() {
            writeln!(std::io::stderr(), "skipped: {why}")?;
            return Ok(ExitCode::FAILURE);
        }
        let folder = folder();
        let mut rows = Vec::new();
        let mut wrong = 0;
        let mut add = |row: Row| -> anyhow::Result<()> {
            wrong += row.outcome.judged.wrong();
            let Combination { versions, build, runtime } = &row.combination;
            let service = row.service.unwrap_or("harbour");
            writeln!(std::io::stderr(), "{service} {versions} {build} {runtime}: {:?}", row.outcome.judged.all)?;
            rows.push(row);
            Ok(())
        };
        for combination in Combination::all() {
            let Combination { versions, build, runtime } = &combination;
            let name = format!("{versions} {build} {runtime}");
            if !name.contains(&arguments.only) || !combination.executable(&folder).exists() {
                continue;
            }
            let outcome = session::harbour(&folder, &combination, arguments.database.as_deref(), arguments.requests)?;
            let crates = ["tokio", "hyper", "h2", "tonic", "reqwest", "tokio-postgres"];
            let crates = crates.into_iter().filter_map(|it| Some((it, version(versions, it)?))).collect();
            add(Row { combination, service: None, crates, outcome })?;
        }
        let beside = Combination::new("new", "release", "multi_thread");
        let others: [(&'static str, Option<Command>); 3] = [
            ("quay-single", session::quay("single")),
            ("quay-threads", session::quay("threads")),
            ("jetty", session::jetty(&folder)),
        ];
        for (service, command) in others {
            let Some(mut command) = command.filter(|_| service.contains(&arguments.only)) else { continue };
            let outcome = session::other(&folder, &beside, service, &mut command, arguments.requests)?;
            let (combination, crates) = (beside.clone(), BTreeMap::new());
            add(Row { combination, service: Some(service), crates, outcome })?;
        }
        serde_json::to_writer_pretty(std::io::stdout().lock(), &rows)?;
        writeln!(std::io::stdout())?;
        Ok(if wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}
