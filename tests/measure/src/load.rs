//! A closed loop over HTTP/1: each connection asks again as soon as it has its answer.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper::Request;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

const CONNECTIONS: usize = 32;
const BOOKS: usize = 500;

/// Answers a second at `{url}{prefix}{book id}`.
pub(crate) async fn rate(url: &str, prefix: &str, duration: Duration) -> anyhow::Result<f64> {
    let address = url.strip_prefix("http://").context("an http URL")?.to_owned();
    let started = Instant::now();
    let until = started + duration;
    let mut connections = tokio::task::JoinSet::new();
    for number in 0..CONNECTIONS {
        connections.spawn(ask(address.clone(), prefix.to_owned(), number, until));
    }
    let mut answers = 0_u32;
    while let Some(count) = connections.join_next().await {
        answers += count??;
    }
    Ok(f64::from(answers) / started.elapsed().as_secs_f64())
}

async fn ask(address: String, prefix: String, number: usize, until: Instant) -> anyhow::Result<u32> {
    let stream = TcpStream::connect(&address).await?;
    stream.set_nodelay(true)?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let mut answers = 0;
    let mut book = number * 17;
    while Instant::now() < until {
        book = book % BOOKS + 1;
        let request = Request::get(format!("{prefix}{book}")).header("host", &address).body(Empty::<Bytes>::new())?;
        let answer = sender.send_request(request).await?;
        anyhow::ensure!(answer.status() == 200, "{address}{prefix}{book} answered {}", answer.status());
        answer.into_body().collect().await?;
        answers += 1;
    }
    Ok(answers)
}
