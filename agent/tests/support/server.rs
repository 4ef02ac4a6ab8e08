//! A service on tokio: it answers a request when another service has answered its own, over one of a few connections
//! that all requests share, each with a task.

use std::io::Write as _;
use std::net::SocketAddr;

use anyhow::Context as _;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::tcp::OwnedReadHalf;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};

/// The variable with the address of whom it asks.
pub(crate) const UPSTREAM: &str = "AGENT_TEST_UPSTREAM";

/// What it says before its own address.
pub(crate) const LISTENING: &str = "listening on ";

/// What is below this path it answers without asking anybody.
pub(crate) const ALONE: &str = "/alone";

/// Connections to whom it asks.
const CONNECTIONS: usize = 4;

/// Tasks that were there before.
const EARLIER_TASKS: usize = 10_000;

/// What is asked, and who waits for the answer.
type Question = (String, oneshot::Sender<()>);

/// Serves until its standard input ends.
pub(crate) fn run() -> anyhow::Result<()> {
    let upstream: SocketAddr = std::env::var(UPSTREAM).context("it is started by other tests")?.parse()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::spawn(|| {
        let _ended = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        std::process::exit(0);
    });
    runtime.block_on(serve(upstream))
}

async fn serve(upstream: SocketAddr) -> anyhow::Result<()> {
    // It has been at work for a while: ids of its tasks are not as small as counters are.
    for _ in 0..EARLIER_TASKS {
        tokio::spawn(async {}).await?;
    }
    let mut pool = Vec::new();
    for _ in 0..CONNECTIONS {
        let (questions, asked) = mpsc::channel(64);
        let stream = TcpStream::connect(upstream).await?;
        stream.set_nodelay(true)?;
        tokio::spawn(carry(stream, asked));
        pool.push(questions);
    }
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    writeln!(std::io::stdout(), "{LISTENING}{}", listener.local_addr()?)?;
    for number in 0.. {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(answer(stream, pool[number % CONNECTIONS].clone()));
    }
    Ok(())
}

async fn answer(stream: TcpStream, questions: mpsc::Sender<Question>) -> anyhow::Result<()> {
    let (reader, mut writer) = stream.into_split();
    let mut reader = BufReader::new(reader);
    while let Some(first) = read_head(&mut reader).await? {
        let path = first.split(' ').nth(1).context("no request")?;
        if !path.starts_with(ALONE) {
            let (answer, answered) = oneshot::channel();
            questions.send((path.to_owned(), answer)).await?;
            answered.await?;
        }
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{path}", path.len());
        writer.write_all(head.as_bytes()).await?;
    }
    Ok(())
}

/// The task of a connection: writes what others ask, one after the other.
async fn carry(stream: TcpStream, mut questions: mpsc::Receiver<Question>) -> anyhow::Result<()> {
    let (reader, mut writer) = stream.into_split();
    let mut reader = BufReader::new(reader);
    while let Some((path, answered)) = questions.recv().await {
        let request = format!("GET {path} HTTP/1.1\r\nhost: upstream\r\n\r\n");
        writer.write_all(request.as_bytes()).await?;
        read_head(&mut reader).await?.context("no answer")?;
        reader.read_exact(&mut [0; 2]).await?;
        // Who asked may have gone.
        let _gone = answered.send(());
    }
    Ok(())
}

async fn read_head(reader: &mut BufReader<OwnedReadHalf>) -> anyhow::Result<Option<String>> {
    let mut first = String::new();
    if reader.read_line(&mut first).await? == 0 {
        return Ok(None);
    }
    let mut line = String::new();
    while line != "\r\n" {
        line.clear();
        anyhow::ensure!(reader.read_line(&mut line).await? > 0, "the connection ended in a head");
    }
    Ok(Some(first))
}
