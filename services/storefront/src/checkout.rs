//! The checkout saga: a purchase across four services that is done as a whole or not at all.
//!
//! ```text
//! price → reserve → authorise → capture → commit → confirm → done
//!    │        │          │          │
//!    │        └─► release ◄── void ◄┘            (back: what may have been done is undone)
//!    └─────────────► undone
//! ```
//!
//! Layout:
//!
//! * `machine`: which step follows which answer. Pure.
//! * `steps`: what a step asks of the other services, and what their answers mean.
//! * `runner`: runs one saga: records each step before it is done, under a lease.
//! * `place`: the way in: an order is placed, or one that was placed before is answered again.
//! * `sweeper`: finishes or undoes sagas whose owner is gone.

pub(crate) mod machine;
mod place;
mod runner;
mod steps;
mod sweeper;

use std::sync::Arc;

use bookstore_runtime::Drain;
use tokio_util::task::TaskTracker;

use crate::Secret;
use crate::config::SagaConfig;
use crate::store::Store;
use crate::upstream::Upstreams;

/// Runs purchases. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Checkout {
    store: Store,
    upstreams: Upstreams,
    secret: Secret,
    config: SagaConfig,
    /// Names this process in leases: no other process, and none before it, has the same name.
    owner: Arc<str>,
    drain: Drain,
    /// Sagas under way: the process ends when they have.
    running: TaskTracker,
}

impl Checkout {
    pub(crate) fn new(store: Store, upstreams: Upstreams, secret: Secret, config: SagaConfig, drain: Drain) -> Self {
        let owner = Arc::from(uuid::Uuid::new_v4().to_string());
        Self { store, upstreams, secret, config, owner, drain, running: TaskTracker::new() }
    }

    /// Resolves when no saga is under way here any more.
    pub(crate) async fn finished(&self) {
        self.running.close();
        self.running.wait().await;
    }
}
