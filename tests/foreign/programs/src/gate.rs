//! An axum service in front, with a route for each way to ask others.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::sync::{OnceCell, mpsc, oneshot};
use tonic::transport::Channel;

use crate::http1::Tide;
use crate::truth::{Call, Operation};
use crate::{db::Db, db::Sharing, rpc};

const POST: &str = "/harbour.Ledger/Post";
const FAN: &str = "/harbour.Ledger/Fan";

type Job = (Call, oneshot::Sender<()>);

struct Shared {
    buoy: Tide,
    tide: Tide,
    ledger: Channel,
    db: Option<Db>,
    actor: OnceCell<mpsc::UnboundedSender<Job>>,
}

impl Shared {
    async fn query(&self, call: &Call) {
        if let Some(db) = &self.db {
            db.query(call).await;
        }
    }
}

type Gate = State<Arc<Shared>>;

/// One call after the other.
async fn sequence(gate: &Arc<Shared>, call: &Call) {
    gate.tide.level(call, 0).await;
    rpc::unary(&gate.ledger, call, POST).await;
    gate.query(call).await;
    rpc::unary(&gate.ledger, call, FAN).await;
}

/// All at once, in one task.
async fn join(gate: &Arc<Shared>, call: &Call) {
    tokio::join!(
        gate.tide.level(call, 0),
        rpc::unary(&gate.ledger, call, POST),
        gate.query(call),
        rpc::unary(&gate.ledger, call, FAN),
        gate.tide.level(call, 1),
    );
}

/// All at once, in a task each.
async fn spawn(gate: &Arc<Shared>, call: &Call) {
    let (shared, its) = (Arc::clone(gate), call.clone());
    let tide = tokio::spawn(async move { shared.tide.level(&its, 0).await });
    let (shared, its) = (Arc::clone(gate), call.clone());
    let ledger = tokio::spawn(async move { rpc::unary(&shared.ledger, &its, POST).await });
    let (shared, its) = (Arc::clone(gate), call.clone());
    let db = tokio::spawn(async move { shared.query(&its).await });
    for task in [tide, ledger, db] {
        task.await.expect("no panic");
    }
}

/// Two at once, of which the slower one is dropped.
async fn select(gate: &Arc<Shared>, call: &Call) {
    tokio::select! {
        () = gate.tide.level(call, 3) => {}
        () = gate.tide.level(call, 0) => {}
    }
    tokio::select! {
        () = rpc::unary(&gate.ledger, call, FAN) => {}
        () = rpc::unary(&gate.ledger, call, POST) => {}
    }
    gate.tide.level(call, 0).await;
    rpc::unary(&gate.ledger, call, POST).await;
}

/// Streams of gRPC in both directions.
async fn stream(gate: &Arc<Shared>, call: &Call) {
    rpc::watch(&gate.ledger, call).await;
    rpc::sum(&gate.ledger, call).await;
}

/// By a task that was spawned by the first request of this kind, and works for all of them.
async fn actor(gate: &Arc<Shared>, call: &Call) {
    let jobs = gate.actor.get_or_init(|| async {
        let (sender, mut receiver) = mpsc::unbounded_channel::<Job>();
        let shared = Arc::clone(gate);
        tokio::spawn(async move {
            while let Some((call, done)) = receiver.recv().await {
                shared.tide.level(&call, 0).await;
                rpc::unary(&shared.ledger, &call, POST).await;
                let _dropped = done.send(());
            }
        });
        sender
    });
    let (sender, receiver) = oneshot::channel();
    let _never = jobs.await.send((call.clone(), sender));
    receiver.await.expect("the actor works");
}

/// By a task that goes on when the answer has been sent.
async fn detached(gate: &Arc<Shared>, call: &Call) {
    let (shared, its) = (Arc::clone(gate), call.clone());
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(2)).await;
        shared.tide.level(&its, 0).await;
        rpc::unary(&shared.ledger, &its, POST).await;
        shared.query(&its).await;
    });
}

/// Through another that asks in its turn.
async fn relay(gate: &Arc<Shared>, call: &Call) {
    gate.buoy.get(call, "/relay").await;
}

macro_rules! route {
    ($shape:ident) => {
        get(|State(gate): Gate, headers: HeaderMap| async move {
            let call = Call::of(&headers).expect("a request id and a hop");
            let operation = Operation::received(&call, "http");
            $shape(&gate, &call).await;
            operation.end();
            "open"
        })
    };
}

pub async fn serve(listener: TcpListener) {
    let ledger = std::env::var("LEDGER_URL").expect("LEDGER_URL names the ledger");
    let shared = Shared {
        buoy: Tide::from_env("BUOY_URL"),
        tide: Tide::from_env("TIDE_URL"),
        ledger: Channel::from_shared(ledger).expect("a URL").connect_lazy(),
        db: Db::from_env("gate", Sharing::Pooled).await,
        actor: OnceCell::new(),
    };
    let router = Router::new()
        .route("/sequence", route!(sequence))
        .route("/join", route!(join))
        .route("/spawn", route!(spawn))
        .route("/select", route!(select))
        .route("/stream", route!(stream))
        .route("/actor", route!(actor))
        .route("/detached", route!(detached))
        .route("/relay", route!(relay))
        .with_state(Arc::new(shared));
    axum::serve(listener, router).await.expect("the gate serves");
}
