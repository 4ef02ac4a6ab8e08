//! The pages: HTML made here, forms sent back here, no script needed.
//!
//! Layout, in the order in which a request meets it:
//!
//! * [`router`]: which path is whose.
//! * `gate`: what every page passes: headers, cookies, errors as pages; `visitor`: who asks; `cookies`, `forms`, `asked`:
//!   what a browser sends, and that it was not forged; `stop`: why a handler has nothing to show.
//! * `books`, `book`, `basket`, `checkout`, `orders`, `account`: a module a page; `failure`: when there is none.
//! * `stock`, `covers`, `assets`: what pages load.
//! * `view`: what the templates show; `words`: how facts are said; `links`: addresses with their queries.

mod account;
mod asked;
mod assets;
mod basket;
mod book;
mod books;
mod checkout;
mod cookies;
mod covers;
mod failure;
mod forms;
mod gate;
mod links;
mod orders;
mod stock;
mod stop;
mod view;
mod visitor;
mod words;

use std::sync::Arc;

use axum::Router;
use axum::http::HeaderValue;
use axum::middleware;
use axum::routing::{get, post};
use bookstore_runtime::Problem;

use crate::Shop;
use crate::config::WebSettings;

/// What the handlers of pages share. Cheap to clone.
#[derive(Clone, Debug)]
struct Web {
    shop: Shop,
    settings: Arc<WebSettings>,
    /// `Content-Security-Policy` of every page.
    policy: HeaderValue,
}

impl Web {
    fn new(shop: Shop, settings: WebSettings) -> Self {
        let policy = gate::policy(settings.compare_url.as_deref());
        Self { shop, settings: Arc::new(settings), policy }
    }
}

/// The routes of the pages. Its fallback answers for every path that nobody else has, with a page; under `/api` with a
/// problem.
pub fn router(shop: Shop, settings: WebSettings) -> Router {
    let web = Web::new(shop, settings);
    let pages = Router::new()
        .route("/", get(books::list))
        .route("/books/{id}", get(book::show))
        .route("/basket", get(basket::show))
        .route("/basket/items", post(basket::add))
        .route("/basket/items/{id}", post(basket::change))
        .route("/basket/items/{id}/remove", post(basket::remove))
        .route("/checkout", get(checkout::show).post(checkout::pay))
        .route("/orders", get(orders::list))
        .route("/orders/{id}", get(orders::show))
        .route("/login", get(account::ask_log_in).post(account::log_in))
        .route("/register", get(account::ask_register).post(account::register))
        .route("/logout", post(account::log_out))
        .fallback(async || Problem::not_found("There is nothing at this path."))
        .layer(middleware::from_fn_with_state(web.clone(), gate::pages));
    let parts = Router::new()
        .route("/books/{id}/stock", get(stock::watch))
        .route("/covers/{file}", get(covers::show))
        .route("/assets/{file}", get(assets::show));
    pages.merge(parts).layer(middleware::from_fn_with_state(web.clone(), gate::headers)).with_state(web)
}
