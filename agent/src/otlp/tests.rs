//! What spans say, held against the services' own telemetry.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use bookstore_otlp::common::Value;
use prost::Message as _;

use super::*;
use crate::trace::Reason;
use crate::wire::sql::{Sent, Statement};
use crate::wire::{End, Response, SqlRequest};

fn edge() -> Edge {
    let address = |host, port| SocketAddr::from(([10, 0, 0, host], port));
    Edge { client: address(1, 50_000), server: address(2, 8080), sequence: 1, stream: 0 }
}

fn span(side: Side, request: Request, response: Option<Response>, outcome: Option<End>) -> LocalSpan {
    let service = Service { name: "shop".to_owned(), pid: 7, executable: "shop".to_owned() };
    LocalSpan {
        id: 1,
        service: Arc::new(service),
        side,
        parent: None,
        reason: (side == Side::Client).then_some(Reason::SameTask),
        edge: edge(),
        start: 100,
        end: 200,
        request,
        response,
        outcome,
    }
}

fn http(method: &str, target: &str) -> Request {
    let headers = vec![
        ("user-agent", "curl/8".to_owned()),
        ("x-request-id", "r-1".to_owned()),
        ("traceparent", "00-1-2-01".to_owned()),
    ];
    let (method, target, authority) = (method.to_owned(), target.to_owned(), "shop.example:80".to_owned());
    Request::Http(Box::new(HttpRequest { method, target, authority, version: "1.1", headers, ends: true }))
}

fn grpc(target: &str) -> Request {
    let headers = vec![("content-type", "application/grpc+proto".to_owned()), ("x-hop", "1.1".to_owned())];
    let (method, target, authority) = ("POST".to_owned(), target.to_owned(), "stock.example".to_owned());
    Request::Http(Box::new(HttpRequest { method, target, authority, version: "2", headers, ends: false }))
}

fn sql(text: &str, sent: Sent) -> Request {
    let statement = Statement::read(text, sent).map(Arc::new);
    Request::Sql(Box::new(SqlRequest { statement, database: Some("books".into()) }))
}

fn status(status: u16) -> Option<Response> {
    Some(Response::Http { status, headers: vec![("x-request-id", "r-1".to_owned())] })
}

fn whole() -> Option<End> {
    Some(End::default())
}

fn with_code(code: u32) -> Option<End> {
    Some(End { grpc_status: Some(code), ..End::default() })
}

fn reset(code: u32, by: Direction) -> Option<End> {
    Some(End { reset: Some((code, by)), ..End::default() })
}

/// A span as it is sent: its name, its attributes as text, and whether it is an error.
struct Exported {
    name: String,
    attributes: BTreeMap<String, String>,
    is_error: bool,
}

impl Exported {
    fn get(&self, name: &str) -> Option<&str> {
        self.attributes.get(name).map(String::as_str)
    }
}

fn send(encoder: &mut Encoder, local: LocalSpan) -> Exported {
    let span = Span { trace_id: 1, span_id: 2, parent_id: 0, local };
    let batch = encoder.batch(&[span], 1_000);
    let mut request = batch.read().expect("it is one");
    assert_eq!(batch.encode_to_vec(), request.encode_to_vec(), "it is written as all messages are");
    let mut resource = request.resource_spans.remove(0);
    assert_eq!(resource.schema_url, SCHEMA_URL);
    assert_eq!(resource.scope_spans[0].schema_url, SCHEMA_URL);
    let message = resource.scope_spans.remove(0).spans.remove(0);
    let mut attributes = BTreeMap::new();
    for KeyValue { key, value } in message.attributes {
        let text = match value.and_then(|value| value.value).unwrap() {
            Value::StringValue(text) => text,
            Value::IntValue(number) => number.to_string(),
            Value::BoolValue(is) => is.to_string(),
            Value::ArrayValue(list) => format!("{list:?}"),
            other => panic!("{other:?}"),
        };
        assert_eq!(attributes.insert(key.clone(), text), None, "{key} twice");
    }
    let is_error = message.status.is_some_and(|status| status.code == 2);
    assert_eq!(is_error, attributes.contains_key("error.type"));
    Exported { name: message.name, attributes, is_error }
}

fn sent(local: LocalSpan) -> Exported {
    send(&mut Encoder::default(), local)
}

/// The attributes that a source of the services' telemetry names, as the constants of the conventions are called.
fn named(source: &str) -> BTreeSet<String> {
    let constants = source.split("name::").skip(1);
    let constant =
        |text: &str| text.split(|it: char| !(it.is_ascii_uppercase() || it == '_')).next().unwrap().to_owned();
    constants.map(constant).filter(|name| !name.is_empty()).collect()
}

/// Every attribute that the services' own spans have is on the agent's: that is why their sources are read. And what else
/// the agent's have is known.
#[test]
fn each_kind_says_what_the_services_own_telemetry_says_of_it() {
    let client = Side::Client;
    let server = Side::Server;
    let select = "SELECT id FROM books WHERE id = $1";
    let failed = Some(End { sql_error: Some("23505".to_owned()), ..End::default() });
    let read = Some(End { rows: Some(3), ..End::default() });
    let extended = Sent { extended: true, cut: false };
    let own = ["NETWORK_PEER_ADDRESS", "NETWORK_PEER_PORT", "NETWORK_LOCAL_PORT", "BOOKSTORE_CANCELLED"];
    let headers = ["HTTP_REQUEST_HEADER_X-REQUEST-ID", "HTTP_RESPONSE_HEADER_X-REQUEST-ID"];
    let metadata = ["RPC_REQUEST_METADATA_X-HOP", "RPC_RESPONSE_METADATA_X-REQUEST-ID"];
    let reason = "BOOKSTORE_LINK_REASON";
    for (kind, source, spans, more) in [
        (
            "HTTP server",
            include_str!("../../../shared/telemetry/src/http/server.rs"),
            vec![
                span(server, http("GET", "/books/7"), status(500), whole()),
                span(server, http("BREW", "/books/7"), None, None),
            ],
            [&headers[..], &["BOOKSTORE_HTTP_ROUTE_INFERRED"]].concat(),
        ),
        (
            "HTTP client",
            include_str!("../../../shared/telemetry/src/http/client.rs"),
            vec![
                span(client, http("GET", "/books/7"), status(404), whole()),
                span(client, http("BREW", "/books/7"), status(200), None),
            ],
            [&headers[..], &["BOOKSTORE_URL_TEMPLATE_INFERRED", reason]].concat(),
        ),
        (
            "gRPC server",
            include_str!("../../../shared/telemetry/src/grpc/server.rs"),
            vec![
                span(server, grpc("/shop.Stock/Get"), status(200), with_code(13)),
                span(server, grpc("/shop.Stock/No"), status(200), with_code(12)),
                span(server, grpc("/shop.Stock/Get"), None, None),
            ],
            metadata.to_vec(),
        ),
        (
            "gRPC client",
            include_str!("../../../shared/telemetry/src/grpc/client.rs"),
            vec![
                span(client, grpc("/shop.Stock/Get"), status(200), with_code(5)),
                span(client, grpc("/shop.Stock/Get"), None, None),
            ],
            [&metadata[..], &[reason]].concat(),
        ),
        (
            "statement",
            include_str!("../../../shared/telemetry/src/sql/mod.rs"),
            vec![
                span(client, sql(select, extended), Some(Response::Sql), read),
                span(client, sql(select, extended), Some(Response::Sql), failed),
                span(client, sql(select, extended), None, None),
            ],
            vec![reason],
        ),
    ] {
        let theirs = named(source);
        assert!(theirs.len() >= 6, "{kind}: {theirs:?}");
        let ours: BTreeSet<String> = spans
            .into_iter()
            .flat_map(|span| sent(span).attributes.into_keys())
            .map(|name| name.to_ascii_uppercase().replace('.', "_"))
            .collect();
        let missing: Vec<_> = theirs.difference(&ours).collect();
        assert!(missing.is_empty(), "{kind}: {missing:?} are missing");
        let known: BTreeSet<String> = own.iter().chain(&more).map(|name| (*name).to_owned()).collect();
        let new: Vec<_> = ours.difference(&theirs).filter(|name| !known.contains(*name)).collect();
        assert!(new.is_empty(), "{kind}: {new:?} are new");
    }
}

#[test]
fn the_values_of_a_query_and_credentials_stay_out() {
    let target = "http://ada:secret@shop.example:80/books/7?token=secret#secret";
    for side in [Side::Server, Side::Client] {
        let sent = sent(span(side, http("GET", target), status(200), whole()));
        assert!(!format!("{:?} {}", sent.attributes, sent.name).contains("secret"), "{:?}", sent.attributes);
        assert_eq!(sent.get("server.address"), Some("shop.example"));
        assert_eq!(sent.name, "GET /books/{id}");
        match side {
            Side::Server => assert_eq!(sent.get("url.path"), Some("/books/7")),
            Side::Client => assert_eq!(sent.get("url.full"), Some("http://shop.example:80/books/7")),
        }
    }
}

#[test]
fn a_route_is_marked_as_inferred_and_of_what_is_not_there_there_is_none() {
    let mut encoder = Encoder::default();
    let none = send(&mut encoder, span(Side::Server, http("GET", "/.env"), status(404), whole()));
    assert_eq!((none.name.as_str(), none.get("http.route")), ("GET", None));
    let some = send(&mut encoder, span(Side::Server, http("GET", "/api/v1/books/17"), status(200), whole()));
    assert_eq!(some.name, "GET /api/v1/books/{id}");
    assert_eq!(some.get("http.route"), Some("/api/v1/books/{id}"));
    assert_eq!(some.get("bookstore.http.route.inferred"), Some("true"));
    // The route is known: a book that is not there has it too.
    let gone = send(&mut encoder, span(Side::Server, http("GET", "/api/v1/books/99"), status(404), whole()));
    assert_eq!(gone.name, "GET /api/v1/books/{id}");
    // What it asks others for is apart from what it serves.
    let client = send(&mut encoder, span(Side::Client, http("GET", "/api/v1/books/99"), status(404), whole()));
    assert_eq!((client.name.as_str(), client.get("url.template")), ("GET", None));
}

#[test]
fn errors_of_http() {
    use Direction::{ToClient, ToServer};
    for (side, response, outcome, error, cancelled) in [
        (Side::Server, status(200), whole(), None, false),
        (Side::Server, status(404), whole(), None, false),
        (Side::Server, status(503), whole(), Some("503"), false),
        (Side::Client, status(404), whole(), Some("404"), false),
        (Side::Client, status(399), whole(), None, false),
        // The client went before the answer came, or in the middle of it.
        (Side::Server, None, None, Some("cancelled"), true),
        (Side::Server, None, reset(8, ToServer), Some("cancelled"), true),
        (Side::Server, status(200), None, None, true),
        (Side::Server, status(500), None, Some("500"), true),
        (Side::Client, status(200), reset(8, ToServer), None, true),
        // The server broke it off.
        (Side::Client, status(200), reset(2, ToClient), Some("body"), false),
        (Side::Client, None, reset(7, ToClient), Some("request"), false),
        // A status that nobody understood is none.
        (Side::Client, status(0), whole(), None, false),
    ] {
        let sent = sent(span(side, http("GET", "/"), response.clone(), outcome.clone()));
        let is = (sent.get("error.type"), sent.get("bookstore.cancelled").is_some());
        assert_eq!(is, (error, cancelled), "{side:?} {response:?} {outcome:?}");
        assert_ne!(sent.get("http.response.status_code"), Some("0"));
    }
}

#[test]
fn statuses_of_grpc() {
    use Direction::{ToClient, ToServer};
    for (side, response, outcome, code, error) in [
        (Side::Client, status(200), with_code(0), Some("OK"), false),
        (Side::Client, status(200), with_code(5), Some("NOT_FOUND"), true),
        (Side::Server, status(200), with_code(5), Some("NOT_FOUND"), false),
        (Side::Server, status(200), with_code(13), Some("INTERNAL"), true),
        (Side::Client, status(200), with_code(99), Some("UNKNOWN"), true),
        (Side::Client, None, reset(8, ToServer), Some("CANCELLED"), true),
        // Who leaves a stream that has begun does so by intention.
        (Side::Client, status(200), reset(8, ToServer), Some("CANCELLED"), false),
        (Side::Server, None, reset(8, ToServer), Some("CANCELLED"), false),
        (Side::Client, None, reset(7, ToClient), Some("UNAVAILABLE"), true),
        (Side::Client, status(200), reset(2, ToClient), Some("INTERNAL"), true),
        (Side::Client, status(503), whole(), Some("UNAVAILABLE"), true),
        (Side::Client, None, None, Some("CANCELLED"), true),
        // Trailers that nobody understood.
        (Side::Client, status(200), whole(), None, false),
    ] {
        let sent = sent(span(side, grpc("/shop.Stock/Get"), response.clone(), outcome.clone()));
        assert_eq!(sent.get("rpc.response.status_code"), code, "{side:?} {response:?} {outcome:?}");
        assert_eq!((sent.is_error, sent.name.as_str()), (error, "shop.Stock/Get"), "{side:?} {response:?} {outcome:?}");
        assert_eq!(sent.get("error.type").filter(|_| error), code.filter(|_| error));
    }
    let unknown = sent(span(Side::Server, grpc("/no.Such/Method"), status(200), with_code(12)));
    assert_eq!((unknown.name.as_str(), unknown.get("rpc.method")), ("grpc", Some("_OTHER")));
    assert_eq!(unknown.get("rpc.method_original"), Some("no.Such/Method"));
}

#[test]
fn statements() {
    let simple = Sent::default();
    let failed = |code: &str| Some(End { sql_error: Some(code.to_owned()), ..End::default() });
    let known = sent(span(Side::Client, sql("DELETE FROM users WHERE name = 'ada'", simple), None, failed("23503")));
    assert_eq!(known.name, "DELETE users");
    for (name, value) in [
        ("db.system.name", Some("postgresql")),
        ("db.namespace", Some("books")),
        ("db.query.text", Some("DELETE FROM users WHERE name = ?")),
        ("db.query.summary", Some("DELETE users")),
        ("db.operation.name", Some("DELETE")),
        ("db.collection.name", Some("users")),
        ("db.response.status_code", Some("23503")),
        ("error.type", Some("23503")),
        ("db.response.returned_rows", None),
        ("server.address", Some("10.0.0.2")),
        ("server.port", Some("8080")),
    ] {
        assert_eq!(known.get(name), value, "{name}");
    }
    let unreadable = sent(span(Side::Client, sql("SELECT 'ada", simple), None, failed("")));
    assert_eq!((unreadable.name.as_str(), unreadable.get("db.query.text")), ("books", None));
    assert_eq!((unreadable.get("error.type"), unreadable.get("db.response.status_code")), (Some("_OTHER"), None));
    let older = Request::Sql(Box::default());
    assert_eq!(sent(span(Side::Client, older, None, whole())).name, "postgresql");
}

#[test]
fn spans_of_any_length_one_after_the_other() {
    let long = |length: usize| format!("/{}", "a".repeat(length));
    // Where the length of what is around it takes a byte more.
    let paths: Vec<_> = (90..130).chain(16_330..16_390).map(long).collect();
    let span = |path: &String| span(Side::Server, http("GET", path), status(200), whole());
    let locals = paths.iter().map(span).map(|local| Span { trace_id: 1, span_id: 2, parent_id: 3, local });
    let batch = Encoder::default().batch(&locals.collect::<Vec<_>>(), 0);
    let request = batch.read().expect("it is one");
    assert_eq!(batch.encode_to_vec(), request.encode_to_vec());
    let spans = &request.resource_spans[0].scope_spans[0].spans;
    let sent = spans.iter().flat_map(|span| &span.attributes).filter(|it| it.key == "url.path");
    assert!(sent.map(KeyValue::as_str).eq(paths.iter().map(|path| Some(path.as_str()))));
}
