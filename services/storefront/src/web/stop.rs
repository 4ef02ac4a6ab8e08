//! Why a handler has no page to show.

use axum::http::header::LOCATION;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use bookstore_runtime::Problem;

use super::links;

/// Why a handler has no page to show.
#[derive(Debug)]
pub(super) enum Stop {
    /// Something is wrong; shown as a page.
    Problem(Problem),
    /// Elsewhere, at a path of ours, there is one.
    Elsewhere(String),
}

impl Stop {
    /// First sign in, then come back to `next`.
    pub(super) fn sign_in(next: &str) -> Self {
        Self::Elsewhere(links::with_query("/login", &[("next", next)]))
    }
}

impl From<Problem> for Stop {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl IntoResponse for Stop {
    fn into_response(self) -> Response {
        match self {
            Self::Problem(problem) => problem.into_response(),
            Self::Elsewhere(path) => see(&path),
        }
    }
}

/// 303: the browser asks for `path`, which is one of ours, by GET.
pub(super) fn see(path: &str) -> Response {
    match HeaderValue::from_str(path) {
        Ok(location) => (StatusCode::SEE_OTHER, [(LOCATION, location)]).into_response(),
        Err(error) => {
            tracing::error!(%error, "a redirect cannot be a header");
            Problem::internal().into_response()
        }
    }
}
