//! The agent as a program, against a process that comes, goes, and comes again. Needs what the agent needs; says so where
//! that is not there.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a story that cannot go on has failed")]

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use bookstore_agent::preflight;

/// More than anything here takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// By this the test's own executable, run again, knows that it is the server.
const SERVES: &str = "BOOKSTORE_AGENT_TEST_SERVES";

/// The server: answers one request after the other until it is killed. In the tests' own run it does nothing.
#[test]
fn serve() {
    if std::env::var_os(SERVES).is_none() {
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    eprintln!("{}", listener.local_addr().unwrap().port());
    for stream in listener.incoming() {
        let mut stream = stream.unwrap();
        let mut request = [0; 1_024];
        if stream.read(&mut request).unwrap() > 0 {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok").unwrap();
        }
    }
}

/// A process that ends with its test.
struct Ends(Child);

impl Drop for Ends {
    fn drop(&mut self) {
        let _has_ended = self.0.kill();
        let _gone = self.0.wait();
    }
}

struct Server {
    _process: Ends,
    port: u16,
}

impl Server {
    fn start(executable: &Path) -> Self {
        let mut command = Command::new(executable);
        command.args(["--exact", "serve", "--nocapture"]).env(SERVES, "1").stdout(Stdio::null()).stderr(Stdio::piped());
        let mut process = Ends(command.spawn().unwrap());
        let mut line = String::new();
        BufReader::new(process.0.stderr.take().unwrap()).read_line(&mut line).unwrap();
        Self { port: line.trim().parse().unwrap(), _process: process }
    }

    fn ask(&self, path: &str) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        // In one piece: the server answers the first that it reads, and closes.
        stream.write_all(format!("GET {path}?token=secret HTTP/1.1\r\nhost: shop\r\n\r\n").as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.ends_with("ok"), "{answer}");
    }
}

struct Agent {
    process: Ends,
    lines: Receiver<String>,
    heard: Vec<String>,
}

impl Agent {
    fn start(arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bookstore-agent"));
        let mut process = Ends(command.args(arguments).stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap());
        let (say, lines) = channel();
        let stderr = BufReader::new(process.0.stderr.take().unwrap());
        std::thread::spawn(move || stderr.lines().map_while(Result::ok).try_for_each(|line| say.send(line)));
        Self { process, lines, heard: Vec::new() }
    }

    /// Waits until it says this.
    fn says(&mut self, what: &str) {
        loop {
            let line = self.lines.recv_timeout(PATIENCE);
            let line = line.unwrap_or_else(|_| panic!("it never said {what:?}, but {:#?}", self.heard));
            self.heard.push(line);
            if self.heard.last().unwrap().contains(what) {
                return;
            }
        }
    }

    /// Ends it in peace.
    fn end(mut self) {
        let pid = rustix::process::Pid::from_child(&self.process.0);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        assert!(self.process.0.wait().unwrap().success(), "{:#?}", self.heard);
    }
}

/// Whether the agent cannot run here.
fn is_skipped() -> bool {
    let obstacle = preflight::check().err();
    if let Some(obstacle) = &obstacle {
        // Past the test runner's capture. Nobody may be there to read it.
        let _unread = writeln!(std::io::stderr(), "skipped: {obstacle}");
    }
    obstacle.is_some()
}

#[test]
fn a_process_that_comes_and_goes_is_watched_and_a_signal_ends_the_agent_in_peace() {
    if is_skipped() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let shop = folder.path().join("agent-test-shop");
    fs::copy(std::env::current_exe().unwrap(), &shop).unwrap();
    let (spans, recording) = (folder.path().join("spans.jsonl"), folder.path().join("shop.rec"));
    let [shown, record] = [&spans, &recording].map(|path| path.to_str().unwrap().to_owned());
    let mut agent = Agent::start(&["--service", "shop=agent-test-sho?", "--otlp-file", &shown]);
    agent.says("waiting for one whose executable is agent-test-sho?");
    let mut recorder = Agent::start(&["record", &record, "--exe", "agent-test-sho?"]);
    recorder.says("waiting for one");

    let first = Server::start(&shop);
    agent.says("shop is watched");
    recorder.says("is watched");
    first.ask("/first");
    drop(first);
    agent.says("shop is gone");
    recorder.says("is gone");

    let second = Server::start(&shop);
    agent.says("shop is watched");
    recorder.says("is watched");
    second.ask("/second");
    agent.end();
    recorder.end();

    let traced = fs::read_to_string(&spans).unwrap();
    for expected in ["/first", "/second", r#""stringValue":"shop""#, "bookstore.agent.spans"] {
        assert!(traced.contains(expected), "{expected} is not in {traced}");
    }
    assert!(!traced.contains("secret") && !traced.contains("--nocapture"), "{traced}");

    // What was recorded beside is the same, but for ids and the name that the other was told.
    let replayed = folder.path().join("replayed.jsonl");
    Agent::start(&["replay", &record, "--otlp-file", replayed.to_str().unwrap()]).says("2 spans of");
    let replayed = fs::read_to_string(&replayed).unwrap();
    assert!(replayed.contains("/first") && replayed.contains("/second"), "{replayed}");
}

#[test]
fn whoever_listens_on_a_port_is_found() {
    if is_skipped() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let spans = folder.path().join("spans.jsonl");
    let server = Server::start(&std::env::current_exe().unwrap());
    let port = server.port.to_string();
    let mut agent = Agent::start(&["--port", &port, "--otlp-file", spans.to_str().unwrap()]);
    agent.says("is watched");
    server.ask("/by-port");
    agent.end();
    assert!(fs::read_to_string(&spans).unwrap().contains("/by-port"));
}

#[test]
fn what_is_no_recording_is_refused_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("notes.txt");
    fs::write(&file, "these are notes, and no recording").unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_bookstore-agent"));
    let output =
        command.arg("replay").arg(&file).arg("--otlp-file").arg(folder.path().join("spans.jsonl")).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success());
    assert!(
        said.contains("notes.txt cannot be replayed") && said.contains("no recording of bookstore-agent"),
        "{said}"
    );
}
