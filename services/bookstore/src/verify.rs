//! `bookstore verify`: a temporary shop, one purchase, and whether each call left its trace.

use std::collections::HashMap;
use std::process::ExitCode;

use anyhow::bail;
use bookstore_runtime::process;
use serde_json::{Value, json};

use crate::cli::Verify;
use crate::database::Database;
use crate::expected::{self, Edge};
use crate::outside::{self, Agent, Manner, Place, Wish};
use crate::service::Service;
use crate::shop::{self, Logs, Options, Ports, Shop, Temporary};
use crate::terminal::{self, Style, note};
use crate::tour::{self, Purchase};
use crate::trace::{self, Span, Trace};
use crate::{runtime, tree};

/// Starts a shop, buys, looks for the edges, ends the shop.
///
/// # Errors
/// When the shop cannot be started or nothing can be bought in it.
pub(crate) fn run(arguments: &Verify) -> anyhow::Result<ExitCode> {
    if shop::sends_elsewhere() {
        bail!("telemetry goes where OTEL_EXPORTER_OTLP_ENDPOINT says, and verify looks for it in compare: unset it");
    }
    let wish = if arguments.instrumentation.has_agent() { Wish::Needed } else { Wish::Without };
    match outside::enter(wish, None, Manner::default())? {
        Place::Here(agent) => runtime()?.block_on(verify(arguments, agent.as_ref())),
        Place::Done(code) => Ok(code),
    }
}

async fn verify(arguments: &Verify, agent: Option<&Agent>) -> anyhow::Result<ExitCode> {
    let place = Temporary::new("verify", &arguments.database.database)?;
    let options = Options {
        data_dir: Some(place.path().join("shop")),
        database: place.database().clone(),
        instrumentation: arguments.instrumentation,
        ports: Ports::Free,
        logs: Logs::Files,
        ..Options::default()
    };
    let told = process::signal()?;
    let mut shop = Shop::start(&options).await?;
    let outcome = tokio::select! {
        outcome = observe(&mut shop, agent) => outcome,
        () = told => Err(anyhow::anyhow!("interrupted")),
    };
    shop.stop().await;
    place.remove().await;
    let observed = outcome?;
    let manual = arguments.instrumentation.has_manual() && cfg!(feature = "otel");
    let mut verdict = if manual { observed.against_the_table() } else { observed.against_silence() };
    if let Some(traces) = &observed.from_outside {
        let database_is_seen = !matches!(arguments.database.database, Database::Sqlite);
        if !database_is_seen {
            note("SQLite has no socket: the agent does not see its statements (--database postgres shows them)");
        }
        verdict.edges.extend(against_what_is_seen(traces, database_is_seen));
    }
    if arguments.json {
        terminal::say(verdict.json(&observed));
    } else {
        verdict.show(&observed);
    }
    Ok(if verdict.is_well() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What came of a purchase.
struct Observed {
    purchase: Purchase,
    /// One for each request that named one.
    traces: Vec<Trace>,
    /// How many traces compare holds, named or not, that the agent did not make.
    held: usize,
    /// The agent's traces of the same requests, where it looked on.
    from_outside: Option<Vec<Trace>>,
}

async fn observe(shop: &mut Shop, agent: Option<&Agent>) -> anyhow::Result<Observed> {
    if let Some(agent) = agent {
        agent.watch(&shop.otlp_url(), &[])?;
    }
    shop.ready().await?;
    if let Some(agent) = agent {
        agent.watches_all().await?;
    }
    let purchase = tour::buy(&shop.url(Service::Storefront)).await?;
    let compare = shop.url(Service::Compare);
    let mut traces = Vec::new();
    for request in purchase.requests.iter().rev() {
        let Some(id) = &request.trace_id else { continue };
        match trace::fetch(&compare, id).await {
            Ok(trace) => traces.push(trace),
            Err(error) => note(format_args!("{}: {error:#}", request.what)),
        }
    }
    traces.reverse();
    let from_outside = match agent {
        Some(agent) => {
            // What it has seen is sent before it ends.
            agent.stop().await?;
            Some(traces_from_outside(&compare, &purchase).await?)
        }
        None => None,
    };
    // Of the agent's there are as many as it made; whether anything else is there can be told without it only.
    let held = if from_outside.is_none() { trace::count(&compare).await? } else { 0 };
    Ok(Observed { purchase, traces, held, from_outside })
}

async fn traces_from_outside(compare: &str, purchase: &Purchase) -> anyhow::Result<Vec<Trace>> {
    let mut traces = Vec::new();
    for id in purchase.requests.iter().filter_map(|request| request.request_id.as_deref()) {
        traces.extend(trace::seen_from_outside(compare, id).await?);
    }
    Ok(traces)
}

impl Observed {
    fn against_the_table(&self) -> Verdict {
        let found = |edge: &Edge| self.traces.iter().any(|trace| has(trace, edge, |name, wanted| name == wanted));
        let edges = expected::edges().iter().map(|edge| Found { side: "manual", edge: *edge, there: found(edge) });
        Verdict { edges: edges.collect(), unexpected: 0 }
    }

    /// Without telemetry there must be no span.
    fn against_silence(&self) -> Verdict {
        let named = self.purchase.requests.iter().filter(|request| request.trace_id.is_some()).count();
        Verdict { edges: Vec::new(), unexpected: named.max(self.held) }
    }
}

/// The agent's traces, and what it must have seen. It infers routes, and names what stands in them otherwise than the
/// code does.
fn against_what_is_seen(traces: &[Trace], database_is_seen: bool) -> Vec<Found> {
    let has = |trace: &Trace, edge: &Edge| has(trace, edge, |name, wanted| anonymous(name) == anonymous(wanted));
    let edges = expected::seen_from_outside(database_is_seen).into_iter();
    edges.map(|edge| Found { side: "ebpf", edge, there: traces.iter().any(|trace| has(trace, &edge)) }).collect()
}

/// A name with nothing between its braces: `GET /books/{}`.
fn anonymous(name: &str) -> String {
    let mut depth = 0_u32;
    let outside = name.chars().filter(|c| {
        depth += u32::from(*c == '{');
        let keep = depth == 0 || matches!(c, '{' | '}');
        depth = depth.saturating_sub(u32::from(*c == '}'));
        keep
    });
    outside.collect()
}

/// Whether a trace is of the edge's request and has it. `same` says whether a span's name is the one that is wanted.
fn has(trace: &Trace, edge: &Edge, same: impl Fn(&str, &str) -> bool) -> bool {
    if trace.spans.first().is_none_or(|root| !same(&root.name, edge.request)) {
        return false;
    }
    let by_id: HashMap<_, _> = trace.spans.iter().map(|span| (span.span_id.as_str(), span)).collect();
    let is = |span: &Span, place: &expected::Place| {
        let name = if same(&span.name, place.name) { place.name } else { &span.name };
        place.is(&span.service, span.role(), name)
    };
    trace.spans.iter().filter(|span| is(span, &edge.child)).any(|span| {
        let parent = span.parent_span_id.as_deref().and_then(|id| by_id.get(id));
        parent.is_some_and(|parent| is(parent, &edge.parent))
    })
}

/// An edge, and whether it is there.
struct Found {
    /// Who had to make it: `manual` or `ebpf`.
    side: &'static str,
    edge: Edge,
    there: bool,
}

struct Verdict {
    edges: Vec<Found>,
    /// Traces that are there though there is no telemetry.
    unexpected: usize,
}

impl Verdict {
    fn is_well(&self) -> bool {
        self.unexpected == 0 && self.edges.iter().all(|found| found.there)
    }

    fn show(&self, observed: &Observed) {
        let style = Style::of_stdout();
        let from_outside = observed.from_outside.iter().flatten();
        for trace in observed.traces.last().into_iter().chain(from_outside.last()) {
            terminal::say("");
            for line in tree::draw(&tree::folded(trace), terminal::width(), style) {
                terminal::say(line);
            }
        }
        let mut heading = ("", "");
        for Found { side, edge, there } in &self.edges {
            if (*side, edge.request) != heading {
                heading = (side, edge.request);
                let from = if *side == "ebpf" { ", seen from outside" } else { "" };
                terminal::say(format_args!("\n{}{from}", style.bold(edge.request)));
            }
            let mark = if *there { style.green("✓") } else { style.red("✗ missing") };
            let arrow = format!("{} → {}", tree::without_package(edge.parent.name), child(edge));
            terminal::say(format_args!("  {mark} {:<10} {arrow:<62} {}", edge.parent.service, style.dim(edge.shows)));
        }
        terminal::say("");
        terminal::say(self.sentence(observed));
    }

    fn sentence(&self, observed: &Observed) -> String {
        let (all, lacking) = (self.edges.len(), self.edges.iter().filter(|found| !found.there).count());
        let traces: Vec<&Trace> = observed.traces.iter().chain(observed.from_outside.iter().flatten()).collect();
        let spans: usize = traces.iter().map(|trace| trace.spans.len()).sum();
        if self.edges.is_empty() && self.unexpected == 0 {
            return "One purchase without telemetry: no answer named a trace and none has come, as it should be."
                .to_owned();
        }
        if self.edges.is_empty() {
            return format!("There are {} traces though telemetry is off.", self.unexpected);
        }
        let (traces, found) = (traces.len(), all - lacking);
        format!(
            "One purchase, {traces} traces, {spans} spans: {found} of {all} edges are there, {lacking} are missing."
        )
    }

    fn json(&self, observed: &Observed) -> Value {
        let place =
            |place: &expected::Place| json!({ "service": place.service, "kind": place.kind, "name": place.name });
        let edges = self.edges.iter().map(|Found { side, edge, there }| {
            json!({
                "side": side,
                "request": edge.request,
                "parent": place(&edge.parent),
                "child": place(&edge.child),
                "shows": edge.shows,
                "found": there,
            })
        });
        let requests = observed.purchase.requests.iter();
        let requests = requests.map(|request| {
            json!({ "request": request.what, "request_id": request.request_id, "trace_id": request.trace_id })
        });
        json!({
            "well": self.is_well(),
            "order": { "id": observed.purchase.order.id, "status": observed.purchase.order.status },
            "requests": requests.collect::<Vec<_>>(),
            "edges": edges.collect::<Vec<_>>(),
        })
    }
}

/// The service is named where it is another one.
fn child(edge: &Edge) -> String {
    let name = tree::without_package(edge.child.name);
    match (edge.parent.service == edge.child.service, edge.child.kind, name) {
        (true, "statement", "*") => "SQL".to_owned(),
        (true, _, name) => name.to_owned(),
        (false, _, name) => format!("{} {name}", edge.child.service),
    }
}
