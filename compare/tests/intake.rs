//! Every way in, and every way to do it wrong: the right error, and no harm.
#![expect(clippy::unwrap_used, reason = "tests; the configuration knows only functions marked as such")]

mod support;

use std::io::Write;

use bookstore_compare::Config;
use bookstore_otlp::Message;
use bookstore_otlp::collector::{ExportTraceServiceRequest, ExportTraceServiceResponse, TraceServiceClient};
use bookstore_otlp::status::{RetryInfo, Status};
use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};
use support::{Compare, Said, request, span, trace_id};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tonic::codec::CompressionEncoding;
use tonic::transport::Channel;
use tonic::{Code, Request};

const PROTOBUF: &str = "application/x-protobuf";
const JSON: &str = "application/json";

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

async fn post_gzip(compare: &Compare, content_type: &str, body: Vec<u8>) -> Response {
    let request = compare.http.post(compare.url("/v1/traces"));
    let request = request.header("content-type", content_type).header("content-encoding", "gzip");
    request.body(body).send().await.unwrap()
}

fn small(mib: usize) -> Config {
    let mut config = Config::default();
    config.intake.request_bytes = mib << 20;
    config
}

async fn grpc(compare: &Compare) -> TraceServiceClient<Channel> {
    TraceServiceClient::connect(compare.url("")).await.unwrap()
}

/// The error in an answer, whichever its encoding.
async fn status_of(response: Response) -> Status {
    let is_json = response.headers()["content-type"] == JSON;
    let body = response.bytes().await.unwrap();
    if is_json { serde_json::from_slice(&body).unwrap() } else { Status::decode(body).unwrap() }
}

#[tokio::test]
async fn every_way_in_leads_to_the_same_store() {
    let compare = Compare::start().await;
    let make = |number| request("shop", vec![span(number, 1, "one")]);
    let json = |number| serde_json::to_vec(&make(number)).unwrap();
    let sent = [
        compare.post("/v1/traces", PROTOBUF, make(1).encode_to_vec()).await,
        compare.post("/v1/traces", "application/json; charset=utf-8", json(2)).await,
        post_gzip(&compare, PROTOBUF, gzip(&make(3).encode_to_vec())).await,
        post_gzip(&compare, JSON, gzip(&json(4))).await,
    ];
    for response in sent {
        assert_eq!(response.status(), StatusCode::OK);
    }
    let mut client = grpc(&compare).await;
    client.export(Request::new(make(5))).await.unwrap();
    let mut client = client.send_compressed(CompressionEncoding::Gzip);
    client.export(Request::new(make(6))).await.unwrap();
    let mut ids = compare.listed("").await;
    ids.sort();
    assert_eq!(ids, (1..=6).map(trace_id).collect::<Vec<_>>());
    compare.stop().await;
}

#[tokio::test]
async fn json_as_another_sdk_writes_it_is_understood() {
    let compare = Compare::start().await;
    let body = json!({
        "resourceSpans": [{
            "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "web"}}]},
            "scopeSpans": [{"scope": {"name": "js"}, "spans": [{
                "traceId": "5B8EFFF798038103D269B633813FC60C", "spanId": "EEE19B7EC3C1B174", "name": "click", "kind": 3,
                "startTimeUnixNano": "1544712660000000000", "endTimeUnixNano": 1_544_712_661_000_000_000_u64,
                "attributes": [{"key": "n", "value": {"intValue": "7"}}, {"key": "m", "value": {"intValue": 8}}],
                "status": {}, "notYetKnown": {"a": [1]},
            }]}],
        }],
    });
    let response = compare.post("/v1/traces", JSON, body.to_string().into_bytes()).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["content-type"], JSON);
    assert_eq!(response.text().await.unwrap(), "{}");
    let trace = compare.json("/api/v1/traces/5b8efff798038103d269b633813fc60c").await;
    assert_eq!(trace["spans"][0]["attributes"], json!({"n": 7, "m": 8}));
    assert_eq!(trace["duration_ns"], 1_000_000_000);
    compare.stop().await;
}

#[tokio::test]
async fn what_is_invalid_is_refused_in_part_and_said() {
    let compare = Compare::start().await;
    let mut short = span(1, 2, "short trace id");
    short.trace_id.truncate(8);
    let spans = vec![span(1, 1, "good"), short, span(1, 0, "no span id"), span(0, 4, "no trace id")];
    let body = request("shop", spans);

    let response = compare.post("/v1/traces", PROTOBUF, body.encode_to_vec()).await;
    assert_eq!(response.status(), StatusCode::OK);
    let answer = ExportTraceServiceResponse::decode(response.bytes().await.unwrap()).unwrap();
    let partial = answer.partial_success.unwrap();
    assert_eq!(partial.rejected_spans, 3);
    assert_eq!(partial.error_message, "a trace id must be 16 bytes, not all zero");

    let response = compare.post("/v1/traces", JSON, serde_json::to_vec(&body).unwrap()).await;
    let answer: Value = response.json().await.unwrap();
    assert_eq!(answer["partialSuccess"]["rejectedSpans"], "3");

    let answer = grpc(&compare).await.export(Request::new(body)).await.unwrap().into_inner();
    assert_eq!(answer.partial_success.unwrap().rejected_spans, 3);

    let trace = compare.json(&format!("/api/v1/traces/{}", trace_id(1))).await;
    assert_eq!(trace["span_count"], 1);
    assert_eq!(compare.json("/api/v1/stats").await["rejected"]["spans"], 9);
    compare.stop().await;
}

#[tokio::test]
async fn each_mistake_over_http_has_its_status() {
    let compare = Compare::with(small(1)).await;
    let valid = request("shop", vec![span(1, 1, "x")]).encode_to_vec();
    let large = vec![0x0a; (1 << 20) + 1];
    let http = async |content_type: &str, body: &[u8]| compare.post("/v1/traces", content_type, body.to_vec()).await;

    let response = http(PROTOBUF, b"\xff\xff\xff").await;
    assert_eq!(
        (response.status(), response.headers()["content-type"].to_str().unwrap()),
        (StatusCode::BAD_REQUEST, PROTOBUF)
    );
    assert_eq!(status_of(response).await.code, 3);

    let response = http(JSON, b"{\"resourceSpans\": 7}").await;
    assert_eq!(
        (response.status(), response.headers()["content-type"].to_str().unwrap()),
        (StatusCode::BAD_REQUEST, JSON)
    );
    assert_eq!(status_of(response).await.code, 3);

    let response = http(PROTOBUF, &large).await;
    assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(status_of(response).await.code, 8);

    assert_eq!(http("text/plain", &valid).await.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let response = compare.http.post(compare.url("/v1/traces")).header("content-type", PROTOBUF);
    let response = response.header("content-encoding", "br").body(valid.clone()).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert_eq!(response.headers()["accept-encoding"], "gzip");

    let response = compare.get("/v1/traces").await;
    assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(response.headers()["allow"], "POST");
    assert_eq!(compare.post("/v1/profiles", PROTOBUF, valid).await.status(), StatusCode::NOT_FOUND);

    assert_eq!(post_gzip(&compare, PROTOBUF, b"not gzip".to_vec()).await.status(), StatusCode::BAD_REQUEST);
    assert_eq!(compare.listed("").await, Vec::<String>::new());
    compare.stop().await;
}

#[tokio::test]
async fn a_gzip_bomb_does_no_harm() {
    let compare = Compare::with(small(1)).await;
    // 256 MiB of zeros in 250 KiB.
    let bomb = gzip(&vec![0; 256 << 20]);
    assert!(bomb.len() < 2 << 20, "{}", bomb.len());
    let small_bomb = gzip(&vec![0; 64 << 20]);
    assert!(small_bomb.len() < 1 << 20);
    for body in [bomb, small_bomb] {
        let response = post_gzip(&compare, PROTOBUF, body).await;
        assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
    }
    let long = request("shop", vec![span(1, 1, &"a".repeat(32 << 20))]);
    let mut client = grpc(&compare).await.send_compressed(CompressionEncoding::Gzip);
    let status = client.export(Request::new(long)).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert_eq!(compare.listed("").await, Vec::<String>::new());
    compare.stop().await;
}

/// A batch whose one scope holds `records`.
fn batch_of(records: &[u8]) -> Vec<u8> {
    let within = |number: u8, content: &[u8]| {
        let mut message = vec![number << 3 | 2];
        varint(content.len(), &mut message);
        message.extend_from_slice(content);
        message
    };
    within(1, &within(2, records))
}

fn varint(mut value: usize, out: &mut Vec<u8>) {
    while value > 127 {
        out.push(u8::try_from(value & 127).unwrap() | 128);
        value >>= 7;
    }
    out.push(u8::try_from(value).unwrap());
}

#[tokio::test]
async fn small_bytes_that_decode_to_much_do_no_harm() {
    let compare = Compare::start().await;
    // Empty spans, log records and metrics: two bytes each, and some hundred each if they were decoded whole.
    let records = [0x12, 0].repeat(1 << 20);
    for path in ["traces", "logs", "metrics"] {
        let response = compare.post(&format!("/v1/{path}"), PROTOBUF, batch_of(&records)).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
    }
    let stats = compare.json("/api/v1/stats").await;
    assert_eq!(stats["rejected"]["spans"], 1 << 20);
    // Log records may be empty: as many as a request may have are taken, and the last ones kept.
    assert_eq!(stats["received"]["logs"], 250_000);
    assert_eq!(stats["held"]["logs"], 1_000);

    // One span of 2 MiB of empty attributes, beside a good one.
    let mut large = vec![0x12];
    let attributes = [0x4a, 0].repeat(1 << 20);
    varint(attributes.len(), &mut large);
    large.extend(attributes);
    let good = span(1, 1, "good").encode_to_vec();
    large.push(0x12);
    varint(good.len(), &mut large);
    large.extend(good);
    let response = compare.post("/v1/traces", PROTOBUF, batch_of(&large)).await;
    let answer = ExportTraceServiceResponse::decode(response.bytes().await.unwrap()).unwrap();
    assert_eq!(answer.partial_success.unwrap().rejected_spans, 1);
    assert_eq!(compare.listed("").await, [trace_id(1)]);

    let objects = vec!["{}"; 500_000].join(",");
    let body = format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{objects}]}}]}}]}}"#);
    let response = compare.post("/v1/traces", JSON, body.into_bytes()).await;
    assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
    compare.stop().await;
}

/// A gRPC request of any bytes, and its status.
async fn raw_grpc(compare: &Compare, frame: Vec<u8>) -> Code {
    use http_body_util::{BodyExt, Full};
    use hyper_util::rt::{TokioExecutor, TokioIo};
    let stream = TcpStream::connect(compare.address).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    let connection = tokio::spawn(connection);
    let request = http::Request::post(compare.url("/opentelemetry.proto.collector.trace.v1.TraceService/Export"))
        .header("content-type", "application/grpc")
        .header("grpc-encoding", "gzip")
        .header("te", "trailers")
        .body(Full::new(bytes::Bytes::from(frame)))
        .unwrap();
    let response = sender.send_request(request).await.unwrap();
    let headers = response.headers().clone();
    let trailers = response.into_body().collect().await.unwrap().trailers().cloned();
    connection.abort();
    let status = headers.get("grpc-status").or(trailers.as_ref().and_then(|it| it.get("grpc-status"))).cloned();
    Code::from_bytes(status.unwrap().as_bytes())
}

#[tokio::test]
async fn each_mistake_over_grpc_has_its_code() {
    let compare = Compare::with(small(1)).await;
    let frame = |flag: u8, length: u32, body: &[u8]| [&[flag][..], &length.to_be_bytes(), body].concat();
    for (what, frame, code) in [
        ("empty request", frame(0, 0, b""), Code::Ok),
        ("not a message", frame(0, 3, b"\xff\xff\xff"), Code::InvalidArgument),
        ("not gzip", frame(1, 4, b"abcd"), Code::InvalidArgument),
        ("a flag of its own", frame(9, 0, b""), Code::InvalidArgument),
        ("cut off", frame(0, 100, b"abc"), Code::InvalidArgument),
        ("announced too large", frame(0, u32::MAX, b""), Code::ResourceExhausted),
    ] {
        assert_eq!(raw_grpc(&compare, frame).await, code, "{what}");
    }
    let large = request("shop", vec![span(1, 1, &"a".repeat(2 << 20))]);
    let status = grpc(&compare).await.export(Request::new(large)).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert_eq!(compare.listed("").await, Vec::<String>::new());
    compare.stop().await;
}

#[tokio::test]
async fn told_to_discard_it_counts_and_keeps_nothing() {
    let compare = Compare::with(Config { discard: true, ..Config::default() }).await;
    let sent = request("catalog", vec![span(1, 1, "a"), span(1, 2, "b")]);
    let bytes = sent.encoded_len();
    grpc(&compare).await.export(sent.clone()).await.unwrap();
    let answer = compare.post("/v1/traces", PROTOBUF, sent.encode_to_vec()).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let malformed = compare.post("/v1/traces", PROTOBUF, vec![0x0a, 0xff]).await;
    assert_eq!(malformed.status(), StatusCode::BAD_REQUEST);
    let stats = compare.json("/api/v1/stats").await;
    assert_eq!((&stats["received"]["spans"], &stats["held"]["spans"]), (&4.into(), &0.into()));
    assert_eq!(stats["received_bytes"], 2 * bytes);
    assert_eq!(stats["services"][0]["received"]["spans"], 4);
}

#[tokio::test]
async fn an_unknown_method_is_unimplemented() {
    let compare = Compare::start().await;
    let response = compare
        .post("/opentelemetry.proto.collector.profiles.v1.ProfilesService/Export", "application/grpc", vec![])
        .await;
    assert_eq!(response.headers()["grpc-status"], "12");
    compare.stop().await;
}

#[tokio::test]
async fn over_its_limit_it_asks_to_come_back() {
    let mut config = Config::default();
    config.intake.in_flight = 1;
    let compare = Compare::with(config).await;
    let body = request("shop", vec![span(1, 1, "x")]).encode_to_vec();
    // Takes the only place: a request whose body does not end. The server answers `100 Continue` once it reads it.
    let mut slow = TcpStream::connect(compare.address).await.unwrap();
    let head = format!(
        "POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: {PROTOBUF}\r\ncontent-length: {}\r\nexpect: 100-continue\r\n\r\n",
        body.len()
    );
    slow.write_all(head.as_bytes()).await.unwrap();
    let mut answer = [0; 25];
    slow.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 100 Continue\r\n\r\n");

    let response = compare.post("/v1/traces", PROTOBUF, body.clone()).await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(response.headers()["retry-after"], "1");
    assert_eq!(status_of(response).await.code, 14);
    let status = grpc(&compare).await.export(Request::new(ExportTraceServiceRequest::default())).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    let details = Status::decode(status.details()).unwrap().details;
    let retry = RetryInfo::decode(&*details[0].value).unwrap().retry_delay.unwrap();
    assert_eq!(retry.seconds, 1);
    assert_eq!(compare.get("/").await.status(), StatusCode::OK, "pages are not held up");

    // The one in flight is taken once it is whole, and then there is room again.
    slow.write_all(&body).await.unwrap();
    let mut answer = [0; 15];
    slow.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200 OK");
    assert_eq!(compare.post("/v1/traces", PROTOBUF, body).await.status(), StatusCode::OK);
    assert_eq!(compare.json("/api/v1/stats").await["requests_refused"]["busy"], 2);
    compare.stop().await;
}

#[tokio::test]
async fn a_request_that_does_not_arrive_is_given_up() {
    let mut config = Config::default();
    config.intake.timeout = std::time::Duration::from_millis(50);
    let compare = Compare::with(config).await;
    let mut slow = TcpStream::connect(compare.address).await.unwrap();
    let head = format!("POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: {PROTOBUF}\r\ncontent-length: 99\r\n\r\n");
    slow.write_all(head.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    slow.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 408");
    compare.stop().await;
}

/// Random bytes, and valid requests with some bytes changed: an answer of 200 or 400, and still there after it.
#[test]
fn no_bytes_do_harm() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let compare = runtime.block_on(Compare::start());
    let valid = request("shop", vec![span(1, 1, "x").with("key", "value").failed("no"), span(1, 2, "y").under(1)]);
    let valid = [valid.encode_to_vec(), serde_json::to_vec(&valid).unwrap()];
    let changes = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4);
    let changed = (prop::sample::select(valid.to_vec()), changes).prop_map(|(mut bytes, changes)| {
        for (index, byte) in changes {
            let index = index.index(bytes.len());
            bytes[index] = byte;
        }
        bytes
    });
    let bodies = prop_oneof![prop::collection::vec(any::<u8>(), 0..200), changed];
    let paths = prop::sample::select(vec!["/v1/traces", "/v1/metrics", "/v1/logs"]);
    let types = prop::sample::select(vec![PROTOBUF, JSON]);
    TestRunner::default()
        .run(&(bodies, paths, types), |(body, path, content_type)| {
            let status = runtime.block_on(compare.post(path, content_type, body)).status();
            prop_assert!(status == StatusCode::OK || status == StatusCode::BAD_REQUEST, "{}", status);
            Ok(())
        })
        .unwrap();
    runtime.block_on(async {
        assert_eq!(compare.get("/").await.status(), StatusCode::OK);
        compare.stop().await;
    });
}
