//! The answers as JSON, under `/api/v1`. `docs/compare.md` describes the shapes.
//!
//! * `params`: what a query string may say
//! * `shapes`: what an answer looks like
//! * `wait`: answers once a trace is complete
//! * `problem`: errors, RFC 9457

mod params;
pub(crate) mod problem;
pub(crate) mod shapes;
mod wait;

use axum::extract::{Path, Request, State};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, ORIGIN, VARY};
use http::{HeaderMap, HeaderValue};

use crate::App;
use crate::ids::TraceId;
pub(crate) use params::{ListParams, Params};
use params::{LogParams, MetricParams, WaitParams};
use problem::Problem;
use shapes::{List, Logs, Metrics, Stats, Trace};

/// The routes under `/api/v1`.
pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/api/v1/traces", get(list))
        .route("/api/v1/traces/{id}", get(trace))
        .route("/api/v1/stats", get(stats))
        .route("/api/v1/logs", get(logs))
        .route("/api/v1/metrics", get(metrics))
        .route("/api/{*rest}", get(async || Problem::not_found("There is nothing here.")))
        .layer(from_fn(not_cached))
}

async fn not_cached(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The id in a path.
pub(crate) fn trace_id(text: &str) -> Result<TraceId, Problem> {
    text.parse().map_err(|_| Problem::bad_request("A trace id is 32 hexadecimal digits, not all zero."))
}

async fn list(State(app): State<App>, Params(params): Params<ListParams>) -> Result<Json<List>, Problem> {
    let filter = params.filter()?;
    // A search for a text reads many traces.
    let page = tokio::task::spawn_blocking(move || app.store.list(&filter)).await;
    let page = page.map_err(|_| Problem::internal("The search failed."))?;
    Ok(Json(List::of(&page)))
}

async fn trace(
    State(app): State<App>,
    Path(id): Path<String>,
    Params(params): Params<WaitParams>,
    headers: HeaderMap,
) -> Response {
    let mut response = match find(&app, &id, &params).await {
        Ok(trace) => Json(trace).into_response(),
        Err(problem) => problem.into_response(),
    };
    allow_storefront(&app, &headers, response.headers_mut());
    response
}

async fn find(app: &App, id: &str, params: &WaitParams) -> Result<Trace, Problem> {
    let id = trace_id(id)?;
    if let Some(wait) = params.wait()? {
        wait::until_quiet(app, id, wait).await;
    }
    app.store
        .trace(id)
        .map(|view| Trace::of(&view))
        .ok_or_else(|| Problem::not_found("No such trace is held (any more)."))
}

/// Pages of the shop may read one trace: they show how many spans it has.
fn allow_storefront(app: &App, request: &HeaderMap, response: &mut HeaderMap) {
    response.insert(VARY, HeaderValue::from_static("origin"));
    if let Some(origin) = request.get(ORIGIN)
        && app.storefront_origins.iter().any(|allowed| origin.as_bytes() == allowed.as_bytes())
    {
        response.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    }
}

async fn stats(State(app): State<App>) -> Json<Stats> {
    Json(Stats {
        totals: app.store.totals(),
        held: app.store.holdings(),
        requests_refused: app.refused.counts(),
        services: app.store.services(),
    })
}

async fn logs(State(app): State<App>, Params(params): Params<LogParams>) -> Result<Json<Logs>, Problem> {
    let limit = params.limit()?;
    let logs = match &params.trace_id {
        Some(id) => app.store.trace_logs(trace_id(id)?).unwrap_or_default(),
        None => app.store.loose_logs(limit),
    };
    let wanted = |service: &str| params.service.as_deref().is_none_or(|wanted| wanted == service);
    let logs = logs.iter().filter(|log| wanted(&log.origin.service)).take(limit);
    Ok(Json(Logs { logs: logs.map(|log| log.as_ref().into()).collect() }))
}

async fn metrics(State(app): State<App>, Params(params): Params<MetricParams>) -> Json<Metrics> {
    let series = app.store.series(params.service.as_deref(), params.prefix.as_deref().unwrap_or_default());
    Json(Metrics { series: series.iter().map(Into::into).collect() })
}
