//! OTLP in: HTTP and gRPC are two ways to the same three functions.
//!
//! * `signal`: what is done with a request of each signal
//! * [`http`]: `POST /v1/{traces,metrics,logs}`, protobuf or JSON
//! * [`grpc`]: the three `Export` services
//! * [`gate`]: how many requests are worked on at once, and for how long

pub(crate) mod gate;
pub(crate) mod grpc;
pub(crate) mod http;
mod signal;

pub(crate) use signal::{Batch, Logs, Metrics, Signal, Traces, take_protobuf, unix_nano};

/// `google.rpc.Code`, as far as it is used.
pub(crate) mod code {
    pub(crate) const INVALID_ARGUMENT: i32 = 3;
    pub(crate) const DEADLINE_EXCEEDED: i32 = 4;
    pub(crate) const RESOURCE_EXHAUSTED: i32 = 8;
    pub(crate) const UNAVAILABLE: i32 = 14;
}
