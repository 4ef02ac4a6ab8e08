//! Before a run: which books there are, and customers with connections and accounts.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::{Method, StatusCode, Uri};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::customer::Customer;
use crate::network::{Network, Tcp};
use crate::run::Customers;
use crate::scenario::Scenario;
use crate::shelf::{API, Book, Shelf};
use crate::target::{Target, TargetError};
use crate::wire::Answer;
use crate::work::{BooksError, Work};

/// How many customers register at once. A password costs the shop tens of milliseconds and some megabytes.
const AT_ONCE: usize = 8;
/// How long a shop that asks to come again later is asked again.
const PATIENCE: Duration = Duration::from_secs(120);
/// The longest pause between two tries, whatever the shop says.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// Books a page, the most that the API gives.
const PER_PAGE: usize = 100;
/// Up to here a catalog is read; the rest of the books is never asked for.
const MOST_PAGES: usize = 1_000;

/// How customers are made ready.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How many: the most visits at once.
    pub customers: NonZeroUsize,
    /// What all visits are drawn from.
    pub seed: u64,
    /// How long a request may take, a new connection included.
    pub timeout: Duration,
}

/// How far preparation has come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Preparing {
    /// Reading the list of books.
    Books {
        /// Read so far.
        read: usize,
        /// All of them.
        of: usize,
    },
    /// Connecting customers, and giving them accounts if they need them.
    Customers {
        /// Ready so far.
        ready: usize,
        /// All of them.
        of: usize,
    },
}

/// Why there can be no run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PrepareError {
    /// The target cannot be used.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// Nobody answers there.
    #[error("nothing answers at {target} ({reason}); is the shop up, and is this its address?")]
    Unreachable {
        /// The target.
        target: String,
        /// What went wrong.
        reason: String,
    },
    /// Somebody answers, and not as the shop would.
    #[error("{what} was answered by {answer}; is {target} the shop's storefront?")]
    NotTheShop {
        /// The target.
        target: String,
        /// `GET /api/v1/books`.
        what: String,
        /// Status and body.
        answer: String,
    },
    /// The scenario does not go with the shop's books.
    #[error(transparent)]
    Books(#[from] BooksError),
    /// The shop asked to come again later for too long.
    #[error(
        "{what} was still answered by {answer} after {} s; the shop limits registrations \
         (BOOKSTORE_REGISTRATIONS_PER_MINUTE), or is too busy: take fewer customers",
        PATIENCE.as_secs()
    )]
    TooBusy {
        /// `POST /api/v1/users`.
        what: String,
        /// Status and body.
        answer: String,
    },
    /// A task of the preparation panicked.
    #[error("a customer could not be made ready: {0}")]
    Lost(String),
}

impl Customers<Tcp> {
    /// Makes customers ready at the shop at `target`: looks up its books, connects, registers and logs in, as far as the
    /// scenario needs it.
    ///
    /// # Errors
    /// When the shop does not answer as it should.
    pub async fn prepare(
        target: &Target,
        scenario: &Scenario,
        options: Options,
        progress: &mut (dyn FnMut(Preparing) + Send),
    ) -> Result<Self, PrepareError> {
        let network = Tcp::to(target).await.map_err(|error| unreachable(target, &error.to_string()))?;
        Self::prepare_on(network, target, scenario, options, progress).await
    }
}

impl<N: Network> Customers<N> {
    /// [`prepare`](Customers::prepare), over a network of the caller's. `target` is what requests and errors say.
    ///
    /// # Errors
    /// When the shop does not answer as it should.
    pub async fn prepare_on(
        network: N,
        target: &Target,
        scenario: &Scenario,
        options: Options,
        progress: &mut (dyn FnMut(Preparing) + Send),
    ) -> Result<Self, PrepareError> {
        let host = target.host_header()?;
        let all = options.customers.get();
        let mut customers: Vec<_> =
            (0..all).map(|_| Customer::new(network.clone(), host.clone(), options.timeout)).collect();
        let shelf = if let (true, Some(first)) = (scenario.needs_books(), customers.first_mut()) {
            let books = read_books(first, target, progress).await?;
            Shelf::new(target.prefix(), &books).map_err(|error| BooksError::Path(error.to_string()))?
        } else {
            Shelf::default()
        };
        let work = Work::new(scenario.clone(), target.prefix(), shelf, options.seed)?;
        let customers = open_accounts(customers, target, scenario.needs_account(), progress).await?;
        let customers = customers.into_iter().map(|customer| Arc::new(Mutex::new(customer))).collect();
        Ok(Self::new(Arc::new(work), customers, network))
    }
}

/// Connects all customers, and gives each an account and a session if they need one; some at once.
async fn open_accounts<N: Network>(
    customers: Vec<Customer<N>>,
    target: &Target,
    accounts: bool,
    progress: &mut (dyn FnMut(Preparing) + Send),
) -> Result<Vec<Customer<N>>, PrepareError> {
    let all = customers.len();
    // Unlike that of any other run, so that no address is taken.
    let token = rand::random::<u64>();
    let number = Arc::new(AtomicUsize::new(0));
    let waiting = Arc::new(std::sync::Mutex::new(customers));
    let (ready_tx, mut ready_rx) = mpsc::channel(AT_ONCE);
    let mut workers = JoinSet::new();
    for _ in 0..AT_ONCE.min(all) {
        let (waiting, number, ready) = (Arc::clone(&waiting), Arc::clone(&number), ready_tx.clone());
        let target = target.clone();
        workers.spawn(async move {
            let next = || waiting.lock().unwrap_or_else(std::sync::PoisonError::into_inner).pop();
            while let Some(mut customer) = next() {
                let name = format!("load-{token:016x}-{}", number.fetch_add(1, Ordering::Relaxed));
                customer.connect().await.map_err(|error| unreachable(&target, &error.to_string()))?;
                if accounts {
                    open_account(&mut customer, &target, &name).await?;
                }
                if ready.send(customer).await.is_err() {
                    break;
                }
            }
            Ok::<(), PrepareError>(())
        });
    }
    drop(ready_tx);
    let mut done = Vec::with_capacity(all);
    progress(Preparing::Customers { ready: 0, of: all });
    loop {
        tokio::select! {
            biased;
            Some(worker) = workers.join_next() => worker.map_err(|error| PrepareError::Lost(error.to_string()))??,
            Some(customer) = ready_rx.recv() => {
                done.push(customer);
                progress(Preparing::Customers { ready: done.len(), of: all });
            }
            else => return Ok(done),
        }
    }
}

async fn open_account<N: Network>(customer: &mut Customer<N>, target: &Target, name: &str) -> Result<(), PrepareError> {
    #[derive(Deserialize)]
    struct Session {
        token: String,
    }
    let (email, password) = (format!("{name}@example.org"), format!("{:032x}", rand::random::<u128>()));
    let account = json!({ "email": email, "password": password, "name": "A customer of the load generator" });
    expect(customer, target, Method::POST, "/users", account.to_string(), StatusCode::CREATED).await?;
    let credentials = json!({ "email": email, "password": password }).to_string();
    let answer = expect(customer, target, Method::POST, "/sessions", credentials, StatusCode::CREATED).await?;
    let session: Session = parsed(&answer, target, "POST /api/v1/sessions")?;
    customer.log_in(&session.token).map_err(|_| not_the_shop(target, "POST /api/v1/sessions", &answer))
}

/// All books, in the order in which the shop lists them.
async fn read_books<N: Network>(
    customer: &mut Customer<N>,
    target: &Target,
    progress: &mut (dyn FnMut(Preparing) + Send),
) -> Result<Vec<Book>, PrepareError> {
    #[derive(Deserialize)]
    struct Page {
        items: Vec<Book>,
        total: usize,
    }
    let mut books = Vec::new();
    for page in 1..=MOST_PAGES {
        let path = format!("/books?per_page={PER_PAGE}&page={page}");
        let answer = expect(customer, target, Method::GET, &path, String::new(), StatusCode::OK).await?;
        let Page { items, total } = parsed(&answer, target, "GET /api/v1/books")?;
        let nothing_more = items.is_empty();
        books.extend(items);
        progress(Preparing::Books { read: books.len(), of: total.max(books.len()) });
        if nothing_more || books.len() >= total {
            break;
        }
    }
    Ok(books)
}

/// The answer of a request that has to succeed. A shop that says when to come again is asked again.
async fn expect<N: Network>(
    customer: &mut Customer<N>,
    target: &Target,
    method: Method,
    path: &str,
    body: String,
    expected: StatusCode,
) -> Result<Answer, PrepareError> {
    let what = format!("{method} {API}{}", path.split('?').next().unwrap_or_default());
    let uri: Uri = format!("{}{API}{path}", target.prefix())
        .parse()
        .map_err(|error: http::uri::InvalidUri| BooksError::Path(error.to_string()))?;
    let give_up = Instant::now() + PATIENCE;
    loop {
        let answer = customer.ask(method.clone(), &uri, body.clone().into_bytes()).await;
        let answer = answer.map_err(|error| unreachable(target, &format!("{what}: {error}")))?;
        if answer.status == expected {
            return Ok(answer);
        }
        let later = matches!(answer.status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
        let Some(pause) = answer.retry_after.filter(|_| later) else {
            return Err(not_the_shop(target, &what, &answer));
        };
        if Instant::now() + pause > give_up {
            return Err(PrepareError::TooBusy { what, answer: said(&answer) });
        }
        tokio::time::sleep(pause.clamp(Duration::from_millis(100), LONGEST_PAUSE)).await;
    }
}

fn parsed<T: DeserializeOwned>(answer: &Answer, target: &Target, what: &str) -> Result<T, PrepareError> {
    serde_json::from_slice(&answer.body).map_err(|_| not_the_shop(target, what, answer))
}

fn unreachable(target: &Target, reason: &str) -> PrepareError {
    PrepareError::Unreachable { target: target.to_string(), reason: reason.to_owned() }
}

fn not_the_shop(target: &Target, what: &str, answer: &Answer) -> PrepareError {
    PrepareError::NotTheShop { target: target.to_string(), what: what.to_owned(), answer: said(answer) }
}

/// An answer in a line: its status and the begin of its body, unless that holds a session's token.
fn said(answer: &Answer) -> String {
    let text = String::from_utf8_lossy(&answer.body);
    let shown = if text.contains("\"token\"") { "" } else { &*text };
    let text: String = shown.chars().take(200).collect();
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.is_empty() { answer.status.to_string() } else { format!("{}: {text}", answer.status) }
}
