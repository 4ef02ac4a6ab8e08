//! `bookstore-agent`: the agent on its own, against any process.

#[cfg(not(target_os = "linux"))]
fn main() -> std::process::ExitCode {
    use std::io::Write as _;
    // Nobody may be there to read it.
    let _unread = writeln!(std::io::stderr(), "bookstore-agent looks into processes by eBPF, which Linux alone has");
    std::process::ExitCode::FAILURE
}

#[cfg(target_os = "linux")]
fn main() -> anyhow::Result<()> {
    linux::main()
}

#[cfg(target_os = "linux")]
mod linux {
    use std::fs::OpenOptions;
    use std::io::{BufWriter, Write as _};
    use std::os::unix::fs::OpenOptionsExt as _;
    use std::path::PathBuf;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use anyhow::Context as _;
    use bookstore_agent::discover::Rules;
    use bookstore_agent::export::Exporter;
    use bookstore_agent::run::{self, Options, Progress};
    use bookstore_agent::trace::LinkBy;
    use clap::Parser;

    /// Traces processes from outside, until its standard input ends
    ///
    /// Linux on x86-64; needs root's rights.
    #[derive(Debug, Parser)]
    #[command(version, group = clap::ArgGroup::new("targets").required(true).multiple(true).args(["pid", "descendants_of"]))]
    struct Arguments {
        /// A process to watch; may be given more than once.
        #[arg(long, value_name = "PID")]
        pid: Vec<u32>,
        /// Watch what this process starts, and what that starts.
        #[arg(long, value_name = "PID")]
        descendants_of: Vec<u32>,
        /// Of those, only the ones whose executable has this name.
        #[arg(long, value_name = "NAME")]
        exe: Option<String>,
        /// Of those, only services of this name (`OTEL_SERVICE_NAME`); may be given more than once.
        #[arg(long, value_name = "NAME")]
        service: Vec<String>,
        /// Where spans go: a collector that takes OTLP over gRPC.
        #[arg(long, value_name = "URL", env = "OTEL_EXPORTER_OTLP_ENDPOINT", required_unless_present = "otlp_file")]
        endpoint: Option<String>,
        /// Where spans go instead: a file of OTLP as JSON lines.
        #[arg(long, value_name = "FILE")]
        otlp_file: Option<PathBuf>,
        /// By what requests are linked.
        #[arg(long, value_enum, value_name = "WHAT", default_value = "task")]
        link_by: LinkBy,
    }

    pub(super) fn main() -> anyhow::Result<()> {
        let arguments = Arguments::parse();
        tracing_subscriber::fmt().with_writer(std::io::stderr).init();
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        std::thread::spawn(move || {
            // Ends with its standard input: whoever starts it holds the other end.
            let _closed = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
            told.store(true, Ordering::Relaxed);
        });
        let options = Options {
            rules: Rules {
                pids: arguments.pid,
                ancestors: arguments.descendants_of,
                executable: arguments.exe,
                services: arguments.service,
            },
            link_by: arguments.link_by,
            ..Options::default()
        };
        let mut say = |progress: Progress<'_>| tracing::info!("{progress}");
        match (arguments.otlp_file, arguments.endpoint) {
            (Some(path), _) => {
                let shown = path.display();
                let file = OpenOptions::new()
                    .write(true)
                    .create(true)
                    .truncate(true)
                    .mode(0o600)
                    .open(&path)
                    .with_context(|| format!("{shown} cannot be written"))?;
                let mut file = BufWriter::new(file);
                let mut failure = None;
                let summary = run::run(&options, &stop, &mut say, &mut |request| {
                    let written = serde_json::to_writer(&mut file, &request).map_err(std::io::Error::from);
                    if let Err(error) = written.and_then(|()| file.write_all(b"\n")) {
                        failure.get_or_insert(error);
                    }
                })?;
                file.flush()?;
                tracing::info!("{summary}");
                failure.map_or(Ok(()), Err).with_context(|| format!("{shown} could not be written"))
            }
            (None, endpoint) => {
                let exporter = Exporter::new(&endpoint.context("no collector is named")?)?;
                let summary = run::run(&options, &stop, &mut say, &mut |request| exporter.send(request))?;
                let lost = exporter.finish();
                tracing::info!("{summary}; {lost} of them were not taken by the collector");
                Ok(())
            }
        }
    }
}
