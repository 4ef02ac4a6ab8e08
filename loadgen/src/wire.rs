//! One keep-alive connection over HTTP/1.1, with one request in flight at most.
//!
//! The connection has no task of its own. Who waits for an answer also drives it, so a request costs one wake-up.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, Connection, SendRequest};
use tokio::task::unconstrained;
use tokio::time::{Instant, Sleep};

use crate::network::Network;

/// How much of an answer's body is kept; the rest is read and thrown away.
const MOST_KEPT: usize = 1024 * 1024;

/// An answer. The body is there if it was wanted.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Vec<u8>,
    /// `Retry-After`, in seconds.
    pub(crate) retry_after: Option<Duration>,
}

/// Which bodies are worth keeping.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Keep {
    /// Of answers that are no success: they say what was wrong.
    Failures,
    All,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WireError {
    #[error("no connection: {0}")]
    Connect(std::io::Error),
    #[error("no answer in time")]
    Timeout,
    #[error("the connection broke: {0}")]
    Broken(hyper::Error),
}

/// What a request is sent on; made anew where it broke.
pub(crate) struct Wire<N: Network> {
    network: N,
    open: Option<Open<N>>,
    limit: Duration,
    /// Ends requests that take too long. It is left to run over many requests, since setting it costs more than looking.
    alarm: Option<Pin<Box<Sleep>>>,
}

struct Open<N: Network> {
    sender: SendRequest<Full<Bytes>>,
    /// Reads and writes; none once it has ended.
    driver: Option<Connection<N::Stream, Full<Bytes>>>,
    /// It cannot be used again: it has ended, or a request was begun and its answer not read to the end.
    over: bool,
}

impl<N: Network> Wire<N> {
    /// No connection yet. `limit` is how long a request may take, a new connection included.
    pub(crate) fn new(network: N, limit: Duration) -> Self {
        Self { network, open: None, limit, alarm: None }
    }

    pub(crate) fn network(&self) -> &N {
        &self.network
    }

    /// Connects, if there is no connection.
    pub(crate) async fn connect(&mut self) -> Result<(), WireError> {
        let deadline = Instant::now() + self.limit;
        let Self { network, open, alarm, .. } = self;
        within(alarm, deadline, async { open_on(network, open).await.map(|_| ()) }).await
    }

    /// Sends a request and reads its answer. `now` is now: who calls knows it already.
    pub(crate) async fn exchange(
        &mut self,
        request: Request<Full<Bytes>>,
        keep: Keep,
        now: Instant,
    ) -> Result<Answer, WireError> {
        let deadline = now + self.limit;
        let Self { network, open, alarm, .. } = self;
        let result = within(alarm, deadline, exchange_on(network, open, request, keep)).await;
        if result.is_err() {
            self.open = None;
        }
        result
    }
}

/// The connection; a new one where there is none.
async fn open_on<'a, N: Network>(network: &N, open: &'a mut Option<Open<N>>) -> Result<&'a mut Open<N>, WireError> {
    if let Some(open) = open {
        return Ok(open);
    }
    let stream = network.connect().await.map_err(WireError::Connect)?;
    let (sender, driver) = http1::handshake(stream).await.map_err(WireError::Broken)?;
    Ok(open.insert(Open { sender, driver: Some(driver), over: false }))
}

async fn exchange_on<N: Network>(
    network: &N,
    open: &mut Option<Open<N>>,
    request: Request<Full<Bytes>>,
    keep: Keep,
) -> Result<Answer, WireError> {
    let Some(used) = open.as_mut().filter(|open| !open.over && !open.sender.is_closed()) else {
        *open = None;
        let open = open_on(network, open).await?;
        return open.exchange(request, keep).await.map_err(|Unanswered { error, .. }| WireError::Broken(error));
    };
    match used.exchange(request, keep).await {
        Ok(answer) => Ok(answer),
        // The shop had closed the connection while nothing was asked. The request was never sent, and comes back.
        Err(Unanswered { unsent: Some(request), .. }) => {
            *open = None;
            let open = open_on(network, open).await?;
            open.exchange(*request, keep).await.map_err(|Unanswered { error, .. }| WireError::Broken(error))
        }
        Err(Unanswered { error, unsent: None }) => Err(WireError::Broken(error)),
    }
}

/// No answer, and the request itself if not a byte of it was sent.
struct Unanswered {
    error: hyper::Error,
    unsent: Option<Box<Request<Full<Bytes>>>>,
}

impl<N: Network> Open<N> {
    async fn exchange(&mut self, request: Request<Full<Bytes>>, keep: Keep) -> Result<Answer, Unanswered> {
        let Self { sender, driver, over } = self;
        *over = true;
        let answer = async {
            let broken = |error| Unanswered { error, unsent: None };
            if let Err(error) = sender.ready().await {
                return Err(Unanswered { error, unsent: Some(Box::new(request)) });
            }
            let mut answer = sender.try_send_request(request).await.map_err(|mut error| {
                let unsent = error.take_message().map(Box::new);
                Unanswered { error: error.into_error(), unsent }
            })?;
            let status = answer.status();
            let keep = keep == Keep::All || !status.is_success();
            let body = read(answer.body_mut(), keep).await.map_err(broken)?;
            let retry_after = answer.headers().get(http::header::RETRY_AFTER);
            let retry_after = retry_after.and_then(|value| value.to_str().ok()?.parse().ok()).map(Duration::from_secs);
            Ok(Answer { status, body, retry_after })
        };
        // The answer moves on only by what the driver does, and is looked at after each of its turns. So it need not wake
        // anybody; the driver does. Unconstrained, since tokio would otherwise stop it now and then and rely on its waker.
        let mut answer = pin!(unconstrained(answer));
        let quiet = || Context::from_waker(Waker::noop());
        let result = poll_fn(|cx| {
            if let Poll::Ready(result) = answer.as_mut().poll(&mut quiet()) {
                return Poll::Ready(result);
            }
            if let Some(drives) = driver
                && Pin::new(drives).poll(cx).is_ready()
            {
                // Dropped, it gives back what it has not sent, so that the answer is ready: to be a failure, mostly.
                *driver = None;
            }
            answer.as_mut().poll(&mut quiet())
        })
        .await;
        // It takes note of the answer's end, and is ready for the next request; or has nothing more to do.
        *over = driver.as_mut().is_none_or(|driver| Pin::new(driver).poll(&mut quiet()).is_ready());
        result
    }
}

/// Reads a body to its end, so that the connection can be used again.
async fn read(body: &mut Incoming, keep: bool) -> Result<Vec<u8>, hyper::Error> {
    let mut kept = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame?;
        if let Some(data) = frame.data_ref().filter(|_| keep) {
            let room = MOST_KEPT - kept.len();
            kept.extend_from_slice(&data[..data.len().min(room)]);
        }
    }
    Ok(kept)
}

/// Ends `work` at `deadline`.
async fn within<T>(
    alarm: &mut Option<Pin<Box<Sleep>>>,
    deadline: Instant,
    work: impl Future<Output = Result<T, WireError>>,
) -> Result<T, WireError> {
    let alarm = alarm.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
    let mut work = pin!(work);
    poll_fn(|cx| {
        if let Poll::Ready(result) = work.as_mut().poll(cx) {
            return Poll::Ready(result);
        }
        rings(alarm, deadline, cx).map(|()| Err(WireError::Timeout))
    })
    .await
}

/// Ready at the deadline. An alarm of an earlier request that rings before it is set anew.
fn rings(alarm: &mut Pin<Box<Sleep>>, deadline: Instant, cx: &mut Context<'_>) -> Poll<()> {
    // One that would ring too late is of a request that had a longer limit, and there is none: all have the same.
    while alarm.as_mut().poll(cx).is_ready() {
        if Instant::now() >= deadline {
            return Poll::Ready(());
        }
        alarm.as_mut().reset(deadline);
    }
    Poll::Pending
}
