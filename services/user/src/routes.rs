//! The routes, as `bookstore_proto::user` lists them.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{FromRequestParts, State};
use axum::http::StatusCode;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::routing::{get, post};
use axum::{Json as Answer, Router};
use bookstore_proto::user::{BillingProfile, Credentials, NewSession, NewUser, Profile, User};
use bookstore_runtime::Call;
use bookstore_runtime::extract::{Json, Path};
use bookstore_runtime::time::unix_ms;
use tracing::debug;
use uuid::Uuid;

use crate::accounts::Accounts;
use crate::error::Error;
use crate::fields::{self, Checks};
use crate::token::Token;

/// What handlers share.
#[derive(Clone, Debug)]
pub(crate) struct App {
    pub(crate) accounts: Arc<Accounts>,
    /// Whether `x-forwarded-for` says who calls.
    pub(crate) trust_forwarded_for: bool,
}

/// All routes.
pub(crate) fn router(app: App) -> Router {
    Router::new()
        .route("/users", post(register))
        .route("/sessions", post(log_in))
        .route("/sessions/current", get(session_user).delete(log_out))
        .route("/users/{id}/profile", get(profile).put(change_profile))
        .route("/users/{id}/billing", get(billing))
        .with_state(app)
}

async fn register(
    State(app): State<App>,
    call: Call,
    Caller(address): Caller,
    Json(new): Json<NewUser>,
) -> Result<(StatusCode, Answer<User>), Error> {
    let user = app.accounts.register(&call, new, address).await?;
    Ok((StatusCode::CREATED, Answer(user)))
}

async fn log_in(
    State(app): State<App>,
    call: Call,
    Caller(address): Caller,
    Json(credentials): Json<Credentials>,
) -> Result<(StatusCode, Answer<NewSession>), Error> {
    let session = app.accounts.log_in(&call, credentials, address).await?;
    Ok((StatusCode::CREATED, Answer(session)))
}

async fn session_user(State(app): State<App>, call: Call, Bearer(token): Bearer) -> Result<Answer<User>, Error> {
    let token = token.ok_or(Error::Session)?;
    debug!(?token, "a session was asked for");
    let user = app.accounts.store.session_user(&call, &token.hash(), unix_ms()).await?;
    user.map(Answer).ok_or(Error::Session)
}

async fn log_out(State(app): State<App>, call: Call, Bearer(token): Bearer) -> Result<StatusCode, Error> {
    if let Some(token) = token {
        app.accounts.store.close_session(&call, &token.hash()).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

async fn profile(State(app): State<App>, call: Call, UserId(id): UserId) -> Result<Answer<Profile>, Error> {
    let profile = app.accounts.store.profile(&call, &id).await?;
    profile.map(Answer).ok_or(Error::NoUser)
}

async fn change_profile(
    State(app): State<App>,
    call: Call,
    UserId(id): UserId,
    Json(new): Json<Profile>,
) -> Result<StatusCode, Error> {
    let mut checks = Checks::default();
    let name = checks.field("name", fields::name(&new.name));
    let address = checks.field("address", fields::address(&new.address));
    let country = checks.field("country", fields::country(&new.country));
    let (Some(name), Some(address), Some(country)) = (name, address, country) else {
        return Err(checks.into());
    };
    let profile = Profile { name, address, country };
    let store = &app.accounts.store;
    if store.change_profile(&call, &id, &profile, unix_ms()).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Error::NoUser)
    }
}

async fn billing(State(app): State<App>, call: Call, UserId(id): UserId) -> Result<Answer<BillingProfile>, Error> {
    let billing = app.accounts.store.billing(&call, &id).await?;
    billing.map(Answer).ok_or(Error::NoUser)
}

/// The user that the path names. What is no UUID names none.
struct UserId(String);

impl<S: Sync + Send> FromRequestParts<S> for UserId {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        let id = path.ok().and_then(|Path(text)| Uuid::try_parse(&text).ok());
        // Written the one way in which ids are stored.
        id.map(|id| Self(id.to_string())).ok_or(Error::NoUser)
    }
}

/// The token in `Authorization: Bearer`, if there is one that can be one.
struct Bearer(Option<Token>);

impl<S: Sync> FromRequestParts<S> for Bearer {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let header = parts.headers.get(AUTHORIZATION);
        let header = header.and_then(|value| value.to_str().ok());
        Ok(Self(header.and_then(Token::from_authorization)))
    }
}

/// The address of the caller's caller, where it is known and believed.
struct Caller(Option<IpAddr>);

impl FromRequestParts<App> for Caller {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Self::Rejection> {
        // The last entry is the one that the storefront wrote; those before it are hearsay.
        let addresses = parts.headers.get_all("x-forwarded-for");
        let last = addresses.iter().next_back().and_then(|value| value.to_str().ok());
        let address = last.and_then(|list| list.rsplit(',').next()?.trim().parse().ok());
        Ok(Self(address.filter(|_| app.trust_forwarded_for)))
    }
}
