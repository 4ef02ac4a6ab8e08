//! What instrumentation costs: the design of the experiment, its statistics, its report.
//!
//! The same shop runs in several modes, such as without instrumentation and with. Each round runs every mode once, each
//! time on a fresh shop, and whoever runs them hands in what was measured; nothing here starts a process or knows a
//! service. What comes out is a [`Summary`]: `summary.json` to compute with, `index.html` to look at, a text for the
//! terminal.
//!
//! # Layout, in the order in which an experiment goes
//!
//! * [`order`]: in which order the modes of each round are run
//! * [`model`], [`latency`]: what was measured; the schema of `summary.json`
//! * [`question`], [`results`]: each run's numbers, and each mode against the first
//! * [`stats`]: intervals, and what can be said
//! * [`noise`]: what makes the figures less sure than they look
//! * [`code_cost`]: what instrumentation costs in code
//! * [`summary`]: all of it, written and read
//! * `words`, `text`, `report`: verdicts as sentences, for the terminal, and as a page with charts
//! * `number`: numbers as text

pub mod code_cost;
pub mod latency;
pub mod model;
pub mod noise;
pub mod order;
pub mod question;
pub mod results;
pub mod stats;
pub mod summary;

mod number;
mod report;
mod text;
mod words;

pub use code_cost::CodeCost;
pub use latency::Latency;
pub use model::{Experiment, Run};
pub use question::Question;
pub use results::Results;
pub use stats::verdict::{Outcome, Verdict};
pub use summary::{Error, Summary, write};
