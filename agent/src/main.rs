//! `bookstore-agent`: the agent on its own, against any process.

#[cfg(target_os = "linux")]
fn main() -> anyhow::Result<std::process::ExitCode> {
    bookstore_agent::cli::main(clap::Parser::parse())
}

#[cfg(not(target_os = "linux"))]
fn main() -> std::process::ExitCode {
    use std::io::Write as _;
    // Nobody may be there to read it.
    let _unread = writeln!(std::io::stderr(), "bookstore-agent looks into processes by eBPF, which Linux alone has");
    std::process::ExitCode::FAILURE
}
