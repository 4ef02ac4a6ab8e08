//! Stories of the storefront, told over HTTP.
//!
//! The storefront and its database are real. The four services that it asks are small ones made here, which keep the
//! promises of their contracts and can be told to fail: no service may depend on another, and the whole shop is tested
//! elsewhere. Layout: `upstreams` are these services, `shop` is a storefront that asks them, the rest are the stories.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic, and so may what it is built of")]

mod accounts;
mod baskets;
mod document;
mod errors;
mod orders;
mod pages;
mod recovery;
mod shop;
mod upstreams;
