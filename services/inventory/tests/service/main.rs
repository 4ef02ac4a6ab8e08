//! The inventory service over a real socket, on each database that is there.

#![expect(clippy::unwrap_used, reason = "tests may panic; clippy does not see that the helpers of tests are tests too")]

mod expiry;
mod initial;
mod life;
mod limits;
mod races;
mod shop;
mod watching;
