//! Judges a tracer by the truth.
