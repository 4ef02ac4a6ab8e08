//! The user service's JSON.
//!
//! | call | answers |
//! | --- | --- |
//! | `POST /users` [`NewUser`] | 201 [`User`]; 409 taken; 422; 429 |
//! | `POST /sessions` [`Credentials`] | 201 [`NewSession`]; 401; 429 |
//! | `GET /sessions/current`, `Authorization: Bearer` | [`User`]; 401 |
//! | `DELETE /sessions/current`, `Authorization: Bearer` | 204, also when there was none |
//! | `GET /users/{id}/profile` | [`Profile`]; 404 |
//! | `PUT /users/{id}/profile` [`Profile`] | 204; 404; 422 |
//! | `GET /users/{id}/billing` | [`BillingProfile`]; 404 |
//!
//! The caller's own address, where limits are kept per address, is in `x-forwarded-for`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A registration.
// Has no `Debug`: the password must not be printed.
#[derive(Clone, Deserialize, Serialize, ToSchema)]
pub struct NewUser {
    /// An e-mail address, at most 254 characters.
    #[schema(example = "ada@example.org")]
    pub email: String,
    /// 8 to 128 characters.
    #[schema(format = Password, example = "correct horse battery staple")]
    pub password: String,
    /// What to call the user, 1 to 100 characters.
    #[schema(example = "Ada")]
    pub name: String,
}

/// What one logs in with.
// Has no `Debug`: the password must not be printed.
#[derive(Clone, Deserialize, Serialize, ToSchema)]
pub struct Credentials {
    /// The e-mail address registered with.
    #[schema(example = "ada@example.org")]
    pub email: String,
    /// The password.
    #[schema(format = Password, example = "correct horse battery staple")]
    pub password: String,
}

/// A user, as others may see it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct User {
    /// A UUID.
    pub id: String,
    /// The e-mail address.
    pub email: String,
    /// What to call the user.
    pub name: String,
}

/// An opened session.
// Has no `Debug`: the token must not be printed.
#[derive(Clone, Deserialize, Serialize)]
pub struct NewSession {
    /// 256 random bits, base64url; shown this once.
    pub token: String,
    /// Whose session it is.
    pub user: User,
}

/// What a user can change of itself.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct Profile {
    /// What to call the user, 1 to 100 characters.
    pub name: String,
    /// The postal address on bills; at most 500 characters, may be empty.
    pub address: String,
    /// ISO 3166-1 alpha-2, or empty.
    pub country: String,
}

/// What payment needs to know of a user.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct BillingProfile {
    /// A UUID.
    pub user_id: String,
    /// The name on the bill.
    pub name: String,
    /// The address on the bill; may be empty.
    pub address: String,
    /// ISO 3166-1 alpha-2, or empty.
    pub country: String,
}
