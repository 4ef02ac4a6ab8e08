//! A customer: a connection, an account if the scenario needs one, and the visits it makes.

use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Uri};
use http_body_util::Full;
use serde::Deserialize;
use tokio::time::Instant;

use crate::network::Network;
use crate::record::{Desk, Notes, Refusal, TIMEOUT, Verdict};
use crate::timer::Timer;
use crate::wire::{Answer, Keep, Wire, WireError};
use crate::work::{Errand, What, Work};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const AGENT: HeaderValue = HeaderValue::from_static("bookstore-load");
/// Before the next visit of a closed loop when there is no connection: a shop that is down would be asked without pause.
const NO_CONNECTION: Duration = Duration::from_millis(100);

/// What all visits of a run have in common.
#[derive(Debug)]
pub(crate) struct Shared<'a> {
    pub(crate) work: &'a Work,
    pub(crate) desk: &'a Desk,
    /// In front of idempotency keys: unlike that of any other run, of this process or another.
    pub(crate) run: &'a str,
    pub(crate) open_loop: bool,
}

/// Makes one visit after the other.
pub(crate) struct Customer<N: Network> {
    wire: Wire<N>,
    timer: Option<Timer>,
    /// What requests carry that need no account.
    anonymous: HeaderMap,
    /// What the others carry.
    known: HeaderMap,
    /// What may be in the basket.
    basket: Vec<Uri>,
    errands: Vec<Errand>,
    pub(crate) notes: Notes,
}

/// An error's body.
#[derive(Deserialize)]
struct Problem {
    #[serde(rename = "type")]
    kind: String,
}

impl<N: Network> Customer<N> {
    /// Somebody without an account.
    pub(crate) fn new(network: N, host: HeaderValue, limit: Duration) -> Self {
        let mut anonymous = HeaderMap::with_capacity(2);
        anonymous.insert(HOST, host);
        anonymous.insert(USER_AGENT, AGENT);
        Self {
            wire: Wire::new(network, limit),
            timer: None,
            known: anonymous.clone(),
            anonymous,
            basket: Vec::new(),
            errands: Vec::new(),
            notes: Notes::new(),
        }
    }

    /// From here on it has the session of this token.
    pub(crate) fn log_in(&mut self, token: &str) -> Result<(), http::header::InvalidHeaderValue> {
        let mut value = HeaderValue::from_str(&format!("Bearer {token}"))?;
        value.set_sensitive(true);
        self.known.insert(AUTHORIZATION, value);
        Ok(())
    }

    pub(crate) async fn connect(&mut self) -> Result<(), WireError> {
        self.wire.connect().await
    }

    /// A request of the preparation: its answer with its body.
    pub(crate) async fn ask(&mut self, method: Method, uri: &Uri, body: Vec<u8>) -> Result<Answer, WireError> {
        let mut request = Request::new(Full::new(Bytes::from(body)));
        *request.method_mut() = method;
        *request.uri_mut() = uri.clone();
        *request.headers_mut() = self.anonymous.clone();
        request.headers_mut().insert(CONTENT_TYPE, JSON);
        self.wire.exchange(request, Keep::All, Instant::now()).await
    }

    /// Makes visit `number`, which was to begin at `intended`: when it has ended.
    pub(crate) async fn visit(&mut self, number: u64, intended: Instant, shared: &Shared<'_>) -> Instant {
        let mut errands = std::mem::take(&mut self.errands);
        shared.work.draw(number, &mut errands);
        let (well, mut now) = self.run(&errands, number, intended, shared).await;
        self.errands = errands;
        if !self.basket.is_empty() {
            self.tidy().await;
            now = Instant::now();
        }
        self.notes.visit(well, now, shared.desk);
        now
    }

    /// The requests of a visit, up to one that fails: whether none did, and when the last ended.
    async fn run(
        &mut self,
        errands: &[Errand],
        number: u64,
        intended: Instant,
        shared: &Shared<'_>,
    ) -> (bool, Instant) {
        let mut intended = intended;
        for (place, errand) in errands.iter().enumerate() {
            let mut begun = intended;
            if !errand.think.is_zero() {
                intended += errand.think;
                let network = self.wire.network();
                self.timer.get_or_insert_with(|| network.timer()).until(intended).await;
                begun = Instant::now();
            } else if place == 0 && shared.open_loop {
                begun = Instant::now();
                self.notes.lag(begun.saturating_duration_since(intended));
            }
            let request = self.request(errand, number, place, shared);
            let result = self.wire.exchange(request, Keep::Failures, begun).await;
            let now = Instant::now();
            let unconnected = matches!(result, Err(WireError::Connect(_)));
            let verdict = judge(errand.what, result, shared.work.scenario().out_of_stock_is_error());
            if verdict == Verdict::Ok && matches!(errand.what, What::Buy { .. }) {
                self.basket.clear();
            }
            let failed = matches!(verdict, Verdict::Error(_));
            self.notes.request(errand.step, now.saturating_duration_since(intended), verdict);
            if failed {
                if unconnected && !shared.open_loop {
                    tokio::time::sleep(NO_CONNECTION).await;
                    return (false, Instant::now());
                }
                return (false, now);
            }
            intended = now;
        }
        (true, intended)
    }

    fn request(&mut self, errand: &Errand, number: u64, place: usize, shared: &Shared<'_>) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(errand.what.body()));
        *request.method_mut() = errand.what.method();
        *request.uri_mut() = errand.uri.clone();
        let headers = if errand.what == What::LookAnonymously { &self.anonymous } else { &self.known };
        headers.clone_into(request.headers_mut());
        match errand.what {
            What::Look | What::LookAnonymously => {}
            What::Fill => {
                request.headers_mut().insert(CONTENT_TYPE, JSON);
                // Also when no answer comes: it may be in the basket.
                if !self.basket.contains(&errand.uri) {
                    self.basket.push(errand.uri.clone());
                }
            }
            What::Buy { .. } => {
                request.headers_mut().insert(CONTENT_TYPE, JSON);
                let key = format!("{}-{number}-{place}", shared.run);
                // Of digits, letters and hyphens, it is always a value.
                if let Ok(key) = HeaderValue::try_from(key) {
                    request.headers_mut().insert(IDEMPOTENCY_KEY, key);
                }
            }
        }
        request
    }

    /// Makes it as it was before its first visit: nothing noted, and nothing in the basket of a visit that was cut off.
    pub(crate) async fn begin(&mut self) {
        self.tidy().await;
        self.notes = Notes::new();
    }

    /// Removes from the basket what a visit has left there. What cannot be removed is tried again after the next.
    async fn tidy(&mut self) {
        let mut left = Vec::new();
        for uri in std::mem::take(&mut self.basket) {
            let mut request = Request::new(Full::new(Bytes::new()));
            *request.method_mut() = Method::DELETE;
            *request.uri_mut() = uri.clone();
            *request.headers_mut() = self.known.clone();
            let answer = self.wire.exchange(request, Keep::Failures, Instant::now()).await;
            let well = answer.is_ok_and(|answer| answer.status.is_success());
            self.notes.tidied(well);
            if !well {
                left.push(uri);
            }
        }
        self.basket = left;
    }
}

/// What an answer means to who asked for `what`.
fn judge(what: What, result: Result<Answer, WireError>, out_of_stock_is_error: bool) -> Verdict {
    let answer = match result {
        Ok(answer) => answer,
        Err(WireError::Connect(_)) => return Verdict::Error("connect".to_owned()),
        Err(WireError::Timeout) => return Verdict::Error(TIMEOUT.to_owned()),
        Err(WireError::Broken(_)) => return Verdict::Error("broken".to_owned()),
    };
    let status = answer.status;
    let as_it_should = match what {
        What::Look | What::LookAnonymously => status == StatusCode::OK,
        // A PUT may make what it puts.
        What::Fill => matches!(status, StatusCode::OK | StatusCode::CREATED),
        What::Buy { declined } => status == StatusCode::CREATED && !declined,
    };
    if as_it_should {
        return Verdict::Ok;
    }
    if status.is_success() || status.is_redirection() {
        return Verdict::Error(format!("unexpected {}", status.as_u16()));
    }
    let problem = serde_json::from_slice::<Problem>(&answer.body).ok();
    let kind = problem.as_ref().and_then(|problem| problem.kind.strip_prefix("/problems/"));
    match (what, kind) {
        (What::Buy { declined: true }, Some("card-declined")) => Verdict::Refused(Refusal::CardDeclined),
        (What::Buy { .. }, Some("out-of-stock")) if !out_of_stock_is_error => Verdict::Refused(Refusal::OutOfStock),
        (_, Some(kind)) => Verdict::Error(format!("{} {kind}", status.as_u16())),
        (_, None) => Verdict::Error(status.as_u16().to_string()),
    }
}
