//! What can be said about a ratio from a few noisy pairs.
//!
//! In each round every mode runs once, so a round gives one log-ratio of a mode to the baseline, and whatever the whole
//! machine went through in that round is in both and cancels out. Everything here works on these log-ratios, one a round:
//!
//! * [`interval`]: which ratios are plausible (bootstrap by round)
//! * [`flip`]: how often chance alone would give as much (exact, whatever the noise looks like)
//! * [`verdict`]: what to say
//! * [`rank`]: whether something goes up or down in time

pub mod flip;
pub mod interval;
pub mod rank;
pub mod verdict;
