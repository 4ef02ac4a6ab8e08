//! How much load the generator makes on one core, to what [oha](https://github.com/hatoo/oha) makes: interleaved pairs of
//! runs against the same handler.
//!
//! `cargo run --release -p bookstore-loadgen --example against_oha` (Linux, two cores, `oha` installed).
//!
//! A server that does next to nothing has one core; the generators, each a process of its own, take turns on the other.
//! Both have one thread, and keep the same number of connections busy in a closed loop. The server counts as well, so that
//! nobody's own count is taken on trust.
//!
//! On a machine that has other things to do, rates are what the scheduler makes of them. The result says by which policy
//! the processes ran; `chrt --rr 10` in front of the command puts them before everything else.

#[cfg(target_os = "linux")]
fn main() -> anyhow::Result<()> {
    linux::main()
}

#[cfg(not(target_os = "linux"))]
fn main() -> anyhow::Result<()> {
    anyhow::bail!("this gives each process a core by what Linux offers for that")
}

#[cfg(target_os = "linux")]
mod linux {
    use std::convert::Infallible;
    use std::io::{BufRead as _, BufReader, Write as _};
    use std::path::PathBuf;
    use std::process::{Child, Command, Stdio};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    use anyhow::{Context as _, bail, ensure};
    use bookstore_loadgen::{Arrivals, Customers, Extent, Options, Plan, Scenario};
    use bytes::Bytes;
    use clap::Parser;
    use http::{Request, Response};
    use http_body_util::Full;
    use hyper::body::Incoming;
    use hyper_util::rt::TokioIo;
    use rustix::thread::{CpuSet, sched_setaffinity};
    use serde::{Deserialize, Serialize};
    use tokio::net::TcpListener;

    const SERVER: usize = 0;
    const GENERATORS: usize = 1;
    const HELLO: &[u8] = b"Hello, reader of results.\n";

    /// Compares the load generator with oha
    #[derive(Debug, Parser)]
    enum Role {
        /// Measures pairs of runs, and writes the result
        #[command(name = "pairs")]
        Pairs(Pairs),
        /// The server, until it is killed
        Serve,
        /// One run of the generator: prints what it counted
        Ours { url: String, connections: usize, seconds: f64 },
    }

    #[derive(Debug, Parser)]
    struct Pairs {
        /// How many
        #[arg(long, default_value_t = 15)]
        pairs: usize,
        /// How long each run is
        #[arg(long, default_value_t = 1.0)]
        seconds: f64,
        /// How many connections are kept busy
        #[arg(long, default_value_t = 32)]
        connections: usize,
        /// Where the result goes
        #[arg(long, default_value = "docs/results/loadgen-oha.json")]
        out: PathBuf,
    }

    /// The result file.
    #[derive(Debug, Serialize)]
    struct Result {
        machine: Machine,
        oha: String,
        connections: usize,
        seconds_each: f64,
        pairs: usize,
        /// Ours to oha's, pair by pair.
        ratio: Spread,
        ours_per_s: Spread,
        oha_per_s: Spread,
        /// Processor time of the whole process, its start and end included, by requests.
        ours_cpu_us_per_request: Spread,
        oha_cpu_us_per_request: Spread,
    }

    #[derive(Debug, Serialize)]
    struct Machine {
        cpus: usize,
        model: String,
        kernel: String,
        command: String,
        /// How the kernel schedules these processes: `SCHED_OTHER`, unless told otherwise.
        policy: &'static str,
    }

    #[derive(Clone, Copy, Debug, Serialize)]
    struct Spread {
        min: f64,
        median: f64,
        max: f64,
    }

    /// A run, as it counts.
    #[derive(Clone, Copy, Debug)]
    struct Run {
        per_s: f64,
        cpu_us_per_request: f64,
    }

    /// What a generator says of its run.
    #[derive(Debug, Deserialize, Serialize)]
    struct Claim {
        requests: u64,
        per_s: f64,
    }

    pub(super) fn main() -> anyhow::Result<()> {
        let arguments: Vec<_> = std::env::args().collect();
        let named = arguments.get(1).is_some_and(|first| ["pairs", "serve", "ours"].contains(&first.as_str()));
        let role = if named {
            Role::parse()
        } else {
            // Nothing said, or only options: pairs.
            let rest = arguments.get(1..).unwrap_or_default().iter().cloned();
            Role::parse_from(["against_oha".to_owned(), "pairs".to_owned()].into_iter().chain(rest))
        };
        match role {
            Role::Pairs(pairs) => measure(&pairs),
            Role::Serve => runtime()?.block_on(serve()),
            Role::Ours { url, connections, seconds } => runtime()?.block_on(ours(&url, connections, seconds)),
        }
    }

    fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
        tokio::runtime::Builder::new_current_thread().enable_all().build()
    }

    /// From here on this process, and those that it starts, run on `core`.
    fn pin(core: usize) -> anyhow::Result<()> {
        let mut set = CpuSet::new();
        set.set(core);
        sched_setaffinity(None, &set).with_context(|| format!("core {core} cannot be had; this needs two"))
    }

    fn measure(Pairs { pairs, seconds, connections, out }: &Pairs) -> anyhow::Result<()> {
        let (pairs, seconds, connections) = (*pairs, *seconds, *connections);
        ensure!(pairs > 0 && connections > 0 && seconds > 0.0, "pairs, connections and seconds must be more than 0");
        let cpus = std::thread::available_parallelism()?.get();
        let version = Command::new("oha").arg("--version").output().context("oha is not installed")?;
        let version = String::from_utf8(version.stdout)?.trim().to_owned();
        let me = std::env::current_exe()?;

        pin(SERVER)?;
        let server = Command::new(&me).arg("serve").stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let mut server = Ended(server);
        let mut url = String::new();
        BufReader::new(server.0.stdout.take().context("no output")?).read_line(&mut url)?;
        let url = url.trim();
        pin(GENERATORS)?;

        let ours = || -> anyhow::Result<Run> {
            let mut command = Command::new(&me);
            command.arg("ours").arg(url).arg(connections.to_string()).arg(seconds.to_string());
            counted(url, connections, "ours", &mut command, |output| Ok(serde_json::from_slice(output)?))
        };
        let oha = || -> anyhow::Result<Run> {
            let mut command = Command::new("oha");
            command.args(["--no-tui", "--worker-threads", "1", "--output-format", "json"]);
            command.args(["-c", &connections.to_string(), "-z", &format!("{}ms", seconds * 1000.0), url]);
            counted(url, connections, "oha", &mut command, oha_claim)
        };
        let mut runs = Vec::with_capacity(pairs);
        // The first pair warms up.
        for pair in 0..=pairs {
            // In turn, so that neither is always the first.
            let (a, b) = if pair % 2 == 0 {
                let a = ours()?;
                (a, oha()?)
            } else {
                let b = oha()?;
                (ours()?, b)
            };
            let label = if pair == 0 { "warm-up".to_owned() } else { format!("{pair} of {pairs}") };
            say(&format!("{label}: ours {:.0}/s, oha {:.0}/s, ratio {:.3}", a.per_s, b.per_s, a.per_s / b.per_s));
            if pair > 0 {
                runs.push((a, b));
            }
        }
        let spread = |of: fn(&(Run, Run)) -> f64| Spread::of(&runs.iter().map(of).collect::<Vec<_>>());
        let result = Result {
            machine: Machine::here(cpus)?,
            oha: version,
            connections,
            seconds_each: seconds,
            pairs,
            ratio: spread(|(ours, oha)| ours.per_s / oha.per_s),
            ours_per_s: spread(|(ours, _)| ours.per_s),
            oha_per_s: spread(|(_, oha)| oha.per_s),
            ours_cpu_us_per_request: spread(|(ours, _)| ours.cpu_us_per_request),
            oha_cpu_us_per_request: spread(|(_, oha)| oha.cpu_us_per_request),
        };
        let text = serde_json::to_string_pretty(&result)?;
        writeln!(std::io::stdout(), "{text}")?;
        std::fs::write(out, text + "\n").with_context(|| format!("{} cannot be written", out.display()))
    }

    /// Runs a generator, and sees that the server has counted as many requests as it.
    fn counted(
        url: &str,
        connections: usize,
        name: &str,
        command: &mut Command,
        claim: impl Fn(&[u8]) -> anyhow::Result<Claim>,
    ) -> anyhow::Result<Run> {
        let (before, cpu_before) = (served(url)?, cpu_of_children_us()?);
        let output = command.stderr(Stdio::inherit()).output()?;
        ensure!(output.status.success(), "{name} failed: {}", output.status);
        let claim = claim(&output.stdout)?;
        let cpu_us = cpu_of_children_us()? - cpu_before;
        // Not counted: the question itself.
        let served = served(url)? - before - 1;
        // At the end each connection may have a request under way, which is served and thrown away.
        let unanswered = served.checked_sub(claim.requests).with_context(|| format!("{name} counts what never was"))?;
        ensure!(unanswered <= connections as u64, "{name} counts {} requests, the server {served}", claim.requests);
        #[expect(clippy::cast_precision_loss, reason = "far below 2⁵³")]
        Ok(Run { per_s: claim.per_s, cpu_us_per_request: cpu_us / claim.requests as f64 })
    }

    /// A field of `/proc/self/stat`, as proc_pid_stat(5) counts them.
    fn stat(field: usize) -> anyhow::Result<f64> {
        let stat = std::fs::read_to_string("/proc/self/stat")?;
        // The second field is a name in parentheses, which may have blanks.
        let (_, rest) = stat.rsplit_once(") ").context("no name")?;
        Ok(rest.split(' ').nth(field - 3).context("too few fields")?.parse()?)
    }

    /// Processor time of all processes that were started here and have ended. The kernel says it in hundredths of a second
    /// (USER_HZ), whatever it counts in itself.
    fn cpu_of_children_us() -> anyhow::Result<f64> {
        Ok((stat(16)? + stat(17)?) * 10_000.0)
    }

    fn oha_claim(output: &[u8]) -> anyhow::Result<Claim> {
        let json: serde_json::Value = serde_json::from_slice(output).context("oha printed something else than JSON")?;
        let answers = json["statusCodeDistribution"]["200"].as_u64().context("oha: no answers")?;
        let seconds = json["summary"]["total"].as_f64().context("oha: no time")?;
        ensure!(
            json["statusCodeDistribution"].as_object().is_some_and(|statuses| statuses.len() == 1),
            "oha saw other answers than 200"
        );
        #[expect(clippy::cast_precision_loss, reason = "far below 2⁵³")]
        Ok(Claim { requests: answers, per_s: answers as f64 / seconds })
    }

    /// How many requests the server has answered.
    fn served(url: &str) -> anyhow::Result<u64> {
        use std::io::Read as _;
        let address = url.strip_prefix("http://").context("an http URL")?;
        let mut stream = std::net::TcpStream::connect(address)?;
        write!(stream, "GET /served HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n")?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        Ok(text.rsplit("\r\n").next().unwrap_or_default().trim().parse()?)
    }

    /// One run of ours, in a closed loop.
    async fn ours(url: &str, connections: usize, seconds: f64) -> anyhow::Result<()> {
        let options = Options { customers: connections.try_into()?, seed: 1, timeout: Duration::from_secs(10) };
        let mut customers = Customers::prepare(&url.parse()?, &Scenario::of_path("/")?, options, &mut |_| {}).await?;
        let plan = Plan {
            arrivals: Arrivals::Closed,
            extent: Extent::For(Duration::from_secs_f64(seconds)),
            first_visit: 0,
            observe_every: Duration::from_secs(1),
        };
        let outcome = customers.run(&plan, |_| {}, std::future::pending()).await;
        if outcome.error_count() > 0 {
            bail!("errors: {:?}", outcome.errors);
        }
        let claim = Claim { requests: outcome.requests, per_s: outcome.requests_per_s() };
        writeln!(std::io::stdout(), "{}", serde_json::to_string(&claim)?)?;
        Ok(())
    }

    /// Says hello to everybody, and at `/served` how often.
    async fn serve() -> anyhow::Result<()> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        writeln!(std::io::stdout(), "http://{}", listener.local_addr()?)?;
        let served = Arc::new(AtomicU64::new(0));
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let served = Arc::clone(&served);
            let service = hyper::service::service_fn(move |request: Request<Incoming>| {
                let count = served.fetch_add(1, Ordering::Relaxed) + 1;
                let body = match request.uri().path() {
                    "/served" => Bytes::from(count.to_string()),
                    _ => Bytes::from_static(HELLO),
                };
                async { Ok::<_, Infallible>(Response::new(Full::new(body))) }
            });
            tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    }

    /// A process that ends with whoever holds this.
    struct Ended(Child);

    impl Drop for Ended {
        fn drop(&mut self) {
            // It may have ended by itself.
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }

    impl Machine {
        fn here(cpus: usize) -> anyhow::Result<Self> {
            let info = std::fs::read_to_string("/proc/cpuinfo")?;
            let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
            // Of a path only its last part: where things lie on this machine is nobody's business.
            let last = |argument: String| argument.rsplit('/').next().unwrap_or_default().to_owned();
            let arguments: Vec<_> = std::env::args().skip(1).map(last).collect();
            Ok(Self {
                cpus,
                model: model.map_or("unknown", |(_, name)| name).to_owned(),
                kernel: std::fs::read_to_string("/proc/sys/kernel/osrelease")?.trim().to_owned(),
                command: format!("against_oha {}", arguments.join(" ")).trim().to_owned(),
                policy: match stat(41)? {
                    0.0 => "SCHED_OTHER",
                    1.0 => "SCHED_FIFO",
                    2.0 => "SCHED_RR",
                    _ => "another",
                },
            })
        }
    }

    impl Spread {
        fn of(values: &[f64]) -> Self {
            let mut sorted = values.to_vec();
            sorted.sort_by(f64::total_cmp);
            // Three decimals: more would be noise.
            let rounded = |value: f64| (value * 1000.0).round() / 1000.0;
            let at = |index: usize| rounded(sorted.get(index).copied().unwrap_or(f64::NAN));
            Self { min: at(0), median: at(sorted.len() / 2), max: at(sorted.len().saturating_sub(1)) }
        }
    }

    /// Says on standard error what is being done.
    fn say(text: &str) {
        let _ = writeln!(std::io::stderr(), "{text}");
    }
}
