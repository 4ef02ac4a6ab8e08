//! Errors of the service: what the caller is told, and what only the log is.

use axum::http::header::WWW_AUTHENTICATE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use bookstore_runtime::Problem;
use bookstore_runtime::db::is_transient;
use serde_json::json;

use crate::fields::{Checks, Wrong};
use crate::limit::Exhausted;
use crate::passwords::PasswordError;

/// Why a request was not answered as asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// Fields that are wrong.
    #[error("fields are wrong")]
    Invalid(Vec<Wrong>),
    /// The e-mail address has an account.
    #[error("the e-mail address is taken")]
    Taken,
    /// No account has this e-mail address and password.
    #[error("wrong e-mail address or password")]
    Credentials,
    /// No session has this token, or none was sent.
    #[error("no such session")]
    Session,
    /// There is no such user.
    #[error("no such user")]
    NoUser,
    /// Too often.
    #[error("too often")]
    Exhausted(#[from] Exhausted),
    /// A password could not be hashed.
    #[error("password: {0}")]
    Password(#[from] PasswordError),
    /// The database failed.
    #[error("database: {0}")]
    Database(#[from] sqlx::Error),
    /// The operating system gave no random numbers.
    #[error("random numbers: {0}")]
    Random(#[from] getrandom::Error),
}

impl From<Checks> for Error {
    fn from(checks: Checks) -> Self {
        Self::Invalid(checks.into_wrong())
    }
}

impl Error {
    fn problem(&self) -> Problem {
        match self {
            Self::Invalid(wrong) => invalid(wrong),
            Self::Taken => Problem::new(StatusCode::CONFLICT, "email-taken", "The e-mail address is taken")
                .detail("There is an account with this e-mail address already."),
            Self::Credentials => {
                Problem::new(StatusCode::UNAUTHORIZED, "wrong-credentials", "Wrong e-mail address or password")
                    .detail("No account has this e-mail address and password.")
            }
            Self::Session => Problem::new(StatusCode::UNAUTHORIZED, "no-session", "Not logged in")
                .detail("The session token is missing, unknown or expired."),
            Self::NoUser => Problem::not_found("There is no such user."),
            Self::Exhausted(Exhausted { retry_after }) => {
                let seconds = retry_after.as_secs() + u64::from(retry_after.subsec_nanos() > 0);
                Problem::of(StatusCode::TOO_MANY_REQUESTS)
                    .detail(format!("Too many tries. Try again in {seconds} s."))
                    .retry_after(seconds)
            }
            Self::Password(PasswordError::Busy) => {
                Problem::unavailable("Too many log-ins and registrations at once. Try again in a moment.")
            }
            Self::Database(error) => {
                tracing::error!(%error, "the database failed a request");
                if is_transient(error) {
                    Problem::unavailable("The database does not answer. Try again in a moment.")
                } else {
                    Problem::internal()
                }
            }
            Self::Password(error) => {
                tracing::error!(%error, "a password could not be hashed");
                Problem::internal()
            }
            Self::Random(error) => {
                tracing::error!(%error, "the operating system gave no random numbers");
                Problem::internal()
            }
        }
    }
}

/// 422 with a member `errors` that names each field.
fn invalid(wrong: &[Wrong]) -> Problem {
    let detail: Vec<String> = wrong.iter().map(|Wrong { field, must }| format!("{field} {must}")).collect();
    let errors: Vec<_> = wrong.iter().map(|Wrong { field, must }| json!({ "field": field, "detail": must })).collect();
    Problem::invalid(format!("{}.", detail.join("; "))).with("errors", errors)
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let mut response = self.problem().into_response();
        if let Self::Session = self {
            let challenge = HeaderValue::from_static("Bearer");
            response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        }
        response
    }
}
