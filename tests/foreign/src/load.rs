//! Requests from outside, each with an id whose beginning is the shape of it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::Context as _;

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// What is asked for.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// Whom.
    pub(crate) address: String,
    /// Shapes and their paths, in turn.
    pub(crate) routes: Vec<(&'static str, &'static str)>,
    /// Connections at once.
    pub(crate) connections: usize,
    /// Requests that are written at once on a connection.
    pub(crate) pipelined: usize,
    /// Whether a connection carries more than one such batch.
    pub(crate) kept: bool,
    /// All requests; `first` is the number of the first one.
    pub(crate) requests: usize,
    pub(crate) first: usize,
}

/// Asks all of it.
pub(crate) fn run(plans: &[Plan]) -> anyhow::Result<()> {
    let counters: Vec<AtomicUsize> = plans.iter().map(|_| AtomicUsize::new(0)).collect();
    thread::scope(|scope| {
        let mut customers = Vec::new();
        for (plan, counter) in plans.iter().zip(&counters) {
            for _ in 0..plan.connections {
                customers.push(scope.spawn(move || customer(plan, counter)));
            }
        }
        for customer in customers {
            customer.join().map_err(|_| anyhow::anyhow!("a customer panicked"))??;
        }
        Ok(())
    })
}

fn customer(plan: &Plan, counter: &AtomicUsize) -> anyhow::Result<()> {
    let mut kept: Option<BufReader<TcpStream>> = None;
    loop {
        let number = counter.fetch_add(plan.pipelined, Ordering::Relaxed);
        if number >= plan.requests {
            return Ok(());
        }
        let mut connection = match kept.take() {
            Some(connection) => connection,
            None => connect(&plan.address)?,
        };
        let mut heads = String::new();
        for number in number..number + plan.pipelined {
            let (shape, path) = plan.routes[number % plan.routes.len()];
            let id = plan.first + number;
            let close = if plan.kept { "" } else { "Connection: close\r\n" };
            heads += &format!(
                "GET {path} HTTP/1.1\r\nHost: harbour\r\nx-request-id: {shape}-{id}\r\nx-hop: 1\r\n{close}\r\n"
            );
        }
        connection.get_mut().write_all(heads.as_bytes())?;
        for _ in 0..plan.pipelined {
            answer(&mut connection).with_context(|| format!("of {}", heads.lines().next().unwrap_or_default()))?;
        }
        kept = plan.kept.then_some(connection);
    }
}

fn connect(address: &str) -> anyhow::Result<BufReader<TcpStream>> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(BufReader::new(stream))
}

/// Reads one answer.
fn answer(connection: &mut BufReader<TcpStream>) -> anyhow::Result<()> {
    let mut line = String::new();
    connection.read_line(&mut line)?;
    anyhow::ensure!(line.starts_with("HTTP/1.1 200"), "the answer is {line:?}");
    let mut length = 0;
    loop {
        line.clear();
        connection.read_line(&mut line)?;
        if line.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse()?;
        }
    }
    connection.read_exact(&mut vec![0; length])?;
    Ok(())
}
