//! Errors of the service: what the caller is told, and what only the log is.

use axum::response::{IntoResponse, Response};
use bookstore_runtime::Problem;
use bookstore_runtime::db::is_transient;

/// Why a request was not answered as asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// A parameter that makes no sense: which, and what it must be.
    #[error("{0}")]
    Invalid(String),
    /// There is no such book.
    #[error("no such book")]
    NoBook,
    /// The database failed.
    #[error("database: {0}")]
    Database(#[from] sqlx::Error),
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let problem = match self {
            Self::Invalid(what) => Problem::invalid(what),
            Self::NoBook => Problem::not_found("There is no such book."),
            Self::Database(error) => {
                tracing::error!(%error, "the database failed a request");
                if is_transient(&error) {
                    Problem::unavailable("The database does not answer. Try again in a moment.")
                } else {
                    Problem::internal()
                }
            }
        };
        problem.into_response()
    }
}
