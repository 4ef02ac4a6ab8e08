//! What is on in this process: set once by [`init`](crate::init), read by every layer.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use opentelemetry::metrics::Meter;
use opentelemetry_sdk::trace::SdkTracer;

use crate::instruments::Instruments;
use crate::propagation::Propagator;

/// What the layers need.
#[derive(Debug)]
pub(crate) struct Live {
    /// Makes the spans of the protocol layers.
    pub(crate) tracer: SdkTracer,
    /// How context travels.
    pub(crate) propagator: Propagator,
    /// Makes the shop's own instruments.
    pub(crate) meter: Meter,
    /// The conventional instruments.
    pub(crate) instruments: Instruments,
    /// Request headers that server spans show.
    pub(crate) captured_headers: Vec<http::HeaderName>,
    /// Whether spans carry the request id and hop.
    pub(crate) record_calls: bool,
}

static LIVE: OnceLock<Live> = OnceLock::new();
static ON: AtomicBool = AtomicBool::new(false);

/// What is on; none before `init`, after shutdown, and when telemetry is disabled.
pub(crate) fn get() -> Option<&'static Live> {
    if ON.load(Ordering::Relaxed) { LIVE.get() } else { None }
}

/// Turns telemetry on. False when it was on before: a process has one telemetry.
pub(crate) fn set(live: Live) -> bool {
    let first = LIVE.set(live).is_ok();
    if first {
        ON.store(true, Ordering::Release);
    }
    first
}

/// Turns telemetry off.
pub(crate) fn unset() {
    ON.store(false, Ordering::Release);
}
