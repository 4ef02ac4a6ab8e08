//! One shop, from its start to its end, and what is measured meanwhile.

use std::time::Duration;

use anyhow::{Context as _, bail};
use bookstore_bench::Latency;
use bookstore_bench::model::{CpuSeconds, Phase, PhaseKind, Spans};
use bookstore_loadgen::{
    Arrivals, Customers, Extent, Missed, Options as Asked, Outcome, Plan, Rate, Scenario, Spacing,
};
use hdrhistogram::Histogram;
use tokio::runtime::Runtime;

use super::account::{self, Account};
use super::cores::Division;
use super::mode::Mode;
use super::telemetry::Received;
use crate::cli::{Bench, BenchReceiver};
use crate::outside::{Agent, Lost};
use crate::service::Service;
use crate::shop::{Logs, Options, Ports, Shop, Temporary};
use crate::terminal::note;

/// How long a request may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Numbers of the visits that warm up: far from those that are measured.
const WARM_UP_VISITS: u64 = 1 << 62;
/// Numbers of the visits at saturation, likewise.
const SATURATION_VISITS: u64 = 1 << 61;
/// What a benchmark is not about: passwords are hashed at little cost, and nothing is sold out.
const CHEAP: [(&str, &str); 2] = [("BOOKSTORE_ARGON2_MEMORY_KIB", "1024"), ("BOOKSTORE_INITIAL_COPIES", "100000")];

/// How often telemetry is sent. The standard's defaults are 5 s for spans, 1 s for log records and 60 s for metrics; here
/// what a phase has made has to come, and senders have to tell what they lost, before the next one.
const SENDING: [(&str, &str); 3] = [
    ("OTEL_BSP_SCHEDULE_DELAY", "1000"),
    ("OTEL_BLRP_SCHEDULE_DELAY", "1000"),
    ("OTEL_METRIC_EXPORT_INTERVAL", "5000"),
];

/// How long a shop rests before and after a phase: longer than what it has made waits to be sent.
const REST: Duration = Duration::from_millis(1_500);

/// The threads that make the load: as many as there are cores for it.
pub(super) struct Load {
    runtime: Runtime,
    threads: usize,
}

impl Load {
    pub(super) fn new(threads: usize) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build()?;
        Ok(Self { runtime, threads })
    }

    /// Lets customers do something on those threads.
    async fn run(&self, mut customers: Customers, plan: Plan) -> anyhow::Result<(Customers, Outcome)> {
        let task = self.runtime.spawn(async move {
            let outcome = customers.run(&plan, |_| {}, std::future::pending()).await;
            (customers, outcome)
        });
        task.await.context("the load has ended badly")
    }
}

/// What all runs have in common.
pub(super) struct Runner<'a> {
    pub(super) arguments: &'a Bench,
    pub(super) scenario: Scenario,
    pub(super) cores: Division,
    pub(super) load: Load,
    /// For the modes that have one.
    pub(super) agent: Option<Agent>,
}

impl Runner<'_> {
    /// Starts a shop in a mode, lets customers in, ends it. Gives what was measured, and the share of processor time that
    /// the hypervisor gave to others.
    ///
    /// # Errors
    /// When the shop cannot be had, or a rate not be made.
    pub(super) async fn run(
        &self,
        seed: u64,
        mode: Mode,
        rate: Option<f64>,
        kinds: &[PhaseKind],
    ) -> anyhow::Result<(Vec<Phase>, Option<f64>)> {
        let place = Temporary::new("bench", &self.arguments.database.database)?;
        let given = CHEAP.into_iter().chain(SENDING);
        // Whoever measures may have these for a reason of their own.
        let unset = [bookstore_runtime::truth::DIRECTORY, bookstore_runtime::server::SPIN];
        let given = given.chain(unset.map(|name| (name, "")));
        let mut environment: Vec<_> = given.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        if let Some(us) = mode.planted_us {
            environment.push((bookstore_runtime::server::SPIN.to_owned(), us.to_string()));
        }
        if self.arguments.receiver == BenchReceiver::Discard {
            environment.push(("COMPARE_DISCARD".to_owned(), "true".to_owned()));
        }
        let options = Options {
            data_dir: Some(place.path().join("shop")),
            database: place.database().clone(),
            instrumentation: mode.instrumentation,
            ports: Ports::Free,
            logs: Logs::Files,
            environment,
            cores: Some(self.cores.of_shop()),
        };
        let measured = self.run_in(&options, seed, mode, rate, kinds).await;
        place.remove().await;
        measured
    }

    async fn run_in(
        &self,
        options: &Options,
        seed: u64,
        mode: Mode,
        rate: Option<f64>,
        kinds: &[PhaseKind],
    ) -> anyhow::Result<(Vec<Phase>, Option<f64>)> {
        let told = bookstore_runtime::process::signal()?;
        let mut shop = Shop::start(options).await?;
        let agent = self.agent.as_ref().filter(|_| mode.instrumentation.has_agent());
        if let Some(agent) = agent {
            // Where the services are: on a machine of its own it would cost nothing, and see nothing.
            agent.watch(&shop.otlp_url(), &self.cores.services)?;
        }
        let mut measured = tokio::select! {
            measured = self.measure(&mut shop, seed, mode, rate, kinds, agent) => measured,
            () = told => Err(anyhow::anyhow!("interrupted; nothing was written")),
        };
        if let Some(agent) = agent {
            let lost = agent.stop().await?;
            if lost != Lost::default() {
                note(format_args!("  the agent lost {} events, and {} spans were not taken", lost.events, lost.spans));
            }
            // It is known at the end only, so it is the last phase's.
            if let Ok((phases, _)) = &mut measured
                && let Some(spans) = phases.last_mut().and_then(|phase| phase.spans.as_mut())
            {
                spans.dropped += lost.spans;
            }
        }
        shop.stop().await;
        if let Some(event) = shop.past_event() {
            bail!("{event}: what it used is lost, and nothing can be measured");
        }
        measured
    }

    async fn measure(
        &self,
        shop: &mut Shop,
        seed: u64,
        mode: Mode,
        rate: Option<f64>,
        kinds: &[PhaseKind],
        agent: Option<&Agent>,
    ) -> anyhow::Result<(Vec<Phase>, Option<f64>)> {
        shop.ready().await?;
        if let Some(agent) = agent {
            agent.watches_all().await?;
        }
        let target = shop.url(Service::Storefront).parse()?;
        let options = Asked { customers: self.arguments.concurrency, seed, timeout: PATIENCE };
        let scenario = self.scenario.clone();
        let prepared =
            self.load.runtime.spawn(async move { Customers::prepare(&target, &scenario, options, &mut |_| {}).await });
        let mut customers = prepared.await.context("the load has ended badly")??;
        let begin = Account::read(shop, mode.instrumentation.has_agent())?;
        let mut phases = Vec::new();
        for kind in kinds {
            let warm_up = closed(self.arguments.warmup, WARM_UP_VISITS);
            (customers, _) = self.load.run(customers, warm_up).await?;
            let phase;
            (customers, phase) = self.phase(shop, mode, customers, *kind, rate).await?;
            phases.push(phase);
        }
        let stolen = Account::read(shop, mode.instrumentation.has_agent())?.stolen_since(&begin);
        Ok((phases, stolen))
    }

    async fn phase(
        &self,
        shop: &Shop,
        mode: Mode,
        customers: Customers,
        kind: PhaseKind,
        rate: Option<f64>,
    ) -> anyhow::Result<(Customers, Phase)> {
        let length = self.arguments.duration;
        let (plan, asked_rate) = match (kind, rate) {
            (PhaseKind::FixedRate, Some(rate)) => (open(rate, length)?, Some(rate)),
            (PhaseKind::FixedRate, None) => bail!("a phase with a fixed rate needs one"),
            (PhaseKind::Saturation, _) => (closed(length, SATURATION_VISITS), None),
        };
        let http = reqwest::Client::builder().no_proxy().build()?;
        let receiver = shop.url(Service::Compare);
        let has_agent = mode.instrumentation.has_agent();
        let makes_telemetry = mode.instrumentation.has_manual() || has_agent;
        let settled = async || Received::settled(&http, &receiver, !has_agent).await;
        let sent_before = if makes_telemetry { Some(settled().await?) } else { None };
        // The same rest in each mode. After it all that was made has been sent, and is in the account of who sent it.
        tokio::time::sleep(REST).await;
        let before = Account::read(shop, has_agent)?;
        let (customers, outcome) = self.load.run(customers, plan).await?;
        tokio::time::sleep(REST).await;
        let used = Account::read(shop, has_agent)?.since(&before);
        let sent = match sent_before {
            Some(before) => Some(settled().await?.since(&before)),
            None => None,
        };
        if let (Some(rate), Some(Missed::Generator)) = (asked_rate, outcome.missed(self.load.threads)) {
            bail!(
                "this machine cannot make {rate} visits a second: {:.0} were reached, since the load's own cores were \
                 busy; ask for less (--rate)",
                outcome.visits_per_s()
            );
        }
        let phase = Phase {
            kind,
            asked_rate,
            duration_s: outcome.elapsed.max(outcome.window).as_secs_f64(),
            requests: outcome.ok + outcome.refusals.values().sum::<u64>(),
            visits: outcome.visits.done,
            skipped: outcome.visits.skipped,
            errors: outcome.errors.clone(),
            refusals: outcome.refusals.iter().map(|(kind, count)| ((*kind).to_owned(), *count)).collect(),
            cpu_s: CpuSeconds {
                services: used.services,
                database: used.database,
                agent: used.agent,
                receiver: Some(used.receiver),
                load: outcome.cpu.map(|cpu| cpu.as_secs_f64()),
            },
            latency: Latency::of(&in_microseconds(&outcome.latency)?)?,
            rss_peak_mib: account::rss_peaks(shop, has_agent)?,
            spans: sent.map(|sent| Spans { exported: sent.spans, dropped: sent.dropped }),
            bytes_exported: sent.map(|sent| sent.bytes),
            log_records: sent.map(|sent| sent.log_records),
            data_points: sent.map(|sent| sent.data_points),
        };
        if phase.requests == 0 {
            bail!("the shop answered nothing as it should: {:?}", phase.errors);
        }
        Ok((customers, phase))
    }
}

fn closed(length: Duration, first_visit: u64) -> Plan {
    Plan { arrivals: Arrivals::Closed, extent: Extent::For(length), first_visit, observe_every: length }
}

fn open(rate: f64, length: Duration) -> anyhow::Result<Plan> {
    Ok(Plan {
        arrivals: Arrivals::Open { schedule: Rate::Constant(rate).over(length)?, spacing: Spacing::Poisson },
        extent: Extent::For(length),
        first_visit: 0,
        observe_every: length,
    })
}

/// The load counts nanoseconds, reports microseconds.
fn in_microseconds(nanos: &Histogram<u64>) -> anyhow::Result<Histogram<u64>> {
    let mut micros = Histogram::new(3)?;
    for value in nanos.iter_recorded() {
        micros.record_n((value.value_iterated_to() / 1_000).max(1), value.count_at_value())?;
    }
    Ok(micros)
}

/// A run in a line, for who waits.
pub(super) fn told(phases: &[Phase]) -> String {
    let told = phases.iter().map(|phase| {
        let services: f64 = phase.cpu_s.services.values().sum();
        #[expect(clippy::cast_precision_loss, reason = "a rate")]
        let each_ms = services * 1000.0 / phase.requests as f64;
        let errors: u64 = phase.errors.values().sum();
        let failed = if errors > 0 { format!(", {errors} FAILED {:?}", phase.errors) } else { String::new() };
        format!(
            "{}: {:.0} requests a second, {each_ms:.3} ms of CPU each in services, p99 {:.1} ms{failed}",
            match phase.kind {
                PhaseKind::FixedRate => "fixed rate",
                PhaseKind::Saturation => "saturation",
            },
            phase.requests_per_s(),
            Duration::from_micros(phase.latency.p99_us).as_secs_f64() * 1000.0
        )
    });
    told.collect::<Vec<_>>().join("; ")
}
