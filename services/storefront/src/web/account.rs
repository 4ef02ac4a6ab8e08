//! Signing in, opening an account, signing out.

use axum::extract::State;
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use bookstore_proto::user::{Credentials, NewUser};
use bookstore_runtime::Problem;
use serde::Deserialize;

use super::asked::Asked;
use super::cookies::Jar;
use super::forms::Posted;
use super::stop::{Stop, see};
use super::view::AccountPage;
use super::visitor::Visiting;
use super::{Web, gate, links};
use crate::caller::Caller;
use crate::shop::Session;

/// What the page was opened with.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Parameters {
    /// Where to go afterwards.
    next: Option<String>,
}

/// Which of the two pages.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Door {
    LogIn,
    Register,
}

/// What the form holds when it is shown again. Never the password.
#[derive(Clone, Debug, Default)]
struct Typed {
    next: String,
    name: String,
    email: String,
}

impl Typed {
    fn of(posted: &Posted) -> Self {
        Self {
            next: links::local(posted.text("next")).to_owned(),
            name: posted.text("name").to_owned(),
            email: posted.text("email").trim().to_owned(),
        }
    }
}

/// `GET /login`.
pub(super) async fn ask_log_in(
    State(web): State<Web>,
    visiting: Visiting,
    Asked(parameters): Asked<Parameters>,
) -> Result<Response, Stop> {
    ask(&web, &visiting, Door::LogIn, &parameters).await
}

/// `GET /register`.
pub(super) async fn ask_register(
    State(web): State<Web>,
    visiting: Visiting,
    Asked(parameters): Asked<Parameters>,
) -> Result<Response, Stop> {
    ask(&web, &visiting, Door::Register, &parameters).await
}

async fn ask(web: &Web, visiting: &Visiting, door: Door, parameters: &Parameters) -> Result<Response, Stop> {
    let next = links::local(parameters.next.as_deref().unwrap_or_default()).to_owned();
    if visiting.visitor.user().is_some() {
        return Ok(see(&next));
    }
    page(web, visiting, door, Typed { next, ..Typed::default() }, None).await
}

/// `POST /login`.
pub(super) async fn log_in(State(web): State<Web>, caller: Caller, posted: Posted) -> Result<Response, Stop> {
    let typed = Typed::of(&posted);
    match open_session(&web, &posted, caller, &typed.email).await {
        Ok(session) => Ok(enter(&web, &typed.next, &session)),
        Err(problem) => page(&web, &posted.visiting, Door::LogIn, typed, Some(problem)).await,
    }
}

/// `POST /register`: opens an account and signs in.
pub(super) async fn register(State(web): State<Web>, caller: Caller, posted: Posted) -> Result<Response, Stop> {
    let typed = Typed::of(&posted);
    let new = NewUser {
        email: typed.email.clone(),
        password: posted.text("password").to_owned(),
        name: typed.name.trim().to_owned(),
    };
    if let Err(problem) = web.shop.register(&posted.visiting.call, &new, caller.0).await {
        return page(&web, &posted.visiting, Door::Register, typed, Some(problem)).await;
    }
    match open_session(&web, &posted, caller, &typed.email).await {
        Ok(session) => Ok(enter(&web, &typed.next, &session)),
        // The account is there; signing in can be tried again.
        Err(problem) => page(&web, &posted.visiting, Door::LogIn, typed, Some(problem)).await,
    }
}

/// `POST /logout`.
pub(super) async fn log_out(State(web): State<Web>, posted: Posted) -> Result<Response, Stop> {
    if let Some(session) = posted.visiting.visitor.session() {
        web.shop.log_out(&posted.visiting.call, session).await?;
    }
    Ok(with_cookies(see("/"), [Jar::Session.clear(web.settings.secure_cookies)]))
}

async fn open_session(web: &Web, posted: &Posted, caller: Caller, email: &str) -> Result<Session, Problem> {
    let credentials = Credentials { email: email.to_owned(), password: posted.text("password").to_owned() };
    let guest = posted.visiting.visitor.guest_id();
    web.shop.log_in(&posted.visiting.call, &credentials, caller.0, guest.as_ref()).await
}

/// In with a new token, whatever the browser had before: nobody can have planted it. The guest's basket has moved.
fn enter(web: &Web, next: &str, session: &Session) -> Response {
    let secure = web.settings.secure_cookies;
    with_cookies(see(next), [Jar::Session.set(&session.token, secure), Jar::Guest.clear(secure)])
}

fn with_cookies<const N: usize>(mut response: Response, cookies: [Option<HeaderValue>; N]) -> Response {
    for cookie in cookies.into_iter().flatten() {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}

async fn page(
    web: &Web,
    visiting: &Visiting,
    door: Door,
    typed: Typed,
    problem: Option<Problem>,
) -> Result<Response, Stop> {
    let (title, action, other) = match door {
        Door::LogIn => ("Sign in", "/login", "/register"),
        Door::Register => ("Open an account", "/register", "/login"),
    };
    let kept = if typed.next == "/" { "" } else { typed.next.as_str() };
    let page = AccountPage {
        frame: visiting.frame(web, title).await,
        registering: door == Door::Register,
        action,
        other: links::with_query(other, &[("next", kept)]),
        reason: match kept {
            "/checkout" => Some("To buy what is in your basket. It comes along."),
            path if path.starts_with("/orders") => Some("To see your orders."),
            _ => None,
        },
        error: problem.as_ref().map(words),
        next: typed.next,
        name: typed.name,
        email: typed.email,
    };
    let status = problem.as_ref().map_or(StatusCode::OK, Problem::status);
    let mut response = gate::html(status, &page)?;
    if let Some(seconds) = problem.as_ref().and_then(Problem::retry_after_seconds) {
        response.headers_mut().insert(axum::http::header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    Ok(response)
}

/// What is wrong, for a person.
fn words(problem: &Problem) -> String {
    match problem.status() {
        StatusCode::UNAUTHORIZED => "E-mail address or password is wrong.".to_owned(),
        StatusCode::CONFLICT => {
            "There is an account with this e-mail address already. Sign in with it instead.".to_owned()
        }
        StatusCode::TOO_MANY_REQUESTS => match problem.retry_after_seconds() {
            Some(seconds) => format!("That was too often. Try again in {}.", wait(seconds)),
            None => "That was too often. Try again in a while.".to_owned(),
        },
        StatusCode::UNPROCESSABLE_ENTITY => fields(problem),
        _ => "Accounts cannot be reached just now. Try again in a moment.".to_owned(),
    }
}

fn wait(seconds: u64) -> String {
    match seconds {
        0 | 1 => "a second".to_owned(),
        2..=90 => format!("{seconds} seconds"),
        _ => format!("{} minutes", seconds.div_ceil(60)),
    }
}

/// Which fields are wrong, by what the problem says of each.
fn fields(problem: &Problem) -> String {
    let name = |field: &str| match field {
        "email" => "The e-mail address",
        "password" => "The password",
        "name" => "Your name",
        _ => "A field",
    };
    let errors = problem.member("errors").and_then(|errors| errors.as_array()).map(Vec::as_slice).unwrap_or_default();
    let sentences: Vec<_> = errors
        .iter()
        .filter_map(|error| {
            Some(format!("{} {}.", name(error.get("field")?.as_str()?), error.get("detail")?.as_str()?))
        })
        .collect();
    if sentences.is_empty() { "Look again at what you typed.".to_owned() } else { sentences.join(" ") }
}
