//! A program under watch.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::Context as _;

/// A running one. It ends with its standard input.
pub(crate) struct Process {
    child: Child,
    /// Where it listens: `127.0.0.1:40123`.
    pub(crate) address: String,
}

impl Process {
    /// Starts it, and waits until it says where it listens.
    pub(crate) fn start(command: &mut Command, service: &str, truth: &Path) -> anyhow::Result<Self> {
        command.env("TRUTH_DIR", truth).env("OTEL_SERVICE_NAME", service);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("{} cannot be started", command.get_program().display()))?;
        let mut address = String::new();
        BufReader::new(child.stdout.take().context("it has no output")?).read_line(&mut address)?;
        anyhow::ensure!(!address.is_empty(), "{service} ended before it listened");
        Ok(Self { child, address: address.trim().to_owned() })
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Ends it, when what it does is done.
    pub(crate) fn end(mut self) -> anyhow::Result<()> {
        drop(self.child.stdin.take());
        let status = self.child.wait()?;
        anyhow::ensure!(status.success(), "a program ended with {status}");
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Where it has ended already there is nothing to do.
        let _ended = self.child.kill();
        let _ended = self.child.wait();
    }
}
