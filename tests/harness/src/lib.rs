//! For tests and measurements of the whole shop.
//!
//! Layout:
//!
//! * [`shop`]: starts `bookstore up` as a user would, kills parts of it, reads its databases.
//! * [`customer`]: buys in it, over the JSON API.
//! * [`sink`]: listens to its telemetry, over OTLP.
//! * [`wait`]: waits for a condition.

pub mod customer;
pub mod shop;
pub mod sink;
pub mod wait;

pub use customer::Customer;
pub use shop::Shop;
pub use sink::Sink;
