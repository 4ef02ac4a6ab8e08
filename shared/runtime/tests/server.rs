//! What the server does with every request, over real sockets.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::{get, post};
use bookstore_runtime::call::Edge;
use bookstore_runtime::http_client::{HttpClient, HttpError};
use bookstore_runtime::server::{Limits, Server};
use bookstore_runtime::{Call, Drain, Problem};
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Response, StatusCode};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

struct Running {
    url: String,
    drain: Drain,
    served: JoinHandle<()>,
}

async fn start(server: Server) -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let drain = Drain::default();
    let served = tokio::spawn(server.serve(listener, drain.clone()));
    Running { url, drain, served }
}

impl Running {
    async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Response {
        let mut request = reqwest::Client::new().get(format!("{}{path}", self.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.unwrap()
    }
}

async fn problem(response: Response) -> Value {
    assert_eq!(response.headers()[CONTENT_TYPE], "application/problem+json");
    response.json().await.unwrap()
}

/// A route that says it was reached and waits to be let go.
fn gate() -> (Router, Arc<Notify>, Arc<Notify>) {
    let (reached, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (r, g) = (Arc::clone(&reached), Arc::clone(&go));
    let handler = move || {
        let (reached, go) = (Arc::clone(&r), Arc::clone(&g));
        async move {
            reached.notify_one();
            go.notified().await;
            "done"
        }
    };
    (Router::new().route("/gate", get(handler.clone()).post(handler)), reached, go)
}

#[tokio::test]
async fn every_answer_names_its_request() {
    let router = Router::new()
        .route("/fine", get(|| async { "fine" }))
        .route("/bad", get(|| async { Problem::invalid("no").with("field", "q") }));
    let server = start(Server::http(router).edge(Edge::Public)).await;

    let fine = server.get("/fine", &[("x-request-id", "mine-1")]).await;
    assert_eq!(fine.headers()["x-request-id"], "mine-1");
    let made = server.get("/fine", &[("x-request-id", &"x".repeat(5_000))]).await;
    assert_eq!(made.headers()["x-request-id"].len(), 32);

    let bad = server.get("/bad", &[("x-request-id", "mine-2")]).await;
    assert_eq!(
        (bad.status(), &bad.headers()["x-request-id"]),
        (StatusCode::UNPROCESSABLE_ENTITY, &"mine-2".parse().unwrap())
    );
    let bad = problem(bad).await;
    assert_eq!((&bad["request_id"], &bad["field"], &bad["status"]), (&"mine-2".into(), &"q".into(), &422.into()));

    let nothing = server.get("/nothing", &[("x-request-id", "mine-3")]).await;
    assert_eq!(nothing.status(), StatusCode::NOT_FOUND);
    assert_eq!(problem(nothing).await["request_id"], "mine-3");
    let method = reqwest::Client::new().delete(format!("{}/fine", server.url)).send().await.unwrap();
    assert_eq!(
        (method.status(), &method.headers()["allow"]),
        (StatusCode::METHOD_NOT_ALLOWED, &"GET,HEAD".parse().unwrap())
    );
    assert_eq!(problem(method).await["status"], 405);
}

#[tokio::test]
async fn what_is_too_much_is_shed_and_health_still_answers() {
    let (router, reached, go) = gate();
    let server = start(Server::http(router).limits(Limits { in_flight: 1, ..Limits::default() })).await;
    let url = format!("{}/gate", server.url);
    let first = tokio::spawn(async move { reqwest::get(url).await.unwrap() });
    reached.notified().await;

    let shed = server.get("/gate", &[]).await;
    assert_eq!((shed.status(), &shed.headers()[RETRY_AFTER]), (StatusCode::SERVICE_UNAVAILABLE, &"1".parse().unwrap()));
    problem(shed).await;
    let grpc = reqwest::Client::new().post(format!("{}/gate", server.url)).header(CONTENT_TYPE, "application/grpc");
    let grpc = grpc.send().await.unwrap();
    // UNAVAILABLE, in the form that gRPC reads.
    assert_eq!((grpc.status(), &grpc.headers()["grpc-status"]), (StatusCode::OK, &"14".parse().unwrap()));
    for path in ["/livez", "/readyz"] {
        assert_eq!(server.get(path, &[]).await.status(), StatusCode::OK);
    }

    go.notify_one();
    assert_eq!(first.await.unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn a_handler_ends_when_nobody_waits_for_it_any_more() {
    let (router, _reached, _go) = gate();
    let server = start(Server::http(router)).await;
    let late = server.get("/gate", &[("x-timeout-ms", "30")]).await;
    assert_eq!(late.status(), StatusCode::GATEWAY_TIMEOUT);
    problem(late).await;
    let grpc = reqwest::Client::new()
        .post(format!("{}/gate", server.url))
        .header(CONTENT_TYPE, "application/grpc")
        .header("grpc-timeout", "30m");
    // DEADLINE_EXCEEDED.
    assert_eq!(grpc.send().await.unwrap().headers()["grpc-status"], "4");
}

#[tokio::test]
async fn a_handler_that_panics_answers_all_the_same() {
    async fn broken() -> &'static str {
        panic!("planted")
    }
    let server = start(Server::http(Router::new().route("/broken", get(broken).post(broken)))).await;
    let answer = server.get("/broken", &[]).await;
    assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert!(!problem(answer).await.to_string().contains("planted"));
    let grpc = reqwest::Client::new().post(format!("{}/broken", server.url)).header(CONTENT_TYPE, "application/grpc");
    // INTERNAL.
    assert_eq!(grpc.send().await.unwrap().headers()["grpc-status"], "13");
}

#[tokio::test]
async fn bodies_and_headers_have_a_largest_size() {
    let router = Router::new().route("/", post(|body: String| async move { body.len().to_string() }));
    let server = start(Server::http(router).limits(Limits { body_bytes: 1_000, ..Limits::default() })).await;
    let client = reqwest::Client::new();
    let send = |bytes: usize| client.post(&server.url).body("x".repeat(bytes)).send();
    assert_eq!(send(1_000).await.unwrap().status(), StatusCode::OK);
    let large = send(1_001).await.unwrap();
    assert_eq!(large.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(large.headers()["connection"], "close");
    problem(large).await;
    let headers = server.get("/", &[("x-large", &"x".repeat(40_000))]).await;
    assert_eq!(headers.status(), StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
}

/// The clock is put forward whenever everybody waits.
#[tokio::test(start_paused = true)]
async fn who_says_too_little_loses_its_place() {
    let server = start(Server::http(Router::new())).await;
    // "P" may become a POST or the preface of HTTP/2.
    for said in ["", "P", "GET / HTTP/1.1\r\nhost:"] {
        let mut client = TcpStream::connect(server.url.trim_start_matches("http://")).await.unwrap();
        client.write_all(said.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let ended = tokio::time::timeout(Duration::from_secs(60), client.read_to_end(&mut answer)).await;
        assert!(ended.is_ok(), "{said:?}");
    }
}

#[tokio::test]
async fn what_is_under_way_is_finished_and_nothing_new_begun() {
    let (router, reached, go) = gate();
    let server = start(Server::http(router)).await;
    let url = format!("{}/gate", server.url);
    let under_way = tokio::spawn(async move { reqwest::get(url).await.unwrap().text().await.unwrap() });
    reached.notified().await;
    server.drain.begin();
    // The listener goes first: from then on a new connection is refused.
    while TcpStream::connect(server.url.trim_start_matches("http://")).await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert!(!server.served.is_finished());
    go.notify_one();
    assert_eq!(under_way.await.unwrap(), "done");
    server.served.await.unwrap();
}

#[tokio::test]
async fn a_call_goes_on_with_its_hop_and_less_time() {
    let echo =
        |call: Call| async move { format!("{} {} {}", call.request_id(), call.hop(), call.remaining().as_millis()) };
    let inner = start(Server::http(Router::new().route("/echo/{what}", get(echo)))).await;
    let client = HttpClient::new(&inner.url).unwrap();
    let call = Call::new_root(Duration::from_millis(800));
    for expected in ["1.1", "1.2"] {
        let said = client.get("/echo/{what}", &["a/b c"]).send(&call).await.unwrap().text().await.unwrap();
        let parts: Vec<_> = said.split(' ').collect();
        assert_eq!(parts[..2], [call.request_id(), expected]);
        assert!(parts[2].parse::<u32>().unwrap() <= 800, "{said}");
    }
    let over = Call::new_root(Duration::ZERO);
    assert!(matches!(client.get("/echo/{what}", &["x"]).send(&over).await, Err(HttpError::Timeout)));
}

#[tokio::test]
async fn an_error_tells_why_and_not_what_was_asked_for() {
    // Bound, and so nobody else's; not listening, and so refusing.
    let nobody = tokio::net::TcpSocket::new_v4().unwrap();
    nobody.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let client = HttpClient::new(&format!("http://{}", nobody.local_addr().unwrap())).unwrap();
    let call = Call::new_root(Duration::from_secs(5));
    let error = client.get("/books", &[]).query("q", "something-private").send(&call).await.unwrap_err();
    assert!(matches!(error, HttpError::Unreachable(_)), "{error}");
    assert!(!format!("{error} {error:?}").contains("private"), "{error:?}");
    assert!(error.to_string().contains("refused"), "{error}");
}

#[tokio::test]
async fn only_idempotent_calls_are_made_again() {
    let asked = Arc::new(std::sync::atomic::AtomicU32::new(0));
    let counter = Arc::clone(&asked);
    let flaky = move || {
        let n = counter.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        async move { if n.is_multiple_of(2) { Err(Problem::unavailable("not now")) } else { Ok(axum::Json(n)) } }
    };
    let server = start(Server::http(Router::new().route("/", get(flaky)))).await;
    let client = HttpClient::new(&server.url).unwrap();
    let call = Call::new_root(Duration::from_secs(5));
    let once = client.get("/", &[]).fetch::<u32>(&call).await.unwrap_err();
    assert_eq!(once.status(), Some(StatusCode::SERVICE_UNAVAILABLE));
    let HttpError::Status { retry_after_s, problem: Some(problem), .. } = once else { panic!("{once}") };
    assert_eq!((retry_after_s, problem.detail_text()), (Some(1), Some("not now")));
    // Even attempts fail: the first of these succeeds at once, the next needs a second attempt.
    let made_before = asked.load(std::sync::atomic::Ordering::SeqCst);
    for _ in 0..2 {
        client.get("/", &[]).fetch_idempotent::<u32>(&call).await.unwrap();
    }
    assert_eq!(asked.load(std::sync::atomic::Ordering::SeqCst) - made_before, 3);
}
