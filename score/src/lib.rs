//! Judges a tracer by the truth: what the services wrote down of each operation, by an argument of their code, is held
//! against the spans that a tracer made of the same requests. It knows no service, route or port; docs/method.md is
//! its manual.
//!
//! # Layout, in the order in which a score comes about
//!
//! * [`files`]: from paths to a report, as the command does it
//! * [`truth`]: what happened, read from JSON lines
//! * [`spans`]: what the tracer says, from OTLP messages or JSON lines, made small
//! * `identity`: which operation of the truth a span is
//! * `forest`: which span is above which, through those that are only passed
//! * [`mod@judge`]: which links are right; `words` says in a sentence which are not
//! * [`verdict`]: what came of one run
//! * [`statistics`]: intervals for proportions over several runs
//! * [`report`]: several runs together, as JSON; `table` shows it to people
//! * [`thresholds`]: what a report is asked to keep
//! * `lines`, `names`: lines that say where they are wrong, and texts kept once

pub mod files;
pub mod judge;
pub mod report;
pub mod spans;
pub mod statistics;
pub mod thresholds;
pub mod truth;
pub mod verdict;

mod forest;
mod identity;
mod lines;
mod names;
mod table;
mod words;

pub use judge::{Mismatch, judge};
pub use lines::ReadError;
pub use report::{Report, Setting};
pub use spans::Spans;
pub use thresholds::{Threshold, Thresholds};
pub use truth::Truth;
pub use verdict::{EdgeKind, SpanKind, Verdict};
