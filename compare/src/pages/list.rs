//! Recent requests.

use std::collections::HashMap;
use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Response};

use super::{COLOURS, Chip, format, render, trouble};
use crate::App;
use crate::api::problem::Problem;
use crate::api::{ListParams, Params};
use crate::otlp::unix_nano;
use crate::store::{Holdings, Service, Summary};

#[derive(Template)]
#[template(path = "list.html")]
struct ListPage {
    params: ListParams,
    filtered: bool,
    services: Vec<ServiceLine>,
    rows: Vec<Row>,
    /// The query of the next page.
    older: Option<String>,
    /// The query of the first page, if this is another.
    newest: Option<String>,
    held: String,
    storefront: String,
}

/// A service: what came from it, and what it says that it lost.
struct ServiceLine {
    chip: Chip,
    received: String,
    lost: Option<u64>,
    explained: String,
}

/// A request.
struct Row {
    id: String,
    name: String,
    service: Chip,
    complete: bool,
    age: String,
    time: String,
    full_time: String,
    duration: String,
    /// Of the longest on the page, in percent.
    width: String,
    services: Vec<Chip>,
    spans: String,
    unit: &'static str,
    errors: usize,
}

pub(crate) async fn page(State(app): State<App>, params: Result<Params<ListParams>, Problem>) -> Response {
    match make(app, params).await {
        Ok(page) => render(&page),
        Err(problem) => trouble(&problem, false).into_response(),
    }
}

async fn make(app: App, params: Result<Params<ListParams>, Problem>) -> Result<ListPage, Problem> {
    let Params(params) = params?;
    let filter = params.filter()?;
    let store = Arc::clone(&app.store);
    let page = tokio::task::spawn_blocking(move || store.list(&filter)).await;
    let page = page.map_err(|_| Problem::internal("The search failed."))?;
    let services = app.store.services();
    let colours: HashMap<&str, usize> = services.iter().map(|it| (&*it.service, it.index % COLOURS)).collect();
    let longest = page.traces.iter().map(|trace| trace.duration).max().unwrap_or(0);
    let now = unix_nano();
    Ok(ListPage {
        filtered: params.is_filtered(),
        rows: page.traces.iter().map(|trace| Row::of(trace, &colours, longest, now)).collect(),
        older: page.next.map(|next| params.query(Some(&next.to_string()))),
        newest: params.before.as_ref().filter(|it| !it.is_empty()).map(|_| params.query(None)),
        services: services.iter().map(ServiceLine::of).collect(),
        held: held(&app.store.holdings()),
        storefront: app.storefront_origins.first().cloned().unwrap_or_default(),
        params,
    })
}

/// How much is kept, in words.
fn held(holdings: &Holdings) -> String {
    format!(
        "{}, {} and {} held in {} of {}",
        format::plural(holdings.traces as u64, "trace", "traces"),
        format::plural(holdings.spans as u64, "span", "spans"),
        format::plural(holdings.logs as u64, "log record", "log records"),
        format::bytes(holdings.bytes),
        format::bytes(holdings.most_bytes),
    )
}

impl ListPage {
    fn chosen(&self, field: &Option<String>, value: &str) -> bool {
        field.as_deref() == Some(value)
    }
}

impl Row {
    fn of(trace: &Summary, colours: &HashMap<&str, usize>, longest: u64, now: u64) -> Self {
        let chip = |name: &str| Chip { name: name.to_owned(), colour: colours.get(name).copied().unwrap_or_default() };
        Self {
            id: trace.trace_id.to_string(),
            name: format::short_name(&trace.root.name).to_owned(),
            service: chip(&trace.root.origin.service),
            complete: trace.has_root(),
            age: format::age(now, trace.start),
            time: format::time(trace.start, "%H:%M:%S.%3f"),
            full_time: format::full_time(trace.start),
            duration: format::duration(trace.duration),
            width: format!("{:.2}", format::percent(trace.duration, longest)),
            services: trace.services.iter().map(|name| chip(name)).collect(),
            spans: format::count(trace.span_count as u64),
            unit: if trace.span_count == 1 { "span" } else { "spans" },
            errors: trace.error_count,
        }
    }
}

impl ServiceLine {
    fn of(service: &Service) -> Self {
        let received = service.received;
        let lost = service.lost();
        let mut explained = format!(
            "Received {}, {}, {}.",
            format::plural(received.spans, "span", "spans"),
            format::plural(received.logs, "log record", "log records"),
            format::plural(received.points, "metric point", "metric points"),
        );
        let signals = [("spans", service.spans), ("log records", service.logs), ("metric points", service.points)];
        for (name, exporter) in signals {
            if let Some(it) = exporter {
                explained.push_str(&format!(
                    " Its exporter says of {name}: {} sent, {} failed, {} dropped before sending.",
                    format::count(it.exported),
                    format::count(it.failed),
                    format::count(it.dropped)
                ));
            }
        }
        if lost.is_none() {
            explained.push_str(" Its exporter has not said yet what it lost.");
        }
        Self {
            chip: Chip { name: service.service.to_string(), colour: service.index % COLOURS },
            received: format::count(received.spans),
            lost,
            explained,
        }
    }
}
