//! PostgreSQL by tokio-postgres, which gives each connection a task of its own: it is not the caller that writes.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use tokio::sync::{OnceCell, Semaphore};
use tokio_postgres::{Client, NoTls};

use crate::truth::{Call, Operation};

/// How connections are had.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Sharing {
    /// Opened when the process starts; all requests use them at once, and their statements are pipelined.
    Shared,
    /// Opened by the first request that needs one more; one request at a time has one.
    Pooled,
}

pub struct Db {
    url: String,
    service: &'static str,
    sharing: Sharing,
    shared: OnceCell<Vec<Client>>,
    next: AtomicUsize,
    idle: Mutex<Vec<Client>>,
    permits: Semaphore,
    /// Slots by the shape of request, so that each shape can be judged by itself: those that are free, and how many there are.
    slots: Mutex<HashMap<String, (Vec<usize>, usize)>>,
}

impl Db {
    /// The database that `DATABASE_URL` names, if any.
    pub async fn from_env(service: &'static str, sharing: Sharing) -> Option<Self> {
        let url = std::env::var("DATABASE_URL").ok().filter(|url| !url.is_empty())?;
        let (shared, idle, slots) = Default::default();
        let db =
            Self { url, service, sharing, shared, next: AtomicUsize::new(0), idle, permits: Semaphore::new(6), slots };
        if sharing == Sharing::Shared {
            db.shared().await;
        }
        Some(db)
    }

    /// A statement on behalf of a call.
    pub async fn query(&self, call: &Call) {
        let number = {
            let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
            let (free, all) = slots.entry(call.shape().to_owned()).or_default();
            free.pop().unwrap_or_else(|| {
                *all += 1;
                *all
            })
        };
        let slot = format!("{}-{}-{number}", self.service, call.shape());
        let text = format!("SELECT 1 /*slot='{slot}'*/");
        match self.sharing {
            Sharing::Shared => {
                let clients = self.shared().await;
                let client = &clients[self.next.fetch_add(1, Ordering::Relaxed) % clients.len()];
                let operation = Operation::statement(call, &text, &slot);
                client.simple_query(&text).await.expect("the statement is valid");
                operation.end();
            }
            Sharing::Pooled => {
                let _permit = self.permits.acquire().await.expect("it is never closed");
                let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
                let client = match idle {
                    Some(client) => client,
                    None => connect(&self.url).await,
                };
                let operation = Operation::statement(call, &text, &slot);
                client.query_typed(text.as_str(), &[]).await.expect("the statement is valid");
                operation.end();
                self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(client);
            }
        }
        // Of a statement that was dropped the slot is not free: it may be under way yet.
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        slots.entry(call.shape().to_owned()).or_default().0.push(number);
    }

    async fn shared(&self) -> &Vec<Client> {
        self.shared.get_or_init(|| async { vec![connect(&self.url).await, connect(&self.url).await] }).await
    }
}

async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.expect("the database answers");
    tokio::spawn(connection);
    client
}
