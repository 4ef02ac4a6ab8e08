//! What is watched comes to no harm, and what is lost makes no link wrong: a service under load, on a real kernel.

#![cfg(target_os = "linux")]

use std::collections::{BTreeSet, HashMap};
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use aya::programs::loaded_programs;
use bookstore_agent::discover::{self, Rule, Rules, Select};
use bookstore_agent::export::Message;
use bookstore_agent::metrics::Numbers;
use bookstore_agent::run::{self, Host, Options, Progress};
use bookstore_otlp::collector::ExportTraceServiceRequest;
use bookstore_otlp::common::KeyValue;
use bookstore_otlp::trace::{Span, kind};
use procfs::process::{MMapPath, Process};
use support::{Load, Service, server, until, upstream};

mod support;

/// What a probe is in the text of a process: `int3`.
const BREAKPOINT: u8 = 0xcc;

#[test]
#[ignore = "is started by the others, as the process that is watched"]
fn service() -> anyhow::Result<()> {
    server::run()
}

#[test]
fn nothing_stays_behind_and_no_request_fails_when_it_is_killed_under_load() -> anyhow::Result<()> {
    if !support::is_root("being killed under load") {
        return Ok(());
    }
    let service = Service::start(upstream()?)?;
    let pid = service.child.id();
    let load = Load::start(service.address, 4);
    load.more(100)?;
    let text = Text::of_probes(pid)?;
    anyhow::ensure!(!text.0.is_empty(), "no probe would be set");
    assert_eq!(text.probes(pid)?, 0);

    let mut agent = Command::new(env!("CARGO_BIN_EXE_bookstore-agent"))
        .args(["--pid", &pid.to_string(), "--otlp-file", "/dev/null"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut told = BufReader::new(agent.stderr.take().context("no standard error")?).lines();
    let watches = told.by_ref().map_while(Result::ok).any(|line| line.contains("is watched"));
    anyhow::ensure!(watches, "the agent has ended without watching anything");
    load.more(500)?;
    assert_eq!(text.probes(pid)?, text.0.len(), "the probes are there");
    let programs = programs_of(agent.id())?;
    anyhow::ensure!(programs.is_subset(&all_programs()) && programs.len() >= 4, "its programs are there: {programs:?}");

    agent.kill()?;
    load.more(500)?;
    agent.wait()?;
    until("its probes are gone", || Ok(text.probes(pid)? == 0))?;
    until("its programs are gone", || Ok(programs.is_disjoint(&all_programs())))?;
    load.more(500)?;
    load.finish()
}

#[test]
fn probes_on_wakes_are_there_only_where_wakes_tell_something() -> anyhow::Result<()> {
    if !support::is_root("where probes are not needed") {
        return Ok(());
    }
    let service = Service::start(upstream()?)?;
    let pid = service.child.id();
    let text = Text::of_probes(pid)?;
    let load = Load::below(server::ALONE, service.address, 4);
    let (_, links) = watched(&service, None, || {
        until("probes are there", || Ok(text.probes(pid)? == text.0.len()))?;
        // Until it is known that it asks nobody.
        until("they are gone", || Ok(text.probes(pid)? == 0))?;
        load.finish()?;
        let load = Load::start(service.address, 1);
        until("they are there again", || Ok(text.probes(pid)? == text.0.len()))?;
        load.finish()?;
        // What was asked meanwhile is linked to nothing; a good second later all is.
        let since = Instant::now();
        until("a while has passed", || Ok(since.elapsed() > Duration::from_millis(1_500)))?;
        let load = Load::start(service.address, 1);
        load.more(500)?;
        load.finish()
    })?;
    assert_eq!(links.wrong, Vec::<String>::new());
    assert!(links.right >= 500, "{} are linked, {} are not", links.right, links.unlinked);
    Ok(())
}

/// Where probes of an executable go: each place in the process's memory, and the byte of the file.
struct Text(Vec<(u64, u8)>);

impl Text {
    fn of_probes(pid: u32) -> anyhow::Result<Self> {
        let executable = format!("/proc/{pid}/exe");
        let probes = discover::probes(Path::new(&executable))?;
        let path = fs::read_link(&executable)?;
        let maps = Process::new(pid.try_into()?)?.maps()?;
        let file = File::open(&executable)?;
        let place = |offset: u64| {
            let map = maps.iter().find(|map| {
                let length = map.address.1 - map.address.0;
                map.pathname == MMapPath::Path(path.clone()) && (map.offset..map.offset + length).contains(&offset)
            });
            let map = map.context("a probe would be outside of what is mapped")?;
            let mut byte = [0];
            file.read_exact_at(&mut byte, offset)?;
            Ok((map.address.0 + offset - map.offset, byte[0]))
        };
        probes.wake.into_iter().map(place).collect::<anyhow::Result<_>>().map(Self)
    }

    /// How many of the places have a probe. Fails if there is anything else but what is in the file.
    fn probes(&self, pid: u32) -> anyhow::Result<usize> {
        let memory = File::open(format!("/proc/{pid}/mem"))?;
        let mut count = 0;
        for (address, original) in &self.0 {
            let mut byte = [0];
            memory.read_exact_at(&mut byte, *address)?;
            count += usize::from(byte == [BREAKPOINT]);
            anyhow::ensure!(byte == [BREAKPOINT] || byte == [*original], "the text was changed at {address:#x}");
        }
        Ok(count)
    }
}

/// The ids of the programs that a process holds.
fn programs_of(pid: u32) -> anyhow::Result<BTreeSet<u32>> {
    let mut ids = BTreeSet::new();
    for entry in fs::read_dir(format!("/proc/{pid}/fdinfo"))? {
        // Descriptors come and go.
        let info = fs::read_to_string(entry?.path()).unwrap_or_default();
        ids.extend(info.lines().filter_map(|line| line.strip_prefix("prog_id:")?.trim().parse::<u32>().ok()));
    }
    Ok(ids)
}

fn all_programs() -> BTreeSet<u32> {
    loaded_programs().filter_map(|program| program.ok().map(|program| program.id())).collect()
}

#[test]
fn what_is_lost_makes_no_link_wrong() -> anyhow::Result<()> {
    if !support::is_root("a starved ring") {
        return Ok(());
    }
    let (starved, links) = watched_under_load(Some(4_096))?;
    assert!(starved.lost > 0, "there was room for all");
    assert_eq!(links.wrong, Vec::<String>::new());
    // That the same shows links where nothing is lost.
    let (fed, links) = watched_under_load(None)?;
    assert_eq!((fed.lost, links.wrong), (0, Vec::new()));
    assert!(links.right > links.unlinked, "{} are linked, {} are not", links.right, links.unlinked);
    Ok(())
}

#[derive(Default)]
struct Links {
    right: usize,
    unlinked: usize,
    wrong: Vec<String>,
}

/// What the agent made of a service under load.
fn watched_under_load(ring: Option<u32>) -> anyhow::Result<(Numbers, Links)> {
    let service = Service::start(upstream()?)?;
    watched(&service, ring, || {
        let load = Load::start(service.address, 8);
        load.more(1_000)?;
        load.finish()
    })
}

/// What the agent makes of a service meanwhile. The service asks for what it is asked for, so that it can be seen what
/// belongs together.
fn watched(
    service: &Service,
    ring: Option<u32>,
    meanwhile: impl FnOnce() -> anyhow::Result<()>,
) -> anyhow::Result<(Numbers, Links)> {
    let rules = Rules { any: vec![Rule::new(Select::Pid(service.child.id()))], ..Rules::default() };
    let options = Options { rules, ring, ..Options::default() };
    let stop = AtomicBool::new(false);
    let (watches, watched) = mpsc::channel();
    let (summary, requests) = std::thread::scope(|scope| {
        let agent = scope.spawn(|| {
            let mut keeper = Keeper { watches, requests: Vec::new() };
            run::run(&options, &stop, &mut keeper).map(|numbers| (numbers, keeper.requests))
        });
        let done =
            watched.recv_timeout(support::PATIENCE).context("the service is not watched").and_then(|()| meanwhile());
        stop.store(true, Ordering::Relaxed);
        let agent = agent.join().map_err(|_| anyhow::anyhow!("the agent has panicked"))?;
        done.and(agent)
    })?;
    Ok((summary, links(&requests)))
}

/// Keeps what the agent has seen.
struct Keeper {
    watches: mpsc::Sender<()>,
    requests: Vec<ExportTraceServiceRequest>,
}

impl Host for Keeper {
    fn tell(&mut self, progress: Progress<'_>) {
        if matches!(progress, Progress::Watching(..)) {
            // The test may have failed meanwhile.
            let _gone = self.watches.send(());
        }
    }

    fn send(&mut self, message: Message) {
        if let Message::Spans(batch) = message {
            self.requests.push(batch.read().expect("spans are in it"));
        }
    }

    fn dropped(&self) -> u64 {
        0
    }
}

fn links(requests: &[ExportTraceServiceRequest]) -> Links {
    let spans: Vec<&Span> = requests
        .iter()
        .flat_map(|request| &request.resource_spans)
        .flat_map(|resource| &resource.scope_spans)
        .flat_map(|scope| &scope.spans)
        .collect();
    let by_id: HashMap<&[u8], &Span> = spans.iter().map(|span| (span.span_id.as_slice(), *span)).collect();
    let mut links = Links::default();
    for span in spans.iter().filter(|span| span.kind == kind::CLIENT) {
        let asked = path(span);
        match by_id.get(span.parent_span_id.as_slice()) {
            None => links.unlinked += 1,
            Some(parent) if path(parent) == asked => links.right += 1,
            Some(parent) => links.wrong.push(format!("{asked:?} under {:?}", path(parent))),
        }
    }
    links
}

/// The path that a span's request asks for, by whichever side's attribute.
fn path(span: &Span) -> Option<&str> {
    let value = |key: &str| span.attributes.iter().find(|it| it.key == key).and_then(KeyValue::as_str);
    value("url.path").or_else(|| value("url.full").and_then(|url| url.rfind('/').map(|at| &url[at..])))
}
