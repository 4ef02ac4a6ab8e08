//! The command line as a process, against a server on this machine: what it prints, and how it exits.

mod common;

use std::path::PathBuf;
use std::process::{Output, Stdio};
use std::time::Duration;

use common::{InProcess, problem};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

/// The example, which cargo builds together with the tests.
fn load() -> Command {
    let me = std::env::current_exe().expect("a path");
    let path: PathBuf = me.ancestors().nth(2).expect("a target directory").join("examples").join("load");
    assert!(path.exists(), "{} is not there: cargo build -p bookstore-loadgen --examples", path.display());
    let mut command = Command::new(path);
    command.kill_on_drop(true).stdin(Stdio::null());
    command
}

async fn run(arguments: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = load().args(arguments).output().await.expect("it runs");
    (status.code(), String::from_utf8(stdout).expect("text"), String::from_utf8(stderr).expect("text"))
}

/// A file with a scenario that gets one path.
fn get(path: &str) -> tempfile::TempPath {
    let mut file = tempfile::Builder::new().suffix(".toml").tempfile().expect("a file");
    let text = format!("about = \"a\"\n[[visit]]\nname = \"v\"\nsteps = [{{ get = \"{path}\" }}]\n");
    std::io::Write::write_all(&mut file, text.as_bytes()).expect("a file");
    file.into_temp_path()
}

/// `/well` answers, `/ill` fails, `/half` does both in turn, `/slow` takes its time, `/never` does not answer.
fn server() -> InProcess {
    let turn = std::sync::atomic::AtomicU64::new(0);
    InProcess::new(move |seen| {
        let second = turn.fetch_add(1, std::sync::atomic::Ordering::SeqCst) % 2 == 1;
        async move {
            match seen.path.as_str() {
                "/ill" => return (503, problem("/problems/service-unavailable")),
                "/half" if second => return (503, problem("/problems/service-unavailable")),
                "/slow" => tokio::time::sleep(Duration::from_millis(100)).await,
                "/never" => std::future::pending().await,
                _ => {}
            }
            (200, "{}".to_owned())
        }
    })
}

#[tokio::test]
async fn a_run_prints_one_json_object_and_says_on_standard_error_how_it_goes() {
    let url = server().listen().await;
    let file = get("/well");
    let path = file.to_str().unwrap();
    let (code, out, err) =
        run(&["--target", &url, "--scenario", path, "--rate", "100", "--visits", "150", "--json"]).await;
    assert_eq!(out.lines().count(), 1, "{out}");
    let json: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&json["visits"]["done"], &json["requests"]["total"]), (&150.into(), &150.into()), "{out}{err}");
    assert_eq!(code, Some(if json["visits_per_s"]["missed"].is_null() { 0 } else { 3 }), "{out}{err}");
    assert!(err.contains("customers ready: 64 of 64") && err.contains("visits/s"), "{err}");
    assert!(!err.contains('\r') && !err.contains('\x1b'), "no terminal: {err:?}");
}

#[tokio::test]
async fn the_result_for_people_names_what_was_asked_for() {
    let url = server().listen().await;
    let file = get("/well");
    let path = file.to_str().unwrap();
    let (code, out, _) =
        run(&["--target", &url, "--scenario", path, "--concurrency", "2", "--visits", "50", "--seed", "9"]).await;
    assert_eq!(code, Some(0));
    for part in [&url, "closed loop", "2 customers", "seed 9", "50 done", "50 ok, 0 errors", "GET /well", "p99"] {
        assert!(out.contains(part), "{part}: {out}");
    }
}

#[tokio::test]
async fn a_target_that_does_not_answer_is_said_and_nothing_is_printed() {
    // A port that was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("http://127.0.0.1:{port}");
    for scenario in ["mixed", "join"] {
        let (code, out, err) = run(&["--target", &url, "--scenario", scenario]).await;
        assert_eq!((code, out.as_str()), (Some(1), ""));
        assert!(err.contains(&url) && err.contains("is the shop up"), "{err}");
    }
}

#[tokio::test]
async fn errors_alone_do_not_fail_a_run_unless_asked_to_or_nothing_else_is_there() {
    let url = server().listen().await;
    let (half, ill) = (get("/half"), get("/ill"));
    let ends = ["--concurrency", "1", "--visits", "20"];
    let (code, out, _) =
        run(&[&["--target", url.as_str(), "--scenario", half.to_str().unwrap()], &ends[..]].concat()).await;
    assert_eq!(code, Some(0), "{out}");
    assert!(out.contains("10 errors (503 service-unavailable 10)"), "{out}");
    let strict =
        [&["--target", url.as_str(), "--scenario", half.to_str().unwrap(), "--fail-on-errors"], &ends[..]].concat();
    assert_eq!(run(&strict).await.0, Some(4));
    let (code, out, _) =
        run(&[&["--target", url.as_str(), "--scenario", ill.to_str().unwrap()], &ends[..]].concat()).await;
    assert_eq!(code, Some(4));
    assert!(out.contains("measured errors"), "{out}");
}

#[tokio::test]
async fn a_rate_that_is_not_reached_fails_with_the_result() {
    let url = server().listen().await;
    let file = get("/slow");
    let path = file.to_str().unwrap();
    let few = ["--rate", "200", "--max-in-flight", "2", "--visits", "100"];
    let (code, out, _) = run(&[&["--target", url.as_str(), "--scenario", path], &few[..]].concat()).await;
    assert_eq!(code, Some(3), "{out}");
    assert!(out.contains("200 asked for") && out.contains("The rate was not reached"), "{out}");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_first_ctrl_c_ends_the_run_and_prints_what_there_is() {
    use rustix::process::{Pid, Signal, kill_process};
    let url = server().listen().await;
    for path in ["/well", "/never"] {
        let file = get(path);
        let path = file.to_str().unwrap();
        let mut child = load()
            .args(["--target", &url, "--scenario", path, "--concurrency", "2", "--duration", "24h", "--json"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        while !lines.next_line().await.unwrap().expect("a line of the run").contains("visits/s") {}
        kill_process(Pid::from_raw(child.id().unwrap().try_into().unwrap()).unwrap(), Signal::INT).unwrap();
        let output = child.wait_with_output().await.unwrap();
        assert_eq!(output.status.code(), Some(130));
        let json: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(json["interrupted"], true);
        assert!(json["visits"]["cut_off"].as_u64().unwrap() <= 2, "{json}");
    }
}

#[tokio::test]
async fn scenarios_are_listed_and_wrong_ones_refused_before_anything_is_asked() {
    let (code, out, _) = run(&["--list-scenarios"]).await;
    assert_eq!((code, out.lines().count()), (Some(0), 9), "{out}");
    assert!(out.starts_with("browse "), "{out}");
    let mut file = tempfile::Builder::new().suffix(".toml").tempfile().unwrap();
    std::io::Write::write_all(&mut file, b"about = \"a\"\n[[visit]]\nname = \"v\"\nsteps = [\"by\"]\n").unwrap();
    let path = file.path().to_str().unwrap();
    let (code, out, err) = run(&["--scenario", path]).await;
    assert_eq!((code, out.as_str()), (Some(1), ""));
    assert!(err.contains(&format!("{path}:4:10: ")) && err.contains("`buy`"), "{err}");
}
