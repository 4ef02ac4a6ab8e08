//! Made-up runs, as a noisy machine might give them.

use std::collections::BTreeMap;

use anyhow::Context as _;
use bookstore_bench::Latency;
use bookstore_bench::model::{
    Cores, CpuSeconds, Durations, Experiment, Machine, Phase, PhaseKind, Receiver, Run, Spans, Versions,
};
use bookstore_bench::order::{labels, mode_of, order};
use hdrhistogram::Histogram;
use rand::{Rng, RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution as _, Exp, Normal};

/// CPU of the services for a request without instrumentation, in ms.
const PLAIN_MS: f64 = 1.9;
/// Each service's share of it.
const SERVICES: [(&str, f64, f64); 5] = [
    ("catalog", 0.24, 17.0),
    ("inventory", 0.14, 13.0),
    ("payment", 0.1, 13.5),
    ("storefront", 0.38, 24.0),
    ("user", 0.14, 15.0),
];

/// How a mode differs from none: CPU of services, of the agent, memory, spans a request.
fn price(mode: &str) -> (f64, f64, f64, f64) {
    let (mode, planted) = mode.split_once('+').unwrap_or((mode, ""));
    let planted = planted.strip_suffix("us").and_then(|us| us.parse::<f64>().ok()).unwrap_or(0.0);
    let planted = 1.0 + planted / 1000.0 / PLAIN_MS;
    match mode {
        "manual" => (1.123 * planted, 0.0, 1.21, 9.4),
        "ebpf" => (1.034 * planted, 0.31, 1.0, 6.8),
        "both" => (1.161 * planted, 0.33, 1.21, 16.2),
        _ => (planted, 0.0, 1.0, 0.0),
    }
}

/// An experiment and its runs.
pub(crate) fn experiment(modes: &[&str], rounds: u32, seed: u64) -> anyhow::Result<(Experiment, Vec<Run>)> {
    let labels = labels(modes);
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut runs = Vec::new();
    for (index, order) in order(modes.len(), usize::try_from(rounds)?, seed).into_iter().enumerate() {
        let round = u32::try_from(index + 1)?;
        for (position, mode) in order.into_iter().enumerate() {
            let label = labels.get(mode).context("a mode has a label")?;
            // The machine grows slower by and by, and its neighbours make a noise.
            let drift = 1.0 + 0.004 * f64::from(round);
            let noise: f64 = Normal::new(0.0, 0.012)?.sample(&mut rng);
            let disturbed = if rng.random::<f64>() < 0.06 { Exp::new(25.0)?.sample(&mut rng) } else { 0.0 };
            let pace = drift * (noise + disturbed).exp();
            runs.push(run(label, round, u32::try_from(position + 1)?, pace, &mut rng)?);
        }
    }
    Ok((design(labels, rounds, seed), runs))
}

fn design(modes: Vec<String>, rounds: u32, seed: u64) -> Experiment {
    Experiment {
        started: "2026-01-01T12:00:00Z".into(),
        ended: "2026-01-01T13:10:42Z".into(),
        machine: Machine { cpus: 2, model: "Made-up CPU".into(), kernel: "Linux 6.18.0".into(), memory_mib: 24_000 },
        versions: Versions {
            bookstore: "0.1.0".into(),
            rust: Some("rustc 1.95.0".into()),
            postgres: Some("PostgreSQL 17.2".into()),
        },
        command: format!("bookstore bench --modes {} --rounds {rounds}", modes.join(",")),
        seed,
        scenario: "mixed: 70 % browse, 20 % search, 10 % buy".into(),
        database: "postgres".into(),
        modes,
        rounds,
        durations: Durations { warmup_s: 3.0, fixed_rate_s: 20.0, saturation_s: 10.0 },
        rate: Some(60.0),
        cores: Cores { services: vec![0], load: vec![1] },
        delta: 0.02,
        remarks: vec!["These runs are made up.".into()],
    }
}

fn run(label: &str, round: u32, position: u32, pace: f64, rng: &mut ChaCha8Rng) -> anyhow::Result<Run> {
    let jitter: f64 = Normal::new(0.0, 0.006)?.sample(rng);
    Ok(Run {
        round,
        mode: label.to_owned(),
        position,
        receiver: Receiver::Compare,
        steal: Some(0.004 + 0.006 * rng.random::<f64>()),
        phases: vec![
            phase(label, PhaseKind::FixedRate, pace, rng)?,
            phase(label, PhaseKind::Saturation, pace * jitter.exp(), rng)?,
        ],
    })
}

fn phase(label: &str, kind: PhaseKind, pace: f64, rng: &mut ChaCha8Rng) -> anyhow::Result<Phase> {
    let (services, agent, memory, spans) = price(mode_of(label));
    let per_request_ms = PLAIN_MS * services * pace;
    let (duration_s, rate) = match kind {
        PhaseKind::FixedRate => (20.0, 240.0),
        PhaseKind::Saturation => (10.0, 1000.0 / (per_request_ms + agent + 0.6)),
    };
    let requests = count(duration_s * rate);
    let seconds = |ms: f64| ms * duration_s * rate / 1000.0;
    let of_services = SERVICES.map(|(name, share, _)| (name.to_owned(), seconds(per_request_ms * share)));
    let of_memory = SERVICES.map(|(name, _, mib)| (name.to_owned(), mib * memory * (1.0 + 0.01 * rng.random::<f64>())));
    let made = count(duration_s * rate * spans);
    Ok(Phase {
        kind,
        asked_rate: (kind == PhaseKind::FixedRate).then_some(60.0),
        duration_s,
        requests,
        visits: requests / 4,
        skipped: 0,
        errors: BTreeMap::new(),
        refusals: BTreeMap::from([("declined".to_owned(), requests / 200)]),
        cpu_s: CpuSeconds {
            services: BTreeMap::from(of_services),
            database: Some(seconds(0.52 * pace)),
            agent: (agent > 0.0).then(|| seconds(agent * pace)),
            receiver: Some(seconds(0.013 * spans * pace)),
            load: Some(seconds(0.4)),
        },
        latency: Latency::of(&latencies(requests, per_request_ms, rng)?)?,
        rss_peak_mib: BTreeMap::from(of_memory),
        spans: (spans > 0.0).then_some(Spans { exported: made, dropped: 0 }),
        bytes_exported: Some(made * 410),
        log_records: Some(made / 9),
        data_points: Some(made / 30),
    })
}

fn latencies(requests: u64, cpu_ms: f64, rng: &mut impl Rng) -> anyhow::Result<Histogram<u64>> {
    let mut histogram = Histogram::new(3)?;
    let body = Normal::new((cpu_ms * 900.0).ln(), 0.45)?;
    let tail = Exp::new(1.0 / 9_000.0)?;
    for _ in 0..requests {
        let slow: f64 = if rng.random::<f64>() < 0.015 { tail.sample(rng) } else { 0.0 };
        histogram.record(count(body.sample(rng).exp() + slow).max(1))?;
    }
    Ok(histogram)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small positive numbers")]
fn count(value: f64) -> u64 {
    value.round() as u64
}
