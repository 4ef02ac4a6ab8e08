//! `bookstore up`: starts the shop, shows it, keeps it until it is told to end.

mod follow;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use bookstore_runtime::process;
use bookstore_telemetry::LogFormat;
use serde_json::{Map, json};

use crate::cli::{Instrumentation, Up};
use crate::data_dir::DataDir;
use crate::database::Database;
use crate::outside::{self, Agent, Manner, Place, Wish};
use crate::service::Service;
use crate::shop::{self, Event, Logs, Options, Ports, Shop};
use crate::terminal::{self, Style, note};
use crate::{privileges, runtime, tour, trace, tree};

/// How often the logs are looked at for warnings.
const LOOK: Duration = Duration::from_millis(300);

/// Starts a shop and keeps it until Ctrl-C or SIGTERM.
///
/// # Errors
/// When it cannot be started.
pub(crate) fn run(arguments: &Up, started: Instant) -> anyhow::Result<ExitCode> {
    let dir = DataDir::at(arguments.data_dir.data_dir.as_deref())?;
    if privileges::is_root() {
        // Only root sees whose process has a port.
        shop::probe_ports(Ports::of(arguments.port))?;
    }
    let wish = match arguments.instrumentation {
        None => Wish::Welcome,
        Some(chosen) if chosen.has_agent() => Wish::Needed,
        Some(_) => Wish::Without,
    };
    let agent = match outside::enter(wish, Some(dir.path()), Manner::default())? {
        Place::Here(agent) => agent,
        Place::Done(code) => return Ok(code),
    };
    let otherwise = if agent.is_some() { Instrumentation::Both } else { Instrumentation::Manual };
    let logs = match arguments.log_format {
        LogFormat::Pretty => Logs::Files,
        LogFormat::Json => Logs::Stderr,
    };
    let options = Options {
        data_dir: arguments.data_dir.data_dir.clone(),
        database: arguments.database.database.clone(),
        instrumentation: arguments.instrumentation.unwrap_or(otherwise),
        ports: Ports::of(arguments.port),
        logs,
        ..Options::default()
    };
    runtime()?.block_on(Running { arguments, options, started, wish, agent }.until_told())?;
    Ok(ExitCode::SUCCESS)
}

struct Running<'a> {
    arguments: &'a Up,
    options: Options,
    started: Instant,
    wish: Wish,
    /// As long as it does what it should.
    agent: Option<Agent>,
}

impl Running<'_> {
    async fn until_told(mut self) -> anyhow::Result<()> {
        let mut told = Box::pin(process::signal()?);
        if matches!(self.options.database, Database::Postgres) {
            self.explain("starting PostgreSQL …");
        }
        let mut shop = tokio::select! {
            shop = Shop::start(&self.options) => shop?,
            () = &mut told => return Ok(()),
        };
        let gone = self.agent.clone();
        let outcome = tokio::select! {
            outcome = self.open(&mut shop) => outcome,
            () = &mut told => Ok(()),
            () = gone_with(gone.as_ref()) => Ok(()),
        };
        if outcome.is_ok() {
            self.explain("\nstopping …");
        }
        // A second Ctrl-C does not wait.
        let again = process::signal()?;
        tokio::select! {
            () = shop.stop() => {}
            () = again => shop.kill().await,
        }
        outcome
    }

    /// Opens the shop and watches over it; ends only with an error.
    async fn open(&mut self, shop: &mut Shop) -> anyhow::Result<()> {
        if let Some(agent) = &self.agent {
            agent.watch(&shop::traces_endpoint().unwrap_or_else(|| shop.otlp_url()), &[])?;
        }
        shop.ready().await?;
        self.meet_the_agent().await?;
        let ready_in = self.started.elapsed();
        if self.arguments.json {
            terminal::say(ready_line(shop));
        }
        let seconds = format!("{:.2} s", ready_in.as_secs_f64());
        self.explain(format_args!("{} in {seconds}", Style::of_stdout().green("Ready")));
        let tour = if self.arguments.no_tour { None } else { self.tour(shop).await };
        match (self.options.logs, self.arguments.json) {
            (Logs::Stderr, _) => log_line("INFO", "ready", json!({ "shop": ready_line(shop) })),
            (Logs::Files, true) => {}
            (Logs::Files, false) => self.welcome(shop, tour.as_ref()),
        }
        self.watch(shop).await
    }

    /// Waits until the agent watches all services; where that was only welcome, the shop opens without it.
    async fn meet_the_agent(&mut self) -> anyhow::Result<()> {
        let why_not = match &self.agent {
            Some(agent) => match agent.watches_all().await {
                Ok(()) => return Ok(()),
                Err(error) if self.wish == Wish::Needed => return Err(error),
                Err(error) => format!("{error:#}; telemetry is manual alone"),
            },
            None if self.wish == Wish::Welcome => outside::why_not(),
            None => return Ok(()),
        };
        self.agent = None;
        match self.options.logs {
            Logs::Stderr => log_line("INFO", &why_not, json!({})),
            Logs::Files => note(why_not),
        }
        Ok(())
    }

    /// Buys a book and draws the trace; what is to be shown of it. A tour that fails is said, and the shop stays open.
    async fn tour(&self, shop: &Shop) -> Option<Toured> {
        let purchase = match tour::buy(&shop.url(Service::Storefront)).await {
            Ok(purchase) => purchase,
            Err(error) => {
                note(format_args!("the tour ended early: {error:#}"));
                return None;
            }
        };
        let compare = shop.url(Service::Compare);
        let (by_hand, outside) = if shop::sends_elsewhere() {
            (None, None)
        } else {
            (
                purchase.trace_id().filter(|_| cfg!(feature = "otel") && self.options.instrumentation.has_manual()),
                purchase.request_id().filter(|_| self.agent.is_some()),
            )
        };
        let fetched = |trace: anyhow::Result<trace::Trace>| {
            trace.inspect_err(|error| note(format_args!("the tour's trace cannot be shown: {error:#}"))).ok()
        };
        let manual = match by_hand {
            Some(id) => fetched(trace::fetch(&compare, id).await),
            None => None,
        };
        let ebpf = match outside {
            Some(id) => fetched(trace::fetch_from_outside(&compare, id).await),
            None => None,
        };
        let Some(shown) = manual.as_ref().or(ebpf.as_ref()) else {
            self.explain(format_args!("\nA visitor has bought “{}”.", purchase.title));
            return None;
        };
        self.explain(format_args!("\nA visitor has bought “{}”. What that took:\n", purchase.title));
        for line in tree::draw(&tree::folded(shown), terminal::width(), Style::of_stdout()) {
            self.explain(line);
        }
        let id = |trace: Option<trace::Trace>| trace.map(|trace| trace.trace_id);
        Some(Toured { manual: id(manual), ebpf: id(ebpf) })
    }

    fn welcome(&self, shop: &Shop, toured: Option<&Toured>) {
        let style = Style::of_stdout();
        let (storefront, compare) = (shop.url(Service::Storefront), shop.url(Service::Compare));
        let line = |what: &str, url: &str| terminal::say(format_args!("  {what:<16}{}", style.bold(url)));
        terminal::say("");
        line("The shop", &storefront);
        line("Its JSON API", &format!("{storefront}/api/v1/docs"));
        line("Traces", &compare);
        if let Some(Toured { manual, ebpf }) = toured {
            for (what, id) in [("That purchase", manual), ("… from outside", ebpf)] {
                if let Some(id) = id {
                    line(what, &trace::page(&compare, id));
                }
            }
        }
        terminal::say("");
        if self.options.instrumentation == Instrumentation::None {
            terminal::say("Instrumentation is off: nothing arrives at compare.");
        } else if shop::sends_elsewhere() {
            terminal::say("Telemetry goes where OTEL_EXPORTER_OTLP_ENDPOINT says, not to compare.");
        }
        terminal::say(format_args!("Logs are in {}.", shop.data_dir().join("logs").display()));
        terminal::say("Ctrl-C stops it all.");
    }

    /// Says what happens to the processes, and what they warn of.
    async fn watch(&self, shop: &mut Shop) -> anyhow::Result<()> {
        let files = if self.options.logs == Logs::Files { Service::ALL.to_vec() } else { Vec::new() };
        let mut warnings = follow::Warnings::of(files.into_iter().map(|service| shop.log(service)));
        let mut told = false;
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                event = shop.event() => self.tell(&event),
                why = failure_of(self.agent.as_ref()), if !told => {
                    told = true;
                    note(format_args!("the agent has ended: {why}; the shop goes on without it"));
                }
                _ = look.tick() => warnings.show(),
            }
        }
    }

    fn tell(&self, event: &Event) {
        let (service, line) = match event {
            Event::Died { service, how, again_in } => {
                (service, format!("{service} {how}; it is started again in {:.1} s", again_in.as_secs_f64()))
            }
            Event::Restarted { service, pid } => (service, format!("{service} was started again (process {pid})")),
        };
        match self.options.logs {
            Logs::Stderr => log_line("WARN", &line, json!({ "about": service.name() })),
            Logs::Files => note(line),
        }
    }

    /// A line for the person in front of the terminal: beside the JSON, where there is any.
    fn explain(&self, line: impl std::fmt::Display) {
        match (self.options.logs, self.arguments.json) {
            (Logs::Stderr, _) => {}
            (Logs::Files, true) => note(line),
            (Logs::Files, false) => terminal::say(line),
        }
    }
}

/// What the first purchase left: the ids of its traces.
struct Toured {
    manual: Option<String>,
    ebpf: Option<String>,
}

async fn gone_with(agent: Option<&Agent>) {
    match agent {
        Some(agent) => agent.gone().await,
        None => std::future::pending().await,
    }
}

async fn failure_of(agent: Option<&Agent>) -> String {
    match agent {
        Some(agent) => agent.failure().await,
        None => std::future::pending().await,
    }
}

/// A log line of the launcher's own, as the services write theirs.
fn log_line(level: &str, message: &str, fields: serde_json::Value) {
    let timestamp = format!("{:.6}", jiff::Timestamp::now());
    let service = "bookstore";
    note(json!({ "timestamp": timestamp, "level": level, "service": service, "message": message, "fields": fields }));
}

/// What `--json` prints.
fn ready_line(shop: &Shop) -> serde_json::Value {
    let services = Service::ALL
        .into_iter()
        .map(|service| (service.name().to_owned(), json!({ "url": shop.url(service), "pid": shop.pid(service) })));
    json!({
        "storefront": shop.url(Service::Storefront),
        "compare": shop.url(Service::Compare),
        "otlp": shop.otlp_url(),
        "services": services.collect::<Map<_, _>>(),
    })
}
