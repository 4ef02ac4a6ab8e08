//! Who has logged in.

use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use bookstore_proto::user::User;
use bookstore_runtime::{Call, Problem};
use bookstore_telemetry::Sensitive;

use crate::model::Owner;
use crate::{Shop, problems};

/// The session token in `Authorization: Bearer`.
pub(super) struct Token(pub(super) Sensitive<String>);

impl<S: Sync> FromRequestParts<S> for Token {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let header = parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let (scheme, token) = header.and_then(|text| text.split_once(' ')).ok_or_else(problems::not_logged_in)?;
        let token = token.trim();
        if !scheme.eq_ignore_ascii_case("bearer") || token.is_empty() {
            return Err(problems::not_logged_in());
        }
        Ok(Self(Sensitive::new(token.to_owned())))
    }
}

/// The user whose session the token in `Authorization: Bearer` opened.
pub(super) struct Customer(pub(super) User);

impl Customer {
    /// Whose the user's basket is.
    pub(super) fn owner(&self) -> Owner {
        Owner::User(self.0.id.clone())
    }
}

impl FromRequestParts<Shop> for Customer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, shop: &Shop) -> Result<Self, Problem> {
        let Token(token) = Token::from_request_parts(parts, shop).await?;
        let call = Call::from_request_parts(parts, shop).await?;
        shop.who_is(&call, &token).await?.map(Self).ok_or_else(problems::not_logged_in)
    }
}
