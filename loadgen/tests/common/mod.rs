//! A shop in this process, reached by pipes: with tokio's clock stopped, what takes seconds takes none and is exact.
#![allow(dead_code, reason = "each test binary uses a part")]

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bookstore_loadgen::{Arrivals, Customers, Extent, Network, Options, Plan, Rate, Scenario, Spacing};
use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream};

/// A request, as the shop sees it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) method: String,
    /// With query.
    pub(crate) path: String,
    pub(crate) body: String,
    pub(crate) authorization: String,
    pub(crate) idempotency_key: String,
}

impl Seen {
    /// `PUT /api/v1/basket/items/1`.
    pub(crate) fn line(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

/// What the shop answers.
pub(crate) type Answer = (u16, String);

type Handler = dyn Fn(Seen) -> Pin<Box<dyn Future<Output = Answer> + Send>> + Send + Sync;

/// Leads to a handler.
#[derive(Clone)]
pub(crate) struct InProcess {
    handler: Arc<Handler>,
    seen: Arc<Mutex<Vec<Seen>>>,
    connections: Arc<Mutex<u64>>,
    /// After how long a connection is closed, whatever happens on it.
    limit: Duration,
    /// Whether connections are refused.
    closed: Arc<AtomicBool>,
}

impl InProcess {
    /// A server that answers by `handler`.
    pub(crate) fn new<F, A>(handler: F) -> Self
    where
        F: Fn(Seen) -> A + Send + Sync + 'static,
        A: Future<Output = Answer> + Send + 'static,
    {
        let handler = move |seen: Seen| Box::pin(handler(seen)) as Pin<Box<dyn Future<Output = Answer> + Send>>;
        Self {
            handler: Arc::new(handler),
            seen: Arc::default(),
            connections: Arc::default(),
            limit: Duration::from_secs(3_600),
            closed: Arc::default(),
        }
    }

    /// A shop of three books that sells without end. `change` may answer in its place.
    pub(crate) fn shop(change: impl Fn(&Seen) -> Option<Answer> + Send + Sync + 'static) -> Self {
        Self::new(move |seen| {
            let answer = change(&seen).unwrap_or_else(|| shop(&seen));
            async move {
                tokio::time::sleep(Duration::from_millis(1)).await;
                answer
            }
        })
    }

    /// The same, but closes each connection after `limit`.
    pub(crate) fn closing_after(self, limit: Duration) -> Self {
        Self { limit, ..self }
    }

    /// From here on no connection can be made.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
    }

    /// Listens on a free port of this machine: the URL.
    pub(crate) async fn listen(&self) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let this = self.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(this.clone().serve(stream));
            }
        });
        url
    }

    async fn serve(self, stream: impl AsyncRead + AsyncWrite + Unpin) {
        let limit = self.limit;
        let service = hyper::service::service_fn(move |request| {
            let this = self.clone();
            async move { Ok::<_, Infallible>(this.answer(request).await) }
        });
        let connection = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
        // Customers hang up when they like.
        let _ = tokio::time::timeout(limit, connection).await;
    }

    /// What was asked so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().expect("nobody panicked").clone()
    }

    /// Method and path of what was asked so far, but for preparation.
    pub(crate) fn lines(&self) -> Vec<String> {
        let prepares =
            |line: &str| line.contains("per_page") || line.ends_with("/users") || line.ends_with("/sessions");
        self.seen().iter().map(Seen::line).filter(|line| !prepares(line)).collect()
    }

    /// How many connections were made.
    pub(crate) fn connections(&self) -> u64 {
        *self.connections.lock().expect("nobody panicked")
    }

    /// Customers of this server, ready.
    pub(crate) async fn customers(&self, scenario: &Scenario, count: usize) -> Customers<Self> {
        let options =
            Options { customers: count.try_into().expect("more than none"), seed: 1, timeout: Duration::from_secs(10) };
        let target = "http://shop.test".parse().expect("a target");
        Customers::prepare_on(self.clone(), &target, scenario, options, &mut |_| {}).await.expect("customers")
    }
}

impl Network for InProcess {
    type Stream = TokioIo<DuplexStream>;

    async fn connect(&self) -> io::Result<Self::Stream> {
        if self.closed.load(Ordering::SeqCst) {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        *self.connections.lock().expect("nobody panicked") += 1;
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        tokio::spawn(self.clone().serve(theirs));
        Ok(TokioIo::new(ours))
    }
}

impl InProcess {
    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let header =
            |name: &str| request.headers().get(name).map_or("", |value| value.to_str().expect("text")).to_owned();
        let (authorization, idempotency_key) = (header("authorization"), header("idempotency-key"));
        let (method, path) = (request.method().to_string(), request.uri().to_string());
        let body = request.into_body().collect().await.expect("a whole request").to_bytes();
        let body = String::from_utf8(body.to_vec()).expect("text");
        let seen = Seen { method, path, body, authorization, idempotency_key };
        self.seen.lock().expect("nobody panicked").push(seen.clone());
        let (status, body) = (self.handler)(seen).await;
        let mut response = Response::new(Full::new(Bytes::from(body)));
        *response.status_mut() = StatusCode::from_u16(status).expect("a status");
        if matches!(status, 429 | 503) {
            response.headers_mut().insert("retry-after", HeaderValue::from_static("1"));
        }
        response
    }
}

/// What a shop of three books answers.
pub(crate) fn shop(seen: &Seen) -> Answer {
    let path = seen.path.split('?').next().unwrap_or_default();
    match (seen.method.as_str(), path) {
        ("GET", "/api/v1/books") => {
            let book = |id: u32| format!(r#"{{"id":{id},"title":"Book number{id}","subject":"S","year":1900}}"#);
            (200, format!(r#"{{"items":[{},{},{}],"page":1,"per_page":100,"total":3}}"#, book(1), book(2), book(3)))
        }
        ("POST", "/api/v1/users") => (201, "{}".to_owned()),
        ("POST", "/api/v1/sessions") => {
            let email = seen.body.split('"').find(|part| part.contains('@')).expect("an address");
            (201, format!(r#"{{"token":"token-of-{email}"}}"#))
        }
        ("POST", "/api/v1/orders") => (201, "{}".to_owned()),
        ("DELETE" | "PUT" | "GET", _) => (200, "{}".to_owned()),
        _ => (404, problem("about:blank")),
    }
}

/// The body of an error.
pub(crate) fn problem(kind: &str) -> String {
    format!(r#"{{"type":"{kind}","title":"A title","status":400}}"#)
}

/// A scenario of one visit with these steps, below what `more` says.
pub(crate) fn scenario(more: &str, steps: &str) -> Scenario {
    let text = format!("about = \"a\"\n{more}\n[[visit]]\nname = \"v\"\nsteps = [{steps}]\n");
    Scenario::parse("test", "test.toml", &text).expect("a scenario")
}

/// An open loop of evenly spaced visits.
pub(crate) fn open(rate: f64, seconds: u64) -> Plan {
    let length = Duration::from_secs(seconds);
    let schedule = Rate::Constant(rate).over(length).expect("a schedule");
    plan(Arrivals::Open { schedule, spacing: Spacing::Even }, Extent::For(length))
}

/// A closed loop.
pub(crate) fn closed(extent: Extent) -> Plan {
    plan(Arrivals::Closed, extent)
}

fn plan(arrivals: Arrivals, extent: Extent) -> Plan {
    Plan { arrivals, extent, first_visit: 0, observe_every: Duration::from_secs(1) }
}
