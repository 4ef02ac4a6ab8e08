//! The span processor of the shop's way to a collector: spans are written down as they end, and sent in batches.
//!
//! It keeps what the SDK's batch processor promises (a queue with an end, batches of a size, a delay, a flush) and does
//! without its thread, and without handing each span from one thread to another: it works as a task on the thread on
//! which exports talk to the network.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::mpsc as blocking;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{Span, SpanData, SpanProcessor};
use tokio::sync::{Notify, mpsc};
use tokio::time::MissedTickBehavior;

use crate::accounting::Ledger;
use crate::background::Background;
use crate::config::Batch as Limits;
use crate::encode::{self, Head};
use crate::export::Delivery;
use crate::wire::Wire;

/// Bytes of a buffer that are kept for the next batch: some hundred spans.
const MOST_KEPT: usize = 128 * 1_024;

/// How long a flush that nobody bounds may take.
const FLUSH: Duration = Duration::from_secs(5);

/// The processor.
#[derive(Debug)]
pub(crate) struct Batches {
    queue: Arc<Queue>,
    ledger: Arc<Ledger>,
    /// Most characters of an attribute's text.
    value_length: Option<usize>,
    commands: mpsc::UnboundedSender<Flush>,
    /// Ends the task with itself.
    _background: Background,
}

/// Sends everything that waits, and says so.
type Flush = blocking::SyncSender<OTelSdkResult>;

impl Batches {
    /// Starts the task that sends.
    pub(crate) fn new(
        wire: Wire,
        head: Head,
        delivery: Delivery,
        ledger: Arc<Ledger>,
        limits: Limits,
        value_length: Option<usize>,
        background: &Background,
    ) -> Self {
        let queue = Arc::new(Queue { size: limits.size.max(1), ..Queue::default() });
        let (commands, received) = mpsc::unbounded_channel();
        let sender = Sender { queue: Arc::clone(&queue), wire, head, delivery };
        background.spawn(sender.run(limits.delay, received));
        Self { queue, ledger, value_length, commands, _background: background.clone() }
    }

    fn flush(&self, timeout: Duration) -> OTelSdkResult {
        let (done, answer) = blocking::sync_channel(1);
        if self.commands.send(done).is_err() {
            return Err(OTelSdkError::AlreadyShutdown);
        }
        answer.recv_timeout(timeout).unwrap_or(Err(OTelSdkError::Timeout(timeout)))
    }
}

impl SpanProcessor for Batches {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, mut span: SpanData) {
        if !span.span_context.is_sampled() || !self.ledger.admit() {
            return;
        }
        if let Some(limit) = self.value_length {
            crate::limits::shorten(&mut span, limit);
        }
        // One buffer a thread: the queue is held only while bytes are copied.
        thread_local! {
            static WRITTEN: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
        }
        WRITTEN.with_borrow_mut(|written| {
            written.clear();
            encode::span(written, &span);
            self.queue.push(written);
        });
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.flush(FLUSH)
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.ledger.close();
        self.flush(timeout)
    }

    /// The head was written from it already.
    fn set_resource(&mut self, _: &Resource) {}
}

/// Spans that wait, as they will be sent.
#[derive(Debug, Default)]
struct Queue {
    /// Most spans of a batch.
    size: usize,
    waiting: Mutex<Waiting>,
    /// A batch is full.
    full: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    batches: VecDeque<Batch>,
    /// The buffer of a batch that was sent, for the next one.
    spare: Vec<u8>,
}

/// Spans that are sent together.
#[derive(Debug, Default)]
struct Batch {
    spans: usize,
    written: Vec<u8>,
}

impl Queue {
    fn push(&self, span: &[u8]) {
        let mut waiting = self.lock();
        if waiting.batches.back().is_none_or(|last| last.spans >= self.size) {
            let written = std::mem::take(&mut waiting.spare);
            waiting.batches.push_back(Batch { spans: 0, written });
        }
        let Some(last) = waiting.batches.back_mut() else { return };
        last.written.extend_from_slice(span);
        last.spans += 1;
        if last.spans == self.size {
            drop(waiting);
            self.full.notify_one();
        }
    }

    /// The batches that are full, or all that wait now: what comes meanwhile waits for the next time.
    fn take(&self, all: bool) -> VecDeque<Batch> {
        let mut waiting = self.lock();
        let full = waiting.batches.iter().take_while(|batch| batch.spans >= self.size).count();
        let taken = if all { waiting.batches.len() } else { full };
        waiting.batches.drain(..taken).collect()
    }

    fn give_back(&self, mut written: Vec<u8>) {
        written.clear();
        written.shrink_to(MOST_KEPT);
        self.lock().spare = written;
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The task that sends.
struct Sender {
    queue: Arc<Queue>,
    wire: Wire,
    head: Head,
    delivery: Delivery,
}

impl Sender {
    /// Sends what waits each time that the delay is over, a batch is full, or somebody asks; until the processor is gone.
    async fn run(self, delay: Duration, mut asked: mpsc::UnboundedReceiver<Flush>) {
        let mut ticks = tokio::time::interval(delay.max(Duration::from_millis(1)));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let (all, asker) = tokio::select! {
                _ = ticks.tick() => (true, None),
                () = self.queue.full.notified() => (false, None),
                flush = asked.recv() => match flush {
                    Some(flush) => (true, Some(flush)),
                    None => return,
                },
            };
            let mut result = Ok(());
            for batch in self.queue.take(all) {
                result = self.send(batch).await.and(result);
            }
            if let Some(flush) = asker {
                // Whoever asked may have given up.
                let _gone = flush.send(result);
            }
        }
    }

    async fn send(&self, Batch { spans, written }: Batch) -> OTelSdkResult {
        let timeout = self.delivery.timeout;
        self.delivery.taken(spans);
        let answer = if self.delivery.is_hopeless() {
            Err(Delivery::hopeless())
        } else {
            let request = self.head.request(&written);
            self.queue.give_back(written);
            let sent = self.wire.send(request);
            tokio::time::timeout(timeout, sent).await.unwrap_or(Err(OTelSdkError::Timeout(timeout)))
        };
        let refused = answer.as_ref().map_or(0, |refused| (*refused).min(spans));
        let result = answer.map(drop);
        self.delivery.finished(spans - refused, &result);
        self.delivery.refused(refused);
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(queue: &Queue, all: bool) -> Vec<usize> {
        queue.take(all).iter().map(|batch| batch.spans).collect()
    }

    #[test]
    fn only_full_batches_leave_before_their_time() {
        let queue = Queue { size: 2, ..Queue::default() };
        for _ in 0..5 {
            queue.push(b"span");
        }
        assert_eq!(taken(&queue, false), [2, 2]);
        assert_eq!(taken(&queue, false), Vec::<usize>::new());
        queue.push(b"span");
        queue.push(b"span");
        assert_eq!(taken(&queue, true), [2, 1]);
        assert_eq!(taken(&queue, true), Vec::<usize>::new());
    }
}
