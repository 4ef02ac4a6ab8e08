//! What each process has used, by the kernel's accounting (`proc(5)`).

use std::collections::BTreeMap;

use anyhow::Context as _;
use procfs::CurrentSI as _;
use procfs::process::Process;

use crate::service::Service;
use crate::shop::Shop;

/// Processor time used so far, in seconds, user and system.
#[derive(Clone, Debug)]
pub(super) struct Account {
    services: BTreeMap<String, f64>,
    database: Option<f64>,
    agent: Option<f64>,
    receiver: f64,
    steal: Steal,
}

/// What the hypervisor gave to others, and all there was, in ticks.
#[derive(Clone, Copy, Debug)]
struct Steal {
    stolen: u64,
    all: u64,
}

/// What was used between two accounts.
#[derive(Clone, Debug)]
pub(super) struct Used {
    pub(super) services: BTreeMap<String, f64>,
    pub(super) database: Option<f64>,
    pub(super) agent: Option<f64>,
    pub(super) receiver: f64,
}

impl Account {
    /// Reads the accounts of a shop's processes, and of the agent above this one if there is one at work.
    ///
    /// # Errors
    /// When one of them is not there any more.
    pub(super) fn read(shop: &Shop, has_agent: bool) -> anyhow::Result<Self> {
        let mut services = BTreeMap::new();
        for service in Service::ALL.into_iter().filter(|service| service.has_database()) {
            services.insert(service.name().to_owned(), seconds(&process(shop, service)?)?);
        }
        let database = shop.postgres_pid().map(family_seconds).transpose()?;
        let agent = has_agent.then(|| seconds(&agent()?)).transpose()?;
        let receiver = seconds(&process(shop, Service::Compare)?)?;
        Ok(Self { services, database, agent, receiver, steal: Steal::now()? })
    }

    /// What was used since `before`. Ticks of the kernel's clock, mostly 10 ms, are the least that can be told.
    pub(super) fn since(&self, before: &Self) -> Used {
        let since = |name: &String, now: f64| now - before.services.get(name).copied().unwrap_or_default();
        Used {
            services: self.services.iter().map(|(name, now)| (name.clone(), since(name, *now))).collect(),
            database: self.database.zip(before.database).map(|(now, before)| now - before),
            agent: self.agent.zip(before.agent).map(|(now, before)| now - before),
            receiver: self.receiver - before.receiver,
        }
    }

    /// The share of processor time that the hypervisor gave to others since `before`.
    pub(super) fn stolen_since(&self, before: &Self) -> Option<f64> {
        let all = self.steal.all.checked_sub(before.steal.all).filter(|all| *all > 0)?;
        let stolen = self.steal.stolen.saturating_sub(before.steal.stolen);
        #[expect(clippy::cast_precision_loss, reason = "a share")]
        let share = stolen as f64 / all as f64;
        Some(share)
    }
}

impl Steal {
    fn now() -> anyhow::Result<Self> {
        let total = procfs::KernelStats::current().context("/proc/stat cannot be read")?.total;
        let stolen = total.steal.unwrap_or_default();
        let all = total.user
            + total.nice
            + total.system
            + total.idle
            + total.iowait.unwrap_or_default()
            + total.irq.unwrap_or_default()
            + total.softirq.unwrap_or_default()
            + stolen;
        Ok(Self { stolen, all })
    }
}

/// The most memory that each process has held since its start, in MiB.
///
/// # Errors
/// When one of them is not there any more.
pub(super) fn rss_peaks(shop: &Shop, has_agent: bool) -> anyhow::Result<BTreeMap<String, f64>> {
    let mut peaks = BTreeMap::new();
    for service in Service::ALL {
        peaks.insert(service.name().to_owned(), rss_peak(&process(shop, service)?)?);
    }
    if has_agent {
        peaks.insert("agent".to_owned(), rss_peak(&agent()?)?);
    }
    Ok(peaks)
}

fn rss_peak(process: &Process) -> anyhow::Result<f64> {
    #[expect(clippy::cast_precision_loss, reason = "mebibytes")]
    let mebibytes = process.status()?.vmhwm.unwrap_or_default() as f64 / 1024.0;
    Ok(mebibytes)
}

/// The process that started this one runs the agent, and does nothing else.
fn agent() -> anyhow::Result<Process> {
    let pid = rustix::process::getppid().context("there is no process above this one")?;
    Process::new(pid.as_raw_nonzero().get()).context("the agent has ended")
}

fn process(shop: &Shop, service: Service) -> anyhow::Result<Process> {
    let pid = shop.pid(service).with_context(|| format!("{service} does not run"))?;
    Process::new(i32::try_from(pid)?).with_context(|| format!("{service} has ended"))
}

fn seconds(process: &Process) -> anyhow::Result<f64> {
    let stat = process.stat()?;
    Ok(in_seconds(stat.utime + stat.stime))
}

/// A server and all that it has forked. Those that have ended are in the account of who has waited for them.
fn family_seconds(pid: i32) -> anyhow::Result<f64> {
    let server = Process::new(pid).context("PostgreSQL has ended")?.stat()?;
    let waited_for = u64::try_from(server.cutime + server.cstime).unwrap_or_default();
    let mut ticks = server.utime + server.stime + waited_for;
    for process in procfs::process::all_processes()?.flatten() {
        // It may end while one looks.
        if let Ok(stat) = process.stat()
            && stat.ppid == pid
        {
            ticks += stat.utime + stat.stime;
        }
    }
    Ok(in_seconds(ticks))
}

fn in_seconds(ticks: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "seconds")]
    let seconds = ticks as f64 / procfs::ticks_per_second() as f64;
    seconds
}
