//! The four services that the storefront asks, as small as their contracts allow.

mod catalog;
mod inventory;
mod payment;
mod user;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use bookstore_runtime::Drain;
use bookstore_runtime::server::Server;
use bookstore_storefront::config::ServiceUrls;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tonic::Status;

pub(crate) use inventory::Held;
pub(crate) use payment::Money;

/// What is wrong with a call.
#[derive(Clone, Debug)]
enum Fault {
    /// It is not done.
    Down,
    /// It is done, and not answered.
    Silent,
    /// It waits for the gate, and then is done.
    Gated(watch::Receiver<bool>),
    /// It is not answered, but once the gate is open, it is done.
    Late(watch::Receiver<bool>),
}

/// Lets calls through once it is opened, or dropped.
#[derive(Debug)]
pub(crate) struct Gate(watch::Sender<bool>);

impl Gate {
    pub(crate) fn open(&self) {
        self.0.send_replace(true);
    }

    /// Whether every call that waited at it has passed.
    pub(crate) fn is_passed(&self) -> bool {
        self.0.is_closed()
    }
}

/// What the services know.
#[derive(Debug, Default)]
pub(crate) struct World {
    faults: HashMap<&'static str, Fault>,
    /// How often each call arrived.
    asked: HashMap<&'static str, u32>,
    /// On hand, by book.
    pub(crate) stock: HashMap<i64, i64>,
    pub(crate) reservations: HashMap<String, Held>,
    pub(crate) payments: HashMap<String, Money>,
    users: user::Users,
}

/// The services, running. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Upstreams {
    world: Arc<Mutex<World>>,
    /// Changes with each call that arrives.
    arrivals: watch::Sender<u64>,
    drain: Drain,
}

impl Upstreams {
    /// Starts them all.
    pub(crate) async fn start() -> (Self, ServiceUrls) {
        let this = Self { world: Arc::default(), arrivals: watch::Sender::new(0), drain: Drain::default() };
        this.world().stock = catalog::BOOKS.iter().map(|book| (book.0, 10)).collect();
        let urls = ServiceUrls {
            catalog: this.serve(Server::http(catalog::routes(this.clone()))).await,
            user: this.serve(Server::http(user::routes(this.clone()))).await,
            inventory: this.serve(Server::grpc(inventory::routes(this.clone()), Vec::new())).await,
            payment: this.serve(Server::grpc(payment::routes(this.clone()), Vec::new())).await,
        };
        (this, urls)
    }

    async fn serve(&self, server: Server) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(server.serve(listener, self.drain.clone()));
        url
    }

    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }

    /// From now on this call is not done.
    pub(crate) fn down(&self, call: &'static str) {
        self.world().faults.insert(call, Fault::Down);
    }

    /// From now on this call is done but not answered.
    pub(crate) fn silent(&self, call: &'static str) {
        self.world().faults.insert(call, Fault::Silent);
    }

    /// From now on this call waits until the gate is opened.
    pub(crate) fn gate(&self, call: &'static str) -> Gate {
        let (sender, receiver) = watch::channel(false);
        self.world().faults.insert(call, Fault::Gated(receiver));
        Gate(sender)
    }

    /// From now on this call is not answered, and done only when the gate is opened.
    pub(crate) fn late(&self, call: &'static str) -> Gate {
        let (sender, receiver) = watch::channel(false);
        self.world().faults.insert(call, Fault::Late(receiver));
        Gate(sender)
    }

    /// From now on this call is done and answered.
    pub(crate) fn heal(&self, call: &'static str) {
        self.world().faults.remove(call);
    }

    /// How often this call arrived.
    pub(crate) fn asked(&self, call: &'static str) -> u32 {
        self.world().asked.get(call).copied().unwrap_or(0)
    }

    /// Waits until this call has arrived that often.
    pub(crate) async fn arrived(&self, call: &'static str, times: u32) {
        let mut arrivals = self.arrivals.subscribe();
        while self.asked(call) < times {
            arrivals.changed().await.unwrap();
        }
    }

    /// Does a call as the faults want it.
    async fn answer<T: Send + 'static>(
        &self,
        call: &'static str,
        effect: impl FnOnce(&mut World) -> T + Send + 'static,
    ) -> Result<T, Status> {
        let fault = {
            let mut world = self.world();
            *world.asked.entry(call).or_default() += 1;
            world.faults.get(call).cloned()
        };
        self.arrivals.send_modify(|count| *count += 1);
        let unavailable = || Status::unavailable("told to fail");
        match fault {
            None => Ok(effect(&mut self.world())),
            Some(Fault::Down) => Err(unavailable()),
            Some(Fault::Silent) => {
                effect(&mut self.world());
                Err(unavailable())
            }
            Some(Fault::Gated(mut gate)) => {
                let _ = gate.wait_for(|open| *open).await;
                Ok(effect(&mut self.world()))
            }
            Some(Fault::Late(mut gate)) => {
                let this = self.clone();
                // Whoever asked may be gone long before.
                tokio::spawn(async move {
                    let _ = gate.wait_for(|open| *open).await;
                    effect(&mut this.world());
                });
                Err(unavailable())
            }
        }
    }
}

/// Of the services over HTTP.
fn http_answer<T>(answer: Result<T, Status>) -> Result<T, axum::http::StatusCode> {
    answer.map_err(|_| axum::http::StatusCode::SERVICE_UNAVAILABLE)
}

/// Routes of a service over HTTP.
fn http(upstreams: Upstreams, routes: Router<Upstreams>) -> Router {
    routes.with_state(upstreams)
}
