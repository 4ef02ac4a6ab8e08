//! Errors, and the one place where they become a gRPC status.
//!
//! What a caller may read is the `Display` text of [`Error`]. What went wrong in the database is in its source: it
//! goes to the log, once, when the error becomes a status.

use std::error::Error as _;

use bookstore_runtime::db::is_transient;
use tonic::{Code, Status};

use crate::model::CallerId;

/// Why an operation was not done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The request breaks a rule of the contract; the text says which.
    #[error("{0}")]
    Invalid(String),
    /// Nothing is known under that id.
    #[error("there is no reservation {0}")]
    NotFound(CallerId),
    /// The id was used before, for something else.
    #[error("the {what} {id} exists with other contents")]
    AlreadyExists { what: &'static str, id: CallerId },
    /// The reservation has come to an end that this operation cannot follow.
    #[error("the reservation {id} is {status}")]
    Ended { id: CallerId, status: &'static str },
    /// As many streams as are allowed are open.
    #[error("too many watchers, ask again later")]
    TooManyWatchers,
    /// The service is being stopped.
    #[error("the service is shutting down")]
    ShuttingDown,
    /// The database could not do it now, or not at all.
    #[error("the stock cannot be read or changed now")]
    Database(#[from] sqlx::Error),
}

impl Error {
    /// In one word, for spans.
    pub(crate) fn outcome(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "invalid",
            Self::NotFound(_) => "not_found",
            Self::AlreadyExists { .. } => "already_exists",
            Self::Ended { .. } => "ended_before",
            Self::TooManyWatchers => "too_many_watchers",
            Self::ShuttingDown => "shutting_down",
            Self::Database(_) => "failed",
        }
    }

    fn code(&self) -> Code {
        match self {
            Self::Invalid(_) => Code::InvalidArgument,
            Self::NotFound(_) => Code::NotFound,
            Self::AlreadyExists { .. } => Code::AlreadyExists,
            Self::Ended { .. } => Code::FailedPrecondition,
            Self::TooManyWatchers => Code::ResourceExhausted,
            Self::ShuttingDown => Code::Unavailable,
            // Every operation is idempotent, so a caller may try again.
            Self::Database(error) if is_transient(error) => Code::Unavailable,
            Self::Database(_) => Code::Internal,
        }
    }
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        let code = error.code();
        if let Some(cause) = error.source() {
            match code {
                Code::Unavailable => tracing::warn!(error = cause, "the database is busy or away"),
                _ => tracing::error!(error = cause, "the database refused a statement"),
            }
        }
        Self::new(code, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_reads_nothing_of_the_database() {
        let cause = sqlx::Error::Protocol("password of bookstore is hunter2".to_owned());
        let status = Status::from(Error::from(cause));
        assert_eq!(status.code(), Code::Internal);
        assert!(!status.message().contains("hunter2"));
    }

    #[test]
    fn a_full_pool_is_worth_another_try() {
        let status = Status::from(Error::from(sqlx::Error::PoolTimedOut));
        assert_eq!(status.code(), Code::Unavailable);
    }
}
