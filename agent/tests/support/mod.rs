//! What the tests on a real kernel have in common: a service to be watched, in a process of its own, and its customers.

#![allow(dead_code, reason = "each test has its own use of it")]

pub(crate) mod server;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Context as _;

/// Long enough for a machine that has much else to do.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Whether the tests have the rights that they need. Says in one line, past the test runner's capture, if they are skipped.
pub(crate) fn is_root(what: &str) -> bool {
    let is_root = rustix::process::geteuid().is_root();
    if !is_root {
        // Nobody may be there to read it.
        let _unread = writeln!(std::io::stderr(), "skipped: {what} of the agent: needs root");
    }
    is_root
}

/// Waits until something is so.
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> anyhow::Result<bool>) -> anyhow::Result<()> {
    let began = Instant::now();
    while !is_so()? {
        anyhow::ensure!(began.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
        std::thread::yield_now();
    }
    Ok(())
}

/// A service that asks another one for each request that it gets; it ends with this.
pub(crate) struct Service {
    pub(crate) child: Child,
    pub(crate) address: SocketAddr,
}

impl Service {
    /// Starts one. The tests' executable has to have the test `service`, which runs [`server::run`].
    pub(crate) fn start(upstream: SocketAddr) -> anyhow::Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["--exact", "service", "--ignored", "--nocapture"])
            .env(server::UPSTREAM, upstream.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = child.stdout.take().context("no standard output")?;
        let mut address = None;
        for line in BufReader::new(output).lines() {
            if let Some((_, it)) = line?.split_once(server::LISTENING) {
                address = Some(it.trim().parse()?);
                break;
            }
        }
        Ok(Self { child, address: address.context("the service does not listen")? })
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// Whom the service asks: answers whatever it is asked, as long as anybody is connected.
pub(crate) fn upstream() -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let address = listener.local_addr()?;
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || answer(stream));
        }
    });
    Ok(address)
}

fn answer(mut stream: TcpStream) -> anyhow::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    while read_head(&mut reader)?.is_some() {
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")?;
    }
    Ok(())
}

/// The first line of a head, once all of it was read.
fn read_head(reader: &mut BufReader<TcpStream>) -> anyhow::Result<Option<String>> {
    let mut first = String::new();
    if reader.read_line(&mut first)? == 0 {
        return Ok(None);
    }
    let mut line = String::new();
    while line != "\r\n" {
        line.clear();
        anyhow::ensure!(reader.read_line(&mut line)? > 0, "the connection ended in a head");
    }
    Ok(Some(first))
}

/// Customers of a service, each with a connection of its own, that ask one thing after the other.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    done: Arc<AtomicU64>,
    customers: Vec<JoinHandle<anyhow::Result<()>>>,
}

impl Load {
    pub(crate) fn start(address: SocketAddr, customers: usize) -> Self {
        Self::below("", address, customers)
    }

    /// All that they ask for is below a path.
    pub(crate) fn below(path: &'static str, address: SocketAddr, customers: usize) -> Self {
        let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let customer = |number| {
            let (stop, done) = (Arc::clone(&stop), Arc::clone(&done));
            std::thread::spawn(move || ask(address, path, number, &stop, &done))
        };
        let customers = (0..customers).map(customer).collect();
        Self { stop, done, customers }
    }

    /// Waits until so many more requests were answered.
    pub(crate) fn more(&self, requests: u64) -> anyhow::Result<()> {
        let before = self.done.load(Ordering::Relaxed);
        until("requests are answered", || {
            anyhow::ensure!(!self.customers.iter().any(JoinHandle::is_finished), "a request has failed");
            Ok(self.done.load(Ordering::Relaxed) >= before + requests)
        })
    }

    /// Stops; fails if any request has.
    pub(crate) fn finish(self) -> anyhow::Result<()> {
        self.stop.store(true, Ordering::Relaxed);
        for customer in self.customers {
            customer.join().map_err(|_| anyhow::anyhow!("a customer has panicked"))??;
        }
        Ok(())
    }
}

fn ask(address: SocketAddr, below: &str, customer: usize, stop: &AtomicBool, done: &AtomicU64) -> anyhow::Result<()> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut reader = BufReader::new(stream.try_clone()?);
    for number in 0_u64.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let path = format!("{below}/{customer}-{number}");
        write!(stream, "GET {path} HTTP/1.1\r\nhost: service\r\n\r\n")?;
        let head = read_head(&mut reader)?.context("the service has closed the connection")?;
        anyhow::ensure!(head.starts_with("HTTP/1.1 200 "), "{path} was answered by {head}");
        let mut body = vec![0; path.len()];
        reader.read_exact(&mut body)?;
        anyhow::ensure!(body == path.as_bytes(), "{path} was answered by {}", String::from_utf8_lossy(&body));
        done.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}
