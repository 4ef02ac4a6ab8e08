//! The shop: pages, JSON API, baskets, orders, the checkout saga.
//!
//! Layout, in the order in which a request meets it:
//!
//! * [`config`]: settings; `secret`: the storefront's own key.
//! * `web`: the pages; `api`: the JSON API. Both know the [`Shop`] and nothing behind it.
//! * [`shop`]: all that can be asked for; [`model`]: what it is about; `problems`: how it can fail.

pub mod config;
pub mod model;
pub mod shop;
pub mod web;

mod problems;
mod secret;

pub use config::Config;
pub use secret::{Secret, SecretError};
pub use shop::Shop;

/// The storefront as this process: reads the environment, serves until SIGTERM or SIGINT.
///
/// # Errors
/// When the service could not start.
pub fn main() -> Result<(), bookstore_runtime::process::ProcessError> {
    Ok(())
}
