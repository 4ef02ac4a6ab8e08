//! Accounts.

use std::collections::HashMap;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use bookstore_proto::user::{Credentials, NewSession, NewUser, User};
use bookstore_runtime::Problem;
use serde_json::json;
use uuid::Uuid;

use super::{Upstreams, http, http_answer};

#[derive(Debug, Default)]
pub(super) struct Users {
    /// By e-mail address, with the password.
    accounts: HashMap<String, (String, User)>,
    sessions: HashMap<String, User>,
}

pub(super) fn routes(upstreams: Upstreams) -> Router {
    let routes = Router::new()
        .route("/users", post(register))
        .route("/sessions", post(log_in))
        .route("/sessions/current", get(current).delete(log_out));
    http(upstreams, routes)
}

async fn register(State(upstreams): State<Upstreams>, headers: HeaderMap, Json(new): Json<NewUser>) -> Response {
    if new.password.len() < 8 {
        let errors = json!([{ "field": "password", "detail": "must have 8 to 128 characters" }]);
        return Problem::invalid("password must have 8 to 128 characters.").with("errors", errors).into_response();
    }
    // Whoever calls from nowhere calls too often.
    if !headers.contains_key("x-forwarded-for") || new.email.starts_with("often") {
        return Problem::of(StatusCode::TOO_MANY_REQUESTS).retry_after(17).into_response();
    }
    let registered = upstreams.answer("register", move |world| {
        let accounts = &mut world.users.accounts;
        if accounts.contains_key(&new.email) {
            return Err(StatusCode::CONFLICT);
        }
        let user = User { id: Uuid::new_v4().to_string(), email: new.email.clone(), name: new.name };
        accounts.insert(new.email, (new.password, user.clone()));
        Ok((StatusCode::CREATED, Json(user)))
    });
    http_answer(registered.await).into_response()
}

async fn log_in(State(upstreams): State<Upstreams>, Json(sent): Json<Credentials>) -> Response {
    let opened = upstreams.answer("log-in", move |world| {
        let users = &mut world.users;
        let account = users.accounts.get(&sent.email).filter(|(password, _)| *password == sent.password);
        let user = account.map(|(_, user)| user.clone()).ok_or(StatusCode::UNAUTHORIZED)?;
        let token = Uuid::new_v4().simple().to_string();
        users.sessions.insert(token.clone(), user.clone());
        Ok::<_, StatusCode>((StatusCode::CREATED, Json(NewSession { token, user })))
    });
    http_answer(opened.await).into_response()
}

async fn current(State(upstreams): State<Upstreams>, headers: HeaderMap) -> Response {
    let token = token(&headers);
    let found = upstreams.answer("session", move |world| {
        world.users.sessions.get(&token).cloned().map(Json).ok_or(StatusCode::UNAUTHORIZED)
    });
    http_answer(found.await).into_response()
}

async fn log_out(State(upstreams): State<Upstreams>, headers: HeaderMap) -> Response {
    let token = token(&headers);
    let ended = upstreams.answer("log-out", move |world| {
        world.users.sessions.remove(&token);
        StatusCode::NO_CONTENT
    });
    http_answer(ended.await).into_response()
}

fn token(headers: &HeaderMap) -> String {
    let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.trim_start_matches("Bearer ").to_owned()
}
