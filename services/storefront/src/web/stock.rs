//! Stock as it changes, for the book page (server-sent events, HTML Standard section 9.2).

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use bookstore_runtime::extract::Path;
use bookstore_runtime::{Call, Problem};
use futures_util::{Stream, StreamExt as _, future, stream};

use super::Web;
use super::words::Stock;

/// How long a browser waits before it asks again once the stream has ended.
const RETRY: Duration = Duration::from_secs(2);

/// `GET /books/{id}/stock`: an event `stock` with the words for the page, now and at each change.
pub(super) async fn watch(
    State(web): State<Web>,
    call: Call,
    Path(id): Path<i64>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let levels = web.shop.watch_stock(&call, id).await?;
    let events = levels
        // The shop has logged the error; the browser comes again.
        .take_while(|level| future::ready(level.is_ok()))
        .filter_map(|level| future::ready(level.ok()))
        .map(|level| event(Stock(Some(level.available))));
    let first = stream::once(future::ready(Event::default().retry(RETRY)));
    Ok(Sse::new(first.chain(events).map(Ok)).keep_alive(KeepAlive::default()))
}

fn event(stock: Stock) -> Event {
    let data = serde_json::json!({ "state": stock.state(), "text": stock.in_full() });
    Event::default().event("stock").data(data.to_string())
}
