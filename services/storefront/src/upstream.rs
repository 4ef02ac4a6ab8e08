//! The other services, and what becomes of their failures.
//!
//! A caller of ours is told what it can do about a failure, never another service's own words: those go to the log, once,
//! here. `api` and `web` see [`Problem`]s only.

mod catalog;
mod inventory;
mod payment;
mod user;

use std::sync::Arc;

use bookstore_proto::inventory::inventory_client::InventoryClient;
use bookstore_proto::payment::payments_client::PaymentsClient;
use bookstore_runtime::db::is_transient;
use bookstore_runtime::grpc_client::{self, Channel};
use bookstore_runtime::http_client::{HttpClient, HttpError};
use bookstore_runtime::retry::Retry;
use bookstore_runtime::{Call, Problem};
use tokio::sync::Semaphore;
use tonic::{Code, Status};
use tracing::{error, warn};

use crate::config::ServiceUrls;
use crate::problems;

pub(crate) use catalog::catalog_problem;

/// The other services. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Upstreams {
    catalog: HttpClient,
    user: HttpClient,
    inventory: Grpc<InventoryClient<Channel>>,
    /// Streams have a connection of their own: they stay open, and one connection has room for so many only. Purchases
    /// must not wait for people to close their book pages.
    watches: InventoryClient<Channel>,
    /// How many more streams that connection has room for.
    watch_places: Arc<Semaphore>,
    payment: Grpc<PaymentsClient<Channel>>,
}

/// How many streams are open at once. The services take 256 on one connection.
const MOST_WATCHES: usize = 250;

/// A gRPC client with the retries of its service.
#[derive(Clone, Debug)]
struct Grpc<C> {
    client: C,
    retry: Retry,
}

/// A service's URL that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the URL of the {service} service cannot be used: {reason}")]
pub struct UrlError {
    service: &'static str,
    reason: String,
}

impl Upstreams {
    pub(crate) fn new(urls: &ServiceUrls) -> Result<Self, UrlError> {
        let http =
            |service, url: &str| HttpClient::new(url).map_err(|error| UrlError { service, reason: error.to_string() });
        let grpc = |service, url: &str| {
            grpc_client::channel(url).map_err(|error| UrlError { service, reason: error.to_string() })
        };
        Ok(Self {
            catalog: http("catalog", &urls.catalog)?,
            user: http("user", &urls.user)?,
            inventory: Grpc::new(InventoryClient::new(grpc("inventory", &urls.inventory)?)),
            watches: InventoryClient::new(grpc("inventory", &urls.inventory)?),
            watch_places: Arc::new(Semaphore::new(MOST_WATCHES)),
            payment: Grpc::new(PaymentsClient::new(grpc("payment", &urls.payment)?)),
        })
    }
}

impl<C: Clone> Grpc<C> {
    fn new(client: C) -> Self {
        Self { client, retry: Retry::default() }
    }

    /// Makes an idempotent call, again where that may help, until the call's deadline.
    async fn idempotent<T, F, Fut>(&self, call: &Call, mut attempt: F) -> Result<T, Status>
    where
        F: FnMut(C) -> Fut,
        Fut: Future<Output = Result<tonic::Response<T>, Status>>,
    {
        let made = self.retry.idempotent(call, || attempt(self.client.clone()));
        match tokio::time::timeout_at(call.deadline().into(), made).await {
            Ok(answer) => answer.map(tonic::Response::into_inner),
            Err(_) => Err(Status::deadline_exceeded("no answer in time")),
        }
    }
}

/// What a caller is told when a call over HTTP brought nothing that its handler knows what to do with.
pub(crate) fn http_problem(service: &'static str, failure: &HttpError) -> Problem {
    let retry_after_s = match failure {
        HttpError::Unreachable(_) | HttpError::Timeout => 1,
        HttpError::Status { status, retry_after_s, .. } if status.is_server_error() => retry_after_s.unwrap_or(1),
        HttpError::Status { status, retry_after_s, .. } if status.as_u16() == 429 => {
            return problems::too_often(retry_after_s.unwrap_or(1));
        }
        failure => {
            error!(service, error = %failure, "a service answered something else than was agreed");
            return Problem::internal();
        }
    };
    warn!(service, error = %failure, "a service that is needed does not answer");
    problems::unavailable(retry_after_s)
}

/// The same for a call over gRPC.
pub(crate) fn grpc_problem(service: &'static str, status: &Status) -> Problem {
    match status.code() {
        Code::Unavailable
        | Code::DeadlineExceeded
        | Code::Cancelled
        | Code::ResourceExhausted
        | Code::Aborted
        | Code::Internal
        | Code::Unknown => {
            warn!(service, %status, "a service that is needed does not answer");
            problems::unavailable(1)
        }
        _ => {
            error!(service, %status, "a service answered something else than was agreed");
            Problem::internal()
        }
    }
}

/// The same for our own database.
pub(crate) fn database_problem(failure: &sqlx::Error) -> Problem {
    if is_transient(failure) {
        warn!(error = %failure, "the database does not answer");
        problems::unavailable(1)
    } else {
        error!(error = %failure, "the database failed a request");
        Problem::internal()
    }
}

/// What the service itself says of its caller's input: passed on, since it was written for that caller.
fn detail(failure: &HttpError) -> Option<&str> {
    match failure {
        HttpError::Status { problem: Some(problem), .. } => problem.detail_text(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use super::*;

    #[test]
    fn another_services_words_stay_inside() {
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        let theirs = Problem::of(status).detail("table books is corrupt");
        let failure = HttpError::Status { status, problem: Some(Box::new(theirs)), retry_after_s: None };
        let ours = [
            http_problem("catalog", &failure),
            http_problem("catalog", &HttpError::Body("corrupt".to_owned())),
            grpc_problem("inventory", &Status::unknown("corrupt")),
            grpc_problem("inventory", &Status::invalid_argument("corrupt")),
        ];
        for problem in ours {
            assert!(!serde_json::to_string(&problem).unwrap().contains("corrupt"), "{problem:?}");
        }
    }

    #[test]
    fn what_may_pass_is_said_to_pass() {
        let status = StatusCode::SERVICE_UNAVAILABLE;
        let shed = HttpError::Status { status, problem: None, retry_after_s: Some(7) };
        assert_eq!(http_problem("user", &shed).retry_after_seconds(), Some(7));
        assert_eq!(http_problem("user", &HttpError::Timeout).status(), status);
        assert_eq!(grpc_problem("payment", &Status::unavailable("")).status(), status);
        assert_eq!(grpc_problem("payment", &Status::not_found("")).status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(database_problem(&sqlx::Error::PoolTimedOut).status(), status);
    }
}
