//! The state of connection pools, read at each collection of metrics.

use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry_semantic_conventions::{attribute as name, metric};

use super::{Database, PoolState};
use crate::{instruments, live};

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
    let pool = KeyValue::new(name::DB_CLIENT_CONNECTION_POOL_NAME, pool_name(database));
    instruments::record(&live.instruments.pool_wait, wait, [Some(pool)]);
}
