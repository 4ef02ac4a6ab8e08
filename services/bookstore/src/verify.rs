//! `bookstore verify`: a temporary shop, one purchase, and whether each call left its trace.

use std::collections::HashMap;
use std::process::ExitCode;

use anyhow::bail;
use bookstore_runtime::process;
use serde_json::{Value, json};

use crate::cli::{Instrumentation, Verify};
use crate::expected::{self, Edge};
use crate::service::Service;
use crate::shop::{self, Logs, Options, Ports, Shop, Temporary};
use crate::terminal::{self, Style, note};
use crate::tour::{self, Purchase};
use crate::trace::{self, Span, Trace};
use crate::{privileges, runtime, tree};

/// Starts a shop, buys, looks for the edges, ends the shop.
///
/// # Errors
/// When the shop cannot be started or nothing can be bought in it.
pub(crate) fn run(arguments: &Verify) -> anyhow::Result<ExitCode> {
    if shop::sends_elsewhere() {
        bail!("telemetry goes where OTEL_EXPORTER_OTLP_ENDPOINT says, and verify looks for it in compare: unset it");
    }
    if privileges::is_root() {
        privileges::give_up(None)?;
    }
    runtime()?.block_on(verify(arguments))
}

async fn verify(arguments: &Verify) -> anyhow::Result<ExitCode> {
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
        outcome = observe(&mut shop) => outcome,
        () = told => Err(anyhow::anyhow!("interrupted")),
    };
    shop.stop().await;
    place.remove().await;
    let observed = outcome?;
    let makes_telemetry = arguments.instrumentation == Instrumentation::Manual && cfg!(feature = "otel");
    let verdict = if makes_telemetry { observed.against_the_table() } else { observed.against_silence() };
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
    /// How many traces compare holds, named or not.
    held: usize,
}

async fn observe(shop: &mut Shop) -> anyhow::Result<Observed> {
    shop.ready().await?;
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
    Ok(Observed { purchase, traces, held: trace::count(&compare).await? })
}

impl Observed {
    fn against_the_table(&self) -> Verdict {
        let found = |edge: &Edge| self.traces.iter().any(|trace| has(trace, edge));
        Verdict { edges: expected::edges().iter().map(|edge| (*edge, found(edge))).collect(), unexpected: 0 }
    }

    /// Without telemetry there must be no span.
    fn against_silence(&self) -> Verdict {
        let named = self.purchase.requests.iter().filter(|request| request.trace_id.is_some()).count();
        Verdict { edges: Vec::new(), unexpected: named.max(self.held) }
    }
}

/// Whether a trace is of the edge's request and has it.
fn has(trace: &Trace, edge: &Edge) -> bool {
    if trace.spans.first().is_none_or(|root| root.name != edge.request) {
        return false;
    }
    let by_id: HashMap<_, _> = trace.spans.iter().map(|span| (span.span_id.as_str(), span)).collect();
    let is = |span: &Span, place: &expected::Place| place.is(&span.service, span.role(), &span.name);
    trace.spans.iter().filter(|span| is(span, &edge.child)).any(|span| {
        let parent = span.parent_span_id.as_deref().and_then(|id| by_id.get(id));
        parent.is_some_and(|parent| is(parent, &edge.parent))
    })
}

struct Verdict {
    edges: Vec<(Edge, bool)>,
    /// Traces that are there though there is no telemetry.
    unexpected: usize,
}

impl Verdict {
    fn is_well(&self) -> bool {
        self.unexpected == 0 && self.edges.iter().all(|(_, found)| *found)
    }

    fn show(&self, observed: &Observed) {
        let style = Style::of_stdout();
        if let Some(trace) = observed.traces.last() {
            for line in tree::draw(&tree::folded(trace), terminal::width(), style) {
                terminal::say(line);
            }
        }
        let mut request = "";
        for (edge, found) in &self.edges {
            if edge.request != request {
                request = edge.request;
                terminal::say(format_args!("\n{}", style.bold(request)));
            }
            let mark = if *found { style.green("✓") } else { style.red("✗ missing") };
            let arrow = format!("{} → {}", tree::without_package(edge.parent.name), child(edge));
            terminal::say(format_args!("  {mark} {:<10} {arrow:<62} {}", edge.parent.service, style.dim(edge.shows)));
        }
        terminal::say("");
        terminal::say(self.sentence(observed));
    }

    fn sentence(&self, observed: &Observed) -> String {
        let (all, lacking) = (self.edges.len(), self.edges.iter().filter(|(_, found)| !found).count());
        let spans: usize = observed.traces.iter().map(|trace| trace.spans.len()).sum();
        if self.edges.is_empty() && self.unexpected == 0 {
            return "One purchase without telemetry: no answer named a trace and none has come, as it should be."
                .to_owned();
        }
        if self.edges.is_empty() {
            return format!("There are {} traces though telemetry is off.", self.unexpected);
        }
        let (traces, found) = (observed.traces.len(), all - lacking);
        format!(
            "One purchase, {traces} traces, {spans} spans: {found} of {all} edges are there, {lacking} are missing."
        )
    }

    fn json(&self, observed: &Observed) -> Value {
        let place =
            |place: &expected::Place| json!({ "service": place.service, "kind": place.kind, "name": place.name });
        let edges = self.edges.iter().map(|(edge, found)| {
            json!({
                "request": edge.request,
                "parent": place(&edge.parent),
                "child": place(&edge.child),
                "shows": edge.shows,
                "found": found,
            })
        });
        let requests = observed.purchase.requests.iter();
        let requests = requests.map(|request| json!({ "request": request.what, "trace_id": request.trace_id }));
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
