//! The user service.

use std::net::IpAddr;

use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use bookstore_proto::user::{Credentials, NewSession, NewUser, User};
use bookstore_runtime::http_client::{HttpError, HttpRequest};
use bookstore_runtime::{Call, Problem};
use bookstore_telemetry::Sensitive;

use super::{Upstreams, detail, http_problem};
use crate::problems;
use crate::shop::Session;

const SERVICE: &str = "user";
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

impl Upstreams {
    pub(crate) async fn register(&self, call: &Call, new: &NewUser, caller: Option<IpAddr>) -> Result<User, Problem> {
        let request = self.user.request(Method::POST, "/users", &[]).json(new);
        for_caller(request, caller).fetch(call).await.map_err(|error| match error.status() {
            Some(StatusCode::CONFLICT) => problems::email_taken(),
            _ => refused(&error),
        })
    }

    pub(crate) async fn log_in(
        &self,
        call: &Call,
        credentials: &Credentials,
        caller: Option<IpAddr>,
    ) -> Result<Session, Problem> {
        let request = self.user.request(Method::POST, "/sessions", &[]).json(credentials);
        let opened: Result<NewSession, _> = for_caller(request, caller).fetch(call).await;
        let NewSession { token, user } = opened.map_err(|error| match error.status() {
            Some(StatusCode::UNAUTHORIZED) => problems::wrong_credentials(),
            _ => refused(&error),
        })?;
        Ok(Session { token: Sensitive::new(token), user })
    }

    pub(crate) async fn log_out(&self, call: &Call, token: &Sensitive<String>) -> Result<(), Problem> {
        let request = self.user.request(Method::DELETE, "/sessions/current", &[]).bearer(token.expose());
        match request.send_idempotent(call).await {
            Ok(_) => Ok(()),
            Err(error) if error.status() == Some(StatusCode::UNAUTHORIZED) => Ok(()),
            Err(error) => Err(http_problem(SERVICE, &error)),
        }
    }

    pub(crate) async fn who_is(&self, call: &Call, token: &Sensitive<String>) -> Result<Option<User>, Problem> {
        let request = self.user.get("/sessions/current", &[]).bearer(token.expose());
        match request.fetch_idempotent(call).await {
            Ok(user) => Ok(Some(user)),
            Err(error) if error.status() == Some(StatusCode::UNAUTHORIZED) => Ok(None),
            Err(error) => Err(http_problem(SERVICE, &error)),
        }
    }
}

/// Says on whose behalf we ask: the user service limits by address.
fn for_caller(request: HttpRequest<'_>, caller: Option<IpAddr>) -> HttpRequest<'_> {
    match caller.and_then(|address| HeaderValue::from_str(&address.to_string()).ok()) {
        Some(address) => request.header(FORWARDED_FOR, address),
        None => request,
    }
}

/// What registration and log-in may be refused for alike. The fields have the same names here and there.
fn refused(error: &HttpError) -> Problem {
    let HttpError::Status { status: StatusCode::UNPROCESSABLE_ENTITY, problem, .. } = error else {
        return http_problem(SERVICE, error);
    };
    let invalid = Problem::invalid(detail(error).unwrap_or("A field is wrong."));
    match problem.as_ref().and_then(|problem| problem.member("errors")) {
        Some(errors) => invalid.with("errors", errors.clone()),
        None => invalid,
    }
}
