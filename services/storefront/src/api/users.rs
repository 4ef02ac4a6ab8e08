//! Users and their sessions.

use axum::Json as Answer;
use axum::extract::State;
use axum::http::StatusCode;
use bookstore_proto::user::{Credentials, NewUser, User};
use bookstore_runtime::extract::Json;
use bookstore_runtime::{Call, Problem};
use serde::Serialize;
use utoipa::ToSchema;

use super::customer::Token;
use super::problem::ProblemBody;
use crate::{Caller, Shop};

/// A session that was just opened.
// Has no `Debug`: the token must not be printed.
#[derive(Serialize, ToSchema)]
#[schema(as = Session)]
pub(super) struct SessionBody {
    /// Shown this once. Send it as `Authorization: Bearer`.
    #[schema(example = "u1p0iN8XjBf3bS2mQ0eYtqv5m8o2n9wF4c7rK6dLzHs")]
    token: String,
    /// Whose session it is.
    user: User,
}

/// Register
///
/// Opens an account. An e-mail address has one account at most; upper and lower case make no difference.
#[utoipa::path(
    post, path = "/users", tag = "users", operation_id = "register", request_body = NewUser,
    responses(
        (status = 201, description = "The account is open.", body = User),
        (status = 409, description = "The e-mail address has an account (`/problems/email-taken`).",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "A field is wrong (`/problems/invalid`); `errors` says which.",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = 429, description = "Too many tries (`/problems/too-often`); `Retry-After` says when.",
            body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn register(
    State(shop): State<Shop>,
    call: Call,
    Caller(caller): Caller,
    Json(new): Json<NewUser>,
) -> Result<(StatusCode, Answer<User>), Problem> {
    let user = shop.register(&call, &new, caller).await?;
    Ok((StatusCode::CREATED, Answer(user)))
}

/// Log in
///
/// Opens a session. The answer and its timing do not tell whether an account exists.
#[utoipa::path(
    post, path = "/sessions", tag = "users", operation_id = "logIn", request_body = Credentials,
    responses(
        (status = 201, description = "The session is open.", body = SessionBody),
        (status = 401, description = "No account has this e-mail address and password (`/problems/wrong-credentials`).",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "The body is other JSON than this (`/problems/invalid`).",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = 429, description = "Too many tries (`/problems/too-often`); `Retry-After` says when.",
            body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn log_in(
    State(shop): State<Shop>,
    call: Call,
    Caller(caller): Caller,
    Json(credentials): Json<Credentials>,
) -> Result<(StatusCode, Answer<SessionBody>), Problem> {
    let session = shop.log_in(&call, &credentials, caller, None).await?;
    Ok((StatusCode::CREATED, Answer(SessionBody { token: session.token.into_inner(), user: session.user })))
}

/// Log out
///
/// Ends the session, also when there is none any more.
#[utoipa::path(
    delete, path = "/sessions", tag = "users", operation_id = "logOut", security(("session" = [])),
    responses((status = 204, description = "The session has ended."))
)]
pub(super) async fn log_out(State(shop): State<Shop>, call: Call, Token(token): Token) -> Result<StatusCode, Problem> {
    shop.log_out(&call, &token).await?;
    Ok(StatusCode::NO_CONTENT)
}
