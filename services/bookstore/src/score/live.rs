//! One run: a temporary shop that writes down the truth, customers, and the spans of all of it.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail};
use bookstore_loadgen::{Arrivals, Customers, Extent, Options as Load, Plan, Scenario};
use bookstore_runtime::{process, truth};
use bookstore_score::{Truth, Verdict, judge};

use super::receiver::Receiver;
use crate::cli::{Score, Side};
use crate::outside::{Agent, Lost};
use crate::service::Service;
use crate::shop::{Logs, Options, Ports, Shop, Temporary};
use crate::terminal::note;

/// How long a request may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often progress is shown.
const SHOWN: Duration = Duration::from_secs(5);
/// What a scoring run is not about: passwords are hashed at little cost, nothing is sold out, and every request is traced.
const GIVEN: [(&str, &str); 4] = [
    ("BOOKSTORE_ARGON2_MEMORY_KIB", "1024"),
    ("BOOKSTORE_INITIAL_COPIES", "100000"),
    ("OTEL_TRACES_SAMPLER", ""),
    ("OTEL_TRACES_EXPORTER", ""),
];

/// A run to be made.
pub(super) struct Run<'a> {
    pub(super) arguments: &'a Score,
    pub(super) scenario: &'a Scenario,
    /// Which of several it is.
    pub(super) number: u64,
    /// What was received, and the truth, also go to this folder.
    pub(super) record: Option<&'a Path>,
    /// The agent that looks on.
    pub(super) agent: Option<&'a Agent>,
}

impl Run<'_> {
    /// Makes it.
    ///
    /// # Errors
    /// When the shop cannot be had, or what came does not go with the truth.
    pub(super) async fn make(self) -> anyhow::Result<Verdict> {
        let place = Temporary::new("score", &self.arguments.database.database)?;
        let verdict = self.make_in(&place).await;
        place.remove().await;
        verdict
    }

    async fn make_in(self, place: &Temporary) -> anyhow::Result<Verdict> {
        let Self { arguments, scenario, number, record, .. } = self;
        let truth = record.unwrap_or(place.path()).join("truth");
        std::fs::create_dir_all(&truth).with_context(|| format!("{} cannot be made", truth.display()))?;
        let truth = truth.canonicalize()?;
        let receiver = Receiver::start(record).await?;
        let mut environment = vec![
            (truth::DIRECTORY.to_owned(), path(&truth)?),
            ("OTEL_EXPORTER_OTLP_ENDPOINT".to_owned(), receiver.url()),
        ];
        environment.extend(GIVEN.map(|(name, value)| (name.to_owned(), value.to_owned())));
        let options = Options {
            data_dir: Some(place.path().join("shop")),
            database: place.database().clone(),
            instrumentation: match arguments.side {
                Side::Manual => crate::Instrumentation::Manual,
                Side::Ebpf => crate::Instrumentation::None,
            },
            ports: Ports::Free,
            logs: Logs::Files,
            environment,
            ..Options::default()
        };
        let told = process::signal()?;
        let mut shop = Shop::start(&options).await?;
        if let Some(agent) = self.agent {
            agent.watch(&receiver.url(), &[])?;
        }
        let visited = async {
            shop.ready().await?;
            if let Some(agent) = self.agent {
                agent.watches_all().await?;
            }
            visit(&mut shop, arguments, scenario, number).await
        };
        let visited = tokio::select! {
            visited = visited => visited,
            () = told => Err(anyhow::anyhow!("interrupted")),
        };
        // In peace: the last spans and the last lines of the truth are written at the end.
        shop.stop().await;
        visited?;
        if let Some(agent) = self.agent {
            let lost = agent.stop().await?;
            if lost != Lost::default() {
                note(format_args!("the agent lost {} events, and {} spans were not taken", lost.events, lost.spans));
            }
        }
        if let Some(event) = shop.past_event() {
            bail!("{event}, and its truth ended with it: nothing can be judged");
        }
        let spans = receiver.finish()?;
        let mut known = Truth::default();
        for service in Service::ALL.into_iter().filter(|service| service.has_database()) {
            let file = truth.join(format!("{service}.jsonl"));
            let opened = std::fs::File::open(&file).with_context(|| format!("{service} kept no truth log"))?;
            known.read(std::io::BufReader::new(opened), &file.display().to_string())?;
        }
        Ok(judge(&known, &spans)?)
    }
}

/// Customers come until enough requests were made.
async fn visit(shop: &mut Shop, arguments: &Score, scenario: &Scenario, number: u64) -> anyhow::Result<()> {
    let target = shop.url(Service::Storefront).parse()?;
    let options = Load { customers: arguments.concurrency, seed: arguments.seed + number, timeout: PATIENCE };
    let mut customers = Customers::prepare(&target, scenario, options, &mut |_| {}).await?;
    let (mut visits, mut requests) = (0, 0);
    while requests < arguments.requests.get() {
        // A visit may be several requests; how many is seen in the first ones.
        let lacking = arguments.requests.get() - requests;
        let next = match visits {
            0 => lacking.min(4 * arguments.concurrency.get() as u64),
            made => (lacking * made).div_ceil(requests.max(1)),
        };
        let plan = Plan {
            arrivals: Arrivals::Closed,
            extent: Extent::Visits(next.max(1)),
            first_visit: visits,
            observe_every: SHOWN,
        };
        let before = requests;
        let show = |progress: &bookstore_loadgen::Progress| {
            note(format_args!(
                "  {} of {} requests, {:.0} a second",
                before + progress.requests,
                arguments.requests,
                progress.requests_per_s
            ));
        };
        let outcome = customers.run(&plan, show, std::future::pending()).await;
        if outcome.requests == 0 {
            bail!("the shop does not answer: {:?}", outcome.errors);
        }
        if outcome.error_count() > 0 {
            note(format_args!("  failed requests, by kind: {:?}", outcome.errors));
        }
        visits += next.max(1);
        requests += outcome.requests;
    }
    Ok(())
}

fn path(path: &Path) -> anyhow::Result<String> {
    path.to_str().map(str::to_owned).with_context(|| format!("{} is no text", path.display()))
}
