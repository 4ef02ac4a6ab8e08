//! The state of connection pools, read at each collection of metrics.

use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry_semantic_conventions::{attribute as name, metric};

use super::{Database, PoolState};
use crate::live;
use crate::series::{self, Series};

/// A database that this process uses, with the names that its spans and series have in common.
#[derive(Debug)]
pub(super) struct Served {
    pub(super) database: Database,
    pub(super) namespace: &'static str,
    pub(super) address: Option<&'static str>,
    /// How long its connections were waited for.
    waits: Series<()>,
}

/// Most databases of one process. A service has one.
const MOST: usize = 256;

/// The database, as one that is remembered for the life of the process. None when there are too many.
pub(super) fn served(database: &Database) -> Option<&'static Served> {
    static KNOWN: RwLock<Vec<&'static Served>> = RwLock::new(Vec::new());
    let of = |known: &[&'static Served]| known.iter().find(|served| served.database == *database).copied();
    if let Some(served) = of(&KNOWN.read().unwrap_or_else(PoisonError::into_inner)) {
        return Some(served);
    }
    let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
    if let Some(served) = of(&known) {
        return Some(served);
    }
    if known.len() >= MOST {
        return None;
    }
    let served: &'static Served = Box::leak(Box::new(Served {
        database: database.clone(),
        namespace: series::for_good(database.namespace.clone()),
        address: database.server_address.clone().map(series::for_good),
        waits: Series::default(),
    }));
    known.push(served);
    Some(served)
}

/// `db.client.connection.pool.name`, in the form that the conventions advise.
fn pool_name(database: &Database) -> String {
    match (&database.server_address, database.server_port) {
        (Some(address), Some(port)) => format!("{address}:{port}/{}", database.namespace),
        (Some(address), None) => format!("{address}/{}", database.namespace),
        _ => database.namespace.clone(),
    }
}

/// Exports the state of a pool, read at each collection of metrics.
pub fn observe_pool(database: &Database, read: impl Fn() -> PoolState + Send + Sync + 'static) {
    let Some(live) = live::get() else { return };
    let read = std::sync::Arc::new(read);
    let pool = KeyValue::new(name::DB_CLIENT_CONNECTION_POOL_NAME, pool_name(database));
    let state = |state: &'static str| [pool.clone(), KeyValue::new(name::DB_CLIENT_CONNECTION_STATE, state)];

    let (used, idle, state_of) = (state("used"), state("idle"), std::sync::Arc::clone(&read));
    live.meter
        .i64_observable_up_down_counter(metric::DB_CLIENT_CONNECTION_COUNT)
        .with_unit("{connection}")
        .with_description("Connections by state.")
        .with_callback(move |observer| {
            let state = state_of();
            observer.observe(i64::from(state.used), &used);
            observer.observe(i64::from(state.idle), &idle);
        })
        .build();
    let (attributes, state_of) = ([pool.clone()], std::sync::Arc::clone(&read));
    live.meter
        .i64_observable_up_down_counter(metric::DB_CLIENT_CONNECTION_MAX)
        .with_unit("{connection}")
        .with_description("Most connections that may be open.")
        .with_callback(move |observer| observer.observe(i64::from(state_of().max), &attributes))
        .build();
    let attributes = [pool];
    live.meter
        .i64_observable_up_down_counter(metric::DB_CLIENT_CONNECTION_PENDING_REQUESTS)
        .with_unit("{request}")
        .with_description("Requests waiting for a connection.")
        .with_callback(move |observer| {
            if let Some(pending) = read().pending {
                observer.observe(i64::from(pending), &attributes);
            }
        })
        .build();
}

/// Records how long a connection was waited for.
pub fn record_pool_wait(database: &Database, wait: Duration) {
    let Some(live) = live::get() else { return };
    let Some(served) = served(database) else { return };
    let make = || ((), vec![KeyValue::new(name::DB_CLIENT_CONNECTION_POOL_NAME, pool_name(database))]);
    served.waits.record(&live.instruments.pool_wait, wait, |()| true, make);
}
