//! Runs: customers make visits, in an open loop or a closed one.
//!
//! Each customer is a task. In an open loop one more task watches the clock: at each arrival it takes a customer who is
//! free, the one who has been so for longest, and tells it when the visit was to begin. It waits for nobody; who finds no
//! free customer is skipped. In a closed loop each customer takes the next number when it is done.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::{Mutex as AsyncMutex, mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior};

use crate::cpu;
use crate::customer::{Customer, Shared};
use crate::network::{Network, Tcp};
use crate::outcome::{Outcome, Step, Tidying, Visits, histogram};
use crate::plan::{Arrivals, Extent, Plan, Progress};
use crate::record::Desk;
use crate::timer::Timer;
use crate::work::Work;

/// After how many arrivals that were already due the others get a turn. A generator that is late must not stop answers
/// from being read.
const TURN: u32 = 32;

/// Customers that are ready. They can make several runs one after the other, such as to warm up and then to measure.
pub struct Customers<N: Network = Tcp> {
    work: Arc<Work>,
    customers: Vec<Arc<AsyncMutex<Customer<N>>>>,
    network: N,
    /// Unlike that of any other process.
    token: u64,
    runs: u64,
}

/// One visit that is to be made.
#[derive(Clone, Copy, Debug)]
struct Arrival {
    number: u64,
    intended: Instant,
}

/// What the tasks of a run share.
struct Run {
    work: Arc<Work>,
    desk: Desk,
    name: String,
    start: Instant,
    first_visit: u64,
    extent: Extent,
    offered: AtomicU64,
    skipped: AtomicU64,
    /// Customers who wait, the one who waits for longest first.
    free: Mutex<VecDeque<usize>>,
    /// When the last arrival was intended, and when it came.
    last_arrival: Mutex<(Duration, Duration)>,
    /// When the last visit ended.
    last_end: Mutex<Instant>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<N: Network> Customers<N> {
    pub(crate) fn new(work: Arc<Work>, customers: Vec<Arc<AsyncMutex<Customer<N>>>>, network: N) -> Self {
        Self { work, customers, network, token: rand::random(), runs: 0 }
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.customers.len()
    }

    /// What all visits are drawn from.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.work.seed()
    }

    /// Makes a run, inside the caller's tokio runtime. When `cancel` is ready it ends at once: visits under way are cut
    /// off, and the outcome is that of the run so far. A call that is dropped ends its visits as well.
    pub async fn run(
        &mut self,
        plan: &Plan,
        mut observe: impl FnMut(&Progress),
        cancel: impl Future<Output = ()>,
    ) -> Outcome {
        self.runs += 1;
        // A run that was dropped may have tasks that hold a customer until they are.
        for customer in &self.customers {
            customer.lock().await.begin().await;
        }
        let (cpu, began, start) = (cpu::used(), SystemTime::now(), Instant::now());
        let open_loop = matches!(plan.arrivals, Arrivals::Open { .. });
        let run = Arc::new(Run {
            desk: Desk::new(self.work.scenario().step_names().len()),
            work: Arc::clone(&self.work),
            name: format!("{:016x}-{}", self.token, self.runs),
            start,
            first_visit: plan.first_visit,
            extent: plan.extent,
            offered: AtomicU64::new(0),
            skipped: AtomicU64::new(0),
            free: Mutex::new((0..self.customers.len()).collect()),
            last_arrival: Mutex::default(),
            last_end: Mutex::new(start),
        });
        let mut tasks = JoinSet::new();
        let mut stops = Vec::with_capacity(self.customers.len());
        let mut ways = Vec::new();
        for (place, customer) in self.customers.iter().enumerate() {
            let (stop_tx, stop) = oneshot::channel();
            stops.push(stop_tx);
            let (run, customer) = (Arc::clone(&run), Arc::clone(customer));
            if open_loop {
                let (way, arrivals) = mpsc::channel(1);
                ways.push(way);
                tasks.spawn(async move { run.until(stop, &customer, run.open(place, &customer, arrivals)).await });
            } else {
                tasks.spawn(async move { run.until(stop, &customer, run.closed(&customer)).await });
            }
        }
        let mut clock = None;
        if let Arrivals::Open { schedule, spacing } = &plan.arrivals {
            let arrivals = schedule.arrivals(*spacing, self.work.seed());
            let (run, timer) = (Arc::clone(&run), self.network.timer());
            clock = Some(tasks.spawn(async move { run.offer(arrivals, &ways, timer).await }));
        }

        let mut cancel = pin!(cancel);
        let mut interrupted_at = None;
        let mut seen = Seen { at: start, ended: 0 };
        let mut ticks = tokio::time::interval(plan.observe_every.max(Duration::from_millis(1)));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        ticks.tick().await;
        loop {
            tokio::select! {
                () = &mut cancel, if interrupted_at.is_none() => {
                    interrupted_at = Some(start.elapsed());
                    if let Some(clock) = &clock {
                        clock.abort();
                    }
                    for stop in stops.drain(..) {
                        let _: Result<(), ()> = stop.send(());
                    }
                }
                _ = ticks.tick() => observe(&run.progress(&mut seen)),
                ended = tasks.join_next() => match ended {
                    None => break,
                    Some(Err(error)) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
                    Some(_) => {}
                },
            }
        }
        let cpu = cpu.and_then(|before| Some(cpu::used()?.saturating_sub(before)));
        run.outcome(began, plan, interrupted_at, cpu)
    }
}

/// What who watches was told last.
struct Seen {
    at: Instant,
    ended: u64,
}

impl Run {
    fn shared(&self, open_loop: bool) -> Shared<'_> {
        Shared { work: &self.work, desk: &self.desk, run: &self.name, open_loop }
    }

    /// Does `work` until its end, or until told to stop; then hands in what the customer has noted.
    async fn until<N: Network>(
        &self,
        stop: oneshot::Receiver<()>,
        customer: &AsyncMutex<Customer<N>>,
        work: impl Future<Output = ()>,
    ) {
        tokio::select! {
            biased;
            // A sender that is gone is no order to stop.
            Ok(()) = stop => {}
            () = work => {}
        }
        customer.lock().await.notes.hand_in(Instant::now(), &self.desk);
    }

    /// A customer of an open loop: makes the visits that it is told to.
    async fn open<N: Network>(
        &self,
        place: usize,
        customer: &AsyncMutex<Customer<N>>,
        mut arrivals: mpsc::Receiver<Arrival>,
    ) {
        let mut customer = customer.lock().await;
        while let Some(Arrival { number, intended }) = arrivals.recv().await {
            self.visit(&mut customer, number, intended, true).await;
            locked(&self.free).push_back(place);
        }
    }

    /// A customer of a closed loop: makes one visit after the other.
    async fn closed<N: Network>(&self, customer: &AsyncMutex<Customer<N>>) {
        let mut customer = customer.lock().await;
        let mut now = Instant::now();
        let end = match self.extent {
            Extent::For(time) => Some(self.start + time),
            Extent::Visits(_) => None,
        };
        while end.is_none_or(|end| now < end) {
            let place = match self.extent {
                Extent::For(_) => self.offered.fetch_add(1, Ordering::Relaxed),
                Extent::Visits(all) => {
                    let another = |offered| (offered < all).then_some(offered + 1);
                    let taken = self.offered.fetch_update(Ordering::Relaxed, Ordering::Relaxed, another);
                    let Ok(place) = taken else { break };
                    place
                }
            };
            now = self.visit(&mut customer, self.first_visit.wrapping_add(place), now, false).await;
        }
    }

    /// One visit: when it has ended.
    async fn visit<N: Network>(
        &self,
        customer: &mut Customer<N>,
        number: u64,
        intended: Instant,
        open_loop: bool,
    ) -> Instant {
        let now = customer.visit(number, intended, &self.shared(open_loop)).await;
        let mut last = locked(&self.last_end);
        *last = now.max(*last);
        now
    }

    /// The clock of an open loop: sends a free customer on its way at each arrival.
    async fn offer(&self, arrivals: impl Iterator<Item = Duration>, ways: &[mpsc::Sender<Arrival>], mut timer: Timer) {
        let mut due_at_once = 0;
        for (place, time) in (0_u64..).zip(arrivals) {
            let over = match self.extent {
                Extent::For(length) => time >= length,
                Extent::Visits(all) => place >= all,
            };
            if over {
                break;
            }
            let intended = self.start + time;
            if intended > Instant::now() {
                timer.until(intended).await;
                due_at_once = 0;
            } else {
                due_at_once += 1;
                if due_at_once % TURN == 0 {
                    tokio::task::yield_now().await;
                }
            }
            let free = locked(&self.free).pop_front();
            let arrival = Arrival { number: self.first_visit.wrapping_add(place), intended };
            let sent = free.and_then(|free| ways.get(free)).is_some_and(|way| way.try_send(arrival).is_ok());
            if !sent {
                self.skipped.fetch_add(1, Ordering::Relaxed);
            }
            self.offered.fetch_add(1, Ordering::Relaxed);
            *locked(&self.last_arrival) = (time, self.start.elapsed());
        }
        // Visits begin for as long as was asked for, also when none comes at its end.
        if let Extent::For(length) = self.extent {
            timer.until(self.start + length).await;
        }
    }

    fn progress(&self, seen: &mut Seen) -> Progress {
        let now = Instant::now();
        let mut records = self.desk.records();
        let (recent, p50, p99) = records.take_recent();
        let ended = records.done + records.failed;
        let time = now - seen.at;
        let progress = Progress {
            elapsed: now - self.start,
            extent: self.extent,
            offered: self.offered.load(Ordering::Relaxed),
            ended,
            skipped: self.skipped.load(Ordering::Relaxed),
            requests: records.requests(),
            errors: records.error_count(),
            visits_per_s: crate::outcome::per_second(ended - seen.ended, time),
            requests_per_s: crate::outcome::per_second(recent, time),
            p50,
            p99,
        };
        *seen = Seen { at: now, ended };
        progress
    }

    fn outcome(
        &self,
        began: SystemTime,
        plan: &Plan,
        interrupted_at: Option<Duration>,
        cpu: Option<Duration>,
    ) -> Outcome {
        let records = self.desk.records();
        let elapsed = interrupted_at.unwrap_or(*locked(&self.last_end) - self.start);
        let (last_intended, last_came) = *locked(&self.last_arrival);
        let planned = match (&plan.arrivals, plan.extent, interrupted_at) {
            (Arrivals::Closed, ..) => None,
            // The last came when it was to come, or later.
            (_, Extent::For(_), Some(_)) | (_, Extent::Visits(_), _) => Some(last_intended),
            (_, Extent::For(length), None) => Some(length),
        };
        let window = match (planned, interrupted_at) {
            (_, Some(at)) => at,
            (Some(planned), None) => planned.max(last_came),
            (None, None) => elapsed,
        };
        let planned = planned.map(|planned| if interrupted_at.is_some() { window } else { planned });
        let steps = self.work.scenario().step_names().iter().zip(&records.steps);
        let steps =
            steps.map(|(name, (count, latency))| Step { name: name.clone(), count: *count, latency: latency.clone() });
        let steps: Vec<Step> = steps.collect();
        let mut latency = histogram(3);
        for step in &steps {
            // Both have the same bounds.
            let _ = latency.add(&step.latency);
        }
        let (offered, skipped) = (self.offered.load(Ordering::Relaxed), self.skipped.load(Ordering::Relaxed));
        Outcome {
            began,
            window,
            planned,
            elapsed,
            interrupted: interrupted_at.is_some(),
            visits: Visits {
                offered,
                done: records.done,
                failed: records.failed,
                skipped,
                // Under way, or on its way to the customer.
                cut_off: offered.saturating_sub(records.done + records.failed + skipped),
            },
            requests: records.requests(),
            latency,
            steps,
            ok: records.ok,
            refusals: records.refusals.iter().map(|(kind, count)| (kind.name(), *count)).collect(),
            errors: records.errors.clone(),
            tidying: Tidying { requests: records.tidied, failed: records.tidied_in_vain },
            lag: records.lag.clone(),
            cpu,
        }
    }
}
