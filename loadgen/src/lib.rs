//! Customers of the shop: open-loop and closed-loop load, scenarios as data.
//!
//! It depends on nothing of ours, and knows the shop by its JSON API alone. `bookstore load` is [`cli::Args`] and
//! [`cli::run`]; who measures or judges embeds the library:
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use std::time::Duration;
//! use bookstore_loadgen::{Arrivals, Customers, Extent, Options, Plan, Rate, Scenario, Spacing};
//!
//! let scenario = Scenario::load("mixed")?;
//! let options = Options { customers: 64.try_into()?, seed: 1, timeout: Duration::from_secs(10) };
//! let mut customers =
//!     Customers::prepare(&"http://127.0.0.1:8080".parse()?, &scenario, options, &mut |_| {}).await?;
//! let length = Duration::from_secs(10);
//! let plan = Plan {
//!     arrivals: Arrivals::Open { schedule: Rate::Constant(50.0).over(length)?, spacing: Spacing::Poisson },
//!     extent: Extent::For(length),
//!     first_visit: 0,
//!     observe_every: Duration::from_secs(1),
//! };
//! let outcome = customers.run(&plan, |_| {}, std::future::pending()).await;
//! println!("{} ns", outcome.latency.value_at_quantile(0.99));
//! # Ok(())
//! # }
//! ```
//!
//! Latency is measured from the *intended* begin: of a visit's first request its scheduled arrival, of a later one the end
//! of the one before plus the time to think. So requests that a stalled shop keeps waiting count with all of their wait,
//! and those that would have come meanwhile do come (no coordinated omission).
//!
//! Layout:
//!
//! * [`scenario`]: what customers do, as TOML; [`schedule`]: when they come; `seed`: where chance comes from.
//! * `shelf`: the shop's books; `work`: the requests of visit n.
//! * [`target`]: where the shop is; [`network`]: how to get there; `wire`: one connection.
//! * `customer`: makes visits, judges answers, leaves an empty basket.
//! * [`prepare`]: accounts and connections; [`plan`]: what a run is to be;
//!   [`run`]: the loops; `timer`: exact waits; `cpu`: how busy the generator is.
//! * `record`: what customers note down; [`outcome`]: what comes of it.
//! * [`report`]: that as JSON; [`cli`]: the command line; [`duration`]: durations as people write them.

pub mod cli;
pub mod duration;
pub mod network;
pub mod outcome;
pub mod plan;
pub mod prepare;
pub mod report;
pub mod run;
pub mod scenario;
pub mod schedule;
pub mod target;
pub mod timer;

mod cpu;
mod customer;
mod record;
mod seed;
mod shelf;
mod wire;
mod work;

pub use network::{Network, Tcp};
pub use outcome::{Missed, Outcome};
pub use plan::{Arrivals, Extent, Plan, Progress};
pub use prepare::{Options, PrepareError, Preparing};
pub use run::Customers;
pub use scenario::{Scenario, ScenarioError};
pub use schedule::{Rate, Schedule, Spacing};
pub use target::Target;
