//! The command line: `bookstore-agent run|record|replay`.

mod arguments;
mod output;
mod status;

use std::fs::File;
use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context as _;
use tokio::signal::unix::{SignalKind, signal};

use crate::discover::Rules;
use crate::export::Message;
use crate::metrics::Numbers;
use crate::recording;
use crate::run::{self, Host, Options, Progress};
use arguments::Command;
pub use arguments::{Arguments, Output, Record, Replay, Run, Targets};
use output::Sink;
use status::Status;

/// Does what the command line says.
///
/// # Errors
/// In words for whoever typed it.
pub fn main(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let colours = std::io::stderr().is_terminal();
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(colours).with_target(false).init();
    match arguments.command {
        Some(Command::Run(arguments)) => watch(&arguments),
        Some(Command::Record(arguments)) => record(&arguments),
        Some(Command::Replay(arguments)) => replay(&arguments),
        None => watch(&arguments.run),
    }?;
    Ok(ExitCode::SUCCESS)
}

fn watch(arguments: &Run) -> anyhow::Result<()> {
    let options = Options { rules: arguments.targets.rules()?, link_by: arguments.link_by, ..Options::default() };
    work(&options, Sink::open(&arguments.output)?)
}

fn record(arguments: &Record) -> anyhow::Result<()> {
    let options = Options {
        rules: arguments.targets.rules()?,
        record: Some((arguments.file.clone(), arguments.most_bytes())),
        ..Options::default()
    };
    work(&options, Sink::Nowhere)
}

/// The agent at work, until a signal ends it.
fn work(options: &Options, sink: Sink) -> anyhow::Result<()> {
    let stop = Arc::new(AtomicBool::new(false));
    stop_by_signals(&stop)?;
    let mut terminal = Terminal { sink, status: Status::default() };
    // The probes are off before the last spans are sent: a collector that does not answer holds up nothing but this.
    let ran = run::run(options, &stop, &mut terminal);
    terminal.status.end();
    let mut numbers = ran?;
    numbers.dropped = terminal.sink.finish()?;
    tracing::info!("{numbers}");
    Ok(())
}

fn replay(arguments: &Replay) -> anyhow::Result<()> {
    let shown = arguments.file.display();
    let file = File::open(&arguments.file).with_context(|| format!("{shown} cannot be read"))?;
    let mut sink = Sink::open(&arguments.output)?;
    let replayed = recording::replay(file, arguments.link_by, arguments.seed, &mut |spans| {
        sink.send_in_time(Message::Spans(spans));
    });
    let dropped = sink.finish()?;
    let done = replayed.with_context(|| format!("{shown} cannot be replayed"))?;
    tracing::info!("{}", Numbers { done, dropped, ..Numbers::default() });
    Ok(())
}

/// SIGINT and SIGTERM end the agent in peace; a second one ends it at once.
fn stop_by_signals(stop: &Arc<AtomicBool>) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let (mut interrupt, mut terminate) = {
        let _inside = runtime.enter();
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?)
    };
    let stop = Arc::clone(stop);
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        runtime.block_on(async {
            loop {
                tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
                if stop.swap(true, Ordering::Relaxed) {
                    // The kernel takes its probes off with the process.
                    std::process::exit(130);
                }
            }
        });
    })?;
    Ok(())
}

/// Tells what happens to whoever looks on.
struct Terminal {
    sink: Sink,
    status: Status,
}

impl Host for Terminal {
    fn tell(&mut self, progress: Progress<'_>) {
        match progress {
            Progress::Numbers(numbers) => self.status.show(numbers),
            _ => self.status.say(format_args!("{progress}")),
        }
    }

    fn send(&mut self, message: Message) {
        self.sink.send(message);
    }

    fn dropped(&self) -> u64 {
        self.sink.dropped()
    }
}

impl Targets {
    fn rules(&self) -> anyhow::Result<Rules> {
        let mut rules = Rules { any: self.given(), services: Vec::new() };
        if let Some(path) = &self.config {
            rules.any.extend(crate::discover::Rule::read(path)?);
        }
        Ok(rules)
    }
}
