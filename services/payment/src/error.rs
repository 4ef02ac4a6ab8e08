//! Errors, and the one place where they become a gRPC status.
//!
//! What a caller may read is the `Display` text; what went wrong beneath is the source, and goes to the log.

use std::error::Error as _;

use bookstore_runtime::db::is_transient;
use bookstore_runtime::http_client::HttpError;
use tonic::{Code, Status};

use crate::issuer::IssuerDown;

/// Why a call was not answered as asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The request breaks a rule of the contract.
    #[error("{0}")]
    Invalid(&'static str),
    /// There is no payment of that id.
    #[error("there is no such payment")]
    NotFound,
    /// The id was used for something else.
    #[error("the payment exists with another amount, user or card")]
    AlreadyExists,
    /// There is nobody to bill.
    #[error("no such user")]
    NoSuchUser,
    /// The payment is in a status that this cannot follow.
    #[error("the payment is {0}")]
    Status(&'static str),
    /// Nothing is known of the payment, so there is nothing to take or give back.
    #[error("there is no payment to go on with")]
    NotAuthorised,
    /// The user service does not say whom to bill.
    #[error("the billing profile cannot be had now")]
    Users(#[source] HttpError),
    /// The issuer does not answer.
    #[error("the card's issuer cannot be asked now")]
    Issuer(#[from] IssuerDown),
    /// The caller's time was over before the issuer answered.
    #[error("the card's issuer did not answer in time")]
    IssuerLate,
    /// The database failed.
    #[error("payments cannot be read or changed now")]
    Database(#[from] sqlx::Error),
}

impl Error {
    /// Its gRPC status code.
    pub(crate) fn code(&self) -> Code {
        match self {
            Self::Invalid(_) => Code::InvalidArgument,
            Self::NotFound => Code::NotFound,
            Self::AlreadyExists => Code::AlreadyExists,
            Self::NoSuchUser | Self::Status(_) | Self::NotAuthorised => Code::FailedPrecondition,
            Self::Users(HttpError::Body(_) | HttpError::Request(_)) => Code::Internal,
            Self::Users(_) | Self::Issuer(_) => Code::Unavailable,
            Self::IssuerLate => Code::DeadlineExceeded,
            // Every call is idempotent, so the caller may try again.
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
                Code::Unavailable => tracing::warn!(error = cause, "a payment has to wait: {error}"),
                _ => tracing::error!(error = cause, "a payment failed: {error}"),
            }
        }
        Self::new(code, error.to_string())
    }
}
