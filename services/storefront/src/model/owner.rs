//! Whose a basket is.

use bookstore_telemetry::Sensitive;
use sha2::{Digest as _, Sha256};

/// Whose a basket is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Owner {
    /// A user, by id.
    User(String),
    /// Somebody who has not logged in.
    Guest(GuestId),
}

impl Owner {
    /// As it is stored.
    pub(crate) fn stored(&self) -> String {
        match self {
            Self::User(id) => format!("user:{id}"),
            Self::Guest(GuestId(hash)) => format!("{GUEST_PREFIX}{hash}"),
        }
    }
}

/// How the baskets of guests begin.
pub(crate) const GUEST_PREFIX: &str = "guest:";

/// Names a guest's basket: the hash of the guest's token, so that who reads the database can take nobody's basket.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct GuestId(String);

impl GuestId {
    /// The basket that belongs to a token. The token is random (256 bits), so its hash needs no salt.
    #[must_use]
    pub fn of(token: &Sensitive<String>) -> Self {
        Self(hex::encode(Sha256::digest(token.expose().as_bytes())))
    }
}
