//! The pages.

use axum::Router;

use crate::Shop;
use crate::config::WebSettings;

/// The routes of the pages.
pub fn router(_shop: Shop, _settings: WebSettings) -> Router {
    Router::new()
}
