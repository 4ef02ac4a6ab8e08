//! What instrumentation costs.
